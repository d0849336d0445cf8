"""How optimizers go down a valley: f(x, y) = x^2 / 20 + y^2 from (-7, 2).

The gradient is 20 times steeper across the valley than along it. Plain gradient descent zigzags, momentum swings
through the curve, the ones that scale each coordinate by its own past gradients go almost straight, and L-BFGS learns
the curvature and arrives in a few steps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrl import plots
from seqrl.optimizers import LBFGS, SGD, Adadelta, Adagrad, Adam, Optimizer, RMSprop
from seqrl.parameter import Array, Parameter
from seqrl.training import figure

START = (-7.0, 2.0)
CURVATURE = np.array([1 / 10, 2])  # f = sum(CURVATURE * point^2) / 2

Make = Callable[[Iterable[tuple[str, Parameter]]], Optimizer | LBFGS]
OPTIMIZERS: dict[str, tuple[str, Make]] = {
    "SGD": ("lr 0.95", lambda point: SGD(point, lr=0.95)),
    "momentum": ("0.9, lr 0.1", lambda point: SGD(point, lr=0.1, momentum=0.9)),
    "Nesterov": ("0.9, lr 0.1", lambda point: SGD(point, lr=0.1, momentum=0.9, nesterov=True)),
    "Adagrad": ("lr 1.5", lambda point: Adagrad(point, lr=1.5)),
    "Adadelta": ("eps 0.01", lambda point: Adadelta(point, lr=1.0, eps=0.01)),
    "RMSprop": ("alpha 0.9, lr 0.3", lambda point: RMSprop(point, lr=0.3, alpha=0.9)),
    "Adam": ("lr 0.3", lambda point: Adam(point, lr=0.3)),
    "L-BFGS": ("line search", lambda point: LBFGS(point, max_iter=1)),
}


@dataclass(frozen=True)
class Options:
    steps: int = 30
    out: str = "docs/figures/optimizer_paths.png"


Paths = dict[str, Array]


def height(points: Array) -> Array:
    """f at points of shape (..., 2)."""
    return (CURVATURE * points**2).sum(axis=-1) / 2


def compute(options: Options) -> Paths:
    """The points on each optimizer's way, (steps + 1, 2)."""
    return {name: path(make, options.steps) for name, (_, make) in OPTIMIZERS.items()}


def path(make: Make, steps: int) -> Array:
    point = Parameter(START, dtype=np.float64)
    optimizer = make([("point", point)])

    def closure() -> float:
        point.grad[...] = CURVATURE * point.value
        return float(height(point.value))

    points = [point.value.copy()]
    for _ in range(steps):
        if isinstance(optimizer, LBFGS):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        points.append(point.value.copy())
    return np.array(points)


def table(paths: Paths) -> Iterator[list[str | float]]:
    yield ["optimizer", "x", "y", "f(x, y)"]
    for name, points in paths.items():
        yield [name, *points[-1], float(height(points[-1]))]


def draw(paths: Paths) -> Any:
    picture, grid = plots.panels((13, 6), 2, 4, sharex=True, sharey=True)
    grid_points = np.stack(np.meshgrid(np.linspace(-8.5, 8.5, 200), np.linspace(-3.2, 3.2, 150)), axis=-1)
    levels = np.linspace(0, 3.9, 14) ** 2  # rings as far from each other as they are in the valley
    for axes, (name, points) in zip(grid.flat, paths.items(), strict=True):
        axes.contourf(*grid_points.T, height(grid_points).T, levels=levels, cmap="Blues", alpha=0.7)
        axes.contour(*grid_points.T, height(grid_points).T, levels=levels, colors="white", linewidths=0.7)
        axes.plot(*points.T, "o-", color=plots.COLOURS[1], markersize=3.5, linewidth=1.2)
        axes.plot(0, 0, "+", color="black", markersize=11)
        axes.set(xlim=(-8.5, 8.5), ylim=(-3.2, 3.2), xticks=[-5, 0, 5], yticks=[-2, 0, 2])
        axes.set_title(f"{name} ({OPTIMIZERS[name][0]})\nf = {height(points[-1]):.2g} after {len(points) - 1} steps")
        axes.grid(False)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
