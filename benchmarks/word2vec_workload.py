"""The benchmark of word embeddings: what both sides do, and how it is measured. NumPy and nothing else.

`word2vec.py` (seqrl) and `word2vec_gensim.py` (gensim) train on the same file, a sentence a line. Each is a program of
its own,

    python benchmarks/word2vec.py MODE CORPUS EPOCHS SEED [--pairs FILE] [--feeding NAME] [--learning-rate RATE]

that prints what it measured as one line of JSON: words of the file (rare ones too) x epochs a second of training alone,
the largest memory that the process took until then, and Spearman's rank correlation of cosines with judged pairs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

SIZE = 100
WINDOW = 5
NEGATIVES = 5
SUBSAMPLING = 1e-3
MINIMUM_COUNT = 5

MODES = {
    "skip-gram/negative-sampling": "skip-gram, negative sampling",
    "cbow/negative-sampling": "CBOW, negative sampling",
    "skip-gram/hierarchical-softmax": "skip-gram, hierarchical softmax",
    "cbow/hierarchical-softmax": "CBOW, hierarchical softmax",
}

Floats = npt.NDArray[np.floating[Any]]


class Workload(NamedTuple):
    architecture: str
    objective: str
    corpus: Path
    epochs: int
    seed: int
    feeding: str | None
    learning_rate: float | None  # None: the side's own


class Training(NamedTuple):
    words: int  # of all epochs, as the side counted them
    seconds: float
    processor_seconds: float
    preparing_seconds: float  # to read the text and make the model
    compiling_seconds: float
    peak_megabytes: float
    vectors: Mapping[str, Floats]


def main(train: Callable[[Workload], Training], versions: dict[str, str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("epochs", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--feeding")
    parser.add_argument("--learning-rate", type=float)
    options = parser.parse_args()
    architecture, _, objective = options.mode.partition("/")
    training = train(
        Workload(
            architecture,
            objective,
            options.corpus,
            options.epochs,
            options.seed,
            options.feeding,
            options.learning_rate,
        )
    )
    result: dict[str, Any] = {
        "words_per_second": training.words / training.seconds,
        "words_per_processor_second": training.words / training.processor_seconds,
        "preparing_seconds": training.preparing_seconds,
        "compiling_seconds": training.compiling_seconds,
        "peak_megabytes": training.peak_megabytes,
        "words": training.words,
        "seconds": training.seconds,
        "vocabulary": len(training.vectors),
        "versions": versions,
    }
    if options.pairs:
        result |= similarity(training.vectors, options.pairs)
    print(json.dumps(result))


class Watch:
    """Seconds since it was made, of a clock and of all cores."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def __call__(self) -> tuple[float, float]:
        return time.perf_counter() - self.start[0], time.process_time() - self.start[1]


def similarity(vectors: Mapping[str, Floats], path: Path) -> dict[str, Any]:
    """Spearman's rank correlation of cosines with the judgements, over the pairs of which both words have a vector."""
    judgements, cosines = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            first, second, judgement = line.lower().split("\t")
            if first in vectors and second in vectors:
                a, b = (np.asarray(vectors[word], np.float64) for word in (first, second))
                judgements.append(float(judgement))
                cosines.append(float(a @ b / np.sqrt((a @ a) * (b @ b))))
    return {"spearman": float(np.corrcoef(ranks(judgements), ranks(cosines))[0, 1]), "pairs": len(cosines)}


def ranks(values: list[float]) -> Floats:
    """From 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]
