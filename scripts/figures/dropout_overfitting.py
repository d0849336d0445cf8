"""Overfitting, and what dropout does about it: a net with few digits to learn from, a fifth of them labelled wrongly.

Without dropout the net learns every wrong label by heart and becomes surer and surer of it: accuracy on held-out digits
reaches its best within a few epochs and then falls, while their loss rises. With dropout (Srivastava et al. 2014) no
unit can rely on another to be there; learning by heart takes longer, and held-out digits gain.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from seqrl import plots
from seqrl.activations import ReLU
from seqrl.errors import InputError
from seqrl.images.datasets import load, split
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.optimizers import Adam
from seqrl.parameter import Array, Integers
from seqrl.training import figure
from seqrl.training.sequential import Sequential


@dataclass(frozen=True)
class Options:
    units: int = 100
    """In each of two hidden layers."""
    dropout: float = 0.5
    """Probability after each hidden layer."""
    input_dropout: float = 0.2
    """Probability of the pixels."""
    wrong_labels: float = 0.2
    """The fraction of training digits that get a random label."""
    epochs: int = 150
    batch_size: int = 50
    lr: float = 0.001
    """Of Adam."""
    digits: str = "drawn"
    """Where they come from: drawn, mnist5k, digits, or a folder of IDX files."""
    held_out: float = 0.9
    """The fraction of the digits that is not trained on."""
    seed: int = 0
    out: str = "docs/figures/dropout_overfitting.png"


Digits = tuple[Array, Integers]  # pixels (N, 784) and labels (N,)
Metrics = dict[str, list[float]]  # "loss" and "accuracy" after each epoch
Curves = dict[str, dict[str, Metrics]]  # "without dropout" and "with dropout": "training" and "held out"


def compute(options: Options) -> Curves:
    if not 0 <= options.wrong_labels <= 1:
        raise InputError(f"--wrong-labels is {options.wrong_labels}; expected a fraction from 0 to 1")
    rng = np.random.default_rng(options.seed)
    learned, held_out = split(load(options.digits), options.held_out, rng)
    wrong = rng.random(len(learned.labels)) < options.wrong_labels
    labels = np.where(wrong, rng.integers(10, size=len(wrong)), learned.labels)
    training = learned.images.reshape(len(labels), -1), labels
    test = held_out.images.reshape(len(held_out.labels), -1), held_out.labels
    return {
        "without dropout": train(training, test, 0, 0, options),
        "with dropout": train(training, test, options.input_dropout, options.dropout, options),
    }


def train(training: Digits, test: Digits, input_dropout: float, dropout: float, options: Options) -> dict[str, Metrics]:
    rng = np.random.default_rng(options.seed)
    model = Sequential(
        [
            Dropout(input_dropout, rng=rng),
            Dense(training[0].shape[1], options.units, rng=rng),
            ReLU(),
            Dropout(dropout, rng=rng),
            Dense(options.units, options.units, rng=rng),
            ReLU(),
            Dropout(dropout, rng=rng),
            Dense(options.units, 10, rng=rng),
        ]
    )
    model.compile(partial(Adam, lr=options.lr), "softmax_cross_entropy", ["accuracy"])
    curves: dict[str, Metrics] = {name: {"loss": [], "accuracy": []} for name in ("training", "held out")}

    def measure(epoch: int, metrics: Mapping[str, float]) -> None:
        """Both at inference; `metrics` are of training, with dropout."""
        for curve, digits in zip(curves.values(), (training, test), strict=True):
            for name, value in model.evaluate(*digits).items():
                curve[name].append(value)

    model.fit(*training, options.batch_size, options.epochs, callbacks=[measure], rng=rng, verbose=False)
    return curves


def table(curves: Curves) -> Iterator[list[str | float]]:
    yield ["", "accuracy: best", "last", "loss: lowest", "last"]
    for name, parts in curves.items():
        for part, of in parts.items():
            accuracy, loss = of["accuracy"], of["loss"]
            yield [f"{name}, {part}", max(accuracy), accuracy[-1], min(loss), loss[-1]]


def draw(curves: Curves) -> Any:
    picture, (accuracies, losses) = plots.panels((12, 4.6), columns=2)
    for colour, (name, parts) in zip((plots.COLOURS[1], plots.COLOURS[0]), curves.items(), strict=True):
        for part, of in parts.items():
            style = {"color": colour, "linestyle": "--" if part == "training" else "-"}
            epochs = range(1, len(of["loss"]) + 1)
            accuracies.plot(epochs, 100 * np.array(of["accuracy"]), label=f"{name}, {part}", **style)
            losses.plot(epochs, of["loss"], **style)
    accuracies.set(title="Accuracy", xlabel="epoch", ylabel="%", xlim=(0, None), ylim=(40, 101))
    losses.set(title="Loss", xlabel="epoch", ylabel="nats", xlim=(0, None), ylim=(0, None))
    picture.legend(loc="outside lower center", ncols=4)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
