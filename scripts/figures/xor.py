"""XOR: no line parts its classes, so a perceptron goes round for ever (Minsky and Papert 1969); two layers learn it.

Two hidden units are enough in principle, but only some random starts find such weights; with more units nearly every
start does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import Sequential, plots
from seqrl.activations import Tanh, sigmoid
from seqrl.layers.dense import Dense
from seqrl.models.perceptron import Perceptron
from seqrl.optimizers import SGD
from seqrl.training import figure

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([0, 1, 1, 0])
UNITS = (1, 2, 3, 4, 8)
LR = 1.0


@dataclass(frozen=True)
class Options:
    epochs: int = 1000
    starts: int = 20
    """Random initial weights of nets of each size."""
    seed: int = 0
    out: str = "docs/figures/xor.png"


class Result(NamedTuple):
    perceptron: Perceptron
    mistakes: list[int]
    """Of the perceptron in each epoch."""
    net: Sequential
    """The largest, from its first start."""
    losses: list[float]
    learned: dict[int, float]
    """The share of starts that get all four right, by the number of hidden units."""


def compute(options: Options) -> Result:
    rng = np.random.default_rng(options.seed)
    perceptron = Perceptron(2)
    mistakes = perceptron.fit(X, XOR, epochs=options.epochs)
    nets = {units: [train(units, options.epochs, rng) for _ in range(options.starts)] for units in UNITS}
    learned = {units: np.mean([all_right(net) for net, _ in found]).item() for units, found in nets.items()}
    net, losses = nets[UNITS[-1]][0]
    return Result(perceptron, mistakes, net, losses, learned)


def train(units: int, epochs: int, rng: np.random.Generator) -> tuple[Sequential, list[float]]:
    net = Sequential([Dense(2, units, rng=rng), Tanh(), Dense(units, 1, rng=rng)])
    net.compile(partial(SGD, lr=LR), "binary_cross_entropy_with_logits")
    history = net.fit(X, XOR[:, None], epochs=epochs, verbose=False)
    return net, history.history["loss"]


def all_right(net: Sequential) -> bool:
    return number_right(net.predict(X)[:, 0] > 0) == 4


def number_right(predicted: npt.NDArray[np.generic]) -> int:
    return int((predicted == XOR).sum())


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["", "starts that learn XOR, %"]
    yield ["perceptron", 100.0 * (result.mistakes[-1] == 0)]
    for units, share in result.learned.items():
        yield [f"net of {units} hidden", 100 * share]


def draw(result: Result) -> Any:
    picture, (plane, surface, curves, bars) = plots.panels((15, 4), 1, 4)
    spots = np.stack(np.meshgrid(np.linspace(-0.5, 1.5, 200), np.linspace(-0.5, 1.5, 200)), axis=-1)
    right = number_right(result.perceptron(X)), number_right(result.net.predict(X)[:, 0] > 0)
    outputs = {
        plane: (f"Perceptron: {right[0]} of 4", result.perceptron(spots).astype(float)),
        surface: (
            f"Net of {UNITS[-1]} hidden units: {right[1]} of 4",
            sigmoid(result.net(spots.astype(np.float32))[..., 0]),
        ),
    }
    for axes, (title, output) in outputs.items():
        axes.contourf(*spots.T, output.T, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.5)
        if np.ptp(output):
            axes.contour(*spots.T, output.T, levels=[0.5], colors="black", linewidths=1.5)
        for label, marker, colour in (0, "o", plots.COLOURS[0]), (1, "s", plots.COLOURS[1]):
            points = X[label == XOR]
            axes.plot(*points.T, marker, color=colour, markersize=12, markeredgecolor="white", label=f"XOR = {label}")
        axes.set(title=title, aspect="equal", xticks=[0, 1], yticks=[0, 1])
        axes.grid(False)
    plane.legend(loc="center left", handletextpad=0.2)
    curves.plot(np.arange(1, len(result.losses) + 1), np.array(result.losses) / np.log(2), label="net: loss / log 2")
    curves.plot(np.arange(1, len(result.mistakes) + 1), np.array(result.mistakes) / 4, label="perceptron: mistakes / 4")
    curves.set(title="In training", xlabel="epochs", xscale="log", ylim=(-0.03, 1.4))
    curves.legend(loc="upper right")
    shares = [100 * share for share in (0, *result.learned.values())]
    bars.bar(["perceptron", *map(str, result.learned)], shares, color=plots.COLOURS[2])
    bars.set(title="Starts that learn XOR, %", xlabel="hidden units", ylim=(0, 105))
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
