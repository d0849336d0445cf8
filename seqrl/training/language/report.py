"""The end of a language model's run: results, pictures, samples, report.html, and what is said of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import seqrl
from seqrl import files, plots
from seqrl.errors import MissingExtra
from seqrl.training import command, report, runs
from seqrl.training.language.generator import TextGenerator
from seqrl.training.language.likelihood import likelihood
from seqrl.training.language.run import Preparation
from seqrl.training.loop import Training

CURVES = "curves.png"
SAMPLES = (0.5, 0.8, 1.0)  # temperatures, in report.html
SHOWN = 0.8  # the one on the terminal
SAMPLE_LENGTH = {"char": 600, "bpe": 200, "word": 150}  # tokens


def finish(preparation: Preparation, training: Training, folder: Path, ended: str) -> str:
    """Test the best weights, write results.json, pictures and report.html, and return what to tell the user."""
    progress = training.progress
    generator: TextGenerator = runs.load(folder)
    found = likelihood(generator.model, preparation.test, whole=True)
    scores = {
        "loss": found.mean,
        "perplexity": found.perplexity,
        "bits_per_character": found.bits_per_character,
        "tokens": found.tokens,
        "characters": found.characters,
        "unknown_share": preparation.test.unknown_share,
    }
    results = {
        "test": scores,
        "train_seconds": round(progress.seconds, 3),
        "tokens_per_second": round(training.speed(), 1),
        "steps": progress.step,
        "best_step": progress.best_step,
        "ended": ended,
    }
    files.write_json(folder / runs.RESULTS, results)
    length = SAMPLE_LENGTH[generator.tokenizer.kind]
    samples = {temperature: generator.generate(length=length, temperature=temperature) for temperature in SAMPLES}
    notes = draw(preparation, scores, samples, folder)
    lines = [
        f"Training {ended} after {progress.epoch} epochs in {progress.seconds:.0f} s, "
        f"at {training.speed():,.0f} tokens/s; the best weights are of step {progress.best_step}.",
        f"  held-out text: {describe(scores)}",
        "",
        f"A text that it writes at temperature {SHOWN}:",
        *[f"    {line}" for line in samples[SHOWN].splitlines()],
    ]
    again = f"To write: {command.again('generate_text.py', folder, '--prompt', 'How it begins')}"
    return "\n".join([*lines, "", *notes, "", again])


def describe(scores: dict[str, Any]) -> str:
    unknown = scores["unknown_share"]
    return (
        f"perplexity {scores['perplexity']:.4g} a token, {scores['bits_per_character']:.3f} bits a character"
        f"{f', {100 * unknown:.1f} % of tokens unknown' if unknown else ''}, on {scores['tokens']:,} tokens"
    )


def draw(preparation: Preparation, scores: dict[str, Any], samples: dict[float, str], folder: Path) -> list[str]:
    """Write the pictures and report.html; returns where they lie, or why one is missing."""
    sections = {"Results on held-out text": report.table([], scores.items())}
    notes = [f"run           {folder}", f"report        {folder / runs.REPORT}"]
    try:
        figure = plots.language_curves(runs.read_metrics(folder))
        plots.save(figure, folder / CURVES)
        sections["Learning curves"] = report.picture(plots.png(figure), "loss and bits a character by step")
        notes.append(f"loss curve    {folder / CURVES}")
    except MissingExtra as error:
        notes.append(f"no pictures: {error}")
    for temperature, text in samples.items():
        sections[f"A text at temperature {temperature}"] = report.text(text)
    sections["Settings"] = report.table([], dataclasses.asdict(preparation.settings).items())
    sections["Data"] = report.table([], [(key, value) for key, value in preparation.data.items() if key != "files"])
    title = f"Language model {folder.resolve().name}, seqrl {seqrl.__version__}"
    files.write(folder / runs.REPORT, report.page(title, sections))
    return notes
