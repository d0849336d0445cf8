"""Small networks for small images: a convolutional one in the manner of LeNet-5, and a dense one beside it."""

from __future__ import annotations

import numpy as np

from seqrl.activations import ReLU
from seqrl.errors import InputError
from seqrl.initializers import he_normal
from seqrl.layer import Chain
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.pooling import Flatten, MaxPool2D

ImageShape = tuple[int, int, int]  # (C, height, width)


def convnet(image: ImageShape, classes: int, *, rng: np.random.Generator, dropout_rng: np.random.Generator) -> Chain:
    """Two convolutions with pooling and two dense layers, as LeNet-5 (LeCun et al. 1998), with ReLU and dropout.

    x: (N, *image) -> logits: (N, classes). Raises InputError for images of fewer than 4 pixels either way.
    """
    C, height, width = image
    if min(height, width) < 4:
        raise InputError(f"the convnet got images of {height} by {width} pixels; expected 4 or more each way")
    return Chain(
        Conv2D(C, 32, 3, padding="same", rng=rng, initializer=he_normal),
        ReLU(),
        MaxPool2D(2),
        Conv2D(32, 64, 3, padding="same", rng=rng, initializer=he_normal),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dropout(0.25, rng=dropout_rng),
        Dense(64 * (height // 4) * (width // 4), 128, rng=rng, initializer=he_normal),
        ReLU(),
        Dropout(0.5, rng=dropout_rng),
        Dense(128, classes, rng=rng),
    )


def dense_network(
    image: ImageShape, classes: int, *, rng: np.random.Generator, dropout_rng: np.random.Generator
) -> Chain:
    """One hidden layer, which knows nothing of neighbouring pixels. x: (N, *image) -> logits: (N, classes)."""
    return Chain(
        Flatten(),
        Dense(int(np.prod(image)), 128, rng=rng, initializer=he_normal),
        ReLU(),
        Dropout(0.5, rng=dropout_rng),
        Dense(128, classes, rng=rng),
    )
