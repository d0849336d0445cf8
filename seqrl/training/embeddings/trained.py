"""The embeddings that a run has trained, and the vocabulary in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqrl import files
from seqrl.errors import InputError
from seqrl.models.word2vec import ROW
from seqrl.text.embeddings import Embeddings
from seqrl.text.word_corpus import Vocabulary
from seqrl.training import checkpoint, runs
from seqrl.training.embeddings.settings import EmbeddingSettings

VOCABULARY = "vocabulary.txt"  # a word and its count on each line, by id


def load_run(folder: Path, config: runs.Config, own: Sequence[Any] = ()) -> Embeddings:
    """The vectors of the last checkpoint; `runs.load` comes here. There is nothing of one's own in it."""
    settings = runs.settings_from(EmbeddingSettings, config.settings, str(folder / runs.CONFIG))
    path = runs.best_checkpoint(folder)
    vocabulary = read_vocabulary(folder)
    rows = np.empty((len(vocabulary), settings.size + -settings.size % ROW), np.float32)
    checkpoint.read_into(path, {"model.words": rows})
    return Embeddings(vocabulary.words, rows[:, : settings.size], vocabulary.counts)


def write_vocabulary(folder: Path, vocabulary: Vocabulary) -> None:
    lines = (f"{word} {count}\n" for word, count in zip(vocabulary.words, vocabulary.counts, strict=True))
    files.write(folder / VOCABULARY, "".join(lines))


def read_vocabulary(folder: Path) -> Vocabulary:
    path = folder / VOCABULARY
    try:
        lines = [line.split(" ") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
        return Vocabulary([word for word, _ in lines], [int(count) for _, count in lines])
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: damaged, or not the vocabulary of a run ({error})") from None
