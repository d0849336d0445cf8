"""Universal approximation: one hidden layer comes as near to a continuous function as you like, given enough units.

A sum of tanh steps, sum_j v_j tanh(w_j x + b_j) + c (Cybenko 1989; Hornik et al. 1989), fitted to the sum of two waves
by L-BFGS. The theorem speaks of the largest error; of a few random starts the one with the smallest counts.
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
from seqrl.losses import mean_squared_error
from seqrl.optimizers import LBFGS
from seqrl.parameter import Array, Parameter
from seqrl.training import figure

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
SHOWN = (1, 2, 4, 8, 64)
STEEPNESS = 6.0  # standard deviation of the hidden weights at the start
X = np.linspace(-1, 1, 201)[:, None]
X_FINE = np.linspace(-1, 1, 2001)[:, None]  # between the points of training too


@dataclass(frozen=True)
class Options:
    starts: int = 5
    iterations: int = 1000
    """Of L-BFGS, for each start."""
    seed: int = 0
    out: str = "docs/figures/universal_approximation.png"


class Fit(NamedTuple):
    curve: Array
    """On X_FINE."""
    errors: list[float]
    """The largest error of every start, ascending."""


def function(x: Array) -> Array:
    return np.sin(2 * np.pi * x) + np.cos(5 * np.pi * x) / 2


def compute(options: Options) -> dict[int, Fit]:
    """By the number of hidden units."""
    rng = np.random.default_rng(options.seed)
    fits = {}
    for width in WIDTHS:
        curves = [train(width, options.iterations, rng)(X_FINE) for _ in range(options.starts)]
        curves.sort(key=largest_error)
        fits[width] = Fit(curves[0], [largest_error(curve) for curve in curves])
    return fits


def train(width: int, iterations: int, rng: np.random.Generator) -> Layer:
    hidden = Dense(1, width, rng=rng, initializer=normal(STEEPNESS))
    hidden.bias = Parameter(-hidden.weight.value[0] * rng.uniform(-1, 1, width))  # each step somewhere in [-1, 1]
    net = Chain(hidden, Tanh(), Dense(width, 1, rng=rng)).astype(np.float64)

    def loss() -> float:
        y, backward = net.forward_data(X)
        value, gradient = mean_squared_error(y, function(X))
        backward(gradient)
        return value

    LBFGS(net.parameters(), max_iter=iterations, history_size=20, tolerance_change=1e-12).step(loss)
    return net


def largest_error(curve: Array) -> float:
    return float(np.abs(curve - function(X_FINE)).max())


def table(fits: dict[int, Fit]) -> Iterator[list[str | float]]:
    yield ["hidden units", "largest error, best start", "median start", "worst start"]
    for width, fit in fits.items():
        yield [str(width), fit.errors[0], float(np.median(fit.errors)), fit.errors[-1]]


def draw(fits: dict[int, Fit]) -> Any:
    picture, grid = plots.panels((12, 6.4), 2, 3)
    for axes, width in zip(grid.flat, SHOWN, strict=False):
        fit = fits[width]
        axes.plot(X_FINE, function(X_FINE), color="#999999", linewidth=5, alpha=0.6, label="function")
        axes.plot(X_FINE, fit.curve, color=plots.COLOURS[1], label="net")
        axes.set(title=f"{width} hidden unit{'s' * (width > 1)}: largest error {fit.errors[0]:.2g}", ylim=(-1.75, 2.2))
        axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    grid[0, 0].legend(loc="upper right", ncols=2)
    last = grid[-1, -1]
    last.loglog(fits.keys(), [fit.errors[0] for fit in fits.values()], "o-", color=plots.COLOURS[1], label="best start")
    everyone = [(width, error) for width, fit in fits.items() for error in fit.errors]
    last.plot(*zip(*everyone, strict=True), "o", color="#999999", markersize=3, zorder=1, label="every start")
    last.legend()
    last.set(title="Largest error", xlabel="hidden units")
    last.set_xticks(list(fits), list(map(str, fits)))
    last.minorticks_off()
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
