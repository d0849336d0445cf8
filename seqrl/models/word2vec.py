"""word2vec: vectors of words that predict each other (Mikolov et al. 2013a, b)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.errors import InputError, check_sizes, choose
from seqrl.parameter import Array, Integers

Ids = npt.NDArray[np.int32]
ARCHITECTURES = {"skip-gram": False, "cbow": True}
OBJECTIVES = ("negative-sampling", "hierarchical-softmax")
NOISE_POWER = 0.75  # of a word's count, for the chance to be drawn as a negative (Mikolov et al. 2013b, section 2.2)
WIDEST = 65_535
FILLED = 10_000  # rows of the first vectors that are drawn at a time, so that they are never in memory twice
ROW = 16  # rows of the tables are padded to multiples of so many numbers, which are 64 bytes in float32


@dataclass(frozen=True)
class Word2VecConfig:
    """Sizes and variants; size is D, window the most words on each side."""

    architecture: str = "skip-gram"
    objective: str = "negative-sampling"
    size: int = 100
    window: int = 5
    negatives: int = 5
    subsampling: float = 1e-3


class Word2Vec:
    """Vectors of the words of a vocabulary, learned from a text piece by piece.

    Skip-gram predicts a word from each of its neighbours, CBOW from their mean. Either does so against `negatives`
    words drawn at random by count^0.75 (negative sampling), or by the word's way through a Huffman tree of the
    vocabulary (hierarchical softmax); the losses stand in kernels/reference/word_vectors.py. A word of frequency f
    stays in the text with the chance sqrt(s / f) + s / f, s the `subsampling` (0: always), as in the original program;
    the window reaches 1 to `window` words to both sides, drawn for each word, inside its sentence.

    counts: how often each word is in the text, (V,).
    Raises InputError for a config that makes no sense, and for fewer than two words.
    """

    def __init__(
        self,
        counts: npt.ArrayLike,
        config: Word2VecConfig,
        *,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.config = config
        self.cbow = choose("architecture", config.architecture, ARCHITECTURES)
        choose("objective", config.objective, {name: name for name in OBJECTIVES})
        check_sizes("Word2Vec", size=config.size, window=config.window, negatives=config.negatives)
        counts = np.asarray(counts, np.int64)
        V = len(counts)
        if config.subsampling < 0:
            raise InputError(f"subsampling is {config.subsampling}; expected 0 (none) or more, such as 1e-3")
        if V < 2:
            raise InputError(f"{V} different words; expected 2 or more, as one has nothing to be told apart from")
        if counts.min() < 1:
            raise InputError(f"a word's count is {counts.min()}; expected 1 or more")
        if config.window > WIDEST:
            raise InputError(f"window is {config.window}; expected at most {WIDEST}")
        self._kept = _chances_to_stay(counts, config.subsampling)
        if config.objective == "negative-sampling":
            self._chances, self._others = alias_table(counts**NOISE_POWER)
            self._outputs = _table(V, config.size, dtype)
        else:
            self._starts, self._ways = huffman_ways(counts)
            self._outputs = _table(V - 1, config.size, dtype)
        self._words = _table(V, config.size, dtype)
        for start in range(0, V, FILLED):
            rows = self.vectors[start : start + FILLED]
            rows[...] = (rng.random(rows.shape, np.float32) - 0.5) / config.size

    @property
    def vectors(self) -> Array:
        """The words' vectors, (V, D): a view that learning changes."""
        return self._words[:, : self.config.size]

    def arrays(self) -> dict[str, Array]:
        """All that is learned, by name. Rows are padded with zeros; write into them to bring back what was saved."""
        return {"words": self._words, "outputs": self._outputs}

    def learn(self, ids: Ids, learning_rate: float, rng: np.random.Generator) -> tuple[float, int]:
        """One pass over a piece of text, ids (n,) with -1 between sentences; (sum of losses, of how many predictions).

        A loss is -log of the probability that the model gave to a label (nats). Several threads may learn at once,
        without locks (Recht et al. 2011): now and then one undoes a bit of what another did.
        Raises InputError for an id that is no word's.
        """
        V = len(self._words)
        if ids.size and not -1 <= ids.min() <= ids.max() < V:
            raise InputError(f"ids from {ids.min()} to {ids.max()}; expected -1 (a sentence's end) to {V - 1}")
        stay = rng.random(ids.size, np.float32) < self._kept[ids]
        ids = ids[stay]
        reach = rng.integers(1, self.config.window + 1, ids.size, np.uint16)
        if self.config.objective == "negative-sampling":
            K = self.config.negatives
            draws = rng.integers(0, 2**64, (ids.size, K), np.uint64)
            targets = kernels.draw_targets(ids, draws, self._chances, self._others).ravel()
            first = np.arange(0, targets.size, K + 1)
            last = first + (K + 1)
        else:
            first, last, targets = self._starts[ids], self._starts[ids + 1], self._ways
        return kernels.learn_windows(
            ids, reach, first, last, targets, self._words, self._outputs, learning_rate, self.cbow
        )


def _table(rows: int, size: int, dtype: npt.DTypeLike) -> Array:
    """Zeros (rows, size, padded), that begin at a cache line."""
    padded = -(-size // ROW) * ROW
    item = np.dtype(dtype).itemsize
    memory = np.zeros(rows * padded * item + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + rows * padded * item].view(dtype).reshape(rows, padded)


def _chances_to_stay(counts: Integers, subsampling: float) -> Array:
    """(V + 1,) in float32: for each word, and last, for the -1 that ends a sentence, 1."""
    kept = np.ones(len(counts) + 1, np.float32)
    if subsampling > 0:
        ratio = subsampling * counts.sum() / counts
        kept[:-1] = np.sqrt(ratio) + ratio
    return kept


def alias_table(weights: npt.ArrayLike) -> tuple[npt.NDArray[np.uint64], Ids]:
    """(chances, others) to draw from 0 .. V-1 in proportion to `weights` at constant cost (Walker 1977, Vose 1991).

    A place drawn uniformly stands for itself with the chance chances / 2^32, or else for others.
    """
    w = np.asarray(weights, np.float64)
    V = len(w)
    share = w * (V / w.sum())
    others = np.arange(V, dtype=np.int32)
    chances = np.ones(V)
    small, large = list(np.flatnonzero(share < 1)[::-1]), list(np.flatnonzero(share >= 1)[::-1])
    while small and large:
        s, big = small.pop(), large[-1]
        chances[s], others[s] = share[s], big
        share[big] -= 1 - share[s]
        if share[big] < 1:
            small.append(large.pop())
    return np.round(chances * 2**32).astype(np.uint64), others


def huffman_ways(counts: npt.ArrayLike) -> tuple[Integers, Ids]:
    """(starts (V + 1,), ways): word w's way through a Huffman tree from its root is ways[starts[w]:starts[w + 1]].

    The V - 1 inner nodes are numbered; a step to the left from node t is t (label 1), to the right ~t (label 0).
    """
    counts = np.asarray(counts, np.int64)
    V = len(counts)
    parent, right = np.zeros(2 * V - 1, np.int64), np.zeros(2 * V - 1, bool)
    # Merged nodes come in ascending order, so two queues do the work of a heap (van Leeuwen 1976).
    order = np.argsort(counts, kind="stable")
    leaves, merged = zip(counts[order].tolist(), order.tolist(), strict=True), deque[tuple[int, int]]()
    leaf = next(leaves, None)
    for node in range(V, 2 * V - 1):
        total = 0
        for side in (False, True):
            if leaf is not None and (not merged or leaf[0] < merged[0][0]):
                (count, child), leaf = leaf, next(leaves, None)
            else:
                count, child = merged.popleft()
            total += count
            parent[child], right[child] = node, side
        merged.append((total, node))
    depth = np.zeros(2 * V - 1, np.int64)
    for node in range(2 * V - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    starts = np.concatenate([[0], np.cumsum(depth[:V])])
    ways: Ids = np.empty(starts[-1], np.int32)
    at, place = np.arange(V), starts[1:] - 1
    while len(at):  # from all leaves up at once
        step = 2 * V - 2 - parent[at]
        ways[place] = np.where(right[at], ~step, step)
        at, place = parent[at], place - 1
        below = at < 2 * V - 2
        at, place = at[below], place[below]
    return starts, ways
