"""Why Q-learning goes left where right is better, and double Q-learning does not (Sutton and Barto 2018, figure 6.5).

Right of the start ends with 0. Left leads on to ten actions that all end with a reward from N(-0.1, 1). The largest of
ten noisy estimates lies above their true values: that is the maximisation bias, and Q-learning takes it for what left
is worth. Double Q-learning chooses by one table and values by another with noise of its own (van Hasselt 2010).

In the figure both begin at 50 %. Q-learning rises above 70 % and after 300 episodes is still above the 5 % of exploring
alone, which double Q-learning is close to. The script ends with status 1 where these numbers don't come out.

All runs learn side by side: tables are (2 tables, N runs, A actions), of which Q-learning uses the first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl import plots
from seqrl.agents.exploration import argmax, epsilon_greedy
from seqrl.training import figure

Floats = npt.NDArray[np.float64]

EPSILON = 0.1
LEARNING_RATE = 0.1
LEFT = 0
MEAN = -0.1  # of the reward after going left


@dataclass(frozen=True)
class Options:
    runs: int = 10_000
    episodes: int = 300
    actions: int = 10
    """After going left."""
    seed: int = 0
    out: str = "docs/figures/maximisation_bias.png"


def compute(options: Options) -> dict[str, Floats]:
    """The share of runs that go left in each episode, by algorithm."""
    return {
        "Q-learning": shares_of_left(options, double=False),
        "double Q-learning": shares_of_left(options, double=True),
    }


def shares_of_left(options: Options, double: bool) -> Floats:
    rng = np.random.default_rng([options.seed, double])
    runs, shares = options.runs, np.zeros(options.episodes)
    start, then = np.zeros((2, runs, 2)), np.zeros((2, runs, options.actions))
    for episode in range(options.episodes):
        action = epsilon_greedy(start.sum(axis=0), EPSILON, rng)
        shares[episode] = (action == LEFT).mean()

        # The step from the start: reward 0, and the value of what follows; right ends.
        learns, other = tables(double, runs, rng)
        every = np.arange(runs)
        best = argmax(then[learns, every], rng)
        target = np.where(action == LEFT, then[other, every, best], 0.0)
        start[learns, every, action] += LEARNING_RATE * (target - start[learns, every, action])

        # The step after left, which ends.
        left = np.flatnonzero(action == LEFT)
        action = epsilon_greedy(then[:, left].sum(axis=0), EPSILON, rng)
        reward = rng.normal(MEAN, 1.0, len(left))
        learns, _ = tables(double, len(left), rng)
        then[learns, left, action] += LEARNING_RATE * (reward - then[learns, left, action])
    return shares


def tables(double: bool, runs: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """For each run, the table that learns and the one that values what it chooses: the same but in double Q."""
    learns = rng.integers(2, size=runs) if double else np.zeros(runs, np.int64)
    return learns, 1 - learns if double else learns


def table(shares: dict[str, Floats]) -> Iterator[list[str | float]]:
    episodes = len(next(iter(shares.values())))
    shown = sorted({k for k in (1, 10, 20, 50, 100, 200) if k < episodes} | {episodes})
    yield ["left, % of runs, by episode", *map(str, shown), "highest"]
    for name, share in shares.items():
        yield [name, *(100 * float(share[k - 1]) for k in shown), 100 * float(share.max())]


def numbers(shares: dict[str, Floats]) -> Iterator[figure.Number]:
    single, double = (100 * share for share in shares.values())
    yield figure.near("Q-learning's % of left at first", single[0], 50, 5)
    yield figure.near("double Q-learning's % of left at first", double[0], 50, 5)
    yield figure.Number("Q-learning's highest % of left", single[5:50].max(), 70)
    yield figure.Number("Q-learning's lowest % of left", single[5:].min(), 8)
    yield figure.Number("double Q-learning's % of left in the last 20 episodes", double[-20:].mean(), 5, 8)
    yield figure.Number("the lowest % that Q-learning is above double Q-learning", (single - double)[5:].min(), 2)


def draw(shares: dict[str, Floats]) -> Any:
    picture, axes = plots.panels((6.5, 4))
    for name, share in shares.items():
        axes.plot(np.arange(1, len(share) + 1), 100 * share, label=name)
    axes.axhline(50 * EPSILON, color="#888888", linewidth=1, linestyle=":", label="by exploring alone")
    axes.set(xlabel="episode", ylabel="runs that go left, %", ylim=(0, 100), title="Maximisation bias")
    axes.legend()
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
