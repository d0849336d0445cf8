"""Replay: past transitions to learn from, drawn uniformly or by priority.

A row holds all that its target needs,

    target = reward + discount * value(next_observation)

so nothing is looked up across rows, and neither an episode's end nor the place where the ring is written can be
crossed. With n-step windows (Sutton 1988)

    reward   = r_1 + gamma r_2 + ... + gamma^(m-1) r_m
    discount = gamma^m, or 0 where the episode terminated

and next_observation is the one m steps on; m is n, or what was left of the episode when it ended. A truncated episode
ends a window but keeps its discount: its last observation has a value. The newest rows of an episode that goes on
have windows that are still growing; drawn before they are full they are right, of fewer steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from seqrl.errors import InputError
from seqrl.parameter import Array, Integers

if TYPE_CHECKING:
    from .rollouts import Steps


class Batch(NamedTuple):
    """B rows of a replay, copies of their own."""

    observation: npt.NDArray[Any]  # (B, ...)
    action: npt.NDArray[Any]  # (B, ...)
    reward: Array  # (B,)
    next_observation: npt.NDArray[Any]  # (B, ...)
    discount: Array  # (B,)
    rows: Integers  # (B,), where they stand in the replay
    weight: Array | None  # (B,), what corrects the bias of the draw; None where it is uniform


class Replay:
    """The last `capacity` transitions of any number of environments, drawn uniformly with replacement."""

    def __init__(
        self,
        capacity: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        n_step: int = 1,
        gamma: float = 0.99,
    ) -> None:
        for name, number in ("capacity", capacity), ("n_step", n_step):
            if number < 1:
                raise InputError(f"{name} of a replay is {number}; expected at least 1")
        if not 0 <= gamma <= 1:
            raise InputError(f"gamma is {gamma}; expected a number from 0 to 1")
        self.capacity = capacity
        self.n_step = n_step
        self.gamma = gamma
        self.observation = _rows(capacity, observation_space)
        self.next_observation = _rows(capacity, observation_space)
        self.action = _rows(capacity, action_space)
        self.reward = np.zeros(capacity)
        self.discount = np.zeros(capacity)
        self.size = 0
        self._head = 0  # the row that is written next
        self._open: dict[int, deque[int]] = {}  # by environment, the rows whose windows still grow, oldest first
        self._powers = gamma ** np.arange(n_step + 1)

    def __len__(self) -> int:
        return self.size

    def add(self, steps: Steps) -> slice | Integers:
        """Copy a step of each environment, but for those that are not valid, and return their rows."""
        N = len(steps.reward)
        if N * self.n_step > self.capacity:
            raise InputError(
                f"a replay of {self.capacity} transitions is too small for {N} environments and windows of "
                f"{self.n_step} steps; expected {N * self.n_step} at least"
            )
        environments: Any = range(N)
        if np.count_nonzero(steps.valid) < N:
            environments = np.flatnonzero(steps.valid)
            steps = type(steps)(*(array[environments] for array in steps))
        rows = self._take_rows(len(steps.reward))
        self.observation[rows] = steps.observation
        self.action[rows] = steps.action
        self.reward[rows] = steps.reward
        self.next_observation[rows] = steps.next_observation
        self.discount[rows] = self.gamma * ~steps.terminated
        if self.n_step > 1:
            taken = range(rows.start, rows.stop) if isinstance(rows, slice) else rows
            for k, (environment, row) in enumerate(zip(environments, taken, strict=True)):
                self._extend_windows(int(environment), int(row), steps, k)
        return rows

    def extend(self, steps: Sequence[Steps]) -> None:
        """Add these, one after another; where no window needs to know which follows on which, as one."""
        if self.n_step == 1 and 1 < len(steps) <= self.capacity // max(len(steps[0].reward), 1):
            steps = [type(steps[0])(*map(np.concatenate, zip(*steps, strict=True)))]
        for step in steps:
            self.add(step)

    def _take_rows(self, count: int) -> slice | Integers:
        start, end = self._head, self._head + count
        self.size = min(max(self.size, end), self.capacity)
        self._head = end % self.capacity
        return slice(start, end) if end <= self.capacity else np.arange(start, end) % self.capacity

    def _extend_windows(self, environment: int, row: int, steps: Steps, k: int) -> None:
        """Let the windows that are open see the k-th of these steps, which is in `row`, and open one for it."""
        window = self._open.setdefault(environment, deque(maxlen=self.n_step - 1))
        if window:
            earlier, age = np.array(window), len(window)
            self.reward[earlier] += self._powers[age:0:-1] * steps.reward[k]
            self.next_observation[earlier] = steps.next_observation[k]
            self.discount[earlier] = 0.0 if steps.terminated[k] else self._powers[age + 1 : 1 : -1]
        window.append(row)
        if steps.terminated[k] or steps.truncated[k]:
            window.clear()

    def cut(self) -> None:
        """Close all windows: what is added next does not follow on what was added last."""
        self._open.clear()

    def sample(self, B: int, rng: np.random.Generator) -> Batch:
        """B rows, each drawn from all. Raises InputError where there are none."""
        self._check_any()
        return self._batch((rng.random(B) * self.size).astype(np.int64), None)  # faster than whole numbers are drawn

    def _check_any(self) -> None:
        if not self.size:
            raise InputError("the replay is empty; add transitions before they are drawn")

    def _batch(self, index: Integers, weight: Array | None) -> Batch:
        return Batch(
            self.observation.take(index, axis=0),
            self.action.take(index, axis=0),
            self.reward.take(index),
            self.next_observation.take(index, axis=0),
            self.discount.take(index),
            index,
            weight,
        )

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """All that was kept, as arrays and as what JSON can hold."""
        arrays = {name: array[: self.size] for name, array in self._arrays().items()}
        windows = [[environment, *rows] for environment, rows in self._open.items()]
        return arrays, {"size": self.size, "head": self._head, "windows": windows}

    def load_state(self, arrays: dict[str, npt.NDArray[Any]], state: dict[str, Any]) -> None:
        """Continue where `state` was taken. Raises InputError, before anything changes, where it doesn't fit."""
        own, size = self._arrays(), int(state["size"])
        if size > self.capacity:
            raise InputError(f"a state of {size} transitions; this replay holds {self.capacity}")
        for name, array in own.items():
            found = np.shape(arrays[name]) if name in arrays else "missing"
            if found != (size, *array.shape[1:]):
                raise InputError(f"the replay's '{name}' is {found}; expected {(size, *array.shape[1:])}")
        for name, array in own.items():
            array[:size] = arrays[name]
        self.size, self._head = size, int(state["head"])
        self._open = {e: deque(rows, maxlen=self.n_step - 1) for e, *rows in state["windows"]}

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        names = "observation", "action", "reward", "next_observation", "discount"
        return {name: getattr(self, name) for name in names}


class PrioritisedReplay(Replay):
    """Transitions drawn by how large their error was, P(i) = p_i^alpha / sum_k p_k^alpha, p = |error| + eps.

    Each batch is one draw from each of B equal parts of the total. Its weights, w_i = (size P(i))^-beta divided by the
    largest of the batch, correct the bias; beta is an attribute, that it may grow to 1. New transitions have the
    largest priority so far. (Schaul et al. 2016, proportional, section 3.3 and algorithm 1.)
    """

    def __init__(
        self,
        capacity: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        n_step: int = 1,
        gamma: float = 0.99,
        alpha: float = 0.6,
        beta: float = 0.4,
        eps: float = 1e-6,
    ) -> None:
        super().__init__(capacity, observation_space, action_space, n_step=n_step, gamma=gamma)
        self.alpha = alpha
        self.beta = beta
        self.eps = eps
        self._tree = SumTree(capacity)
        self._largest = 1.0
        self._fresh = 0  # how many of the last rows have no priority yet: they get it when something asks for it

    def add(self, steps: Steps) -> slice | Integers:
        rows = super().add(steps)
        self._fresh += rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        return rows

    def _settle(self) -> None:
        if self._fresh:
            count = min(self._fresh, self.capacity)
            self._tree.set(np.arange(self._head - count, self._head) % self.capacity, self._largest)
            self._fresh = 0

    def sample(self, B: int, rng: np.random.Generator) -> Batch:
        self._check_any()
        self._settle()
        index = self._tree.find((np.arange(B) + rng.random(B)) / B)
        weight = (self.size * self._tree[index] / self._tree.total) ** -self.beta
        return self._batch(index, weight / weight.max())

    def update(self, index: Integers, errors: Array) -> None:
        """New priorities of these rows, of the errors that were met there. index, errors: (B,)."""
        if errors.shape != index.shape:
            raise InputError(f"errors of shape {errors.shape} don't fit rows of shape {index.shape}")
        priorities = (np.abs(errors, dtype=np.float64) + self.eps) ** self.alpha
        if not np.isfinite(priorities).all():
            raise InputError("an error that priorities are made of is not finite")
        self._settle()
        self._largest = max(self._largest, float(priorities.max()))
        self._tree.set(index, priorities)

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        self._settle()
        arrays, state = super().state()
        return arrays, {**state, "largest": self._largest}

    def load_state(self, arrays: dict[str, npt.NDArray[Any]], state: dict[str, Any]) -> None:
        super().load_state(arrays, state)
        self._largest, self._fresh = float(state["largest"]), 0
        self._tree.leaves[self.size :] = 0
        self._tree.sum_up()

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {**super()._arrays(), "priority": self._tree.leaves[: self.capacity]}


class SumTree:
    """Numbers of at least 0, of which one is found by where a mark falls in their running sum.

    Each node is the sum of FAN_OUT below it, so setting or finding B of them takes a few operations on B rows.
    """

    FAN_OUT = 32

    def __init__(self, capacity: int) -> None:
        self._levels = [np.zeros((-(-capacity // self.FAN_OUT), self.FAN_OUT))]
        while (size := len(self._levels[-1])) > 1:
            self._levels.append(np.zeros((-(-size // self.FAN_OUT), self.FAN_OUT)))
        self._flat = [level.reshape(-1) for level in self._levels]  # views
        self.leaves = self._flat[0]

    @property
    def total(self) -> float:
        return float(self._flat[-1].sum())

    def __getitem__(self, index: Integers) -> Array:
        return self.leaves[index]

    def set(self, index: Integers, numbers: Array | float) -> None:
        """Where an index occurs twice the last number counts."""
        self.leaves[index] = numbers
        for level, above in zip(self._levels, self._flat[1:], strict=False):
            index = index // self.FAN_OUT
            above[index] = level[index].sum(axis=1)

    def sum_up(self) -> None:
        """All sums, after the leaves were written."""
        for level, above in pairwise(range(len(self._levels))):
            self._flat[above][: len(self._levels[level])] = self._levels[level].sum(axis=1)

    def find(self, marks: Array) -> Integers:
        """For marks (B,) in [0, 1), fractions of the total, the numbers in which they fall; none of those is 0."""
        node = np.zeros(len(marks), np.int64)
        rows = np.arange(len(marks))
        marks = marks * self.total
        for level in reversed(self._levels):
            reached = level[node].cumsum(axis=1)
            marks = np.minimum(marks, np.nextafter(reached[:, -1], 0))  # sums in another order are rounded differently
            child = (reached > marks[:, None]).argmax(axis=1)
            marks = marks - np.where(child > 0, reached[rows, child - 1], 0)
            node = node * self.FAN_OUT + child
        return node


def _rows(capacity: int, space: spaces.Space[Any]) -> npt.NDArray[Any]:
    """Zeros (capacity, *shape of the space); networks are float32, so that float64 is kept as that."""
    if space.shape is None or space.dtype is None:
        raise InputError(f"a replay can't hold the space {type(space).__name__}; expected one of arrays, such as Box")
    try:
        return np.zeros((capacity, *space.shape), np.float32 if space.dtype == np.float64 else space.dtype)
    except MemoryError as error:
        raise InputError(f"a replay of {capacity:,} transitions does not fit in memory: {error}") from None
