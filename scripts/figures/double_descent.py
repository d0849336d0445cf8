"""Double descent: test error falls, peaks where a model just fits its training data, and falls again beyond.

On top are least squares on random features of 20 points, of least norm where many weights fit. Below are the same on
100 points of 10 inputs, and a small net of tanh units trained there by L-BFGS, to its minimum or for 1,000 iterations:
both peak at about as many weights as examples (Belkin et al. 2019). The target is linear in the inputs, with noise;
test error is the squared distance from the target without it, the median of several draws of data, noise and weights.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.activations import Tanh
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.losses import mean_squared_error
from seqrl.optimizers import LBFGS
from seqrl.parameter import Array
from seqrl.training import figure

POINTS, FREQUENCY, CURVE_NOISE = 20, 12.0, 0.2  # of the curves on top
SHOWN = (12, 20, 1000)  # their features
EXAMPLES, INPUTS, NOISE = 100, 10, 0.4
FEATURES = (5, 10, 20, 35, 50, 65, 80, 90, 95, 100, 105, 110, 120, 150, 200, 300, 500, 1000, 2000)
UNITS = (1, 2, 4, 6, 7, 8, 9, 10, 12, 16, 24, 40, 80, 160)
MODELS = {"random features": FEATURES, "trained net": UNITS}


@dataclass(frozen=True)
class Options:
    draws: int = 9
    """Draws of data, noise and weights, of which medians are taken."""
    seed: int = 0
    out: str = "docs/figures/double_descent.png"


class Fit(NamedTuple):
    weights: float
    """How many are learned."""
    training: float
    test: float
    norm: float
    """Of the learned weights, sqrt(sum w^2)."""


class Result(NamedTuple):
    x: Array
    y: Array
    grid: Array
    curves: dict[int, Array]
    fits: dict[str, list[Fit]]


def compute(options: Options) -> Result:
    seeds = np.random.SeedSequence(options.seed).spawn(options.draws + 1)
    x, y, grid, curves = fit_curves(np.random.default_rng(seeds[0]))
    fits = {}
    for name, sizes in MODELS.items():
        fit = fit_features if name == "random features" else fit_net
        drawn = [[draw_and_fit(fit, size, np.random.default_rng(seed)) for size in sizes] for seed in seeds[1:]]
        fits[name] = [Fit(*medians) for medians in np.median(drawn, axis=0)]
    return Result(x, y, grid, curves, fits)


def truth(x: Array) -> Array:
    return np.sin(1.5 * np.pi * x)


def fit_curves(rng: np.random.Generator) -> tuple[Array, Array, Array, dict[int, Array]]:
    """Noisy points of a sine, a grid, and what least squares on random cosines makes of them, by their number."""
    x, grid = np.linspace(-1, 1, POINTS), np.linspace(-1, 1, 401)
    y = truth(x) + rng.normal(0, CURVE_NOISE, POINTS)
    curves = {}
    for count in SHOWN:
        frequency, phase = rng.normal(0, FREQUENCY, count), rng.uniform(0, 2 * np.pi, count)
        weights = least_squares(np.cos(np.outer(x, frequency) + phase), y)
        curves[count] = np.cos(np.outer(grid, frequency) + phase) @ weights
    return x, y, grid, curves


def least_squares(features: Array, y: Array) -> Array:
    """The weights that fit best; where many fit alike, those of least norm."""
    return np.linalg.lstsq(features, y, rcond=None)[0]


Predict = Callable[[Array], Array]
Fitted = tuple[Predict, Array]  # what predicts, and the weights that were learned


def draw_and_fit(fit: Callable[..., Fitted], size: int, rng: np.random.Generator) -> Fit:
    direction = np.full(INPUTS, INPUTS**-0.5)
    x, x_test = rng.normal(size=(EXAMPLES, INPUTS)), rng.normal(size=(1000, INPUTS))
    y = x @ direction + rng.normal(0, NOISE, EXAMPLES)
    predict, weights = fit(x, y, size, rng)
    training = np.mean((predict(x) - y) ** 2)
    test = np.mean((predict(x_test) - x_test @ direction) ** 2)
    return Fit(weights.size, float(training), float(test), float(np.linalg.norm(weights)))


def fit_features(x: Array, y: Array, count: int, rng: np.random.Generator) -> Fitted:
    """Least squares on max(x w, 0) of random w: only the output weights are learned."""
    directions = rng.normal(size=(INPUTS, count)) / INPUTS**0.5
    weights = least_squares(np.maximum(x @ directions, 0), y)
    return lambda x: np.maximum(x @ directions, 0) @ weights, weights


def fit_net(x: Array, y: Array, units: int, rng: np.random.Generator) -> Fitted:
    """All weights of a net with one hidden layer learned."""
    net = Chain(Dense(INPUTS, units, rng=rng), Tanh(), Dense(units, 1, rng=rng)).astype(np.float64)
    optimizer = LBFGS(net.parameters(), max_iter=1000, history_size=30, tolerance_change=1e-13)

    def loss() -> float:
        prediction, backward = net.forward_data(x)
        value, gradient = mean_squared_error(prediction, y[:, None])
        backward(gradient)
        return value

    optimizer.step(loss)
    return lambda x: net(x)[:, 0], optimizer.packed.value


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["model", "weights", "weights / example", "training error", "test error", "norm of weights"]
    for name, fits in result.fits.items():
        for fit in fits:
            yield [name, f"{fit.weights:.0f}", fit.weights / EXAMPLES, fit.training, fit.test, fit.norm]


def draw(result: Result) -> Any:
    picture, (top, bottom) = plots.panels((12, 7), 2, 3)
    for axes, (count, curve) in zip(top, result.curves.items(), strict=True):
        axes.plot(result.grid, truth(result.grid), color="#999999", linestyle="--", label="truth")
        axes.plot(result.grid, curve, label="least squares")
        axes.plot(result.x, result.y, "o", color="black", markersize=4, label=f"{POINTS} examples")
        axes.set(title=f"{count} random features", ylim=(-2.4, 2.4), xticks=[-1, 0, 1], yticks=[-2, -1, 0, 1, 2])
    top[0].legend(loc="upper right", fontsize=9)
    scales = [("log", (3e-3, 3e3)), ("linear", (0, 1.15))]
    for axes, (name, fits), (scale, limits) in zip(bottom, result.fits.items(), scales, strict=False):
        ratio = [fit.weights / EXAMPLES for fit in fits]
        axes.plot(ratio, [fit.test for fit in fits], "o-", color=plots.COLOURS[1], markersize=4, label="test")
        axes.plot(ratio, [fit.training for fit in fits], "o-", color=plots.COLOURS[0], markersize=3, label="training")
        axes.set(title=f"Error of {name}, {EXAMPLES} examples", yscale=scale, ylim=limits)
        axes.legend(loc="upper right")
    features = result.fits["random features"]
    bottom[2].plot([fit.weights / EXAMPLES for fit in features], [fit.norm for fit in features], "o-", markersize=4)
    bottom[2].set(title="Norm of the weights of random features", yscale="log")
    for axes in bottom:
        axes.axvline(1, color="#999999", linestyle=":", zorder=0)
        axes.set(xscale="log", xlabel="weights / example", xticks=[0.1, 1, 10])
        axes.set_xticklabels(["0.1", "1", "10"])
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
