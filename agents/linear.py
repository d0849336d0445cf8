"""SARSA, expected SARSA and Q-learning with action values that are linear in features of the observation.

    q(s, a)  = w_a . phi(s)
    target   = r + gamma q(s', a')                          SARSA: a' is the action that is taken next
             = r + gamma sum_a pi(a|s') q(s', a)            expected SARSA: its mean over the policy
             = r + gamma max_a q(s', a)                     Q-learning
    w_a     += alpha rate (target - q(s, a)) phi(s)         r alone where the episode terminated

"Semi-gradient", because the target counts as a constant. With tile coding, `rate` divides alpha by the tilings, and a
step of every environment costs no more than looking a few weights up. The policy is epsilon-greedy.

Sutton and Barto 2018, sections 10.1 (SARSA) and 11.1; SARSA is safe with any features, Q-learning may diverge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from seqrl.errors import InputError, choose
from seqrl.parameter import Integers

from .agent import Agent, AgentState
from .exploration import argmax, epsilon_greedy, epsilon_greedy_policy, linear
from .features import Array, Features, Fourier, Polynomial, RadialBasis, TileCoding
from .rollouts import Steps

ROUND = 64  # steps of each environment, from one look at progress to the next; learning is at every step


@dataclass(frozen=True)
class Settings:
    features: str = "tiles"
    """What the values are linear in: tiles, radial, polynomial or fourier."""
    low: tuple[float, ...] = ()
    """Lower edges of the box of observations that the features divide; () for the observation space's own."""
    high: tuple[float, ...] = ()
    """Upper edges of it."""
    tilings: int = 8
    """Grids of tile coding."""
    tiles: tuple[int, ...] = (8,)
    """Tiles along each dimension: one number for all, or one each."""
    table: int = 0
    """Weights to an action that all tiles share by hashing; 0 for one to each tile."""
    centres: int = 5
    """Radial basis: bells along each dimension."""
    width: float = 1.0
    """Radial basis: of a bell, in distances between neighbours."""
    order: int = 3
    """Highest power of the polynomial, or frequency of the Fourier features, in each dimension."""
    learning_rate: float = 0.5
    """1 would take a value all the way to its target."""
    learning_rate_end: float = 0.05
    """Where it has fallen to after `anneal_steps`, in a straight line."""
    epsilon: float = 0.1
    """The probability of a random action."""
    epsilon_end: float = 0.0
    """Where it has fallen to after `anneal_steps`."""
    anneal_steps: int = 100_000
    gamma: float = 1.0
    """Discount of what follows, a step."""
    environments: int = 1


def td_loss(q: Array, actions: Integers, targets: Array) -> tuple[float, Array]:
    """mean_b (target_b - q_b[a_b])^2 / 2, and its gradient in q, for which the targets are constants.

    q: (B, A), actions and targets: (B,). Raises InputError where shapes don't fit.
    """
    B = len(q)
    if q.ndim != 2 or actions.shape != (B,) or targets.shape != (B,):  # NumPy would broadcast
        raise InputError(
            f"actions {actions.shape} and targets {targets.shape} for values {q.shape}; expected (B,) each"
        )
    taken = np.arange(B), actions
    errors = targets - q[taken]
    dq = np.zeros_like(q)
    dq[taken] = errors / -B
    return float(errors @ errors) / (2 * B), dq


class _Linear(Agent):
    """What the three have in common: all but the value of what follows."""

    Settings = Settings
    observation_spaces = (spaces.Box,)

    def following(self, q: Array, actions: Integers, epsilon: float) -> Array:
        """The values (N,) of the next observations: q (N, A), and the actions (N,) that are taken there."""
        raise NotImplementedError

    def build(self) -> None:
        settings = self.settings
        _check(settings)
        self.features = make_features(settings, self.observation_space, self.environments.name)
        self.weights = np.zeros((self.features.size, int(self.action_space.n)))  # type: ignore[attr-defined]
        self._learning_rate = linear(settings.learning_rate, settings.learning_rate_end, settings.anneal_steps)
        self._epsilon = linear(settings.epsilon, settings.epsilon_end, settings.anneal_steps)
        self._code = self._encode(self.environments.observations)
        self._next_actions = self.actions(self.environments.observations, self.streams.exploration, True)

    def action_values(self, observations: npt.NDArray[Any]) -> Array:
        """q(s, a), (B, A), of observations (B, ...)."""
        return self.features.values(self._encode(observations), self.weights)

    def actions(self, observations: npt.NDArray[Any], rng: np.random.Generator, explore: bool) -> Integers:
        q = self.action_values(observations)
        return _explore(q, self._epsilon(self.steps), rng) if explore else argmax(q, rng)

    def advance(self, remaining: int) -> None:
        count = self.environments.count
        for _ in range(max(1, min(ROUND, remaining // count))):
            self._learn(self.environments.step(self._next_actions))

    def _learn(self, steps: Steps) -> None:
        """One update from one step of each environment; the mean over them, so that many at one place don't overshoot.

        The next actions are chosen by the values before it, as SARSA has it; first ones of an episode by those after.
        """
        epsilon, rng = self._epsilon(self.steps), self.streams.exploration
        next_code = self._encode(steps.next_observation)
        q = self.features.values(next_code, self.weights)
        actions = _explore(q, epsilon, rng)
        follows = np.where(steps.terminated, 0.0, self.following(q, actions, epsilon))
        targets = steps.reward + self.settings.gamma * follows

        code, taken = self._code, steps.action
        if not steps.valid.all():
            code, taken, targets = code[steps.valid], taken[steps.valid], targets[steps.valid]
        if len(taken):
            loss, dq = td_loss(self.features.values(code, self.weights), taken, targets)
            self.features.add(self.weights, code, -self._learning_rate(self.steps) * dq)
            self.metrics["loss"] = loss

        fresh = steps.terminated | steps.truncated | ~steps.valid  # what is acted on next is another observation
        if fresh.any():
            next_code = self._encode(self.environments.observations)
            first = _explore(self.features.values(next_code, self.weights), epsilon, rng)
            actions = np.where(fresh, first, actions)
        self._code, self._next_actions = next_code, actions

    def _encode(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self.features.encode(observations.reshape(len(observations), -1))

    def not_finite(self) -> str:
        return "" if np.isfinite(self.weights).all() else "an entry of 'weights'"

    def state(self) -> AgentState:
        arrays, numbers = super().state()
        return AgentState({**arrays, "weights": self.weights, "next_actions": self._next_actions}, numbers)

    def load_state(self, state: AgentState) -> None:
        weights = state.arrays["weights"]
        if weights.shape != self.weights.shape:
            raise InputError(f"'weights' has the shape {weights.shape}; expected {self.weights.shape}")
        super().load_state(state)
        self.weights[...] = weights
        self._code = self._encode(self.environments.observations)
        if self.environments.resumable:
            self._next_actions = state.arrays["next_actions"].copy()
        else:  # new episodes began, of other observations than those that the saved actions were chosen for
            self._next_actions = self.actions(self.environments.observations, self.streams.exploration, True)


class LinearSarsa(_Linear):
    """Semi-gradient SARSA."""

    name = "linear_sarsa"

    def following(self, q: Array, actions: Integers, epsilon: float) -> Array:
        following: Array = q[np.arange(len(q)), actions]
        return following


class LinearExpectedSarsa(_Linear):
    """Semi-gradient expected SARSA: the same values with less noise."""

    name = "linear_expected_sarsa"

    def following(self, q: Array, actions: Integers, epsilon: float) -> Array:
        following: Array = (epsilon_greedy_policy(q, epsilon) * q).sum(axis=1)
        return following


class LinearQ(_Linear):
    """Semi-gradient Q-learning: the values of the greedy policy, whatever explores."""

    name = "linear_q"

    def following(self, q: Array, actions: Integers, epsilon: float) -> Array:
        following: Array = q.max(axis=1)
        return following


def _check(settings: Settings) -> None:
    """Raises InputError for the first setting that nothing can be learned with."""
    for name in "epsilon", "epsilon_end", "gamma":
        if not 0 <= getattr(settings, name) <= 1:
            raise InputError(f"{name} is {getattr(settings, name)}; expected a number from 0 to 1")
    for name in "learning_rate", "learning_rate_end":
        if not 0 <= getattr(settings, name) < math.inf:
            raise InputError(f"{name} is {getattr(settings, name)}; expected a finite number of 0 or more")
    if settings.anneal_steps < 0:
        raise InputError(f"anneal_steps is {settings.anneal_steps}; expected 0 or more")


def _explore(q: Array, epsilon: float, rng: np.random.Generator) -> Integers:
    """Epsilon-greedy actions (B,). For one environment the plain form takes a third of the time."""
    return epsilon_greedy(q, epsilon, rng) if len(q) > 1 else np.array([epsilon_greedy(q[0], epsilon, rng)])


def make_features(settings: Settings, space: spaces.Space[Any], name: str) -> Features:
    """The features that settings describe, over their box or else the bounds of the observation space.

    Raises InputError for a dimension of the space without bounds that the settings don't give.
    """
    if not isinstance(space, spaces.Box):
        raise InputError(f"linear features need observations of a Box; {name} has {space}")
    D = int(np.prod(space.shape))
    box: dict[str, Any] = {"low": settings.low or space.low.ravel(), "high": settings.high or space.high.ravel()}
    for edge, values in box.items():
        if len(values) != D:
            raise InputError(f"{edge} has {len(values)} numbers; an observation of {name} has {D}")
        if not np.isfinite(values).all():
            d = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(f"observation [{d}] of {name} has no bounds; expected the settings low and high")
    tiles = settings.tiles[0] if len(settings.tiles) == 1 else settings.tiles
    table = settings.table or None
    kinds: dict[str, Callable[[], Features]] = {
        "tiles": lambda: TileCoding(**box, tilings=settings.tilings, tiles=tiles, table=table),
        "radial": lambda: RadialBasis(**box, centres=settings.centres, width=settings.width),
        "polynomial": lambda: Polynomial(**box, order=settings.order),
        "fourier": lambda: Fourier(**box, order=settings.order),
    }
    return choose("features", settings.features, kinds)()
