"""The end of an image classifier's run: what it reaches on images held out, pictures, report.html."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import seqrl
from seqrl import files, plots
from seqrl.activations import softmax
from seqrl.errors import MissingExtra
from seqrl.images.datasets import Images
from seqrl.losses import softmax_cross_entropy
from seqrl.parameter import Array, Integers
from seqrl.training import report, runs
from seqrl.training.callbacks import History
from seqrl.training.images.run import Preparation
from seqrl.training.sequential import Sequential

CURVES, CONFUSION, MISTAKES = "curves.png", "confusion.png", "mistakes.png"
SHOWN = 32  # mistakes


class Tested(NamedTuple):
    """What a model makes of labelled images."""

    probability: Array  # (N, C)
    guess: Integers  # (N,)
    loss: float
    accuracy: float
    confusion: Integers  # (C, C): how often each class, a row, was taken for each, a column
    worst: Integers  # the places of mistakes, the least probable truth first


def test(model: Sequential, images: Images) -> Tested:
    logits, labels = model.predict(images.images), images.labels
    probability = softmax(logits)
    guess = logits.argmax(axis=1)
    C = len(images.names)
    confusion = np.bincount(labels * C + guess, minlength=C * C).reshape(C, C)
    wrong = np.flatnonzero(guess != labels)
    worst = wrong[np.argsort(probability[wrong, labels[wrong]], kind="stable")]
    loss, _ = softmax_cross_entropy(logits, labels)
    return Tested(probability, guess, loss, float((guess == labels).mean()), confusion, worst)


def finish(preparation: Preparation, history: History, folder: Path) -> str:
    """Test the best weights, write results.json, pictures and report.html, and return what to tell the user."""
    images = preparation.test
    tested = test(runs.load(folder), images)
    last = runs.read_metrics(folder)[-1]
    epoch = history.epochs[int(np.argmin(history.history["val_loss"]))]
    results = {
        "test": {"accuracy": tested.accuracy, "loss": tested.loss, "images": len(images.labels)},
        "train_seconds": last["seconds"],
        "samples_per_second": last["samples_per_second"],
        "epochs": last["epoch"],
        "best_epoch": epoch,
        "ended": history.ended,
    }
    files.write_json(folder / runs.RESULTS, results)
    ended = "out of time" if history.ended == "stopped" else history.ended
    lines = [
        f"Training {ended} after {last['epoch']} epochs in {last['seconds']:.0f} s, "
        f"at {last['samples_per_second']:,.0f} images/s; the best weights are of epoch {epoch}.",
        f"  {100 * tested.accuracy:.1f} % right, loss {tested.loss:.3f}, on {len(images.labels):,} images held out",
    ]
    return "\n".join([*lines, "", *draw(preparation, history, tested, results, folder)])


def draw(
    preparation: Preparation, history: History, tested: Tested, results: dict[str, Any], folder: Path
) -> list[str]:
    """Write the pictures and report.html; returns where they lie, or why they are missing."""
    images = preparation.test
    scores = {**results["test"], **{name: value for name, value in results.items() if name != "test"}}
    sections = {"Results": report.table([], [(name.replace("_", " "), value) for name, value in scores.items()])}
    notes = [f"run        {folder}", f"report     {folder / runs.REPORT}"]
    shown = tested.worst[:SHOWN]
    captions = [
        f"{images.names[images.labels[n]]} as {images.names[tested.guess[n]]}\n{tested.probability[n].max():.0%}"
        for n in shown
    ]
    try:
        pictures = {
            CURVES: ("Learning curves", plots.history(history.epochs, history.history)),
            CONFUSION: ("Truth and prediction", plots.confusion(tested.confusion, images.names)),
            MISTAKES: ("The worst mistakes, and how sure it was", plots.images(images.images[shown], captions)),
        }
    except MissingExtra as error:
        pictures = {}
        notes.append(f"no pictures: {error}")
    for name, (heading, figure) in pictures.items():
        plots.save(figure, folder / name)
        sections[heading] = report.picture((folder / name).read_bytes(), heading.lower())
        notes.append(f"{name.removesuffix('.png'):10} {folder / name}")
    sections["Settings"] = report.table([], dataclasses.asdict(preparation.settings).items())
    parts = {"data": images.source, "training images": preparation.train, "validation images": preparation.valid}
    sections["Data"] = report.table(
        [], [(name, len(part.labels) if isinstance(part, Images) else part) for name, part in parts.items()]
    )
    title = f"Image classifier {folder.resolve().name}, seqrl {seqrl.__version__}"
    files.write(folder / runs.REPORT, report.page(title, sections))
    return notes
