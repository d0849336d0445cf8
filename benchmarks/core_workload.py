"""The benchmark of the core: what both sides do, and how it is measured. NumPy and nothing else.

`core.py` (seqrl) and `core_torch.py` (PyTorch) are programs of their own,

    python benchmarks/core.py updates|dense [WAY]

that print what they measured as one line of JSON. `updates`: every optimizer's update of about a million parameters,
a net's sixteen or one, whose gradients are written anew before each; a peer has to forget them afterwards, as
zero_grad does. `dense`: training steps of a small net, forward to update, on batches that lie ready.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = list[npt.NDArray[np.float32]]

WIDTHS = (516, 500, 500, 400, 300, 300, 200, 100, 10)
UPDATES = 100  # measured, after some that warm up
CLIP = 1.0

LAYERS = (64, 128, 10)
BATCH = 64
BATCHES = 50
EPOCHS = 40  # measured, after one that warms up
LEARNING_RATE = 1e-3


def parameters(one: bool = False) -> tuple[Arrays, Arrays]:
    """Values and gradients of a net's weights and biases, or of as many numbers in one vector."""
    rng = np.random.default_rng(0)
    shapes = [shape for pair in pairwise(WIDTHS) for shape in (pair, pair[1:])]
    if one:
        shapes = [(sum(int(np.prod(shape)) for shape in shapes),)]
    values, gradients = ([rng.normal(0, dev, shape).astype(np.float32) for shape in shapes] for dev in (0.1, 0.01))
    return values, gradients


def updates_per_second(prepare: Callable[[], object], update: Callable[[], object]) -> float:
    """By the median time of an `update`; `prepare` runs before each and is not counted."""
    seconds = []
    for _ in range(UPDATES + UPDATES // 4):
        prepare()
        start = time.perf_counter()
        update()
        seconds.append(time.perf_counter() - start)
    return 1 / median(seconds[UPDATES // 4 :])


def weights() -> Arrays:
    """W (n_in, n_out) and b of each dense layer."""
    rng = np.random.default_rng(0)
    shapes = [shape for pair in pairwise(LAYERS) for shape in (pair, pair[1:])]
    return [rng.normal(0, 0.1, shape).astype(np.float32) for shape in shapes]


def batches() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Inputs (batches, N, features) and labels (batches, N); the inputs lean to the side that the label says."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, LAYERS[-1], (BATCHES, BATCH))
    x = rng.normal(size=(BATCHES, BATCH, LAYERS[0])).astype(np.float32)
    x[..., : LAYERS[-1]] += labels[..., None] == np.arange(LAYERS[-1])
    return x, labels


def steps_per_second(step: Callable[[int], float]) -> dict[str, Any]:
    """`step(k)` trains on the batch k and returns its loss; by the median time of an epoch."""
    seconds, losses = [], []
    for _ in range(1 + EPOCHS):
        start = time.perf_counter()
        losses.append(sum(step(k) for k in range(BATCHES)) / BATCHES)
        seconds.append(time.perf_counter() - start)
    return {"steps_per_second": BATCHES / median(seconds[1:]), "losses": losses}


def main(measurements: dict[str, Callable[..., dict[str, Any]]], versions: dict[str, str]) -> None:
    name, *way = sys.argv[1:]
    print(json.dumps(measurements[name](*way) | {"versions": versions}))
