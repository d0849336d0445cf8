"""The short corridor with switched actions (Sutton and Barto 2018, example 13.1)."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

LEFT, RIGHT = 0, 1
MOVES = ((0, 1), (2, 0), (1, 3))  # by state and action; the middle state turns them round, and a wall is to the left
GOAL = 3

Observation = npt.NDArray[np.float32]


class ShortCorridor(gymnasium.Env[Observation, int]):
    """Three states in a row, of which the middle one goes right for left and left for right; a fourth is the goal.

    All look the same: the observation is [1]. So a policy is one probability p of going right, and its value, with a
    reward of -1 on every step, the last too, is (2p - 4) / (p (1 - p)): best at p = 2 - sqrt 2 = 0.586, with -11.66,
    and without bound below where p is 0 or 1. Episodes have no time limit.

    P[state][action] is [(probability, next state, reward, terminated)], as toy text publishes it.
    """

    state_attributes = ("state",)  # with which an interrupted run goes on inside an episode

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(1.0, 1.0, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)  # type: ignore[assignment]  # of numpy's integers
        self.P = {
            state: {action: [(1.0, next_state, -1.0, next_state == GOAL)] for action, next_state in enumerate(moves)}
            for state, moves in enumerate(MOVES)
        }
        self.P[GOAL] = {action: [(1.0, GOAL, 0.0, True)] for action in (LEFT, RIGHT)}
        self.state = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        self.state = 0
        return np.ones(1, np.float32), {}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self.state = MOVES[self.state][int(action)]
        return np.ones(1, np.float32), -1.0, self.state == GOAL, False, {}
