"""Blackjack (Sutton and Barto 2018, examples 5.1 and 5.3): what sticking on 20 is worth, and the best there is to do.

Left, as in their figure 5.1, the values of a player who sticks on 20 and 21 only: the means of returns after some and
after many episodes (Monte Carlo prediction), beside the exact ones, which follow from the rules by dynamic programming.
Right, as in figure 5.2, the optimal policy, exact too, and the one that Q-learning has found by playing.

Example 5.4 gives one value in figures, -0.27726 for 13 with a usable ace against a 2, and figure 5.1 shows high values
with 20 and 21 only, and lower ones against an ace. The script ends with status 1 where that doesn't come out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt

from seqrl import plots
from seqrl.agents.dynamic_programming import expected_return, policy_evaluation, policy_iteration
from seqrl.agents.q_learning import QLearning
from seqrl.agents.worlds import blackjack
from seqrl.training import figure

Floats = npt.NDArray[np.float64]
Actions = npt.NDArray[np.int64]

SUMS = slice(12, 22)  # below 12 there is nothing to decide: no card can go over 21
DEALER = slice(1, 11)


@dataclass(frozen=True)
class Options:
    episodes: tuple[int, ...] = (10_000, 500_000)
    """After which the values are shown."""
    steps: int = 1_000_000
    """Of Q-learning."""
    seed: int = 0
    out: str = "docs/figures/blackjack.png"


class Result(NamedTuple):
    exact: Floats
    """Values of sticking on 20 by sum, dealer's card, usable ace: (32, 11, 2)."""
    estimates: dict[int, Floats]
    """The same by Monte Carlo, by number of episodes; NaN for what never came up."""
    policies: dict[str, Actions]
    """By name; (32, 11, 2)."""
    returns: dict[str, float]
    """The expected return of a game by each policy; exact."""


def compute(options: Options) -> Result:
    model = blackjack.model()
    on_20 = np.full(blackjack.SHAPE, blackjack.HIT)
    on_20[20:] = blackjack.STICK
    values = policy_evaluation(model, states(on_20))
    optimal = policy_iteration(model).policy[: blackjack.OBSERVATIONS].reshape(blackjack.SHAPE)
    agent = QLearning("Blackjack-v1", seed=options.seed).learn(options.steps)
    learned = agent.q.argmax(axis=1).reshape(blackjack.SHAPE)
    policies = {"sticks on 20": on_20, "optimal": optimal, "Q-learning": learned}
    return Result(
        blackjack.by_observation(model, states(on_20), values),
        monte_carlo(on_20, options.episodes, options.seed),
        policies,
        {name: expected_return(model, states(policy)) for name, policy in policies.items()},
    )


def states(policy: Actions) -> Actions:
    """A policy by observation as one of the model's states."""
    return blackjack.with_naturals(policy.ravel())


def monte_carlo(policy: Actions, episodes: tuple[int, ...], seed: int) -> dict[int, Floats]:
    """The mean return after each observation, when so many episodes were played."""
    env = gymnasium.make("Blackjack-v1").unwrapped
    sums, counts = np.zeros(blackjack.SHAPE), np.zeros(blackjack.SHAPE)
    actions = policy.tolist()
    env.reset(seed=seed)
    estimates = {}
    for episode in range(1, max(episodes) + 1):
        observation, _ = env.reset()
        seen: list[tuple[int, int, int]] = []
        reward: Any = 0.0
        terminated = False
        while not terminated:  # no observation comes twice, and only the last step has a reward
            seen.append(observation)
            total, dealer, ace = observation
            observation, reward, terminated, _, _ = env.step(actions[total][dealer][ace])
        for place in seen:
            sums[place] += reward
            counts[place] += 1
        if episode in episodes:
            estimates[episode] = np.divide(sums, counts, out=np.full(blackjack.SHAPE, np.nan), where=counts > 0)
    return estimates


def table(result: Result) -> Iterator[list[str | float]]:
    yield ["sticking on 20, values", "root mean square error", "largest error"]
    for episodes, estimate in result.estimates.items():
        errors = (estimate - result.exact)[SUMS, DEALER]
        yield [f"after {episodes:,} episodes", float(np.sqrt(np.nanmean(errors**2))), float(np.nanmax(np.abs(errors)))]
    yield ["policy", "expected return", "not as the optimal"]
    for name, policy in result.policies.items():
        differs = (policy != result.policies["optimal"])[SUMS, DEALER].sum()
        yield [name, result.returns[name], f"{differs} of 200"]


def numbers(result: Result) -> Iterator[figure.Number]:
    yield from exact_numbers(result)
    yield figure.Number(
        "what Q-learning's policy lacks of the optimal one's return",
        result.returns["optimal"] - result.returns["Q-learning"],
        0,
        0.01,
    )
    episodes, most = max(result.estimates.items())
    errors = (most - result.exact)[SUMS, DEALER]
    yield figure.Number(
        f"the root mean square error of values after {episodes:,} episodes",
        float(np.sqrt(np.nanmean(errors**2))),
        high=0.03,
    )


def exact_numbers(result: Result) -> Iterator[figure.Number]:
    exact = result.exact
    yield figure.near("the value of 13 with a usable ace against a 2", exact[13, 2, 1], -0.27726, 0.001)
    yield figure.Number("the lowest value of 20 and 21", exact[20:22, DEALER].min(), 0.1)
    yield figure.Number("the highest value of 12 to 19 without usable ace", exact[12:20, DEALER, 0].max(), high=-0.5)
    yield figure.Number(
        "the lowest value of 20 and 21 above that against an ace",
        (exact[20:22, 2:10, 0] - exact[20:22, 1:2, 0]).min(),
        0,
    )
    yield figure.Number("the return of sticking on 20", result.returns["sticks on 20"], high=-0.3)
    yield figure.Number("the return of the optimal policy", result.returns["optimal"], -0.05, 0)


def draw(result: Result) -> Any:
    values = {f"after {episodes:,} episodes": estimate for episodes, estimate in result.estimates.items()}
    shown = {**values, "exact": result.exact, **{name: result.policies[name] for name in ("optimal", "Q-learning")}}
    picture, grid = plots.panels((2.4 * len(shown), 5.4), rows=2, columns=len(shown), sharex=True, sharey=True)
    for column, (name, image) in enumerate(shown.items()):
        decides = name in result.policies
        lowest, colours = (0, "Greys") if decides else (-1, "RdBu")
        for axes, ace in zip(grid[:, column], (1, 0), strict=True):
            axes.grid(False)
            shades = image[SUMS, DEALER, ace]
            axes.imshow(shades, colours, vmin=lowest, vmax=1, origin="lower", extent=(0.5, 10.5, 11.5, 21.5))
            axes.set_xticks([1, 4, 7, 10], ["A", "4", "7", "10"])
        grid[0, column].set_title(f"{name}: dark hits" if decides else name)
        grid[1, column].set_xlabel("dealer's card")
    for axes, row in zip(grid[:, 0], ("usable ace", "no usable ace"), strict=True):
        axes.set_ylabel(f"player's sum, {row}")
    picture.colorbar(grid[0, 0].images[0], ax=grid[:, : len(values) + 1], location="bottom", shrink=0.5)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
