"""Word embeddings as the start of a model's embedding layers, in place of random vectors.

    W[i] = s (v_i - m),    m the mean of the vectors v found,    s = (deviation of W's random start) / (that of v - m)

Trained vectors share a direction that tells no word from another (Mu and Viswanath 2018), and are as long as their
training made them, not as the layer is made for. Left as they are, a translator learned less from them than from random
ones. Words without a vector, and the special tokens, keep their random start; training changes all alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from seqrl.errors import InputError
from seqrl.layers.embedding import Embedding
from seqrl.text.embeddings import Embeddings, read_embeddings
from seqrl.text.specials import SPECIALS
from seqrl.text.tokenizers import Tokenizer

FOUND = "initial_vectors"  # in the data of a run: by setting, how many of the words were found


class Start(NamedTuple):
    """What layers of one vocabulary begin with: vectors of the embeddings at a path, or what they drew."""

    setting: str  # that has the path, such as "source_embeddings"
    path: str | None
    tokenizer: Tokenizer
    layers: Sequence[Embedding]


def check(settings: Any, *names: str) -> None:
    """Raise InputError for the first of these settings that names embeddings where tokens are not words."""
    for name in names:
        if getattr(settings, name) is not None and settings.tokenizer != "word":
            raise InputError(
                f"{_option(name)} gives vectors to words; expected --tokenizer word with it, not {settings.tokenizer}"
            )


def initialize(starts: Sequence[Start]) -> dict[str, Any]:
    """Write vectors into the layers and return what a run's data say of it, nothing where no path is given.

    A word of the vocabulary is looked up as it is, then in lower case.
    Raises InputError for embeddings that can't be read, of another size than the layers, or without a word in common.
    """
    found = {start.setting: _initialize(start, start.path) for start in starts if start.path is not None}
    return {FOUND: found} if found else {}


def _initialize(start: Start, path: str) -> dict[str, int]:
    embeddings = read_embeddings(path)
    E = start.layers[0].weight.shape[1]
    if embeddings.size != E:
        raise InputError(
            f"{path} has vectors of {embeddings.size} numbers and --embedding is {E}; "
            f"expected --embedding {embeddings.size}"
        )
    words = start.tokenizer.words()[len(SPECIALS) :]
    rows = {i: row for i, word in enumerate(words, len(SPECIALS)) if (row := _row(embeddings, word)) is not None}
    if not rows:
        raise InputError(
            f"{path}: none of its {len(embeddings):,} words, such as {_some(embeddings.words)}, is among the "
            f"{len(words):,} of the text, such as {_some(words)}"
        )
    vectors = embeddings.vectors[list(rows.values())]
    if not np.ptp(vectors, axis=0).any():
        raise InputError(f"{path}: the vectors of the {len(rows):,} words found do not differ, so they tell nothing")
    vectors -= vectors.mean(axis=0)
    for layer in start.layers:
        W = layer.weight.value
        W[list(rows)] = vectors * (W.std() / vectors.std())
    return {"words": len(words), "found": len(rows)}


def _row(embeddings: Embeddings, word: str) -> int | None:
    row = embeddings.index.get(word)
    return embeddings.index.get(word.lower()) if row is None else row


def _option(setting: str) -> str:
    return f"--{setting.replace('_', '-')}"


def _some(words: Sequence[str]) -> str:
    return " ".join(map(repr, words[:3]))


def summary(data: dict[str, Any]) -> str:
    """What a run's data say of initial vectors, for the line that tells what is trained on what."""
    return "".join(
        f"; {found['found']:,} of {found['words']:,} words begin with the vectors of {_option(setting)}"
        for setting, found in data.get(FOUND, {}).items()
    )
