"""Mountain car with tile coding: the cost to go and steps an episode (Sutton and Barto 2018, figures 10.1 and 10.2).

A car too weak for the hill swings up between two, at -1 a step. Semi-gradient SARSA with 8 tilings of 8 x 8 never
explores on purpose (epsilon is 0): values begin at 0, better than any true one, so that what is new looks best.
The cost to go, -max_a q(s, a), first spreads along the orbits that were tried, and then takes its spiral form.

In figure 10.2 an episode takes about 120 steps in the end at the step sizes 0.5/8 and 0.2/8, and more at 0.1/8; in
figure 10.1 the highest cost to go is 120, after 9000 episodes. The script ends with status 1 where these numbers don't
come out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl.agents.features import Array
from seqrl.agents.linear import ROUND, LinearSarsa, Settings
from seqrl.errors import require
from seqrl.training import figure

RATES = (0.1, 0.2, 0.5)  # over the number of tilings
LOW, HIGH = (-1.2, -0.07), (0.5, 0.07)
EDGES = tuple(zip(LOW, HIGH, strict=True))
MOMENTS = (1, 12, 104, 500)  # episodes after which the cost to go is drawn
LIMIT = 10_000  # steps of an episode, which learning stays far below
SMOOTH = 10  # episodes, of whose steps the curves show the mean
POINTS = 40  # of the cost to go along each side


@dataclass(frozen=True)
class Options:
    episodes: int = 500
    runs: int = 3
    seed: int = 0
    out: str = "docs/figures/mountain_car.png"


class Result(NamedTuple):
    steps: dict[float, Array]
    """By step size: the steps of each episode (runs, episodes)."""
    costs: dict[int, Array]
    """By episodes, of the first run at the largest step size: the cost to go (positions, velocities)."""


def compute(options: Options) -> Result:
    seeds = np.random.SeedSequence(options.seed).generate_state(options.runs)
    found = {rate: [learn(rate, int(seed), options.episodes) for seed in seeds] for rate in RATES}
    steps = {rate: np.array([lengths for lengths, _ in runs], np.float64) for rate, runs in found.items()}
    return Result(steps, found[RATES[-1]][0][1])


def learn(rate: float, seed: int, episodes: int) -> tuple[list[int], dict[int, Array]]:
    """(steps of each episode, costs to go after those of MOMENTS that there are)."""
    settings = Settings(low=LOW, high=HIGH, learning_rate=rate, learning_rate_end=rate, epsilon=0.0)
    agent = LinearSarsa("MountainCar-v0", seed=seed, settings=settings, options={"max_episode_steps": LIMIT})
    costs: dict[int, Array] = {}
    for moment in [*(moment for moment in MOMENTS if moment < episodes), episodes]:
        while len(agent.episodes) < moment:
            agent.learn(ROUND)
        costs[moment] = cost_to_go(agent)
    return [episode.length for episode in agent.episodes[:episodes]], costs


def cost_to_go(agent: LinearSarsa) -> Array:
    axes = [np.linspace(*edges, POINTS) for edges in EDGES]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return -agent.action_values(places).max(axis=1).reshape(POINTS, POINTS)


def late(steps: Array) -> float:
    """Mean steps of the last tenth of the episodes."""
    return float(steps[:, -max(1, steps.shape[1] // 10) :].mean())


def table(result: Result) -> Iterator[list[str | float]]:
    [episodes] = {steps.shape[1] for steps in result.steps.values()}
    yield ["step size", "steps in the first episode", f"up to episode {episodes}, its last tenth"]
    for rate, steps in result.steps.items():
        yield [f"{rate}/8", steps[:, 0].mean(), late(steps)]


def numbers(result: Result) -> Iterator[figure.Number]:
    steps = {rate: late(lengths) for rate, lengths in result.steps.items()}
    yield figure.near("the number of steps in the end at 0.5/8", steps[0.5], 120, 10)
    yield figure.near("the number of steps in the end at 0.2/8", steps[0.2], 120, 15)
    yield figure.Number("the number of steps in the end at 0.1/8", steps[0.1], steps[0.5], 160)
    highest = max(result.costs)
    yield figure.Number(f"the highest cost to go after episode {highest}", result.costs[highest].max(), 90, 180)


def draw(result: Result) -> Any:
    picture = require("matplotlib.figure", "plots").Figure(figsize=(13, 6.6), layout="constrained")
    left, right = picture.subfigures(1, 2, width_ratios=(1.25, 1))
    positions, velocities = np.meshgrid(*(np.linspace(*edges, POINTS) for edges in EDGES), indexing="ij")
    for place, (episodes, cost) in enumerate(result.costs.items()):
        axes = left.add_subplot(2, -(-len(result.costs) // 2), place + 1, projection="3d")
        axes.plot_surface(positions, velocities, cost, cmap="viridis", linewidth=0.2, edgecolor="#ffffff40")
        axes.set(title=f"Cost to go after episode {episodes}", xlabel="position", ylabel="velocity")
        axes.set_xticks([-1.2, -0.5, 0.5])
        axes.set_yticks([-0.07, 0, 0.07])
    curves = right.subplots()
    for rate, steps in result.steps.items():
        window = min(SMOOTH, steps.shape[1])
        smooth = np.convolve(steps.mean(axis=0), np.full(window, 1 / window), "valid")
        curves.plot(np.arange(window, steps.shape[1] + 1), smooth, linewidth=1.2, label=f"{rate}/8")
    curves.set(
        title=f"Mean of {len(steps)} runs and the last {window} episodes",
        xlabel="episode",
        ylabel="steps an episode",
        yscale="log",
    )
    curves.set_yticks([100, 200, 400, 1000], ["100", "200", "400", "1000"])
    curves.legend(title="step size")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
