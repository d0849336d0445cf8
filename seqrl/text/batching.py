"""Batches of sequences of nearly the same length, so that little of a batch is padding."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqrl.errors import InputError
from seqrl.text.specials import PAD


def pad(
    sequences: Sequence[Sequence[int] | NDArray[np.int64]], value: int = PAD
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sequences of token ids as the rows of one array, filled up on the right with `value`.

    N sequences, the longest of T ids -> ids (N, T), lengths (N,). Sequences may be empty, and so may the batch.
    """
    lengths = np.array([len(s) for s in sequences], dtype=np.int64)
    ids = np.full((len(sequences), lengths.max(initial=0)), value, dtype=np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return ids, lengths


def batches_by_length(lengths: ArrayLike, batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The batches of one epoch, as arrays of example numbers: each example once, in a new random order each call.

    lengths: (n_examples,), or (n_examples, 2) of source and target lengths; neighbours then are alike in both, the
        target first because a target token costs more (it has a row in the softmax).
    Examples of the same lengths meet others in every epoch; the order of the batches is random too. The last batch by
    length, which holds the longest, has what is left over.
    """
    columns = np.asarray(lengths)
    source, target = columns.T if columns.ndim == 2 else (np.zeros_like(columns), columns)
    if batch_size < 1:
        raise InputError(f"batch size is {batch_size}; expected 1 or more")
    # Source lengths rise and fall in turn: the batch in which one target length gives way to the next has like ones.
    turning = np.where(target % 2, source, -source)
    shuffled = rng.permutation(len(target))  # the sort is stable, so ties stay in this order
    order = shuffled[np.lexsort((turning[shuffled], target[shuffled]))]
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]
