"""The convolution benchmark: what both sides train, and how each of them is measured. NumPy and nothing else.

`convolution.py` (seqrl) and `convolution_torch.py` (PyTorch) are programs of their own,

    python benchmarks/convolution.py SIZE        (digits, mnist or cifar)

that train the same net from the same weights on the same noise and print what they measured as one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BATCH = 64
BATCHES = 30  # an epoch
EPOCHS = 5  # measured, after one that warms up
LEARNING_RATE = 1e-3
CLASSES = 10

Arrays = dict[str, npt.NDArray[np.float32]]


class Size(NamedTuple):
    """Two convolutions of 3 x 3, each with ReLU and pooling of 2 x 2, and a dense layer."""

    channels: int
    pixels: int
    filters: tuple[int, int]
    padding: int

    @property
    def features(self) -> int:
        """Of the dense layer."""
        n = self.pixels
        for _ in range(2):
            n = (n + 2 * self.padding - 2) // 2
        return self.filters[1] * n * n


SIZES = {
    "digits": Size(1, 8, (16, 32), 1),
    "mnist": Size(1, 28, (32, 64), 0),
    "cifar": Size(3, 32, (32, 64), 1),
}


def weights(size: Size) -> Arrays:
    """PyTorch's shapes; biases too are drawn."""
    rng = np.random.default_rng(0)
    first, second = size.filters
    shapes = {
        "conv1": (first, size.channels, 3, 3),
        "conv2": (second, first, 3, 3),
        "dense": (CLASSES, size.features),
    }
    made: Arrays = {}
    for name, shape in shapes.items():
        made[f"{name}.weight"] = rng.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(np.float32)
        made[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
    return made


def images(size: Size) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Noise with a brighter stripe where the class says, so that the loss falls."""
    rng = np.random.default_rng(1)
    N = BATCH * BATCHES
    labels = rng.integers(0, CLASSES, N)
    x = rng.normal(0, 0.5, (N, size.channels, size.pixels, size.pixels)).astype(np.float32)
    x[np.arange(N), :, labels * size.pixels // CLASSES] += 1
    return x, labels


def measured(epoch: Callable[[], tuple[float, float]], versions: dict[str, str]) -> dict[str, Any]:
    """`epoch()` trains for one epoch in the order of the data and returns (seconds, mean loss)."""
    results = [epoch() for _ in range(1 + EPOCHS)]
    return {
        "images_per_second": BATCH * BATCHES / median(seconds for seconds, _ in results[1:]),
        "losses": [loss for _, loss in results],
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": versions,
    }


def main(sides: dict[str, Callable[[Size], dict[str, Any]]]) -> None:
    """SIZE, and for a peer with several ways of doing it which one."""
    name, *way = sys.argv[1:]
    print(json.dumps(sides[way[0] if way else "default"](SIZES[name])))
