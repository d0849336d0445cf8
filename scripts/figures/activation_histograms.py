"""Activations by depth: what five layers make of normal inputs, by activation function and initial weights.

Small weights let the signal die out, large ones saturate sigmoid and tanh and let ReLU explode; Xavier (Glorot and
Bengio 2010) keeps it alive through tanh, He (He et al. 2015) through ReLU.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrl import plots
from seqrl.activations import ReLU, Sigmoid, Tanh
from seqrl.initializers import Initializer, glorot_normal, he_normal, normal
from seqrl.layer import Layer
from seqrl.layers.dense import Dense
from seqrl.parameter import Array
from seqrl.training import figure

ACTIVATIONS: dict[str, Layer] = {"sigmoid": Sigmoid(), "tanh": Tanh(), "ReLU": ReLU()}
STARTS: dict[str, Initializer] = {
    "small (0.01)": normal(0.01),
    "large (1)": normal(1.0),
    "Xavier": glorot_normal,
    "He": he_normal,
}
RANGES = {"sigmoid": (0, 1), "tanh": (-1, 1), "ReLU": (0, 3)}
FULL = 0.08  # the share of a layer's activations that fills a row; taller bars are cut


@dataclass(frozen=True)
class Options:
    inputs: int = 1000
    units: int = 100
    layers: int = 5
    seed: int = 0
    out: str = "docs/figures/activation_histograms.png"


Activations = dict[tuple[str, str], list[Array]]


def compute(options: Options) -> Activations:
    """The activations of each layer, (inputs, units), by activation function and start."""
    rng = np.random.default_rng(options.seed)
    x = rng.normal(size=(options.inputs, options.units))
    found: Activations = {}
    for name, activation in ACTIVATIONS.items():
        for start, initializer in STARTS.items():
            y, layers = x, []
            for _ in range(options.layers):
                dense = Dense(options.units, options.units, rng=rng, initializer=initializer)
                y = activation(dense(y))
                layers.append(y)
            found[name, start] = layers
    return found


def table(found: Activations) -> Iterator[list[str | float]]:
    """Standard deviations."""
    depth = len(next(iter(found.values())))
    yield ["standard deviation", *(f"layer {k + 1}" for k in range(depth))]
    for (name, start), layers in found.items():
        yield [f"{name}, {start}", *(float(y.std()) for y in layers)]


def draw(found: Activations) -> Any:
    picture, grid = plots.panels((12, 8.4), len(ACTIVATIONS), len(STARTS), sharey=True)
    for axes, ((name, _), layers) in zip(grid.flat, found.items(), strict=True):
        low, high = RANGES[name]
        for k, y in enumerate(layers):
            counts, edges = np.histogram(np.clip(y, low, high), 50, (low, high))
            share = np.minimum(counts / y.size / FULL, 1)
            axes.stairs(0.9 * share - k, edges, baseline=-k, fill=True, color=plots.shade(k, len(layers)))
            axes.text(1.03, 0.3 - k, f"{y.std():.3g}", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        axes.set(xlim=(low, high), xticks=np.linspace(low, high, 4 if name == "ReLU" else 3))
        axes.set_yticks(0.3 - np.arange(len(layers)), [f"layer {k + 1}" for k in range(len(layers))])
        axes.tick_params(axis="y", length=0)
        axes.grid(False)
    for axes, start in zip(grid[0], STARTS, strict=True):
        axes.set_title(start, fontsize=13)
        axes.text(1.03, 1.0, "std", transform=axes.transAxes, va="center", fontsize=9, fontstyle="italic")
    for axes, name in zip(grid[:, 0], ACTIVATIONS, strict=True):
        axes.set_ylabel(name, fontsize=13)
    for axes in grid[-1]:
        axes.set_xticks([0, 1, 2, 3], ["0", "1", "2", "≥ 3"])
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
