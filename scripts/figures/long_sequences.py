"""Who learns across a hundred steps and more: the adding problem for a simple recurrent network, LSTM and GRU.

A number comes at each step; two of them are marked, one in each half of the sequence, and the answer at the end is
their sum (Hochreiter and Schmidhuber 1997; here as in Le et al. 2015). Who remembers nothing answers 1 and has a mean
squared error of 1/6. From that plateau the error falls only once a gradient has found its way back to the marks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.optimizers import Adam
from seqrl.training import figure
from seqrl.training.adding import BASELINE, adding_problem, error, learn, net

CELLS = {"rnn": "RNN (tanh)", "lstm": "LSTM", "gru": "GRU"}


@dataclass(frozen=True)
class Options:
    lengths: tuple[int, ...] = (100, 200)
    """Of the sequences, in steps: a net for each."""
    units: int = 32
    steps: int = 3000
    """Steps of training at most."""
    batch_size: int = 32
    lr: float = 0.01
    """Of Adam; the gradient is clipped to the norm 1."""
    solved: float = 0.001
    """Training ends at this mean squared error on held-out sequences."""
    trials: int = 500
    """Held-out sequences."""
    runs: int = 3
    """Each with data and first weights of its own."""
    seed: int = 0
    out: str = "docs/figures/long_sequences.png"


class Run(NamedTuple):
    steps: list[int]
    errors: list[float]
    """Mean squared errors on held-out sequences after these steps."""


Runs = dict[tuple[str, int], list[Run]]  # by cell and length


def compute(options: Options) -> Runs:
    return {
        (cell, T): [train(options, cell, T, np.random.default_rng([options.seed, k])) for k in range(options.runs)]
        for T in options.lengths
        for cell in CELLS
    }


def train(options: Options, cell: str, T: int, rng: np.random.Generator) -> Run:
    model = net(cell, options.units, rng)
    optimizer = Adam(model.parameters(), options.lr, clip=1.0)
    held_out = adding_problem(T, options.trials, rng)
    run = Run([0], [error(model, *held_out)])
    while run.steps[-1] < options.steps and run.errors[-1] > options.solved:
        steps = min(50, options.steps - run.steps[-1])
        for _ in range(steps):
            learn(model, optimizer, *adding_problem(T, options.batch_size, rng))
        run.steps.append(run.steps[-1] + steps)
        run.errors.append(error(model, *held_out))
    return run


def table(runs: Runs) -> Iterator[list[str | float]]:
    count = len(next(iter(runs.values())))
    yield ["error at the end", "length", *(f"run {k + 1}" for k in range(count)), *["steps"] * count]
    for (cell, T), of in runs.items():
        yield [CELLS[cell], str(T), *(run.errors[-1] for run in of), *(str(run.steps[-1]) for run in of)]
    yield ["the answer 1 always", "", *[BASELINE] * count]


def draw(runs: Runs) -> Any:
    lengths = sorted({T for _, T in runs})
    picture, grid = plots.panels((12, 4.6), columns=len(lengths), sharey=True, squeeze=False)
    for axes, T in zip(grid[0], lengths, strict=True):
        for colour, (cell, name) in zip((plots.COLOURS[1], *plots.COLOURS[::2]), CELLS.items(), strict=False):
            for k, run in enumerate(runs[cell, T]):
                label = None if k else name
                axes.semilogy(run.steps, run.errors, color=colour, linewidth=1.4, label=label)
                axes.semilogy(run.steps[-1:], run.errors[-1:], "o", color=colour, markersize=5)
        axes.axhline(BASELINE, color="#888888", linewidth=1, linestyle=":")
        axes.text(0.99, 0.85 * BASELINE, "the answer 1", transform=axes.get_yaxis_transform(), ha="right", va="top")
        axes.set(title=f"{T} steps", xlabel="step of training", xlim=(0, None))
    grid[0, 0].set(ylabel="mean squared error, held out")
    picture.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
