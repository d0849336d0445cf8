"""Policies' distributions over actions, made of a network's outputs, and the way back to those outputs.

Each has `sample(rng)`, `mode()`, `log_prob(actions)`, `entropy()`, and `gradient(actions, dlog_prob, dentropy)`: the
gradient of the outputs where a loss has the gradients dlog_prob and dentropy (None is 0), (B,) each, of the two before.
The equations are in `seqrl/kernels/reference/policy_gradients.py`.
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

Actions = npt.NDArray[Any]  # (B,) integers, or (B, A) numbers


class Distribution(Protocol):
    """A distribution over actions for each of B rows of a network's outputs."""

    def __init__(self, outputs: Array, /) -> None: ...
    def sample(self, rng: np.random.Generator) -> Actions: ...
    def mode(self) -> Actions: ...
    def log_prob(self, actions: Actions) -> Array: ...
    def entropy(self) -> Array: ...
    def gradient(self, actions: Actions, dlog_prob: Array, dentropy: Array | None = None) -> Array: ...


class Categorical:
    """p_k = softmax(logits)_k over A actions.

    logits: (B, A); actions: (B,) integers in [0, A). A logit of -inf is an action that can't be taken.
    """

    def __init__(self, logits: Array) -> None:
        if logits.ndim != 2:
            raise InputError(f"logits have the shape {logits.shape}; expected (B, A)")
        self.logits = np.ascontiguousarray(logits)

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

    def mode(self) -> Integers:
        return self.logits.argmax(axis=1)

    def log_prob(self, actions: Integers) -> Array:
        return self._of_actions(kernels.categorical_log_prob, actions)

    def entropy(self) -> Array:
        return kernels.categorical_entropy(self.logits)

    def gradient(self, actions: Integers, dlog_prob: Array, dentropy: Array | None = None) -> Array:
        """d logits, (B, A)."""
        return self._of_actions(kernels.categorical_gradient, actions, *_checked(dlog_prob, dentropy, self.logits))

    def _of_actions(self, kernel: Any, actions: Integers, *gradients: Array) -> Any:
        B, A = self.logits.shape
        if actions.shape != (B,) or actions.dtype.kind not in "iu":
            raise InputError(f"actions are {actions.dtype} of shape {actions.shape}; expected integers of shape {(B,)}")
        try:
            return kernel(self.logits, np.ascontiguousarray(actions, np.int64), *gradients)
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
        self.outputs = np.ascontiguousarray(outputs)
        self.mean, self.log_sigma = self.outputs[:, :A], self.outputs[:, A:]

    def sample(self, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal(self.mean.shape).astype(self.mean.dtype)
        return self.mean + np.exp(self.log_sigma) * noise

    def mode(self) -> Array:
        return self.mean

    def log_prob(self, actions: Array) -> Array:
        return kernels.gaussian_log_prob(self.outputs, self._fitting(actions))

    def entropy(self) -> Array:
        A = self.mean.shape[1]
        return self.log_sigma.sum(axis=1) + self.mean.dtype.type(0.5 * A * math.log(2 * math.pi * math.e))

    def gradient(self, actions: Array, dlog_prob: Array, dentropy: Array | None = None) -> Array:
        """d outputs, (B, 2A)."""
        gradients = _checked(dlog_prob, dentropy, self.outputs)
        return kernels.gaussian_gradient(self.outputs, self._fitting(actions), *gradients)

    def _fitting(self, actions: Array) -> Array:
        if actions.shape != self.mean.shape:
            raise InputError(f"actions have the shape {actions.shape}; expected {self.mean.shape}")
        return np.ascontiguousarray(actions, self.outputs.dtype)


def _checked(dlog_prob: Array, dentropy: Array | None, outputs: Array) -> tuple[Array, Array]:
    """Both as the kernels take them: one for each row, where NumPy would broadcast (B,) against (B, 1) to (B, B)."""
    B, dtype = len(outputs), outputs.dtype
    for gradient in (dlog_prob,) if dentropy is None else (dlog_prob, dentropy):
        if gradient.shape != (B,):
            raise InputError(f"a gradient has the shape {gradient.shape}; expected {(B,)}")
    none = np.empty(0, dtype) if dentropy is None else np.ascontiguousarray(dentropy, dtype)
    return np.ascontiguousarray(dlog_prob, dtype), none
