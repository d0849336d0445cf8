"""Along the cliff or around it (Sutton and Barto 2018, example 6.6).

Every step costs 1, a step into the cliff 100 and the way back. Q-learning learns what would be best without exploring,
the path along the edge, and falls when it explores there. SARSA and expected SARSA learn the values of what they do,
exploring included, and keep away. So Q-learning has the better greedy policy and the worse return while it learns.

The exact return of each final policy, as it acts while it learns and greedily, follows from the environment's model.

In the example's figure SARSA has about -25 while it learns and Q-learning about -50; expected SARSA, which is not in
it, does a little better than SARSA. The script ends with status 1 where these numbers don't come out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import plots
from seqrl.agents.dynamic_programming import Model, expected_return, model_of
from seqrl.agents.exploration import epsilon_greedy_policy
from seqrl.agents.q_learning import QLearning
from seqrl.agents.sarsa import ExpectedSarsa, Sarsa
from seqrl.training import figure

Floats = npt.NDArray[np.float64]

ENV = "CliffWalking-v1"
WIDTH = 12
EPSILON = 0.1
ALGORITHMS = {"SARSA": Sarsa, "expected SARSA": ExpectedSarsa, "Q-learning": QLearning}
LAST = 200  # episodes, whose mean is the return online


@dataclass(frozen=True)
class Options:
    runs: int = 50
    episodes: int = 500
    learning_rate: float = 0.5
    seed: int = 0
    out: str = "docs/figures/cliff_walking.png"


class Curve(NamedTuple):
    returns: Floats
    """(runs, episodes), while it learns."""
    exploring: Floats
    """(runs,), the exact expected return of the final epsilon-greedy policy."""
    greedy: Floats
    """(runs,), and of the greedy one."""
    path: list[int]
    """The states that the greedy policy comes by, in the first run where it arrives."""


def compute(options: Options) -> dict[str, Curve]:
    return {name: learn(name, options) for name in ALGORITHMS}


def learn(name: str, options: Options) -> Curve:
    model = model_of(ENV)
    returns, exploring, greedy, paths = [], [], [], []
    for seed in np.random.SeedSequence(options.seed).generate_state(options.runs):
        agent = ALGORITHMS[name](
            ENV,
            seed=int(seed),
            gamma=1.0,
            learning_rate=options.learning_rate,
            epsilon=EPSILON,
            epsilon_end=EPSILON,
        )
        while len(agent.episodes) < options.episodes:
            agent.learn(500)
        returns.append([episode.return_ for episode in agent.episodes[: options.episodes]])
        exploring.append(expected_return(model, epsilon_greedy_policy(agent.q, EPSILON)))
        greedy.append(expected_return(model, epsilon_greedy_policy(agent.q, 0.0)))
        paths.append(path(model, agent.q.argmax(axis=1)))
    arrives = np.flatnonzero(np.isfinite(greedy))
    shown = paths[arrives[0] if arrives.size else 0]
    return Curve(np.array(returns), np.array(exploring), np.array(greedy), shown)


def path(model: Model, actions: npt.NDArray[np.int64]) -> list[int]:
    """From the start to the end, or to where it begins to go round."""
    states = [int(model.start.argmax())]
    while True:
        outcome = states[-1], actions[states[-1]], 0  # the only one: nothing slips
        states.append(int(model.next_states[outcome]))
        if model.terminates[outcome] or states[-1] in states[:-1]:
            return states


def table(curves: dict[str, Curve]) -> Iterator[list[str | float]]:
    yield ["mean return", "online, last 200", "exploring, exact", "greedy, exact"]
    for name, curve in curves.items():
        yield [name, online(curve), float(np.median(curve.exploring)), float(np.median(curve.greedy))]


def online(curve: Curve) -> float:
    """The mean return of the last episodes."""
    return float(curve.returns[:, -LAST:].mean())


def numbers(curves: dict[str, Curve]) -> Iterator[figure.Number]:
    sarsa, expected, q = curves.values()
    yield figure.near("the return of SARSA online", online(sarsa), -25, 5)
    yield figure.near("the return of expected SARSA online", online(expected), -25, 5)
    yield figure.near("the return of Q-learning online", online(q), -50, 7)
    yield figure.near("the greedy return of Q-learning, the shortest way,", float(np.median(q.greedy)), -13, 0)
    yield figure.Number("the best greedy return of SARSA", sarsa.greedy.max(), high=-15)
    yield figure.Number("the exact return of SARSA exploring", float(np.median(sarsa.exploring)), -28, -18)


def draw(curves: dict[str, Curve]) -> Any:
    picture, (left, right) = plots.panels((12, 3.6), columns=2)
    for place, (name, curve) in enumerate(curves.items()):
        mean = curve.returns.mean(axis=0)
        window = min(10, len(mean))
        smooth = np.convolve(mean, np.full(window, 1 / window), "valid")
        left.plot(np.arange(window, len(mean) + 1), smooth, label=name)
        rows, columns = np.divmod(curve.path, WIDTH)
        right.plot(columns + 0.08 * place, rows + 0.08 * place, label=name)
    left.set(xlabel="episode", ylabel="return, mean of runs and ten episodes", ylim=(-100, 0), title="While learning")
    left.legend(loc="lower right")
    right.fill_between([0.5, WIDTH - 1.5], 2.5, 3.5, color="#bbbbbb")
    right.text(WIDTH / 2 - 0.5, 3, "the cliff", ha="center", va="center")
    right.set(xlim=(-0.5, WIDTH - 0.5), ylim=(3.5, -0.5), xticks=[], yticks=[], title="Greedy paths after learning")
    right.text(0, 3.3, "S", ha="center")
    right.text(WIDTH - 1, 3.3, "G", ha="center")
    right.grid(False)
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments, numbers)


if __name__ == "__main__":
    sys.exit(main())
