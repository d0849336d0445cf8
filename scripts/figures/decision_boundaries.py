"""Where a net draws the line between two classes, by its number of hidden units and by the strength of weight decay.

The points are two moons with so much noise that they overlap: a net that gets every one of few training points right
has learned the noise. Too few units can't follow the moons, many follow each point, and a penalty on the weights of the
large net brings the smooth line back, until it is so strong that the line is straight again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.activations import Tanh
from seqrl.initializers import normal
from seqrl.layer import Chain, Layer
from seqrl.layers.dense import Dense
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import Adam
from seqrl.parameter import Array, Integers
from seqrl.regularizers import l2, penalize
from seqrl.training import figure

UNITS = (1, 2, 4, 32)  # in each of two hidden layers, without a penalty
STRENGTHS = (0.001, 0.003, 0.01, 0.1)  # of the penalty on the largest net
NOISE = 0.3  # standard deviation of the points around their moons


@dataclass(frozen=True)
class Options:
    training_points: int = 100
    test_points: int = 2000
    steps: int = 2000
    """Of Adam, each on all training points."""
    lr: float = 0.03
    seed: int = 0
    out: str = "docs/figures/decision_boundaries.png"


class Fit(NamedTuple):
    units: int
    strength: float
    training: float
    """Accuracy on the training points, in [0, 1]."""
    test: float
    model: Layer


class Result(NamedTuple):
    x: Array
    label: Integers
    fits: list[Fit]


def compute(options: Options) -> Result:
    rng = np.random.default_rng(options.seed)
    x, label = moons(options.training_points, rng)
    x_test, label_test = moons(options.test_points, rng)
    fits = []
    for units, strength in [(units, 0.0) for units in UNITS] + [(UNITS[-1], strength) for strength in STRENGTHS]:
        model = train(x, label, units, strength, options)
        fits.append(Fit(units, strength, accuracy(model, x, label), accuracy(model, x_test, label_test), model))
    return Result(x, label, fits)


def moons(count: int, rng: np.random.Generator) -> tuple[Array, Integers]:
    """Points (count, 2) on two half circles that reach into each other, with noise, and on which each one lies."""
    label = np.arange(count) % 2
    angle = rng.uniform(0, np.pi, count)
    side = 1 - 2 * label
    x = np.stack([label + side * np.cos(angle), label / 2 + side * np.sin(angle)], axis=1)
    return (x + NOISE * rng.normal(size=x.shape)).astype(np.float32), label


def train(x: Array, label: Integers, units: int, strength: float, options: Options) -> Layer:
    rng = np.random.default_rng(options.seed)
    model = Chain(
        Dense(2, units, rng=rng, initializer=normal(1.0)),
        Tanh(),
        Dense(units, units, rng=rng),
        Tanh(),
        Dense(units, 2, rng=rng),
    )
    optimizer = Adam(model.parameters(), lr=options.lr)
    for _ in range(options.steps):
        logits, backward = model.forward_data(x)
        _, gradient = softmax_cross_entropy(logits, label)
        backward(gradient)
        penalize(model.parameters(), l2(strength))
        optimizer.step()
    return model


def accuracy(model: Layer, x: Array, label: Integers) -> float:
    return float((model(x).argmax(axis=1) == label).mean())


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["hidden units", "L2 strength", "training", "test"]
    for fit in result.fits:
        yield [f"{fit.units} + {fit.units}", fit.strength, fit.training, fit.test]


def draw(result: Result) -> Any:
    rows = [result.fits[: len(UNITS)], result.fits[len(UNITS) :]]
    picture, grid = plots.panels((13, 5.9), 2, max(map(len, rows)), sharex=True, sharey=True)
    spots = np.stack(np.meshgrid(np.linspace(-2, 3, 300), np.linspace(-1.6, 2.1, 220)), axis=-1).astype(np.float32)
    for axes, fit in zip(grid.flat, [fit for row in rows for fit in row], strict=True):
        margin = np.diff(fit.model(spots), axis=-1)[..., 0]
        probability = 1 / (1 + np.exp(-np.clip(margin, -50, 50)))
        axes.contourf(*spots.T, probability.T, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.5)
        axes.contour(*spots.T, margin.T, levels=[0], colors="black", linewidths=1.5)
        shade = 0.1 + 0.8 * result.label
        axes.scatter(*result.x.T, 20, shade, cmap="RdBu_r", vmin=0, vmax=1, edgecolors="white", zorder=3)
        axes.set(xlim=(-2, 3), ylim=(-1.6, 2.1), xticks=[], yticks=[], aspect="equal")
        axes.set_xlabel(f"training {fit.training:.0%}, test {fit.test:.1%}")
    for axes, fit in zip(grid[0], rows[0], strict=True):
        axes.set_title(f"{fit.units} + {fit.units} hidden units")
    for axes, fit in zip(grid[1], rows[1], strict=True):
        axes.set_title(f"{fit.units} + {fit.units}, L2 of {fit.strength:g}")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
