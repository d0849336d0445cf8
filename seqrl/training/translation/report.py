"""The end of a translation run: results, pictures, report.html, and what is said of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import seqrl
from seqrl import files, plots
from seqrl.errors import MissingExtra
from seqrl.training import command, report, runs
from seqrl.training.loop import Training
from seqrl.training.translation.results import Example, Results, test
from seqrl.training.translation.run import Preparation
from seqrl.training.translation.translator import Translator

CURVES, ATTENTION = "curves.png", "attention.png"
SHOWN = 3  # examples of each test on the terminal
REPORTED = 20  # and in report.html


def finish(preparation: Preparation, training: Training, folder: Path, ended: str) -> str:
    """Test the best weights, write results.json, pictures and report.html, and return what to tell the user."""
    progress = training.progress
    translator: Translator = runs.load(folder)
    tested = test(translator, preparation.corpus.tests)
    results = {
        **tested.scores,
        "train_seconds": round(progress.seconds, 3),
        "target_tokens_per_second": round(training.speed(), 1),
        "steps": progress.step,
        "best_step": progress.best_step,
        "ended": ended,
    }
    files.write_json(folder / runs.RESULTS, results)
    notes = draw(preparation, translator, tested, folder)
    lines = [
        f"Training {ended} after {progress.epoch} epochs in {progress.seconds:.0f} s, "
        f"at {training.speed():,.0f} target tokens/s; the best weights are of step {progress.best_step}."
    ]
    lines += [f"  {name}: {describe(scores)}" for name, scores in tested.scores.items()]
    for name, examples in tested.examples.items():
        lines += ["", f"From the test '{name}':"]
        for example in examples[:SHOWN]:
            lines += [f"    {example.source}", f"  = {example.reference}", f"  > {example.translation}"]
    again = f"To translate: {command.again('translate.py', folder, 'a sentence')}"
    return "\n".join([*lines, "", *notes, "", again])


def describe(scores: dict[str, Any]) -> str:
    bleu = "no BLEU without sacrebleu" if scores["bleu"] is None else f"BLEU {scores['bleu']:.1f}"
    return f"{100 * scores['exact_match']:.1f} % exact match, {bleu}, on {scores['sentences']} sentences held out"


def draw(preparation: Preparation, translator: Translator, tested: Results, folder: Path) -> list[str]:
    """Write the pictures and report.html; returns where they lie, or why one is missing."""
    lines = runs.read_metrics(folder)
    sections = {"Results": report.table(*_scores(tested))}
    notes = [f"run           {folder}", f"report        {folder / runs.REPORT}"]
    try:
        figure = plots.curves(lines)
        plots.save(figure, folder / CURVES)
        sections["Learning curves"] = report.picture(plots.png(figure), "loss and exact match by step")
        notes.append(f"loss curve    {folder / CURVES}")
    except MissingExtra as error:
        notes.append(f"no pictures: {error}")
    example = _telling(translator, [example for examples in tested.examples.values() for example in examples])
    if example and translator.model.attention:
        looked = translator.attention(example.source)
        sections["Where it looked"] = report.heat_map(looked.source, looked.target, looked.weights)
        try:
            plots.save(plots.attention(*looked), folder / ATTENTION)
            notes.append(f"attention map {folder / ATTENTION}")
        except MissingExtra:
            pass
    for name, examples in tested.examples.items():
        sections[f"From the test '{name}'"] = report.table(Example._fields, examples[:REPORTED])
    sections["Settings"] = report.table([], dataclasses.asdict(preparation.settings).items())
    sections["Data"] = report.table([], [(key, value) for key, value in preparation.data.items() if key != "files"])
    title = f"Translator {folder.resolve().name}, seqrl {seqrl.__version__}"
    files.write(folder / runs.REPORT, report.page(title, sections))
    return notes


def _telling(translator: Translator, examples: list[Example]) -> Example | None:
    """An example for the attention map: translated right if there is one, and not the shortest."""
    possible = [example for example in examples[:100] if not translator.problem(example.source)]
    right = [example for example in possible if example.translation == example.reference]
    lengths = sorted(right or possible, key=lambda example: len(example.source))
    return lengths[3 * len(lengths) // 4] if lengths else None


def _scores(tested: Results) -> tuple[list[str], list[list[Any]]]:
    header = ["test", "exact match", "BLEU", "sentences", "BLEU signature"]
    keys = ["exact_match", "bleu", "sentences", "bleu_signature"]
    return header, [[name, *(scores.get(key) for key in keys)] for name, scores in tested.scores.items()]
