"""Regression: a line through noisy points, and a small net where a line won't do.

One linear unit and gradient descent arrive at the least-squares solution, (X^T X)^-1 X^T y. On a noisy sine the best
line leaves a wave in the residuals; a net with one hidden layer leaves only the noise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from seqrl import Sequential, plots
from seqrl.activations import Tanh
from seqrl.layers.dense import Dense
from seqrl.optimizers import SGD, Adam
from seqrl.parameter import Array
from seqrl.training import figure

POINTS = 100
SLOPE, INTERCEPT, LINE_NOISE = 1.5, -0.5, 0.8
SINE_NOISE = 0.2
UNITS = 20


@dataclass(frozen=True)
class Options:
    line_epochs: int = 60
    net_epochs: int = 1500
    seed: int = 0
    out: str = "docs/figures/regression.png"


class Fit(NamedTuple):
    x: Array
    y: Array
    truth: Array
    exact: Array
    """Intercept and slope of the least-squares line."""
    model: Sequential
    losses: list[float]
    """Mean squared error after every epoch."""

    def least_squares(self) -> Array:
        return self.exact[0] + self.exact[1] * self.x

    def learned(self) -> Array:
        return self.model.predict(self.x)


def compute(options: Options) -> dict[str, Fit]:
    rng = np.random.default_rng(options.seed)
    x = np.sort(rng.uniform(-3, 3, (POINTS, 1)), axis=0)
    line = Sequential([Dense(1, 1, rng=rng)])
    line.compile(partial(SGD, lr=0.1), "mean_squared_error")
    net = Sequential([Dense(1, UNITS, rng=rng), Tanh(), Dense(UNITS, 1, rng=rng)])
    net.compile(partial(Adam, lr=0.01), "mean_squared_error")
    return {
        "linear": fit(line, x, INTERCEPT + SLOPE * x, LINE_NOISE, options.line_epochs, rng),
        "nonlinear": fit(net, x, np.sin(2 * x), SINE_NOISE, options.net_epochs, rng),
    }


def fit(model: Sequential, x: Array, truth: Array, noise: float, epochs: int, rng: np.random.Generator) -> Fit:
    y = truth + rng.normal(0, noise, x.shape)
    exact = np.linalg.lstsq(np.hstack([np.ones_like(x), x]), y, rcond=None)[0][:, 0]
    history = model.fit(x, y, batch_size=POINTS, epochs=epochs, verbose=False)
    return Fit(x, y, truth, exact, model, history.history["loss"])


def table(fits: dict[str, Fit]) -> Iterator[list[str | float]]:
    """Mean squared errors from the points, and from the truth behind them."""
    yield ["", "intercept", "slope", "error", "from the truth"]
    for name, fit in fits.items():
        exact, learned = fit.least_squares(), fit.learned()
        yield [f"{name}, least squares", *fit.exact, mean_square(exact - fit.y), mean_square(exact - fit.truth)]
        weights = [float(p.value.item()) for _, p in fit.model.parameters()][::-1] if name == "linear" else ["", ""]
        yield [f"{name}, learned", *weights, mean_square(learned - fit.y), mean_square(learned - fit.truth)]


def mean_square(difference: Array) -> float:
    return float(np.mean(difference**2))


def draw(fits: dict[str, Fit]) -> Any:
    picture, grid = plots.panels((12, 6.6), 2, 3)
    blue, orange = plots.COLOURS[:2]
    names = {"linear": "one linear unit", "nonlinear": f"net of {UNITS} tanh units"}
    for (left, middle, right), (name, fit) in zip(grid, fits.items(), strict=True):
        exact, learned = fit.least_squares(), fit.learned()
        left.plot(fit.x, fit.y, "o", color="#999999", markersize=4, alpha=0.7)
        left.plot(fit.x, exact, color=blue, linewidth=4, alpha=0.4, label="least-squares line")
        left.plot(fit.x, learned, color=orange, label=names[name])
        left.plot(fit.x, fit.truth, color="black", linestyle=":", linewidth=1.2, label="truth")
        left.set(title=f"{name.capitalize()} regression", xlabel="x", ylabel="y")
        left.legend(fontsize=9, loc="upper left")
        left.set_ylim(top=left.get_ylim()[1] + 0.3 * np.ptp(left.get_ylim()))
        middle.axhline(0, color="#999999", linewidth=1)
        middle.plot(fit.x, fit.y - exact, "o", color=blue, markersize=5, alpha=0.4, label="least-squares line")
        middle.plot(fit.x, fit.y - learned, "o", color=orange, markersize=3, label=names[name])
        limit = 1.6 * np.abs(fit.y - exact).max()
        middle.set(title="Residuals", xlabel="x", ylim=(-limit, limit))
        middle.legend(fontsize=9, loc="upper left")
        epochs = np.arange(1, len(fit.losses) + 1)
        right.axhline(mean_square(exact - fit.y), color=blue, linewidth=4, alpha=0.4, label="least-squares line")
        right.plot(epochs, fit.losses, color=orange, label=names[name])
        right.axhline(mean_square(fit.y - fit.truth), color="black", linestyle=":", linewidth=1.2, label="truth")
        right.set(title="Mean squared error in training", xlabel="epochs", xscale="log", yscale="log")
        right.legend(fontsize=9)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
