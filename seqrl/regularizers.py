"""Penalties on weights, and a bound on their norm.

A maker returns penalty(value) -> (penalty, gradient); `penalize` adds it to a model's gradients. What is held back are
weights, which have two axes or more; biases are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from seqrl.errors import InputError
from seqrl.parameter import Array, Parameter

Penalty = Callable[[Array], tuple[float, Array]]


def l1(strength: float) -> Penalty:
    """strength * sum |w|, gradient strength * sign(w), 0 at 0: it brings weights to zero (Tibshirani 1996)."""
    _not_negative("l1", strength)

    def penalty(value: Array) -> tuple[float, Array]:
        return strength * float(np.abs(value).sum(dtype=np.float64)), value.dtype.type(strength) * np.sign(value)

    return penalty


def l2(strength: float) -> Penalty:
    """strength / 2 * sum w^2, gradient strength * w: weight decay, which makes weights small."""
    _not_negative("l2", strength)

    def penalty(value: Array) -> tuple[float, Array]:
        return 0.5 * strength * float(np.square(value).sum(dtype=np.float64)), value.dtype.type(strength) * value

    return penalty


def lp(p: float, strength: float) -> Penalty:
    """strength / p * sum |w|^p with p >= 1, gradient strength * sign(w) |w|^(p - 1); l1 and l2 are p = 1 and 2."""
    if not p >= 1:
        raise InputError(f"the power of lp is {p}; expected at least 1")
    _not_negative("lp", strength)

    def penalty(value: Array) -> tuple[float, Array]:
        size = np.abs(value)
        slope = np.sign(value) * size ** value.dtype.type(p - 1)
        return strength / p * float((size**p).sum(dtype=np.float64)), value.dtype.type(strength) * slope

    return penalty


def elastic(l1_strength: float, l2_strength: float) -> Penalty:
    """The sum of `l1` and `l2` (elastic net; Zou and Hastie 2005)."""
    first, second = l1(l1_strength), l2(l2_strength)

    def penalty(value: Array) -> tuple[float, Array]:
        (a, da), (b, db) = first(value), second(value)
        return a + b, da + db

    return penalty


def penalize(parameters: Iterable[tuple[str, Parameter]], penalty: Penalty) -> float:
    """Add the gradients of the penalty on all weights to theirs; the penalty."""
    total = 0.0
    for _, parameter in parameters:
        if parameter.value.ndim >= 2:
            amount, gradient = penalty(parameter.value)
            parameter.grad += gradient
            total += amount
    return total


def constrain_norm(parameters: Iterable[tuple[str, Parameter]], limit: float) -> None:
    """Max-norm: scale the incoming weights of each unit to a norm of at most `limit` (Srivastava et al. 2014).

    A unit of a weight (n_in, n_out) is a column, one of a convolution's (C_out, C_in, height, width) a filter. Leave
    out embeddings, whose columns are no units.
    """
    if not limit > 0:
        raise InputError(f"the largest norm is {limit}; expected a positive number")
    for _, parameter in parameters:
        value = parameter.value
        if value.ndim < 2:
            continue
        incoming = tuple(range(1, value.ndim)) if value.ndim > 2 else (0,)
        norms = np.sqrt(np.square(value).sum(axis=incoming, keepdims=True))
        value *= (limit / np.maximum(norms, limit)).astype(value.dtype)


def _not_negative(name: str, strength: float) -> None:
    if not strength >= 0:
        raise InputError(f"the strength of {name} is {strength}; expected at least 0")
