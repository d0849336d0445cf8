"""An environment whose every value is known beforehand."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Counting(gymnasium.Env[np.ndarray, int]):
    """Episode e has a length and an end of a list that repeats; its observation after t steps is (e, t), and the
    reward of step t is 10 e + t. Ends: "T" terminated, "C" truncated (cut), "TC" both at once."""

    def __init__(self, *episodes: tuple[int, str]) -> None:
        self.plan = episodes
        self.observation_space = spaces.Box(0, 1000, (2,), np.float32)
        self.action_space = spaces.Discrete(3)
        self.episode, self.t = -1, 0
        self.actions: list[int] = []
        self.stepped_after_end = False
        self.over = False

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.episode, self.t, self.over = self.episode + 1, 0, False
        return self.observation(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.stepped_after_end |= self.over
        self.actions.append(int(action))
        length, end = self.plan[self.episode % len(self.plan)]
        self.t += 1
        last = self.t == length
        self.over = last
        return self.observation(), float(10 * self.episode + self.t), last and "T" in end, last and "C" in end, {}

    def observation(self) -> np.ndarray:
        return np.array([self.episode, self.t], np.float32)
