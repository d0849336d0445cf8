"""Truncated backpropagation through time: what is learned when gradients end at the chunk and only the state goes on.

A stream of random bits is to be repeated a few steps late, so each answer depends on one input at a known distance,
the lag. The stream is learned from chunk by chunk; the state is carried from one to the next, so that what an answer
needs may be in it, but the gradient of an answer reaches back no further than the start of its chunk. With chunks up to
the lag no gradient ever meets the input that was to be kept, and next to nothing is learned; from the lag on, the last
answers of every chunk teach the net to keep it, and by the carried state the first ones come right as well.
Williams and Peng 1990; Elman 1990 is the case of chunks of one step.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import CELLS, Recurrent, State
from seqrl.losses import binary_cross_entropy_with_logits
from seqrl.optimizers import Adam
from seqrl.parameter import Array
from seqrl.training import figure

NAMES = {"gru": "GRU", "lstm": "LSTM"}
MEASURED = 100  # chunks of streams that were not learned from


@dataclass(frozen=True)
class Options:
    lag: int = 10
    """How many steps late the bits are to be repeated."""
    chunks: tuple[int, ...] = (2, 6, 10, 11, 12, 15, 20)
    """Steps in a chunk: a net for each."""
    units: int = 32
    updates: int = 1500
    """Chunks that are learned from, one after the other."""
    streams: int = 32
    """Learned from side by side."""
    lr: float = 0.01
    """Of Adam; the gradient is clipped to the norm 1."""
    runs: int = 3
    """Each with a stream and first weights of its own."""
    seed: int = 0
    out: str = "docs/figures/truncated_bptt.png"


class Run(NamedTuple):
    accuracies: list[float]
    """In training, the mean of each fiftieth of it, in [0, 1]."""
    updates: list[int]
    """At the end of each."""
    carried: float
    """After training, on other streams, the state carried from start to end."""
    fresh: float
    """After training, on the same streams, the state zero at the start of every chunk."""


Runs = dict[tuple[str, int], list[Run]]  # by cell and chunk


def compute(options: Options) -> Runs:
    return {
        (cell, chunk): [
            train(options, cell, chunk, np.random.default_rng([options.seed, k])) for k in range(options.runs)
        ]
        for cell in NAMES
        for chunk in options.chunks
    }


def train(options: Options, name: str, chunk: int, rng: np.random.Generator) -> Run:
    cell, output = CELLS[name](1, options.units, rng=rng), Dense(options.units, 1, rng=rng)
    parameters = {f"cell.{n}": p for n, p in cell.parameters()} | {f"output.{n}": p for n, p in output.parameters()}
    optimizer = Adam(parameters.items(), options.lr, clip=1.0)
    state: State = None
    right = []
    for x, bits in stream(options.lag, chunk, options.updates, options.streams, rng):
        (y, state), cell_backward = cell.scan(x, state)
        logits, output_backward = output.forward(y)
        cell_backward(output_backward(binary_cross_entropy_with_logits(logits, bits)[1]))  # and ends here
        optimizer.step()
        right.append(share_right(logits, bits))
    parts = np.array_split(right, min(50, options.updates))
    other = list(stream(options.lag, chunk, MEASURED, options.streams, rng))
    return Run(
        [float(part.mean()) for part in parts],
        np.cumsum([len(part) for part in parts]).tolist(),
        measure(cell, output, other, carry=True),
        measure(cell, output, other, carry=False),
    )


def stream(lag: int, chunk: int, chunks: int, N: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """N streams of random bits, chunk by chunk: inputs -1 and 1, and the bits that were read `lag` steps before.

    Both are (chunk, N, 1). What was before the start is random too.
    """
    bits = rng.integers(2, size=(lag, N, 1)).astype(np.float32)
    for _ in range(chunks):
        bits = np.concatenate([bits[-lag:], rng.integers(2, size=(chunk, N, 1)).astype(np.float32)])
        yield 2 * bits[lag:] - 1, bits[:chunk]


def share_right(logits: Array, bits: Array) -> float:
    return float(np.mean((logits > 0) == bits))


def measure(cell: Recurrent, output: Dense, chunks: list[tuple[Array, Array]], carry: bool) -> float:
    state, right = None, []
    for x, bits in chunks:
        (y, final), _ = cell.scan(x, state)
        state = final if carry else None
        right.append(share_right(output(y), bits))
    return float(np.mean(right[1:]))  # what was before the first chunk is not known


def table(runs: Runs) -> Iterator[list[str | float]]:
    count = len(next(iter(runs.values())))
    yield ["% of bits right", "chunk", *(f"run {k + 1}" for k in range(count)), *["state not carried"] * count]
    for (cell, chunk), of in runs.items():
        yield [NAMES[cell], str(chunk), *(100 * run.carried for run in of), *(100 * run.fresh for run in of)]


def draw(runs: Runs) -> Any:
    picture, (learning, lengths) = plots.panels((12, 4.6), columns=2, sharey=True)
    chunks = sorted({chunk for _, chunk in runs})
    cell = next(iter(runs))[0]
    for place, chunk in enumerate(chunks):
        for k, run in enumerate(runs[cell, chunk]):
            label = None if k else str(chunk)
            colour = plots.shade(place, len(chunks))
            learning.plot(run.updates, 100 * np.array(run.accuracies), color=colour, linewidth=1.2, label=label)
    learning.set(title=f"{NAMES[cell]}, by steps in a chunk", xlabel="chunks learned from", ylabel="% of bits right")
    learning.set(ylim=(45, 102), xlim=(0, None))
    learning.legend(title="steps in a chunk", loc="center left", bbox_to_anchor=(1, 0.5))
    for colour, (cell, name) in zip(plots.COLOURS, NAMES.items(), strict=False):
        for field, style in {"carried": "o-", "fresh": "s:"}.items():
            found = 100 * np.array([[getattr(run, field) for run in runs[cell, chunk]] for chunk in chunks])
            label = f"{name}, state " + ("carried" if field == "carried" else "reset")
            lengths.plot(chunks, found.mean(axis=1), style, color=colour, label=label, markersize=5)
    lengths.set(title="After training, on other streams: mean of the runs", xlabel="steps in a chunk")
    lengths.set_xticks(chunks)
    lengths.legend(loc="upper left")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
