"""Pruning and lottery tickets: how many of its weights a net needs, and which (Frankle and Carbin 2019).

After training, the smaller half of what is left of each hidden layer's weights is pruned, again and again.

- pruned: the trained net without its smallest weights, as it is: half of them were not needed;
- ticket: what is left, rewound to its values before training and trained alone, which finds the next half to prune; it
  knows much of the task before it is trained (Zhou et al. 2019);
- redrawn: the same connections with values drawn anew, trained: the ticket owes its accuracy to its initial values.

A net 784-300-100-10 of rectified units on drawn digits; its small output layer is left whole.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.activations import ReLU
from seqrl.images.datasets import load, split
from seqrl.initializers import he_normal
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import Adam
from seqrl.parameter import Array, Integers
from seqrl.training import figure

HIDDEN = (300, 100)
LR, BATCH_SIZE = 1.2e-3, 50
COMPARED = 5  # halvings after which the learning curves are drawn
WAYS = ("pruned", "ticket", "redrawn")

Masks = list[Array]  # for the weights of each hidden layer, 1 where they are kept, else 0


@dataclass(frozen=True)
class Options:
    data: str = "drawn"
    """A name or a folder, see seqrl.images.datasets.load."""
    images: int = 4000
    """To train on, at most."""
    epochs: int = 8
    halvings: int = 8
    repeats: int = 3
    seed: int = 0
    out: str = "docs/figures/pruning.png"


class Data(NamedTuple):
    x: Array
    label: Integers
    x_test: Array
    label_test: Integers


class Result(NamedTuple):
    accuracy: dict[str, Array]
    """On the test images, (repeats, halvings + 1, epochs + 1) by the way; before training and after each epoch."""
    kept: Array
    """Weights from each pixel that the last ticket has after COMPARED halvings, (height, width)."""


def compute(options: Options) -> Result:
    shape = (options.repeats, options.halvings + 1, options.epochs + 1)
    accuracy: dict[str, Array] = {way: np.zeros(shape) for way in WAYS}
    for repeat, seed in enumerate(np.random.SeedSequence(options.seed).spawn(options.repeats)):
        rng = np.random.default_rng(seed)
        training, test = split(load(options.data), 0.2, rng)
        x, x_test = (part.images.reshape(len(part.labels), -1) for part in (training, test))
        data = Data(x[: options.images], training.labels[: options.images], x_test, test.labels)
        pruned, ticket = build(data, rng), build(data, rng)
        ticket.load_state_dict(start := pruned.state_dict())
        masks = pruned_masks = [np.ones_like(layer.weight.value) for layer in hidden_layers(ticket)]
        for k in range(options.halvings + 1):
            if k:
                masks, pruned_masks = halved(ticket, masks), halved(pruned, pruned_masks)
            ticket.load_state_dict(start)
            accuracy["ticket"][repeat, k] = train(ticket, masks, data, options.epochs, rng)
            accuracy["redrawn"][repeat, k] = train(build(data, rng), masks, data, options.epochs, rng)
            if k == 0:
                pruned.load_state_dict(ticket.state())
            prune(pruned, pruned_masks)
            accuracy["pruned"][repeat, k] = test_accuracy(pruned, data)
            if k == min(COMPARED, options.halvings):
                kept = masks[0].sum(axis=1).reshape(training.images.shape[2:])
    return Result(accuracy, kept)


def build(data: Data, rng: np.random.Generator) -> Chain:
    sizes = [data.x.shape[1], *HIDDEN, data.label.max() + 1]
    pairs = [(Dense(a, b, rng=rng, initializer=he_normal), ReLU()) for a, b in itertools.pairwise(sizes)]
    return Chain(*[layer for pair in pairs for layer in pair][:-1])


def hidden_layers(net: Chain) -> list[Any]:
    return [layer for layer in net.layers[:-1] if isinstance(layer, Dense)]


def halved(net: Chain, masks: Masks) -> Masks:
    """Masks of the larger half of the weights that are left."""
    sizes = [np.abs(layer.weight.value[mask > 0]) for layer, mask in zip(hidden_layers(net), masks, strict=True)]
    limits = [np.median(size) for size in sizes]
    return [
        mask * (np.abs(layer.weight.value) > limit)
        for layer, mask, limit in zip(hidden_layers(net), masks, limits, strict=True)
    ]


def prune(net: Chain, masks: Masks) -> None:
    for layer, mask in zip(hidden_layers(net), masks, strict=True):
        layer.weight.value *= mask


def train(net: Chain, masks: Masks, data: Data, epochs: int, rng: np.random.Generator) -> list[float]:
    """Accuracy before training and after each epoch; a weight that is pruned stays 0, for so does its gradient."""
    prune(net, masks)
    optimizer = Adam(net.parameters(), lr=LR)
    accuracy = [test_accuracy(net, data)]
    for _ in range(epochs):
        order = rng.permutation(len(data.label))
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            logits, backward = net.forward_data(data.x[rows])
            _, gradient = softmax_cross_entropy(logits, data.label[rows])
            backward(gradient)
            for layer, mask in zip(hidden_layers(net), masks, strict=True):
                layer.weight.grad *= mask
            optimizer.step()
        accuracy.append(test_accuracy(net, data))
    return accuracy


def test_accuracy(net: Chain, data: Data) -> float:
    return float((net(data.x_test).argmax(axis=1) == data.label_test).mean())


def shares(result: Result) -> Array:
    """Of the weights that are kept, in percent."""
    return 100 * 0.5 ** np.arange(result.accuracy["ticket"].shape[1])


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["weights kept, %", *WAYS]
    for k, share in enumerate(shares(result)):
        yield [f"{share:.3g}", *(float(result.accuracy[way][:, k, -1].mean()) for way in WAYS)]


def draw(result: Result) -> Any:
    picture, (left, middle, right) = plots.panels((13, 4), 1, 3)
    colours = dict(zip(WAYS, (plots.COLOURS[6], *plots.COLOURS[:2]), strict=True))
    for way, accuracy in result.accuracy.items():
        final = 100 * accuracy[:, :, -1]
        left.fill_between(shares(result), final.min(axis=0), final.max(axis=0), color=colours[way], alpha=0.2)
        left.plot(shares(result), final.mean(axis=0), "o-", color=colours[way], markersize=4, label=way)
    left.set(title="Accuracy by weights kept", xlabel="weights kept, %", ylabel="test accuracy, %", xscale="log")
    left.set_xticks(shares(result), [f"{share:.1f}" if share < 10 else f"{share:.0f}" for share in shares(result)])
    left.minorticks_off()
    left.invert_xaxis()
    left.set_ylim(60, 100)
    left.legend(loc="lower left")
    k = min(COMPARED, len(shares(result)) - 1)
    for way in WAYS[1:]:
        middle.plot(100 * result.accuracy[way][:, k].mean(axis=0), "o-", color=colours[way], markersize=4, label=way)
    dense = 100 * result.accuracy["ticket"][:, 0].mean(axis=0)
    middle.plot(dense, "--", color="#999999", label="all weights")
    middle.set(title=f"{shares(result)[k]:.2g} % kept, in training", xlabel="epochs", ylabel="test accuracy, %")
    middle.set_ylim(0, 100)
    middle.legend(loc="lower right")
    image = right.imshow(result.kept, cmap="viridis")
    right.set(title=f"Weights left of each pixel, {shares(result)[k]:.2g} % kept", xticks=[], yticks=[])
    right.grid(False)
    picture.colorbar(image, ax=right, fraction=0.046)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
