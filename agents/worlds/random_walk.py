"""The random walk in a row of states (Sutton and Barto 2018, examples 6.2, 7.1 and 9.1)."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import numpy.typing as npt

LEFT, RIGHT = 0, 1


class RandomWalk(gymnasium.Env[Any, Any]):
    """States 1 .. `states` in a row, entered in the middle; 0 and states + 1 are the ends, with a reward of -1 and 1.

    Left and right each jump by 1 .. `reach` states, all with the same chance, and no further than the end. The walk is
    random by its policy, which tosses a coin; 19 states are that of chapter 7, 1000 with a reach of 100 of chapter 9.

    P[state][action] is [(probability, next state, reward, terminated)], as toy text publishes it.
    """

    state_attributes = ("state",)  # with which an interrupted run goes on inside an episode

    def __init__(self, states: int = 19, reach: int = 1) -> None:
        self.states, self.reach = states, reach
        self.observation_space = gymnasium.spaces.Discrete(states + 2)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.start = (states + 1) // 2
        self.initial_state_distrib = np.eye(states + 2)[self.start]
        self.state = self.start

    @property
    def P(self) -> dict[int, dict[int, list[tuple[float, int, float, bool]]]]:
        ends = (0, self.states + 1)
        table = {s: {a: self._outcomes(s, way) for a, way in ((LEFT, -1), (RIGHT, 1))} for s in range(1, ends[1])}
        for end in ends:
            table[end] = {action: [(1.0, end, 0.0, True)] for action in (LEFT, RIGHT)}
        return table

    def _outcomes(self, state: int, way: int) -> list[tuple[float, int, float, bool]]:
        end = 0 if way < 0 else self.states + 1
        inside = min(self.reach, abs(end - state) - 1)  # jumps that don't end the walk
        goes_on = [(1 / self.reach, state + way * jump, 0.0, False) for jump in range(1, inside + 1)]
        ends = [(1 - inside / self.reach, end, float(way), True)] if inside < self.reach else []
        return goes_on + ends

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.state = self.start
        return self.state, {}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        jump = int(self.np_random.integers(1, self.reach + 1))
        self.state = min(max(self.state + (jump if action == RIGHT else -jump), 0), self.states + 1)
        reward = float(self.state > self.states) - float(self.state < 1)
        return self.state, reward, self.state in (0, self.states + 1), False, {}

    def walks(self, count: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        """The states (T + 1,) of `count` episodes of the random policy, ends included, made side by side."""
        going = np.arange(count)
        place = np.full(count, self.start)
        steps = [place.copy()]
        lengths = np.zeros(count, np.int64)
        while going.size:
            jumps = rng.integers(1, self.reach + 1, going.size) * rng.choice([-1, 1], going.size)
            place[going] = np.clip(place[going] + jumps, 0, self.states + 1)
            lengths[going] += 1
            going = going[(place[going] > 0) & (place[going] <= self.states)]
            steps.append(place.copy())
        rows = np.stack(steps, axis=1)
        return [row[: length + 1] for row, length in zip(rows, lengths, strict=True)]
