"""Policies' distributions over actions, made of a network's outputs, and the way back to those outputs.

Each has `sample(rng)`, `mode()`, `log_prob(actions)`, `entropy()`, and `gradient(actions, dlog_prob, dentropy)`: the
gradient of the outputs where a loss has the gradients dlog_prob and dentropy (None is 0), (B,) each, of the two before.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

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

    log_prob(a) = log p_a, whose gradient with respect to the logits is 1[k = a] - p_k;
    entropy H = -sum_k p_k log p_k, whose gradient is -p_k (log p_k + H).

    logits: (B, A); actions: (B,) integers in [0, A). A logit of -inf is an action that can't be taken.
    """

    def __init__(self, logits: Array) -> None:
        if logits.ndim != 2:
            raise InputError(f"logits have the shape {logits.shape}; expected (B, A)")
        columns = np.ascontiguousarray(logits.T)  # (A, B): sums over a few actions are then of long rows
        shifted = columns - columns.max(axis=0)
        p = np.exp(shifted)
        total = p.sum(axis=0)
        p /= total
        self._p, self._log_p = p, shifted - np.log(total)
        self._checked: Integers | None = None  # the actions last seen to be in the space

    @property
    def p(self) -> Array:
        """(B, A)"""
        return self._p.T

    @property
    def log_p(self) -> Array:
        """(B, A)"""
        return self._log_p.T

    def sample(self, rng: np.random.Generator) -> Integers:
        """The first action at which the cumulative probability exceeds a uniform number."""
        cumulative = self._p.cumsum(axis=0)
        u = rng.random(cumulative.shape[1]) * cumulative[-1]  # rounding leaves their sum beside 1
        return np.count_nonzero(u >= cumulative[:-1], axis=0)

    def mode(self) -> Integers:
        return self._log_p.argmax(axis=0)

    def log_prob(self, actions: Integers) -> Array:
        return self._log_p[self._at(actions)]

    def entropy(self) -> Array:
        return -(self._p * self._finite_log_p()).sum(axis=0)

    def gradient(self, actions: Integers, dlog_prob: Array, dentropy: Array | None = None) -> Array:
        """d logits, (B, A)."""
        _check_rows(dlog_prob, dentropy, self._p.shape[1])
        if dentropy is None:
            dlogits = self._p * -dlog_prob
        else:
            log_p = self._finite_log_p()
            entropy = -(self._p * log_p).sum(axis=0)
            dlogits = self._p * (-(dlog_prob + dentropy * entropy) - dentropy * log_p)
        dlogits[self._at(actions)] += dlog_prob
        return np.ascontiguousarray(dlogits.T)

    def _finite_log_p(self) -> Array:
        """p log p is 0 where p is, whose logarithm may be -inf."""
        return np.maximum(self._log_p, self._log_p.dtype.type(-1e4))

    def _at(self, actions: Integers) -> tuple[Integers, Integers]:
        A, B = self._p.shape
        if actions.shape != (B,) or actions.dtype.kind not in "iu":
            raise InputError(f"actions are {actions.dtype} of shape {actions.shape}; expected integers of shape {(B,)}")
        if B and actions is not self._checked and not (actions.min() >= 0 and actions.max() < A):
            raise InputError(f"actions run from {actions.min()} to {actions.max()}; expected 0 <= action < {A}")
        self._checked = actions
        return actions, np.arange(B)


class DiagonalGaussian:
    """N(mean, sigma^2) in each of A dimensions, independent; the outputs are [mean, log sigma] side by side.

    log_prob(a) = sum_k -1/2 z_k^2 - log sigma_k - 1/2 log 2 pi with z = (a - mean) / sigma, whose gradient is
    z / sigma with respect to the mean and z^2 - 1 with respect to log sigma;
    entropy H = sum_k log sigma_k + 1/2 log 2 pi e, whose gradient is 1 with respect to log sigma.

    outputs: (B, 2A); actions: (B, A). A policy whose deviation does not depend on the state has
    `networks.Deviation` as its last layer.
    """

    def __init__(self, outputs: Array) -> None:
        if outputs.ndim != 2 or outputs.shape[1] % 2:
            raise InputError(f"a Gaussian has the shape {outputs.shape}; expected (B, 2A), means beside log deviations")
        A = outputs.shape[1] // 2
        self.mean, self.log_sigma = outputs[:, :A], outputs[:, A:]

    def sample(self, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal(self.mean.shape).astype(self.mean.dtype)
        return self.mean + np.exp(self.log_sigma) * noise

    def mode(self) -> Array:
        return self.mean

    def log_prob(self, actions: Array) -> Array:
        z = self._standardised(actions)
        A = z.shape[1]
        total: Array = -(0.5 * z * z + self.log_sigma).sum(axis=1)
        return total - total.dtype.type(0.5 * A * math.log(2 * math.pi))

    def entropy(self) -> Array:
        A = self.mean.shape[1]
        return self.log_sigma.sum(axis=1) + self.mean.dtype.type(0.5 * A * math.log(2 * math.pi * math.e))

    def gradient(self, actions: Array, dlog_prob: Array, dentropy: Array | None = None) -> Array:
        """d outputs, (B, 2A)."""
        _check_rows(dlog_prob, dentropy, len(self.mean))
        z = self._standardised(actions)
        dmean = dlog_prob[:, None] * z * np.exp(-self.log_sigma)
        dlog_sigma = dlog_prob[:, None] * (z * z - 1)
        if dentropy is not None:
            dlog_sigma += dentropy[:, None]
        return np.concatenate([dmean, dlog_sigma], axis=1)

    def _standardised(self, actions: Array) -> Array:
        if actions.shape != self.mean.shape:
            raise InputError(f"actions have the shape {actions.shape}; expected {self.mean.shape}")
        z: Array = (actions - self.mean) * np.exp(-self.log_sigma)
        return z


def _check_rows(dlog_prob: Array, dentropy: Array | None, B: int) -> None:
    """NumPy would broadcast (B,) against (B, 1) to (B, B)."""
    for gradient in (dlog_prob,) if dentropy is None else (dlog_prob, dentropy):
        if gradient.shape != (B,):
            raise InputError(f"a gradient has the shape {gradient.shape}; expected {(B,)}")
