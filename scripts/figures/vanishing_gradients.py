"""How deep a plain net can be and still learn digits, by activation function and initial weights.

Going back through a sigmoid layer multiplies the gradient by at most 1/4 and by the weights: with small normal weights
or many layers nothing is left of it at the first one, and the net stays at chance. Small weights starve ReLU as well;
with those of Xavier (Glorot and Bengio 2010) or He (He et al. 2015) it learns at every depth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.activations import ReLU, Sigmoid
from seqrl.images.datasets import load, split
from seqrl.initializers import Initializer, glorot_normal, he_normal, normal
from seqrl.layer import Layer
from seqrl.layers.dense import Dense
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import SGD
from seqrl.parameter import Array, Integers
from seqrl.training import figure
from seqrl.training.sequential import Sequential

ACTIVATIONS: dict[str, type[Layer]] = {"sigmoid": Sigmoid, "ReLU": ReLU}
STARTS: dict[str, Initializer] = {"small (0.01)": normal(0.01), "Xavier": glorot_normal, "He": he_normal}
UNITS = 100


@dataclass(frozen=True)
class Options:
    depths: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    """Numbers of hidden layers."""
    epochs: int = 30
    batch_size: int = 50
    lr: float = 0.1
    """Of SGD without momentum."""
    digits: str = "drawn"
    """Where they come from: drawn, mnist5k, digits, or a folder of IDX files."""
    held_out: float = 0.6
    """The fraction of the digits that accuracy is measured on."""
    seed: int = 0
    out: str = "docs/figures/vanishing_gradients.png"


class Curve(NamedTuple):
    """What one activation function and one start come to."""

    depths: tuple[int, ...]
    accuracies: list[float]
    """On digits that were held out, by depth, in [0, 1]."""
    gradients: list[float]
    """Before training, by layer of the deepest net: root of the mean square of the gradient of its weights."""


Curves = dict[tuple[str, str], Curve]


def compute(options: Options) -> Curves:
    learned, held_out = split(load(options.digits), options.held_out, np.random.default_rng(options.seed))
    x, x_test = learned.images.reshape(len(learned.labels), -1), held_out.images.reshape(len(held_out.labels), -1)
    curves = {}
    for name, activation in ACTIVATIONS.items():
        for start, initializer in STARTS.items():
            accuracies, gradients = [], []
            for depth in options.depths:
                model = deep_net(activation, initializer, depth, x.shape[1], np.random.default_rng(options.seed))
                model.compile(partial(SGD, lr=options.lr), "softmax_cross_entropy", ["accuracy"])
                gradients = gradients_by_layer(model, x, learned.labels)
                model.fit(x, learned.labels, options.batch_size, options.epochs, rng=options.seed, verbose=False)
                accuracies.append(model.evaluate(x_test, held_out.labels)["accuracy"])
            curves[name, start] = Curve(options.depths, accuracies, gradients)
    return curves


def deep_net(
    activation: type[Layer], initializer: Initializer, depth: int, n_in: int, rng: np.random.Generator
) -> Sequential:
    layers: list[Layer] = []
    for below, above in pairwise([n_in, *[UNITS] * depth]):
        layers += [Dense(below, above, rng=rng, initializer=initializer), activation()]
    return Sequential([*layers, Dense(UNITS, 10, rng=rng, initializer=initializer)])


def gradients_by_layer(model: Sequential, x: Array, label: Integers) -> list[float]:
    """The root of the mean square of the gradient of each layer's weights, on all of the data."""
    logits, backward = model.forward_data(x)
    backward(softmax_cross_entropy(logits, label)[1])
    weights = [parameter.grad for name, parameter in model.parameters() if name.endswith("weight")]
    found = [float(np.sqrt(np.mean(gradient**2))) for gradient in weights]
    model.zero_grad()
    return found


def table(curves: Curves) -> Iterator[list[str | float]]:
    depths = next(iter(curves.values())).depths
    yield ["accuracy by hidden layers", *(str(depth) for depth in depths)]
    for (name, start), curve in curves.items():
        yield [f"{name}, {start}", *curve.accuracies]
    yield ["gradient by layer", *(str(k + 1) for k in range(len(depths)))]
    for (name, start), curve in curves.items():
        yield [f"{name}, {start}", *curve.gradients]


def draw(curves: Curves) -> Any:
    picture, (gradients, accuracies) = plots.panels((12, 4.6), columns=2)
    for (name, start), curve in curves.items():
        colour = plots.COLOURS[list(STARTS).index(start)]
        style = {"color": colour, "linestyle": "--" if name == "sigmoid" else "-", "marker": "o", "markersize": 5}
        gradients.semilogy(range(1, len(curve.gradients) + 1), curve.gradients, **style)
        accuracies.plot(curve.depths, 100 * np.array(curve.accuracies), label=f"{name}, {start}", **style)
    gradients.set(title="Gradient of the weights before training", xlabel="layer", ylabel="root mean square")
    accuracies.axhline(10, color="#888888", linewidth=1, linestyle=":")
    accuracies.text(0.99, 11, "chance", transform=accuracies.get_yaxis_transform(), color="#666666", ha="right")
    accuracies.set(title="Held-out accuracy after training", xlabel="hidden layers", ylabel="%", ylim=(0, 100))
    accuracies.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
