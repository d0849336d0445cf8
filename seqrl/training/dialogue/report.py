"""The end of a dialogue model's run: results, pictures, report.html, and what is said of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import seqrl
from seqrl import files, plots
from seqrl.errors import MissingExtra
from seqrl.text.dialogues import OPEN, RECALL
from seqrl.training import command, report, runs
from seqrl.training.dialogue.responder import Responder
from seqrl.training.dialogue.results import DRAWS, Example, Results, test
from seqrl.training.dialogue.run import Preparation
from seqrl.training.loop import Training

CURVES = "curves.png"
SHOWN = 4  # examples on the terminal

ANSWERS = {
    RECALL: "answers that depend on what was said before the last utterance",
    OPEN: "answers of which several fit",
}


def finish(preparation: Preparation, training: Training, folder: Path, ended: str) -> str:
    """Test the best weights, write results.json, pictures and report.html, and return what to tell the user."""
    progress = training.progress
    responder: Responder = runs.load(folder)
    tested = test(responder, preparation.test, preparation.corpus.test)
    results = {
        "test": tested.scores,
        "train_seconds": round(progress.seconds, 3),
        "target_tokens_per_second": round(training.speed(), 1),
        "steps": progress.step,
        "best_step": progress.best_step,
        "ended": ended,
    }
    files.write_json(folder / runs.RESULTS, results)
    notes = draw(preparation, tested, folder)
    lines = [
        f"Training {ended} after {progress.epoch} epochs in {progress.seconds:.0f} s, "
        f"at {training.speed():,.0f} target tokens/s; the best weights are of step {progress.best_step}.",
        f"  held-out dialogues: {describe(tested.scores)}",
        *[f"  {ANSWERS[kind]}: {describe_answers(kind, found)}" for kind, found in tested.scores["answers"].items()],
    ]
    for example in tested.examples[:SHOWN]:
        lines += ["", *[f"    {text}" for text in example.context]]
        lines += [f"  = {example.reference}", f"  > {example.answer}", f"  ~ {several(example.drawn)}"]
    again = f"To talk: {command.again('chat.py', folder)}"
    return "\n".join([*lines, "", *notes, "", again])


def describe(scores: dict[str, Any]) -> str:
    if "bound" in scores:
        return (
            f"perplexity of at most {scores['perplexity_bound']:.3f} (the bound: {scores['bound']:.4f} nats a token), "
            f"KL {scores['kl']:.2f} nats an utterance, {scores['active_units']} active units, "
            f"on {scores['tokens']:,} tokens"
        )
    return f"perplexity {scores['perplexity']:.3f} on {scores['tokens']:,} tokens"


def describe_answers(kind: str, found: dict[str, Any]) -> str:
    rule = f" (no rule of the last utterance alone: more than {100 * found['from_last_utterance']:.1f} %)"
    return (
        f"{100 * found['exact_match']:.1f} % fit of {found['places']:,}{rule if kind == RECALL else ''}; "
        f"of {DRAWS} drawn for a context {100 * found['drawn_exact_match']:.1f} % fit, "
        f"{found['distinct_fitting']:.1f} different ones of {found['possible']:.1f} possible"
    )


def several(drawn: list[str]) -> str:
    """Different answers with how often they were drawn, the most frequent first."""
    counts = Counter(drawn).most_common()
    return "  |  ".join(f"{text} ({count})" for text, count in counts)


def draw(preparation: Preparation, tested: Results, folder: Path) -> list[str]:
    """Write the pictures and report.html; returns where they lie, or why one is missing."""
    plain = {name: score for name, score in tested.scores.items() if name != "answers"}
    sections = {"Results on held-out dialogues": report.table([], plain.items())}
    notes = [f"run           {folder}", f"report        {folder / runs.REPORT}"]
    answers = tested.scores["answers"]
    if answers:
        names = list(next(iter(answers.values())))
        header = ["answers", *(name.replace("_", " ") for name in names)]
        sections["Answers that fit"] = report.table(
            header, [[kind, *found.values()] for kind, found in answers.items()]
        )
    try:
        figure = plots.dialogue_curves(runs.read_metrics(folder))
        plots.save(figure, folder / CURVES)
        sections["Learning curves"] = report.picture(plots.png(figure), "loss, exact match and KL by step")
        notes.append(f"loss curve    {folder / CURVES}")
    except MissingExtra as error:
        notes.append(f"no pictures: {error}")
    header = ["context", "reference", "answer", f"{DRAWS} drawn answers"]
    sections["Examples"] = report.table(header, [_row(example) for example in tested.examples])
    sections["Settings"] = report.table([], dataclasses.asdict(preparation.settings).items())
    sections["Data"] = report.table([], [(key, value) for key, value in preparation.data.items() if key != "files"])
    title = f"Dialogue model {folder.resolve().name}, seqrl {seqrl.__version__}"
    files.write(folder / runs.REPORT, report.page(title, sections))
    return notes


def _row(example: Example) -> list[str]:
    return [" / ".join(example.context), example.reference, example.answer, several(example.drawn)]
