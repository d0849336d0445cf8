"""Our side of the convolution benchmark; `convolution_workload.py` says what is measured."""

import platform
import time
from typing import Any

import machine
import numba
import numpy as np
from convolution_workload import BATCH, CLASSES, LEARNING_RATE, Size, images, main, measured, weights

import seqrl
from seqrl import Sequential
from seqrl.activations import ReLU
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense
from seqrl.layers.pooling import Flatten, MaxPool2D
from seqrl.optimizers import Adam


def train(size: Size) -> dict[str, Any]:
    machine.two_cores()
    first, second = size.filters
    rng = np.random.default_rng(0)
    model = Sequential(
        [
            Conv2D(size.channels, first, 3, padding=size.padding, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Conv2D(first, second, 3, padding=size.padding, rng=rng),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            Dense(size.features, CLASSES, rng=rng),
        ]
    )
    initial = weights(size)
    initial["dense.weight"] = initial["dense.weight"].T
    for (_, parameter), value in zip(model.parameters(), initial.values(), strict=True):
        parameter.value[...] = value
    model.compile(Adam(model.parameters(), LEARNING_RATE), "softmax_cross_entropy", metrics=[])
    x, labels = images(size)

    def epoch() -> tuple[float, float]:
        start = time.perf_counter()
        history = model.fit(x, labels, batch_size=BATCH, epochs=1, shuffle=False, verbose=False)
        return time.perf_counter() - start, history.history["loss"][0]

    versions = {"Python": platform.python_version(), "seqrl": seqrl.__version__}
    return measured(epoch, versions | {"NumPy": np.__version__, "Numba": numba.__version__})


if __name__ == "__main__":
    main({"default": train})
