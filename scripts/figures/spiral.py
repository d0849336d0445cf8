"""Three spirals, learned by a Sequential: no line parts them, ten hidden units bend one until it does.

The net, the data and the training are of the size that textbooks take: 2-10-3 with sigmoid units, 100 points a class,
SGD with a rate of 1 on batches of 30 for 300 epochs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from seqrl import Sequential, plots
from seqrl.activations import Sigmoid, softmax
from seqrl.layers.dense import Dense
from seqrl.optimizers import SGD
from seqrl.parameter import Array, Integers
from seqrl.training import figure

CLASSES, POINTS = 3, 100
TURN = 4.0  # radians from the centre to the end of an arm
NOISE = 0.2  # standard deviation of the angle, radians
UNITS = 10
LR, BATCH_SIZE = 1.0, 30


@dataclass(frozen=True)
class Options:
    looks: tuple[int, ...] = (10, 100, 300)
    """Epochs after which the surface is drawn; the last ends the training."""
    seed: int = 0
    out: str = "docs/figures/spiral.png"


class Result(NamedTuple):
    x: Array
    label: Integers
    model: Sequential
    history: dict[str, list[float]]
    surfaces: dict[int, Array]
    """Probabilities of the classes on `spots`, by the epochs done."""


def compute(options: Options) -> Result:
    rng = np.random.default_rng(options.seed)
    x, label = spirals(rng)
    model = Sequential([Dense(2, UNITS, rng=rng), Sigmoid(), Dense(UNITS, CLASSES, rng=rng)])
    model.compile(partial(SGD, lr=LR), "softmax_cross_entropy", metrics=["accuracy"])
    history: dict[str, list[float]] = {}
    surfaces = {}
    test = spirals(rng)
    looks = sorted(set(options.looks))
    for done, epochs in zip((0, *looks), looks, strict=False):
        more = model.fit(x, label, BATCH_SIZE, epochs - done, validation_data=test, verbose=False)
        for name, values in more.history.items():
            history.setdefault(name, []).extend(values)
        surfaces[epochs] = softmax(model.predict(spots().reshape(-1, 2))).reshape(*spots().shape[:2], CLASSES)
    return Result(x, label, model, history, surfaces)


def spirals(rng: np.random.Generator) -> tuple[Array, Integers]:
    """Points (N, 2) on an arm for each class, and the classes (N,)."""
    label = np.repeat(np.arange(CLASSES), POINTS)
    radius = np.tile(np.arange(POINTS) / POINTS, CLASSES)
    angle = TURN * (label + radius) + rng.normal(0, NOISE, len(label))
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1), label


def spots() -> Array:
    """A grid over the plane, (height, width, 2)."""
    line = np.linspace(-1.15, 1.15, 240)
    return np.stack(np.meshgrid(line, line), axis=-1)


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["epochs", "loss", "accuracy", "test loss", "test accuracy"]
    for epochs in result.surfaces:
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        yield [str(epochs), *(result.history[name][epochs - 1] for name in names)]


def draw(result: Result) -> Any:
    from matplotlib.colors import to_rgb

    picture, grid = plots.panels((4 * (len(result.surfaces) + 1), 4), 1, len(result.surfaces) + 1)
    colours = np.array([to_rgb(colour) for colour in plots.COLOURS[:CLASSES]])
    for axes, (epochs, probability) in zip(grid, result.surfaces.items(), strict=False):
        image = 0.5 + 0.5 * probability @ colours
        axes.imshow(image, origin="lower", extent=(-1.15, 1.15, -1.15, 1.15), interpolation="bilinear")
        for k, marker in zip(range(CLASSES), "os^", strict=True):
            points = result.x[result.label == k]
            axes.plot(*points.T, marker, color=colours[k], markersize=5, markeredgecolor="white", markeredgewidth=0.6)
        accuracy = result.history["accuracy"][epochs - 1]
        axes.set(title=f"{epochs} epochs: {accuracy:.0%} right", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        axes.grid(False)
    for name, label in ("loss", "training"), ("val_loss", "test"):
        grid[-1].plot(np.arange(1, len(result.history[name]) + 1), result.history[name], label=label)
    grid[-1].set(title="Loss", xlabel="epochs", ylim=(0, 1.2))
    grid[-1].legend()
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
