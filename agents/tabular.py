"""What agents with a table share: a value q(s, a) for each state and action, exploring, and the step size.

An algorithm is its `update`, what one step changes in the table. Steps of environments side by side are learned from
one after the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from seqrl.errors import InputError, check_sizes

from .agent import Agent, AgentState, Array
from .exploration import best_action, epsilon_greedy, linear

Table = list[list[float]]  # by state and action; of single numbers, lists are several times faster than arrays

LARGEST = 20_000_000  # values in a table
ROUND = 100  # steps


@dataclass(frozen=True)
class TabularSettings:
    gamma: float = 0.99
    """The discount."""
    learning_rate: float = 0.1
    """The step size when an action is first taken in a state."""
    decay: float = 0.0
    """Of the step size: at the n-th time it is learning_rate / n ** decay. Values settle for over 0.5 to 1."""
    epsilon: float = 1.0
    """The probability of any action instead of the best, at first."""
    epsilon_end: float = 0.05
    """And in the end."""
    epsilon_steps: int = 10_000
    """Steps from the one to the other, in a straight line."""
    initial_value: float = 0.0
    """Of each action in each state; more than there is to get makes an agent try everything."""
    environments: int = 1
    """Side by side."""


class Tabular(Agent):
    """An agent with one table of action values, or two, for observations that are whole numbers."""

    Settings = TabularSettings
    observation_spaces = (spaces.Discrete, spaces.MultiDiscrete)
    number_of_tables: ClassVar[int] = 1

    def build(self) -> None:
        settings = self.settings
        for name in "gamma", "learning_rate", "epsilon", "epsilon_end":
            if not 0 <= getattr(settings, name) <= 1:
                raise InputError(f"{name} is {getattr(settings, name)}; expected a number from 0 to 1")
        if not 0 <= settings.decay < math.inf or not math.isfinite(settings.initial_value):
            raise InputError(
                f"decay is {settings.decay}, initial_value {settings.initial_value}; expected 0 or more, finite"
            )
        check_sizes(self.name, epsilon_steps=settings.epsilon_steps)
        space: Any = self.observation_space
        self._shape = (int(space.n),) if isinstance(space, spaces.Discrete) else tuple(space.nvec.ravel().tolist())
        S, A = math.prod(self._shape), int(self.action_space.n)  # type: ignore[attr-defined]
        if S * A > LARGEST:
            raise InputError(
                f"{self.name} needs a table of {S:,} x {A} values for {space}; expected {LARGEST:,} at most"
            )
        self.tables: list[Table] = [
            [[settings.initial_value] * A for _ in range(S)] for _ in range(self.number_of_tables)
        ]
        self.visits = [[[0] * A for _ in range(S)] for _ in range(self.number_of_tables)]
        self._epsilon = linear(settings.epsilon, settings.epsilon_end, settings.epsilon_steps)
        self.epsilon = self._epsilon(0)

    @property
    def q(self) -> npt.NDArray[np.float64]:
        """The action values (S, A), the mean of the tables where there are two. A copy.

        States of several numbers (blackjack's sum, card, ace) are counted as in an array of that shape.
        """
        return np.mean(self.tables, axis=0)

    def update(
        self, environment: int, state: int, action: int, reward: float, next_state: int, terminated: bool, over: bool
    ) -> None:
        """Learn from one step of one environment. over: the episode ended there, terminated or cut short."""
        raise NotImplementedError

    def advance(self, remaining: int) -> None:
        environments = self.environments
        goal = environments.steps + min(remaining, ROUND)
        while environments.steps < goal:
            self.epsilon = self._epsilon(environments.steps)
            states = self.states(environments.observations)
            actions = [self.choose(i, state) for i, state in enumerate(states)]
            steps = environments.step(actions)
            nexts, rewards = self.states(steps.next_observation), steps.reward.tolist()
            ends, cuts, valid = steps.terminated.tolist(), steps.truncated.tolist(), steps.valid.tolist()
            for i, state in enumerate(states):
                if valid[i]:
                    self.update(i, state, actions[i], rewards[i], nexts[i], ends[i], ends[i] or cuts[i])
        self.metrics = {"epsilon": self.epsilon}

    def choose(self, environment: int, state: int) -> int:
        """The action to take while learning: epsilon-greedy."""
        rng = self.streams.exploration
        values = self.values(state)
        return int(rng.random() * len(values)) if rng.random() < self.epsilon else best_action(values, rng)

    def values(self, state: int) -> list[float]:
        """What actions are chosen by."""
        return self.tables[0][state]

    def step_size(self, state: int, action: int, table: int = 0) -> float:
        """learning_rate / n ** decay at the n-th time (Even-Dar and Mansour 2003); counts it."""
        visits = self.visits[table][state]
        visits[action] += 1
        return float(self.settings.learning_rate / visits[action] ** self.settings.decay)

    def states(self, observations: Array) -> list[int]:
        """Observations (N, ...) as numbers of states."""
        if observations.ndim > 1:
            N = len(observations)
            observations = np.ravel_multi_index(tuple(observations.reshape(N, -1).T), self._shape)  # type: ignore[assignment]
        numbers: list[int] = observations.tolist()
        return numbers

    def actions(self, observations: Array, rng: np.random.Generator, explore: bool) -> Array:
        values = np.array([self.values(state) for state in self.states(observations)])
        return epsilon_greedy(values, self.epsilon if explore else 0.0, rng)

    def not_finite(self) -> str:
        return "" if np.isfinite(self.tables).all() else "an entry of 'q'"

    def state(self) -> AgentState:
        arrays, numbers = super().state()
        arrays["q"], arrays["visits"] = np.array(self.tables, np.float64), np.array(self.visits, np.int64)
        return AgentState(arrays, {**numbers, "epsilon": self.epsilon})

    def load_state(self, state: AgentState) -> None:
        super().load_state(state)
        arrays, numbers = state
        for name, now in ("q", self.tables), ("visits", self.visits):
            if arrays[name].shape != np.shape(now):
                raise InputError(f"'{name}' has the shape {arrays[name].shape}; expected {np.shape(now)}")
        self.tables, self.visits = arrays["q"].tolist(), arrays["visits"].tolist()
        self.epsilon = numbers["epsilon"]
