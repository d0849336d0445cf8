"""Running means and variances by which observations and rewards are brought to one scale.

Statistics are float64 and belong to the agent: they are saved with it, used but never changed in evaluation, and
merged where several workers have their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.parameter import Array

Flags = npt.NDArray[np.bool_]


class Moments:
    """Mean and variance (the population's) of all that was seen, of any shape (Chan, Golub and LeVeque 1983).

    Before anything is seen the mean is 0 and the variance 1.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.count = 0.0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)  # sum of (x - mean)^2
        self._scale: Array | None = None

    @property
    def variance(self) -> Array:
        return self.squares / self.count if self.count > 1 else np.ones_like(self.mean)

    @property
    def scale(self) -> Array:
        """1 / sqrt(variance + 1e-8), which is asked for at every step and changes once a rollout."""
        if self._scale is None:
            self._scale = 1 / np.sqrt(self.variance + 1e-8)
        return self._scale

    def update(self, batch: npt.ArrayLike) -> None:
        """Take in a batch, (B, ...)."""
        x = np.asarray(batch, np.float64)
        if x.shape[1:] != self.mean.shape:
            raise InputError(f"a batch of shape {x.shape}; expected (B, {', '.join(map(str, self.mean.shape))})")
        if len(x):
            mean = x.mean(axis=0)
            self._merge(float(len(x)), mean, np.square(x - mean).sum(axis=0))

    def merge(self, other: Self) -> None:
        """Take in what another has seen; the order does not matter."""
        if other.mean.shape != self.mean.shape:
            raise InputError(f"statistics of shape {other.mean.shape} can't join those of shape {self.mean.shape}")
        if other.count:
            self._merge(other.count, other.mean, other.squares)

    def _merge(self, count: float, mean: Array, squares: Array) -> None:
        total = self.count + count
        distance = mean - self.mean
        self.squares += squares + np.square(distance) * (self.count * count / total)
        self.mean += distance * (count / total)
        self.count = total
        self._scale = None

    def state(self) -> dict[str, Array]:
        return {"count": np.array(self.count), "mean": self.mean.copy(), "squares": self.squares.copy()}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        for name, own in (("mean", self.mean), ("squares", self.squares)):
            if np.shape(state[name]) != own.shape:
                raise InputError(f"statistics '{name}' of shape {np.shape(state[name])}; expected {own.shape}")
        self.count = float(state["count"])
        self.mean[...], self.squares[...] = state["mean"], state["squares"]
        self._scale = None


class ObservationNormalizer:
    """(x - mean) / sqrt(variance + 1e-8), clipped to [-limit, limit], as float32.

    `update` is for observations that training acts on, (B, D); calling only reads.
    """

    def __init__(self, size: int, *, limit: float = 10.0) -> None:
        self.moments = Moments((size,))
        self.limit = limit

    def update(self, observations: Array) -> None:
        self.moments.update(observations)

    def __call__(self, observations: Array) -> Array:
        z = (observations - self.moments.mean) * self.moments.scale
        return z.clip(-self.limit, self.limit).astype(np.float32)

    def state(self) -> dict[str, Array]:
        return self.moments.state()

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self.moments.load_state(state)


class RewardNormalizer:
    """r / sqrt(Var(G) + 1e-8), clipped, where G = gamma G + r runs along each episode; the mean stays, so that the sign
    of a reward does.

    N environments, whose running G begin anew after an end. Rows that are not valid count nothing.
    """

    def __init__(self, count: int, gamma: float, *, limit: float = 10.0) -> None:
        self.moments = Moments()
        self.gamma = gamma
        self.limit = limit
        self.running = np.zeros(count)

    def update(self, rewards: Array, ended: Flags, valid: Flags) -> None:
        """T steps of all environments, (T, N) each; ended: terminated | truncated."""
        gains, decay = np.where(valid, rewards, 0.0), np.where(valid, self.gamma, 1.0)
        decay[1:][ended[:-1]] = 0
        gains[0] += decay[0] * self.running
        sums = kernels.decayed_sums(gains[::-1], decay[::-1])[::-1]  # from the first step on
        self.moments.update(sums[valid])
        self.running = np.where(ended[-1], 0.0, sums[-1])

    def __call__(self, rewards: Array) -> Array:
        return (rewards * self.moments.scale).clip(-self.limit, self.limit)

    def state(self) -> dict[str, Array]:
        return {**self.moments.state(), "running": self.running.copy()}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        if np.shape(state["running"]) != self.running.shape:
            raise InputError(
                f"the reward statistics are of {np.size(state['running'])} environments; expected {len(self.running)}"
            )
        self.moments.load_state(state)
        self.running[...] = state["running"]
