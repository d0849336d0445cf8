"""AlexNet (Krizhevsky, Sutskever and Hinton 2012), and one scaled down for small images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from seqrl.activations import ReLU
from seqrl.errors import InputError
from seqrl.initializers import he_normal
from seqrl.layer import Chain, Layer
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.pooling import Flatten, MaxPool2D

SMALLEST_IMAGE = 15  # pixels, below which the third pooling of the small one has nothing to pool


def alexnet(classes: int = 1000, *, rng: np.random.Generator, dropout_rng: np.random.Generator) -> Chain:
    """x: (N, 3, 227, 227) -> logits: (N, classes). 62,378,344 parameters for 1,000 classes.

    Section 3.5 of the paper and the sizes of its figure 2, but every convolution sees all channels of the layer before
    (on the paper's two GPUs layers 2, 4 and 5 saw half), and there is no local response normalization (section 3.3).
    """
    features: list[Layer] = [
        *_convolution(3, 96, 11, stride=4, padding=0, rng=rng),  # 55 x 55
        MaxPool2D(3, 2),  # 27 x 27
        *_convolution(96, 256, 5, padding=2, rng=rng),
        MaxPool2D(3, 2),  # 13 x 13
        *_convolution(256, 384, 3, padding=1, rng=rng),
        *_convolution(384, 384, 3, padding=1, rng=rng),
        *_convolution(384, 256, 3, padding=1, rng=rng),
        MaxPool2D(3, 2),  # 6 x 6
    ]
    return Chain(*features, *_classifier([256 * 6 * 6, 4096, 4096, classes], rng, dropout_rng))


def small_alexnet(
    image: tuple[int, int, int], classes: int, *, rng: np.random.Generator, dropout_rng: np.random.Generator
) -> Chain:
    """The same, smaller, for images (C, height, width) of about 28 pixels. x: (N, *image) -> logits: (N, classes)."""
    C, height, width = image
    if min(height, width) < SMALLEST_IMAGE:
        raise InputError(
            f"the small AlexNet got images of {height} by {width} pixels; expected {SMALLEST_IMAGE} or more each way"
        )
    features: list[Layer] = [
        *_convolution(C, 32, 3, padding=1, rng=rng),
        MaxPool2D(3, 2),
        *_convolution(32, 64, 3, padding=1, rng=rng),
        MaxPool2D(3, 2),
        *_convolution(64, 96, 3, padding=1, rng=rng),
        *_convolution(96, 96, 3, padding=1, rng=rng),
        *_convolution(96, 64, 3, padding=1, rng=rng),
        MaxPool2D(3, 2),
    ]
    for _ in range(3):
        height, width = (height - 3) // 2 + 1, (width - 3) // 2 + 1
    return Chain(*features, *_classifier([64 * height * width, 256, 256, classes], rng, dropout_rng))


def _convolution(
    C_in: int, C_out: int, size: int, *, padding: int, rng: np.random.Generator, stride: int = 1
) -> Iterator[Layer]:
    yield Conv2D(C_in, C_out, size, stride=stride, padding=padding, rng=rng, initializer=he_normal)
    yield ReLU()


def _classifier(sizes: Sequence[int], rng: np.random.Generator, dropout_rng: np.random.Generator) -> Iterator[Layer]:
    """Dense layers, with dropout of a half before all but the last (section 4.2)."""
    yield Flatten()
    for n_in, n_out in pairwise(sizes[:-1]):
        yield Dropout(0.5, rng=dropout_rng)
        yield Dense(n_in, n_out, rng=rng, initializer=he_normal)
        yield ReLU()
    yield Dense(sizes[-2], sizes[-1], rng=rng)
