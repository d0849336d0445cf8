"""What a value is made of: Fourier features, polynomials, tiles, bells and groups on a random walk of 1000 states.

Gradient Monte Carlo learns the values of the walk with jumps of up to 100 states, from the same episodes with each kind
of features (Sutton and Barto 2018, example 9.1 and figures 9.5 and 9.10). Groups of 200 states can at best be a
staircase; 50 tilings as wide, 4 states apart, end up finer. Polynomials of any order are slow: their features are
nearly alike, so most errors lie where the gradient is small.

Step sizes are the book's for figure 9.5, 0.0001 for polynomials and half of it for Fourier features. Groups have five
times as much and 50 tilings a fiftieth of that each: with the book's 0.0001 the tiles at the edges, where the walk
seldom is, are far from learned after 5000 episodes.

In figure 9.5 Fourier features are below 0.1 after 5000 episodes and polynomials above it; in figure 9.10 the groups are
well above the 50 tilings. The script ends with status 1 where these numbers don't come out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import plots
from seqrl.agents import dynamic_programming
from seqrl.agents.features import Array, Features, Fourier, Polynomial, RadialBasis, TileCoding
from seqrl.agents.worlds.random_walk import RandomWalk
from seqrl.training import figure

STATES, REACH = 1000, 100
BOX = ([1.0], [STATES + 1.0])
RATE = 1e-4
KINDS: dict[str, tuple[Features, float]] = {
    **{f"Fourier, order {n}": (Fourier(*BOX, order=n), RATE / 2) for n in (5, 10, 20)},
    **{f"polynomial, order {n}": (Polynomial(*BOX, order=n), RATE) for n in (5, 10, 20)},
    "groups of 200": (TileCoding(*BOX, tilings=1, tiles=5), 5 * RATE),
    "50 tilings of 200": (TileCoding(*BOX, tilings=50, tiles=5), 5 * RATE / 50),
    "11 bells": (RadialBasis(*BOX, centres=11), 5 * RATE / 2),
}
EVERY = 100  # episodes, from one measurement of the error to the next


@dataclass(frozen=True)
class Options:
    episodes: int = 5000
    runs: int = 10
    seed: int = 0
    out: str = "docs/figures/linear_features.png"


class Result(NamedTuple):
    exact: Array
    """Values (1000,)."""
    episodes: list[int]
    errors: dict[str, Array]
    """By kind, after each of `episodes`: the root of the mean squared error over states, the mean over runs."""
    learned: dict[str, Array]
    """By kind: the values (1000,) of the first run."""
    reachable: dict[str, float]
    """By kind: the error of the weights that fit the exact values best, over states by how often they are visited."""


def compute(options: Options) -> Result:
    rng = np.random.default_rng(options.seed)
    walk = RandomWalk(STATES, REACH)
    model = dynamic_programming.model_of(walk)
    exact = dynamic_programming.policy_evaluation(model, np.full((STATES + 2, 2), 0.5))[1:-1]
    tables = [features(np.arange(1, STATES + 1)[:, None]) for features, _ in KINDS.values()]
    phi, rates = np.hstack(tables), np.array([rate for _, rate in KINDS.values()])
    kinds = np.repeat(np.arange(len(KINDS)), [table.shape[1] for table in tables])
    weights = np.zeros((options.runs, len(kinds)))
    measured, errors, visits = [0], [measure(phi, kinds, weights, exact)], np.ones(STATES)
    for episode in range(1, options.episodes + 1):
        if (episode - 1) % EVERY == 0:
            ahead = walk.walks(options.runs * EVERY, rng)
        walks = [ahead.pop() for _ in range(options.runs)]
        learn(phi, kinds, weights, walks, rates)
        for states in walks:
            np.add.at(visits, states[:-1] - 1, 1)
        if episode % EVERY == 0 or episode == options.episodes:
            measured.append(episode)
            errors.append(measure(phi, kinds, weights, exact))
    values = [phi[:, kinds == k] @ weights[0, kinds == k] for k in range(len(KINDS))]
    return Result(
        exact,
        measured,
        dict(zip(KINDS, np.transpose(errors), strict=True)),
        dict(zip(KINDS, values, strict=True)),
        {kind: best_fit(table, exact, visits) for kind, table in zip(KINDS, tables, strict=True)},
    )


def learn(
    phi: Array, kinds: npt.NDArray[np.intp], weights: Array, walks: list[npt.NDArray[np.int64]], rates: Array
) -> None:
    """w += rate (G - v(s)) phi(s) for each state of an episode in its turn, all runs and kinds side by side.

    phi: (states, F), a block of columns for each kind, the one that `kinds` (F,) says; weights: (R, F), in place.
    """
    order = np.argsort([-len(states) for states in walks])  # so that those still going are the first
    going = weights[order]
    first = np.searchsorted(kinds, np.arange(len(rates)))
    returns = np.array([[1.0 if walks[run][-1] > STATES else -1.0] for run in order])
    lengths = np.array([len(walks[run]) - 1 for run in order])
    places = np.zeros((len(walks), lengths[0]), np.int64)
    for row, run, length in zip(places, order, lengths, strict=True):
        row[:length] = walks[run][:-1] - 1
    for t in range(lengths[0]):
        n = np.count_nonzero(lengths > t)
        x = phi[places[:n, t]]
        errors = returns[:n] - np.add.reduceat(going[:n] * x, first, axis=1)
        going[:n] += (rates * errors)[:, kinds] * x
    weights[order] = going


def measure(phi: Array, kinds: npt.NDArray[np.intp], weights: Array, exact: Array) -> Array:
    """The root mean squared errors of each kind, the mean over runs."""
    values = [phi[:, kinds == k] @ weights[:, kinds == k].T for k in range(len(KINDS))]
    return np.sqrt(((np.array(values) - exact[:, None]) ** 2).mean(axis=1)).mean(axis=1)


def best_fit(table: Array, exact: Array, visits: Array) -> float:
    share = np.sqrt(visits / visits.sum())
    weights = np.linalg.lstsq(share[:, None] * table, share * exact, rcond=None)[0]
    return float(np.sqrt(np.mean((table @ weights - exact) ** 2)))


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["", "features", f"error after {result.episodes[-1]} episodes", "of the best weights"]
    for kind, (features, _) in KINDS.items():
        yield [kind, str(features.size), result.errors[kind][-1], result.reachable[kind]]


def numbers(result: Result) -> Iterator[figure.Number]:
    last = {kind: float(errors[-1]) for kind, errors in result.errors.items()}
    for n in 5, 10, 20:
        yield figure.Number(f"the error of Fourier features of order {n}", last[f"Fourier, order {n}"], 0, 0.09)
        yield figure.Number(f"the error of polynomials of order {n}", last[f"polynomial, order {n}"], 0.1)
    yield figure.Number("the error of 50 tilings", last["50 tilings of 200"], 0, 0.11)
    yield figure.Number("the error of groups", last["groups of 200"], 0.13)


def draw(result: Result) -> Any:
    picture, ((fourier, tiles), (smooth, stairs)) = plots.panels((11, 8), 2, 2)
    blue, orange, green = plots.COLOURS[:3]
    for k, n in enumerate((5, 10, 20)):
        for name, colour in ("Fourier", blue), ("polynomial", orange):
            kind, style = f"{name}, order {n}", ("-", "--", ":")[k]
            fourier.plot(result.episodes, result.errors[kind], style, color=colour, label=kind)
    fourier.set_title("Fourier features and polynomials (figure 9.5)")
    for kind, colour in ("groups of 200", orange), ("50 tilings of 200", blue), ("11 bells", green):
        tiles.plot(result.episodes, result.errors[kind], color=colour, label=kind)
    tiles.set_title("Groups, tiles and bells (figure 9.10)")
    for axes in fourier, tiles:
        axes.set(xlabel="episodes", ylabel="root mean squared error", ylim=(0, 0.6))
        axes.legend(fontsize=9)
    states = np.arange(1, STATES + 1)
    for axes, kinds in (
        (smooth, ("Fourier, order 5", "polynomial, order 5")),
        (stairs, ("50 tilings of 200", "groups of 200", "11 bells")),
    ):
        axes.plot(states, result.exact, color="black", linestyle=":", label="exact")
        for kind, colour in zip(kinds, (blue, orange, green), strict=False):
            axes.plot(states, result.learned[kind], color=colour, label=kind)
        axes.set(title="Values after one run", xlabel="state", ylabel="value")
        axes.legend(fontsize=9)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
