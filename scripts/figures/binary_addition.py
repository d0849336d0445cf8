"""Binary addition by a simple recurrent network, which has to find out about the carry.

The two numbers are read from their lowest bits up, a pair of bits a step, and the step's output is the bit of the sum;
one more step with two zeros gives its highest bit. Whatever an output needs of what was read before is one bit, the
carry, kept in the state. The net learns from some pairs of 8-bit numbers; the pairs held out are all the others, with
a + b and b + a on the same side. What it found is then tried on longer numbers without further training: on random
ones, and on pairs that sum to 2^bits, in which a carry runs from the lowest bit to the highest. A sum is right when
every bit of it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import RNN
from seqrl.losses import binary_cross_entropy_with_logits
from seqrl.optimizers import Adam
from seqrl.parameter import Array, Integers
from seqrl.training import figure


@dataclass(frozen=True)
class Options:
    bits: int = 8
    """Of the numbers that are learned from."""
    pairs: tuple[int, ...] = (50, 100, 300, 1000)
    """How many are learned from, a + b and b + a counted once: a net for each."""
    longer: tuple[int, ...] = (16, 32)
    """The numbers of bits tried without further training."""
    trials: int = 2000
    """Pairs that an accuracy is measured on; the last one of held-out pairs is measured on them all."""
    units: int = 16
    steps: int = 1200
    batch_size: int = 50
    lr: float = 0.01
    """Of Adam at the start; it falls to zero in a straight line."""
    runs: int = 5
    """Each with a split and first weights of its own."""
    seed: int = 0
    out: str = "docs/figures/binary_addition.png"


class Run(NamedTuple):
    """One net; accuracies are the share of sums that are right, in [0, 1]."""

    steps: list[int]
    curves: dict[int, list[float]]
    """By bits: on held-out pairs and on longer random ones, after these steps."""
    accuracies: dict[int, float]
    """After training: the same, but on all held-out pairs."""
    carried: dict[int, float]
    """After training, on pairs that sum to 2^bits."""


Runs = dict[int, list[Run]]  # by the number of pairs that were learned from

LARGEST = 12  # bits: all pairs of numbers are made, which are 8 million then


def compute(options: Options) -> Runs:
    if not 2 <= options.bits <= LARGEST:
        raise InputError(f"--bits is {options.bits}; expected 2 to {LARGEST}")
    available = 2 ** (options.bits - 1) * (2**options.bits + 1)
    if max(options.pairs) >= available:
        raise InputError(f"--pairs is {max(options.pairs)}; expected fewer than the {available} that there are")
    return {
        pairs: [train(options, pairs, np.random.default_rng([options.seed, k])) for k in range(options.runs)]
        for pairs in options.pairs
    }


def train(options: Options, pairs: int, rng: np.random.Generator) -> Run:
    learned, held_out = split(options.bits, pairs, rng)
    sample = held_out[:, rng.permutation(held_out.shape[1])[: options.trials]]
    longer = {bits: padded(rng.integers(2, size=(bits, options.trials, 2))) for bits in options.longer}
    carried = {
        bits: padded(complements(rng.integers(2, size=(bits, options.trials))))
        for bits in (options.bits, *options.longer)
    }
    model = Chain(RNN(2, options.units, rng=rng), Dense(options.units, 1, rng=rng))
    optimizer = Adam(model.parameters(), options.lr, clip=1.0)
    steps: list[int] = []
    curves: dict[int, list[float]] = {bits: [] for bits in carried}
    for step in range(options.steps + 1):
        if step % max(options.steps // 100, 1) == 0:
            steps.append(step)
            for bits, x in ({options.bits: sample} | longer).items():
                curves[bits].append(accuracy(model, x))
        x = learned[:, rng.integers(pairs, size=options.batch_size)]
        logits, backward = model.forward(x)
        backward(binary_cross_entropy_with_logits(logits, sums(x))[1])
        optimizer.lr = options.lr * max(1 - step / options.steps, 0.001)
        optimizer.step()
    accuracies = {bits: accuracy(model, x) for bits, x in ({options.bits: held_out} | longer).items()}
    return Run(steps, curves, accuracies, {bits: accuracy(model, x) for bits, x in carried.items()})


def split(bits: int, pairs: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(what is learned from, what is held out) of all pairs of numbers of so many bits, each (bits + 1, N, 2).

    Learned from is each pair in the one order or the other; held out are both orders of the others.
    """
    a, b = np.triu_indices(2**bits)
    order = rng.permutation(len(a))
    low, high = a[order], b[order]
    swap = rng.random(pairs) < 0.5
    first, second = np.where(swap, high[:pairs], low[:pairs]), np.where(swap, low[:pairs], high[:pairs])
    different = low[pairs:] < high[pairs:]
    return (
        padded(digits(bits, first, second)),
        np.concatenate(
            [
                padded(digits(bits, low[pairs:], high[pairs:])),
                padded(digits(bits, high[pairs:][different], low[pairs:][different])),
            ],
            axis=1,
        ),
    )


def digits(bits: int, a: Integers, b: Integers) -> Integers:
    """The bits of numbers a and b (N,), the lowest first, (bits, N, 2)."""
    both = np.stack([a, b], axis=-1)
    return both >> np.arange(bits)[:, None, None] & 1


def complements(a: Integers) -> Integers:
    """Numbers a and 2^bits - a, (bits, N, 2), from the bits of a (bits, N); their lowest bits are set to 1.

    2^bits - a has every bit of a turned but the lowest.
    """
    a[0] = 1
    b = 1 - a
    b[0] = 1
    return np.stack([a, b], axis=-1)


def padded(pairs: Integers) -> Array:
    """Pairs (bits, N, 2) as input (bits + 1, N, 2): two zeros more, for the highest bit of the sum."""
    return np.concatenate([pairs, np.zeros_like(pairs[:1])]).astype(np.float32)


def sums(x: Array) -> Array:
    """The bits of the sums, (T, N, 1), of pairs x (T, N, 2)."""
    y, carry = np.empty_like(x[..., :1]), np.zeros_like(x[0, :, :1])
    for t, ones in enumerate(x.sum(axis=-1, keepdims=True)):
        carry, y[t] = np.divmod(ones + carry, 2)
    return y


def accuracy(model: Chain, x: Array) -> float:
    """The share of pairs whose sum is right in every bit."""
    return float(np.mean(np.all((model(x) > 0) == sums(x), axis=(0, 2))))


def table(runs: Runs) -> Iterator[list[str | float]]:
    nets = next(iter(runs.values()))
    yield ["% of sums right", "pairs learned from", *(f"net {k + 1}" for k in range(len(nets)))]
    shortest, *longer = nets[0].accuracies
    for pairs, nets in runs.items():
        yield [f"{shortest} bits, held out", str(pairs), *(100 * net.accuracies[shortest] for net in nets)]
        for bits in longer:
            yield [f"{bits} bits, random", str(pairs), *(100 * net.accuracies[bits] for net in nets)]
        for bits in nets[0].carried:
            yield [f"{bits} bits, carried through", str(pairs), *(100 * net.carried[bits] for net in nets)]


def draw(runs: Runs) -> Any:
    picture, (learning, numbers) = plots.panels((12, 4.6), columns=2, sharey=True)
    most, bits = max(runs), list(next(iter(runs.values()))[0].accuracies)
    for colour, length in zip(plots.COLOURS, bits, strict=False):
        for k, net in enumerate(runs[most]):
            label = None if k else f"{length} bits" + ("" if length > bits[0] else ", held out")
            learning.plot(net.steps, 100 * np.array(net.curves[length]), color=colour, linewidth=1, label=label)
        for field, style in {"accuracies": "o-", "carried": "s:"}.items():
            found = [[100 * getattr(net, field)[length] for net in nets] for nets in runs.values()]
            numbers.semilogx(list(runs), np.mean(found, axis=1), style, color=colour, markersize=5)
    numbers.plot([], [], "o-", color="#666666", label="held out or random")
    numbers.plot([], [], "s:", color="#666666", label="a carry from end to end")
    learning.set(title=f"{most} pairs of {bits[0]} bits: every net", xlabel="step", ylabel="% of sums right")
    learning.set(xlim=(0, min(400, runs[most][0].steps[-1])), ylim=(-2, 102))
    numbers.set(title="After training: mean of the nets", xlabel="pairs learned from")
    numbers.set_xticks(list(runs), [str(pairs) for pairs in runs])
    numbers.minorticks_off()
    for axes in learning, numbers:
        axes.legend(loc="lower right")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
