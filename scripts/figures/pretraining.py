"""Pre-training against random starts: a deep sigmoid net learns digits from weights that it learned without labels.

Going back through five sigmoid layers so little is left of the gradient that random weights, small or Xavier's, stay at
chance. Trained a layer at a time to reconstruct their inputs (Hinton and Salakhutdinov 2006, Bengio et al. 2007), the
layers begin where the gradient does get through. ReLU with the weights of He et al. (2015) needs none of that.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.activations import ReLU
from seqrl.errors import InputError
from seqrl.images.datasets import Images, load, split
from seqrl.initializers import glorot_uniform, he_normal, normal
from seqrl.layer import Chain, Layer
from seqrl.layers.dense import Dense
from seqrl.models.autoencoder import autoencoder, classifier, sigmoid_encoder
from seqrl.optimizers import SGD
from seqrl.parameter import Array
from seqrl.training import figure
from seqrl.training.pretraining import pretrain
from seqrl.training.sequential import Sequential

SMALL, XAVIER, PRETRAINED, RELU = STARTS = "sigmoid, small", "sigmoid, Xavier", "sigmoid, pre-trained", "ReLU, He"


@dataclass(frozen=True)
class Options:
    depth: int = 5
    """Hidden layers."""
    units: int = 100
    """In each of them."""
    pretraining_epochs: int = 5
    """Of each layer."""
    epochs: int = 30
    """Of the whole net, with labels."""
    lr: float = 0.05
    """Of SGD with a momentum of 0.9."""
    digits: str = "drawn"
    """Where they come from: drawn, mnist5k, digits, or a folder of IDX files."""
    held_out: float = 0.2
    """The fraction of the digits that accuracy is measured on."""
    seed: int = 0
    out: str = "docs/figures/pretraining.png"


class Curve(NamedTuple):
    """What one start comes to, epoch by epoch."""

    losses: list[float]
    """Cross-entropy on the training digits, in nats."""
    accuracies: list[float]
    """On the digits that were held out, in [0, 1]."""
    seconds: float
    """With the pre-training."""


def compute(options: Options) -> dict[str, Curve]:
    if options.depth < 1:
        raise InputError(f"--depth is {options.depth}; expected 1 or more")
    streams = np.random.SeedSequence(options.seed).spawn(1 + len(STARTS))
    train, test = split(load(options.digits), options.held_out, np.random.default_rng(streams[0]))
    found = {}
    for start, stream in zip(STARTS, streams[1:], strict=True):
        began = time.perf_counter()
        rng = np.random.default_rng(stream)
        model = Sequential(network(start, train, options, rng).layers)
        model.compile(partial(SGD, lr=options.lr, momentum=0.9), "softmax_cross_entropy", ["accuracy"])
        held_out = flat(test), test.labels
        kept = model.fit(
            flat(train), train.labels, 50, options.epochs, held_out, rng=rng.spawn(1)[0], verbose=False
        ).history
        found[start] = Curve(kept["loss"], kept["val_accuracy"], time.perf_counter() - began)
    return found


def flat(images: Images) -> Array:
    """(N, D)."""
    return images.images.reshape(len(images.labels), -1)


def network(start: str, images: Images, options: Options, rng: np.random.Generator) -> Chain:
    """The net with the weights that it begins its training with labels from."""
    x, classes = flat(images), len(images.names)
    sizes = [x.shape[1], *[options.units] * options.depth]
    if start == RELU:
        hidden: list[Layer] = []
        for n_in, n_out in pairwise(sizes):
            hidden += [Dense(n_in, n_out, rng=rng, initializer=he_normal), ReLU()]
        return Chain(*hidden, Dense(options.units, classes, rng=rng))
    encoder = sigmoid_encoder(sizes, rng=rng, initializer=normal(0.01) if start == SMALL else glorot_uniform)
    if start == PRETRAINED:
        pretrain(autoencoder(encoder), x, rng=rng, epochs=options.pretraining_epochs, verbose=False)
    return classifier(encoder, classes, rng=rng)


def table(found: dict[str, Curve]) -> Iterator[list[str | float]]:
    epochs = len(next(iter(found.values())).losses)
    yield ["start", "training loss", "held out, epoch 1", f"epoch {epochs}", "seconds"]
    for start, curve in found.items():
        yield [start, curve.losses[-1], curve.accuracies[0], curve.accuracies[-1], curve.seconds]


def draw(found: dict[str, Curve]) -> Any:
    picture, (losses, accuracies) = plots.panels((11, 4.2), columns=2)
    styles = dict(zip(STARTS, ("--", ":", "-", "-"), strict=True))  # the first two lie on each other
    for start, curve in found.items():
        epochs = range(1, 1 + len(curve.losses))
        losses.plot(epochs, curve.losses, styles[start], label=start)
        accuracies.plot(epochs, [100 * a for a in curve.accuracies], styles[start], label=start)
    losses.set(title="Training loss", xlabel="epoch with labels", ylabel="nats", ylim=(0, None))
    accuracies.set(title="Accuracy on digits held out", xlabel="epoch with labels", ylabel="%", ylim=(0, 100))
    accuracies.legend(loc="center right")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
