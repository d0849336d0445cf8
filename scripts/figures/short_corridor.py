"""The short corridor (Sutton and Barto 2018, example 13.1, figures 13.1 and 13.2): REINFORCE without and with baseline.

Three states look alike, and the middle one turns left and right round; each step costs 1. So a policy is one
probability of going right, and the best is neither 0 nor 1. On the left is its value, exactly and where agents of
`seqrl.agents.reinforce` end; then what episodes bring while REINFORCE learns, at the book's step sizes, with the book's
update after every step of an episode and from its start, 5 % right. Beside it the same with a learned baseline.

The best probability is 2 - sqrt 2, about 0.59, and its value -11.66; the epsilon-greedy policies' are about -82 and -44
(example 13.1). The script ends with status 1 where these numbers don't come out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.agents.distributions import Categorical
from seqrl.agents.reinforce import Reinforce
from seqrl.agents.worlds.corridor import GOAL, LEFT, MOVES, RIGHT, ShortCorridor
from seqrl.parameter import Array, Integers
from seqrl.training import figure

START = 0.05
"""The probability of going right at first; an epsilon-greedy policy with epsilon 0.1 has it, or 0.95, for good."""
LOWEST = math.log(START / (1 - START))
BEST = 2 - math.sqrt(2)
BEST_VALUE = -(6 + 4 * math.sqrt(2))
AGENT_STEPS = 20_000
AGENT: dict[str, Any] = {"hidden": (), "gamma": 1.0, "learning_rate": 0.02, "schedule": "linear"}


class Rates(NamedTuple):
    """Binary logarithms of step sizes."""

    policy: int
    baseline: int | None = None

    @property
    def label(self) -> str:
        policy = f"$2^{{{self.policy}}}$"
        return policy if self.baseline is None else f"with baseline, {policy} and $2^{{{self.baseline}}}$"


PLAIN = (Rates(-12), Rates(-13), Rates(-14))
COMPARED = (Rates(-9, -6), Rates(-13))


@dataclass(frozen=True)
class Options:
    runs: int = 100
    """Runs of each step size, whose means are drawn."""
    episodes: int = 1000
    agents: int = 5
    """Agents of the library that learn, without baseline and with one."""
    seed: int = 0
    out: str = "docs/figures/short_corridor.png"


class Result(NamedTuple):
    curves: dict[Rates, Array]
    """What each episode brought, (episodes,), the mean of all runs."""
    ends: dict[Rates, Array]
    """The probability of going right after all episodes, of each run."""
    agents: dict[bool, list[float]]
    """That of agents of the library, without baseline and with one."""


def compute(options: Options) -> Result:
    learning, *seeds = np.random.SeedSequence(options.seed).spawn(1 + options.agents)
    rates = tuple(dict.fromkeys(PLAIN + COMPARED))
    totals, right = learn(rates, options.runs, options.episodes, np.random.default_rng(learning))
    agents = {
        baseline: [agent_probability(int(seed.generate_state(1)[0]), baseline) for seed in seeds]
        for baseline in (False, True)
    }
    return Result(dict(zip(rates, totals, strict=True)), dict(zip(rates, right, strict=True)), agents)


# ---- exact values --------------------------------------------------------------------------------------------


def value(right: float) -> float:
    """The value of the first state under a policy that goes right with this probability: (I - P) v = r, solved."""
    model = ShortCorridor().P
    transitions, rewards = np.zeros((GOAL, GOAL + 1)), np.zeros(GOAL)
    for state in range(GOAL):
        for action, chance in (LEFT, 1 - right), (RIGHT, right):
            for probability, next_state, reward, _ in model[state][action]:
                transitions[state, next_state] += chance * probability
                rewards[state] += chance * probability * reward
    return float(np.linalg.solve(np.eye(GOAL) - transitions[:, :GOAL], rewards)[0])


def best() -> tuple[float, float]:
    """The best probability of going right and its value, by halving where the slope changes sign."""
    low, high = 0.01, 0.99
    while high - low > 1e-9:
        middle = (low + high) / 2
        rises = value(middle + 1e-6) > value(middle - 1e-6)
        low, high = (middle, high) if rises else (low, middle)
    return low, value(low)


# ---- learning ------------------------------------------------------------------------------------------------


def learn(rates: tuple[Rates, ...], runs: int, episodes: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """REINFORCE as in the book's pseudocode, all runs of all step sizes side by side (K of them).

    theta += alpha (G_t - w) grad ln pi(A_t),  w += alpha_w (G_t - w)

    after every step t of an episode, in their order. The policy is a softmax over preferences of right and left, of
    which a step moves one up and the other down alike, so that their difference h moves by 2 alpha (G_t - w) (a - p),
    a being 1 for right. Without baseline w stays 0. Each action keeps 5 % at least: a long episode of much bad luck
    could make one so unlikely that the next episode never ends.

    Returns the mean of what each episode brought, (rates, episodes), and the probabilities at the end, (rates, runs).
    """
    alpha = np.repeat([2.0**rate.policy for rate in rates], runs)
    alpha_w = np.repeat([0.0 if rate.baseline is None else 2.0**rate.baseline for rate in rates], runs)
    h = np.full(len(alpha), LOWEST)
    w = np.zeros(len(alpha))
    totals = np.empty((episodes, len(alpha)))
    for episode in range(episodes):
        actions, lengths = play(probability(h), rng)
        totals[episode] = -lengths
        for t, right in enumerate(actions):
            left_to_go = np.maximum(lengths - t, 0)  # 0 where the episode is over, and then nothing moves
            error = np.where(left_to_go > 0, -left_to_go - w, 0)
            w += alpha_w * error
            h = np.clip(h + 2 * alpha * error * (right - probability(h)), LOWEST, -LOWEST)
    return totals.reshape(episodes, len(rates), runs).mean(axis=2).T, probability(h).reshape(len(rates), runs)


def probability(h: Array) -> Array:
    """Of going right, where its preference is h above that of left."""
    return 1 / (1 + np.exp(-h))


def play(right: Array, rng: np.random.Generator) -> tuple[list[Integers], Integers]:
    """An episode of each of K policies: (the actions of each step, (K,), and the lengths, (K,))."""
    moves = np.array([*MOVES, (GOAL, GOAL)])
    state, lengths = np.zeros(len(right), np.int64), np.zeros(len(right), np.int64)
    actions = []
    while (state != GOAL).any():
        actions.append((rng.random(len(right)) < right).astype(np.int64))
        lengths += state != GOAL
        state = moves[state, actions[-1]]
    return actions, lengths


def agent_probability(seed: int, baseline: bool) -> float:
    """The probability of going right of an agent of the library after AGENT_STEPS steps, from one half."""
    agent = Reinforce(ShortCorridor, seed=seed, baseline=baseline, **AGENT).learn(AGENT_STEPS)
    return float(Categorical(agent.policy(np.ones((1, 1), np.float32))).p[0, RIGHT])


# ---- the table and the picture -------------------------------------------------------------------------------


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["", "", "right, %", "value"]
    yield ["best policy", "exact", 100 * best()[0], best()[1]]
    for right in START, 1 - START:
        yield ["epsilon-greedy", "exact", 100 * right, value(right)]
    last = max(next(iter(result.curves.values())).size // 10, 1)
    for rates, curve in result.curves.items():
        steps = f"2^{rates.policy}" + ("" if rates.baseline is None else f", 2^{rates.baseline}")
        name = "REINFORCE" if rates.baseline is None else "with baseline"
        yield [name, f"{steps}, episodes 1 to {last}", "", float(curve[:last].mean())]
        yield ["", f"last {last}", 100 * float(result.ends[rates].mean()), float(curve[-last:].mean())]
    for baseline, rights in result.agents.items():
        name = "library's agent" + (", baseline" if baseline else "")
        yield [name, f"{AGENT_STEPS} steps", 100 * float(np.mean(rights)), float(np.mean([value(p) for p in rights]))]


def numbers(result: Result) -> Iterator[figure.Number]:
    yield from exact_numbers()
    best_rates = COMPARED[0]
    tenth = max(result.curves[best_rates].size // 10, 1)
    yield figure.near("the last return with baseline", result.curves[best_rates][-tenth:].mean(), BEST_VALUE, 0.8)
    yield figure.near("the last probability with baseline", float(result.ends[best_rates].mean()), BEST, 0.04)
    worst = min(value(right) for rights in result.agents.values() for right in rights)
    yield figure.Number("the value of the worst agent of the library", worst, BEST_VALUE - 0.6)


def exact_numbers() -> Iterator[figure.Number]:
    p, at_best = best()
    yield figure.near("the best probability", p, BEST, 1e-4)
    yield figure.near("its value", at_best, BEST_VALUE, 1e-6)
    yield figure.near("the value at 5 % right", value(START), -82.1, 0.05)
    yield figure.near("the value at 95 % right", value(1 - START), -44.2, 0.05)
    yield figure.near("the value at one half", value(0.5), (2 * 0.5 - 4) / (0.5 * 0.5), 1e-9)


def draw(result: Result) -> Any:
    picture, (values, plain, compared) = plots.panels((13, 4.2), columns=3, width_ratios=[1, 1.2, 1.2])
    p = np.linspace(0.02, 0.98, 193)
    values.plot(p, [value(right) for right in p], color="black")
    values.plot([START, 1 - START], [value(START), value(1 - START)], "s", color="#999999", label="epsilon-greedy")
    for (baseline, rights), colour in zip(result.agents.items(), plots.COLOURS, strict=False):
        label = "agents, with baseline" if baseline else "agents, without baseline"
        values.plot(rights, [value(right) for right in rights], "o", color=colour, markersize=4, label=label)
    values.axvline(BEST, color="#999999", linestyle=":", zorder=0)
    values.set(title="Value of a policy", xlabel="probability of going right", ylim=(-100, 0))
    values.legend(loc="lower center")
    panels = (plain, PLAIN, "REINFORCE"), (compared, COMPARED, "With and without baseline")
    for axes, drawn, title in panels:
        for rates in drawn:
            colour = plots.COLOURS[list(result.curves).index(rates)]
            axes.plot(*smoothed(result.curves[rates]), color=colour, linewidth=1.2, label=rates.label)
        axes.axhline(BEST_VALUE, color="#999999", linestyle="--", label=f"best, {BEST_VALUE:.2f}")
        axes.set(title=title, xlabel="episode", ylabel="total reward of an episode", ylim=(-90, -8))
        axes.legend(loc="lower right")
    return picture


def smoothed(curve: Array, width: int = 10) -> tuple[Array, Array]:
    """Means of `width` episodes each, and the episodes in their middles."""
    width = min(width, len(curve))
    blocks = curve[: len(curve) // width * width].reshape(-1, width)
    return np.arange(len(blocks)) * width + (width + 1) / 2, blocks.mean(axis=1)


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
