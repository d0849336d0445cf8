"""How far ahead to look: n-step TD on the random walk of 19 states (Sutton and Barto 2018, figure 7.2).

One step ahead (n = 1) is TD(0), which passes a reward back one state an episode; to the end is Monte Carlo, which takes
the whole noise of the walk. Each n has its best step size, and the best of all lies between. The error is the root of
the mean squared one over the states, then the mean over the first ten episodes and over runs.

In the figure the lowest error of all, about 0.27, is that of n = 4 at a step size of about 0.4; n = 1 comes down to
about 0.35 and n = 512 to 0.48. The script ends with status 1 where these numbers don't come out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.agents import dynamic_programming
from seqrl.agents.features import Array, TileCoding
from seqrl.agents.prediction import n_step_td
from seqrl.agents.worlds.random_walk import RandomWalk
from seqrl.training import figure

STATES = 19
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
RATES = np.concatenate([np.arange(0, 0.1, 0.02), np.arange(0.1, 1.01, 0.05)])
WORST = 0.55  # as far up as the book shows


@dataclass(frozen=True)
class Options:
    episodes: int = 10
    runs: int = 100
    seed: int = 0
    out: str = "docs/figures/random_walk.png"


class Result(NamedTuple):
    exact: Array
    """Values (19,): (s - 10) / 10."""
    errors: dict[int, Array]
    """By n, for each of RATES: the mean root mean squared error."""
    learned: dict[int, Array]
    """By n: the values (19,) of the first run, at the best rate."""


def compute(options: Options) -> Result:
    rng = np.random.default_rng(options.seed)
    walk = RandomWalk(STATES)
    model = dynamic_programming.model_of(walk)
    exact = dynamic_programming.policy_evaluation(model, np.full((STATES + 2, 2), 0.5))[1:-1]
    runs = [walk.walks(options.episodes, rng) for _ in range(options.runs)]
    table = TileCoding([0], [STATES + 2], tilings=1, tiles=STATES + 2)  # a tile for each state
    errors, learned = {}, {}
    for n in STEPS:
        weights = [learn(table, episodes, n, exact) for episodes in runs]
        errors[n] = np.mean([error for _, error in weights], axis=0)
        learned[n] = weights[0][0][1 : STATES + 1, errors[n].argmin()]
    return Result(exact, errors, learned)


def learn(table: TileCoding, episodes: list[Any], n: int, exact: Array) -> tuple[Array, Array]:
    """(weights, errors at each of RATES), after episodes that all rates learn from side by side."""
    weights, errors = np.zeros((table.size, len(RATES))), np.zeros(len(RATES))
    for states in episodes:
        rewards = np.zeros(len(states) - 1)
        rewards[-1] = 1 if states[-1] > STATES else -1
        n_step_td(table, weights, states[:, None], rewards, n=n, learning_rate=RATES)
        errors += np.sqrt(np.mean((weights[1 : STATES + 1] - exact[:, None]) ** 2, axis=0))
    return weights, errors / len(episodes)


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["steps ahead", "lowest error", "at step size"]
    for n, errors in result.errors.items():
        yield [str(n), errors.min(), RATES[errors.argmin()]]


def numbers(result: Result) -> Iterator[figure.Number]:
    lowest = {n: float(errors.min()) for n, errors in result.errors.items()}
    yield figure.near("the lowest error with n = 1", lowest[1], 0.35, 0.02)
    yield figure.near("the lowest error with n = 4", lowest[4], 0.27, 0.015)
    yield figure.near("the lowest error with n = 512", lowest[512], 0.485, 0.02)
    yield figure.near("the best step size with n = 4", float(RATES[result.errors[4].argmin()]), 0.4, 0.11)
    yield figure.Number("the best n", min(lowest, key=lambda n: lowest[n]), 2, 8)
    yield figure.near("the error of zeros", result.errors[1][0], np.sqrt(0.3), 1e-9)  # of the mean of (s / 10)^2
    line = (np.arange(1, STATES + 1) - 10) / 10
    yield figure.near("the largest distance of exact values from the line", np.abs(result.exact - line).max(), 0, 1e-12)


def draw(result: Result) -> Any:
    picture, (curves, values) = plots.panels((12, 4.4), 1, 2)
    for i, (n, errors) in enumerate(result.errors.items()):
        shown = errors <= WORST
        curves.plot(RATES[shown], errors[shown], label=f"n = {n}", color=plots.shade(i, len(STEPS)))
    curves.set(title="Error in the first episodes", xlabel="step size", ylabel="root mean squared error")
    curves.set(ylim=(None, WORST + 0.01), xlim=(0, 1))
    curves.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    states = np.arange(1, STATES + 1)
    values.plot(states, result.exact, color="black", linestyle=":", label="exact")
    for n, colour in zip((1, 4, 512), plots.COLOURS, strict=False):
        values.plot(states, result.learned[n], "o-", markersize=3, label=f"n = {n}", color=colour)
    values.set(title="Values after one run, each at its best step size", xlabel="state", ylabel="value")
    values.set_xticks(states[::3])
    values.legend()
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
