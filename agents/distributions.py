"""Policies' distributions over actions, made of a network's outputs, and the way back to those outputs.

Each has `sample(rng)`, `mode(rng)`, `log_prob(actions)`, `entropy()`, and `gradient(actions, dlog_prob, dentropy)`: the
gradient of the outputs where a loss has the gradients dlog_prob and dentropy (None is 0), (B,) each, of the two before.
`clipped_loss` is PPO's, in one go. The equations are in `seqrl/kernels/reference/policy_gradients.py`.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.activations import log_softmax
from seqrl.errors import InputError
from seqrl.parameter import Array, Integers

from .exploration import argmax

Actions = npt.NDArray[Any]  # (B,) integers, or (B, A) numbers


class Distribution(Protocol):
    """A distribution over actions for each of B rows of a network's outputs."""

    def __init__(self, outputs: Array, /) -> None: ...
    def sample(self, rng: np.random.Generator) -> Actions: ...
    def mode(self, rng: np.random.Generator) -> Actions: ...
    def log_prob(self, actions: Actions) -> Array: ...
    def entropy(self) -> Array: ...
    def gradient(self, actions: Actions, dlog_prob: Array, dentropy: Array | None = None) -> Array: ...
    def clipped_loss(
        self, actions: Actions, old_log_prob: Array, advantages: Array, clip: float, entropy: float
    ) -> tuple[float, Array, Array]: ...


class Categorical:
    """p_k = softmax(logits)_k over A actions.

    logits: (B, A); actions: (B,) integers in [0, A). A logit of -inf is an action that can't be taken.
    """

    def __init__(self, logits: Array) -> None:
        if logits.ndim != 2:
            raise InputError(f"logits have the shape {logits.shape}; expected (B, A)")
        self.logits = logits

    @property
    def log_p(self) -> Array:
        """(B, A)"""
        return log_softmax(self.logits)

    @property
    def p(self) -> Array:
        """(B, A)"""
        return np.exp(self.log_p)

    def sample(self, rng: np.random.Generator) -> Integers:
        return kernels.categorical_sample(self.logits, rng.random(len(self.logits)))

    def mode(self, rng: np.random.Generator) -> Integers:
        """The likeliest action, ties broken at random."""
        return argmax(self.logits, rng)

    def log_prob(self, actions: Integers) -> Array:
        return self._of_actions(kernels.categorical_log_prob, actions)

    def entropy(self) -> Array:
        return kernels.categorical_entropy(self.logits)

    def gradient(self, actions: Integers, dlog_prob: Array, dentropy: Array | None = None) -> Array:
        """d logits, (B, A)."""
        return self._of_actions(kernels.categorical_gradient, actions, *_gradients(dlog_prob, dentropy, self.logits))

    def clipped_loss(
        self, actions: Integers, old_log_prob: Array, advantages: Array, clip: float, entropy: float
    ) -> tuple[float, Array, Array]:
        """(loss, d logits, ratios)"""
        constants = _constants(old_log_prob, advantages, self.logits)
        return self._of_actions(kernels.categorical_clipped_loss, actions, *constants, clip, entropy)

    def _of_actions(self, kernel: Any, actions: Integers, *others: Any) -> Any:
        B, A = self.logits.shape
        if actions.shape != (B,) or actions.dtype.kind not in "iu":
            raise InputError(f"actions are {actions.dtype} of shape {actions.shape}; expected integers of shape {(B,)}")
        try:
            return kernel(self.logits, np.ascontiguousarray(actions, np.int64), *others)
        except IndexError:
            raise InputError(
                f"actions run from {actions.min()} to {actions.max()}; expected 0 <= action < {A}"
            ) from None


class DiagonalGaussian:
    """N(mean, sigma^2) in each of A dimensions, independent; the outputs are [mean, log sigma] side by side.

    outputs: (B, 2A); actions: (B, A). A policy whose deviation does not depend on the state has
    `networks.Deviation` as its last layer.
    """

    def __init__(self, outputs: Array) -> None:
        if outputs.ndim != 2 or outputs.shape[1] % 2:
            raise InputError(f"a Gaussian has the shape {outputs.shape}; expected (B, 2A), means beside log deviations")
        A = outputs.shape[1] // 2
        self.outputs = outputs
        self.mean, self.log_sigma = self.outputs[:, :A], self.outputs[:, A:]

    def sample(self, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal(self.mean.shape).astype(self.mean.dtype)
        return self.mean + np.exp(self.log_sigma) * noise

    def mode(self, rng: np.random.Generator) -> Array:
        return self.mean

    def log_prob(self, actions: Array) -> Array:
        return kernels.gaussian_log_prob(self.outputs, self._fitting(actions))

    def entropy(self) -> Array:
        A = self.mean.shape[1]
        return self.log_sigma.sum(axis=1) + self.mean.dtype.type(0.5 * A * math.log(2 * math.pi * math.e))

    def gradient(self, actions: Array, dlog_prob: Array, dentropy: Array | None = None) -> Array:
        """d outputs, (B, 2A)."""
        gradients = _gradients(dlog_prob, dentropy, self.outputs)
        return kernels.gaussian_gradient(self.outputs, self._fitting(actions), *gradients)

    def clipped_loss(
        self, actions: Array, old_log_prob: Array, advantages: Array, clip: float, entropy: float
    ) -> tuple[float, Array, Array]:
        """(loss, d outputs, ratios)"""
        constants = _constants(old_log_prob, advantages, self.outputs)
        return kernels.gaussian_clipped_loss(self.outputs, self._fitting(actions), *constants, clip, entropy)

    def _fitting(self, actions: Array) -> Array:
        if actions.shape != self.mean.shape:
            raise InputError(f"actions have the shape {actions.shape}; expected {self.mean.shape}")
        return np.ascontiguousarray(actions, self.outputs.dtype)


def weighted_log_prob(
    distribution: type[Distribution], outputs: Array, actions: Actions, weights: Array, *, count: int, entropy: float
) -> tuple[float, Array]:
    """-1/count sum_b [weights_b log pi(a_b) + entropy H(pi)], and its gradient of the outputs; weights: (B,)."""
    pi = distribution(outputs)
    loss = -float(np.dot(weights, pi.log_prob(actions))) / count
    dlog_prob = (np.asarray(weights) * (-1 / count)).astype(outputs.dtype)
    dentropy = None
    if entropy:
        loss -= entropy * float(pi.entropy().sum(dtype=np.float64)) / count
        dentropy = np.full(len(outputs), -entropy / count, outputs.dtype)
    return loss, pi.gradient(actions, dlog_prob, dentropy)


def _rows(what: str, column: Array, outputs: Array) -> Array:
    """A number for each row; NumPy would broadcast (B,) against (B, 1) to (B, B)."""
    B = len(outputs)
    if column.shape != (B,):
        raise InputError(f"{what} of shape {column.shape} for {B} rows; expected {(B,)}")
    return np.ascontiguousarray(column, outputs.dtype)


def _constants(old_log_prob: Array, advantages: Array, outputs: Array) -> tuple[Array, Array]:
    return _rows("old log-probabilities", old_log_prob, outputs), _rows("advantages", advantages, outputs)


def _gradients(dlog_prob: Array, dentropy: Array | None, outputs: Array) -> tuple[Array, Array]:
    none = np.empty(0, outputs.dtype)
    return _rows("a gradient", dlog_prob, outputs), none if dentropy is None else _rows("a gradient", dentropy, outputs)
