"""The end of a run of word embeddings: nearest words, pictures, report.html, and what is said of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import seqrl
from seqrl import files, plots
from seqrl.errors import MissingExtra
from seqrl.parameter import Array
from seqrl.text.embeddings import Embeddings
from seqrl.training import command, report, runs
from seqrl.training.embeddings.loop import EmbeddingTraining
from seqrl.training.embeddings.run import Preparation

CURVE, WORDS = "curve.png", "words.png"
# Words to ask for their nearest, where the text is the documentation of Python.
PROBES = ["list", "string", "array", "error", "file", "thread", "socket"]
SHOWN = 4  # of them, on the terminal
NEAREST = 8
DRAWN = 6  # of the nearest of each
# Of another text the most frequent words are asked that are as long and at most so frequent: few are mere grammar.
LETTERS, SHARE = 5, 5e-4

Nearest = dict[str, list[tuple[str, float]]]  # and their cosines, by the word that was asked


def finish(preparation: Preparation, training: EmbeddingTraining, folder: Path, ended: str) -> str:
    """Write results.json, pictures and report.html, and return what to tell the user."""
    progress, vocabulary = training.progress, preparation.corpus.vocabulary
    # Rows as the model has them, padded with zeros, have the same cosines and need no copy.
    embeddings = Embeddings(vocabulary.words, preparation.model.arrays()["words"], vocabulary.counts)
    asked = probes(preparation)
    nearest = {word: embeddings.nearest(word, NEAREST) for word in asked}
    losses = [line["epoch_loss"] for line in runs.read_metrics(folder) if "epoch_loss" in line]
    results = {
        "epoch_loss": losses[-1] if losses else None,
        "words": progress.words,
        "epochs": training.epochs,
        "train_seconds": round(progress.seconds, 3),
        "words_per_second": round(training.speed(), 1),
        "ended": ended,
        "nearest": nearest,
    }
    files.write_json(folder / runs.RESULTS, results)
    notes = draw(preparation, embeddings, nearest, folder)
    width = max(map(len, asked[:SHOWN]))
    lines = [
        f"Training {ended} after {training.epochs} epochs in {progress.seconds:.0f} s, at {training.speed():,.0f} "
        f"words/s{f'; in the last, the mean loss was {losses[-1]:.4g} nats a prediction' if losses else ''}.",
        "",
        "Nearest words, by the cosine:",
        *[f"    {word:{width}}  {listed(nearest[word])}" for word in asked[:SHOWN]],
    ]
    again = f"To ask for more: {command.again('query_embeddings.py', folder, '--nearest', asked[0])}"
    return "\n".join([*lines, "", *notes, "", again])


def probes(preparation: Preparation) -> list[str]:
    """Words whose neighbours tell something of the embeddings."""
    corpus = preparation.corpus
    vocabulary = corpus.vocabulary
    if not preparation.settings.corpus:
        return [word for word in PROBES if word in vocabulary.index] or list(vocabulary.words[:1])
    pairs = zip(vocabulary.words, vocabulary.counts, strict=True)
    telling = [word for word, count in pairs if len(word) >= LETTERS and count <= SHARE * corpus.words]
    return list(telling or vocabulary.words)[: len(PROBES)]


def listed(found: list[tuple[str, float]]) -> str:
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in found)


def draw(preparation: Preparation, embeddings: Embeddings, nearest: Nearest, folder: Path) -> list[str]:
    """Write the pictures and report.html; returns where they lie, or why they are missing."""
    rows = [(word, listed(found)) for word, found in nearest.items()]
    sections = {"Nearest words, by the cosine": report.table([], rows)}
    notes = [f"run         {folder}", f"report      {folder / runs.REPORT}"]
    try:
        if len(embeddings) > 2:
            figure = plots.words(groups(embeddings, nearest))
            plots.save(figure, folder / WORDS)
            sections["These words in a plane"] = report.picture(plots.png(figure), "words where their vectors lie")
            notes.append(f"words       {folder / WORDS}")
        figure = plots.embedding_curve(runs.read_metrics(folder))
        plots.save(figure, folder / CURVE)
        sections["Learning curve"] = report.picture(plots.png(figure), "loss by words read")
        notes.append(f"loss curve  {folder / CURVE}")
    except MissingExtra as error:
        notes.append(f"no pictures: {error}")
    settings = {**dataclasses.asdict(preparation.settings), "learning_rate": preparation.settings.start_rate}
    sections["Settings"] = report.table([], settings.items())
    sections["Data"] = report.table([], [(key, value) for key, value in preparation.data.items() if key != "files"])
    title = f"Word embeddings {folder.resolve().name}, seqrl {seqrl.__version__}"
    files.write(folder / runs.REPORT, report.page(title, sections))
    return notes


def groups(embeddings: Embeddings, nearest: Nearest) -> dict[str, dict[str, Array]]:
    """The vectors of each word that was asked and its nearest, by that word; each word in the first group it fits."""
    group_of: dict[str, str] = dict.fromkeys(nearest, "")
    for asked, found in nearest.items():
        for word in [asked, *(word for word, _ in found[:DRAWN])]:
            group_of[word] = group_of.get(word) or asked
    return {asked: {word: embeddings[word] for word, group in group_of.items() if group == asked} for asked in nearest}
