"""Evaluation: how well a policy does, in environments of its own.

Every environment has a quota of episodes: of the first to end in many environments too many are short, and the mean
would be that of short episodes. Rewards are the environment's own, a step cap ends what would never end, and nothing is
learned.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import NormalizeObservation

from seqrl.errors import InputError, check_sizes

from .environments import Environments, Seed, child
from .statistics import Interval, bootstrap_interval, interquartile_mean

Array = npt.NDArray[Any]

SIDE_BY_SIDE = 20  # environments
WITHOUT_LIMIT = 1_000  # steps of an episode, where the environment has no limit of its own


class Evaluation(NamedTuple):
    """What episodes brought: undiscounted returns, in the order of environments."""

    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    mean: float
    interval: Interval  # of the mean, bootstrapped over episodes, 95 %

    @property
    def interquartile_mean(self) -> float:
        return float(interquartile_mean(self.returns))

    def __repr__(self) -> str:
        return f"Evaluation({self})"

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:.2f} [{low:.2f}, {high:.2f}] over {len(self.returns)} episodes"


def evaluate(
    act: Callable[[Array], npt.ArrayLike],
    env: Any,
    episodes: int = 100,
    seed: Seed = 0,
    max_steps: int | None = None,
) -> Evaluation:
    """Episodes of a policy.

    act: observations (N, ...) -> actions (N, ...), as `Environments` has them.
    env: what `Environments` takes, or `Environments`: others of the same kind are made. One that is given as an
        environment is reset and else left alone.
    max_steps: where an episode is cut; without it, where the environment itself does, or after 1,000 steps where it has
        no limit.
    Raises InputError for a vector environment of which no single environment can be made.
    """
    check_sizes("evaluate", episodes=episodes)
    if max_steps is not None:
        check_sizes("evaluate", max_steps=max_steps)
    like = env if isinstance(env, Environments) else Environments(env, seed=seed)
    limit = max_steps or (None if like.time_limit else WITHOUT_LIMIT)
    with like.again(count=min(episodes, SIDE_BY_SIDE), seed=seed, max_steps=limit) as environments:
        if environments.wrapped_in(NormalizeObservation):
            warnings.warn(
                f"the NormalizeObservation around {environments.name} knows nothing of what learning saw; give env=, "
                "or let the agent normalise (normalise_observations of actor-critic and PPO)",
                stacklevel=2,
            )
        returns, lengths = _run(act, environments, episodes)
    if not (like is env or isinstance(env, gymnasium.Env | VectorEnv)):
        like.close()
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    rng = np.random.default_rng(child(parent, 2**31))  # apart from those of the environments
    return Evaluation(returns, lengths, float(returns.mean()), bootstrap_interval(returns, rng=rng))


def quotas(episodes: int, count: int) -> list[int]:
    """How many episodes each environment has: as even as can be."""
    return [(episodes + i) // count for i in reversed(range(count))]


def _run(
    act: Callable[[Array], npt.ArrayLike], environments: Environments, episodes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    left = quotas(episodes, environments.count)
    found: list[list[tuple[float, int]]] = [[] for _ in left]
    missing = episodes
    while missing:
        actions = np.asarray(act(environments.observations))
        if actions.shape[:1] != (environments.count,):
            raise InputError(f"the policy returned actions of the shape {actions.shape} for {environments.count} rows")
        environments.step(actions)
        for episode in environments.episodes():
            if left[episode.environment]:
                left[episode.environment] -= 1
                missing -= 1
                found[episode.environment].append((episode.return_, episode.length))
    rows = [row for of_one in found for row in of_one]
    return np.array([row[0] for row in rows], np.float64), np.array([row[1] for row in rows], np.int64)
