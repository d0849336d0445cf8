"""Losses: loss(prediction, target, mask=None, *, count=None) -> (mean loss, gradient of the prediction).

A `mask` says which places count: booleans, or numbers of at least 0 that weigh them, so that a weight of 2 is the
same as the place twice. The mean is sum(w l) / sum(w); `count` takes the place of sum(w) where these are a part of a
larger batch, whose parts then add up. The places of softmax_cross_entropy, categorical_cross_entropy, multiclass_hinge
and half_squared_error are those without the last axis, those of the others are the elements.

All raise InputError where shapes don't fit (nothing is broadcast), or a target is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.activations import log_softmax, sigmoid
from seqrl.errors import InputError
from seqrl.layer import rows
from seqrl.parameter import Array, Integers

Mask = npt.NDArray[np.bool_] | Array
Loss = Callable[..., tuple[float, Array]]


def softmax_cross_entropy(
    logits: Array,
    target: Integers,
    mask: Mask | None = None,
    *,
    count: float | None = None,
    label_smoothing: float = 0.0,
    overwrite: bool = False,
) -> tuple[float, Array]:
    """-log softmax(logits)[target], with the gradient p - t: softmax and cross-entropy in one.

    logits: (..., V), target: (...) integers in [0, V), mask: (...). With label smoothing s the target distribution t is
    (1 - s) on the target plus s / V everywhere (Szegedy et al. 2016). `overwrite` lets the gradient take the logits'
    place.
    """
    V = logits.shape[-1]
    _check_classes(target, logits)
    if not 0 <= label_smoothing < 1:
        raise InputError(f"label smoothing is {label_smoothing}; expected 0 <= s < 1")
    weights, count = _weigh(mask, target.shape, count)
    logits2, target1 = rows(logits), target.ravel()
    if weights is None:
        gradient = logits2 if overwrite else logits2.copy()
        total = kernels.softmax_cross_entropy(gradient, target1, label_smoothing, 1 / count)
        return total / count, gradient.reshape(logits.shape)
    weights1 = weights.ravel()
    real = np.flatnonzero(weights1)
    w, picked, at = weights1[real], logits2[real], (np.arange(real.size), target1[real])
    gradient = np.zeros_like(logits2)
    if weights.dtype == np.bool_:
        total = kernels.softmax_cross_entropy(picked, at[1], label_smoothing, 1 / count)
        gradient[real] = picked
        return total / count, gradient.reshape(logits.shape)
    log_p = log_softmax(picked)
    losses = -(1 - label_smoothing) * log_p[at]
    if label_smoothing:  # 0 times the logarithm of a class that can't be, -inf, is a NaN
        losses -= label_smoothing / V * log_p.sum(axis=1)
    distance = np.exp(log_p) - log_p.dtype.type(label_smoothing / V)
    distance[at] -= 1 - label_smoothing
    gradient[real] = distance * (w / count).astype(logits.dtype)[:, None]
    return _mean(losses, w, count), gradient.reshape(logits.shape)


def categorical_cross_entropy(
    p: Array, target: Integers | Array, mask: Mask | None = None, *, count: float | None = None
) -> tuple[float, Array]:
    """-sum_k t_k log p_k for probabilities p, with the gradient -t / p.

    p: (..., V), target: classes (...) in [0, V), or distributions (..., V); mask: (...). After a softmax take
    `softmax_cross_entropy` instead, which sees the logits and so can't lose a small probability.
    """
    _check_probabilities("the prediction", p)
    safe = np.maximum(p, np.finfo(p.dtype).tiny)  # whose logarithm is a number
    weights, count = _weigh(mask, p.shape[:-1], count)
    if np.issubdtype(np.asarray(target).dtype, np.integer) and np.shape(target) != p.shape:
        _check_classes(target, p)
        at = (*np.indices(target.shape), target)
        losses = -np.log(safe[at])
        gradient = np.zeros_like(p)
        gradient[at] = -1 / safe[at]
    else:
        _check_shape(target, p)
        _check_probabilities("the target", target)
        target = _as_numbers(target, p)
        losses = -(target * np.log(safe)).sum(axis=-1)
        gradient = (-target / safe).astype(p.dtype)
    return _mean(losses, weights, count), _scaled(gradient, weights, count, per_row=True)


def half_squared_error(
    y: Array, target: Array, mask: Mask | None = None, *, count: float | None = None
) -> tuple[float, Array]:
    """1/2 sum_k (y_k - t_k)^2 over the last axis, with the gradient y - t: the textbooks' squared error.

    y, target: (..., K), mask: (...).
    """
    _check_shape(target, y)
    weights, count = _weigh(mask, y.shape[:-1], count)
    distance: Array = (y - target).astype(y.dtype, copy=False)
    losses = 0.5 * np.square(distance).sum(axis=-1)
    return _mean(losses, weights, count), _scaled(distance, weights, count, per_row=True)


def mean_squared_error(
    y: Array, target: Array, mask: Mask | None = None, *, count: float | None = None
) -> tuple[float, Array]:
    """(y - t)^2, with the gradient 2 (y - t). y, target, mask: (...)."""
    _check_shape(target, y)
    distance: Array = (y - target).astype(y.dtype, copy=False)
    return _over_elements(np.square(distance), 2 * distance, mask, count)


def huber(
    y: Array, target: Array, mask: Mask | None = None, *, count: float | None = None, delta: float = 1.0
) -> tuple[float, Array]:
    """1/2 d^2 where |d| <= delta, else delta (|d| - delta / 2), d = y - t; the gradient is d clipped (Huber 1964).

    y, target, mask: (...).
    """
    if not delta > 0:
        raise InputError(f"delta of the Huber loss is {delta}; expected a positive number")
    _check_shape(target, y)
    d: Array = (y - target).astype(y.dtype, copy=False)
    clipped = np.clip(d, -delta, delta)
    return _over_elements(clipped * (d - 0.5 * clipped), clipped, mask, count)


def binary_cross_entropy(
    p: Array, target: Array, mask: Mask | None = None, *, count: float | None = None
) -> tuple[float, Array]:
    """-t log p - (1 - t) log(1 - p) for probabilities p, with the gradient (p - t) / (p (1 - p)).

    p, target: (...) in [0, 1], mask: (...). Logarithms are at least -100, as PyTorch has it.
    """
    _check_shape(target, p)
    _check_probabilities("the prediction", p)
    _check_probabilities("the target", target)
    target = _as_numbers(target, p)
    with np.errstate(divide="ignore"):
        log_p, log_q = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    losses = -target * log_p - (1 - target) * log_q
    slope = ((p - target) / np.maximum(p * (1 - p), 1e-12)).astype(p.dtype, copy=False)
    return _over_elements(losses, slope, mask, count)


def binary_cross_entropy_with_logits(
    logits: Array, target: Array, mask: Mask | None = None, *, count: float | None = None
) -> tuple[float, Array]:
    """The same of p = sigmoid(x), which is log(1 + exp(x)) - t x, with the gradient p - t; it can't overflow.

    logits, mask: (...), target: (...) in [0, 1].
    """
    _check_shape(target, logits)
    _check_probabilities("the target", target)
    losses = np.logaddexp(logits.dtype.type(0), logits) - target * logits
    return _over_elements(losses, (sigmoid(logits) - target).astype(logits.dtype, copy=False), mask, count)


def hinge(y: Array, target: Array, mask: Mask | None = None, *, count: float | None = None) -> tuple[float, Array]:
    """max(0, 1 - t y) for targets -1 and 1: a support vector machine's (Cortes and Vapnik 1995).

    The gradient is -t where t y < 1, else 0. y, target, mask: (...).
    """
    _check_shape(target, y)
    if target.size and not (np.abs(target) == 1).all():
        wrong = np.asarray(target)[np.abs(target) != 1].flat[0]
        raise InputError(f"a target of the hinge loss is {wrong}; expected -1 or 1")
    target = _as_numbers(target, y)
    margin = 1 - target * y
    slope = np.where(margin > 0, -target, 0).astype(y.dtype)
    return _over_elements(np.maximum(margin, 0), slope, mask, count)


def multiclass_hinge(
    scores: Array, target: Integers, mask: Mask | None = None, *, count: float | None = None
) -> tuple[float, Array]:
    """sum over k other than t of max(0, 1 - s_t + s_k), over V (Weston and Watkins 1999, as PyTorch's MultiMarginLoss).

    scores: (..., V), target: (...) integers in [0, V), mask: (...).
    """
    V = scores.shape[-1]
    _check_classes(target, scores)
    weights, count = _weigh(mask, target.shape, count)
    at = (*np.indices(target.shape), target)
    margins = np.maximum(0, 1 - scores[at][..., None] + scores)
    margins[at] = 0
    gradient = (margins > 0).astype(scores.dtype)
    gradient[at] = -gradient.sum(axis=-1)
    return _mean(margins.sum(axis=-1) / V, weights, count), _scaled(gradient / V, weights, count, per_row=True)


LOSSES: dict[str, Loss] = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "mean_squared_error": mean_squared_error,
    "half_squared_error": half_squared_error,
    "huber": huber,
    "hinge": hinge,
    "multiclass_hinge": multiclass_hinge,
}


# ---- masks and means -----------------------------------------------------------------------------------------


def _weigh(mask: Mask | None, places: tuple[int, ...], count: float | None) -> tuple[Mask | None, float]:
    """(the mask, what to divide by: `count`, or the sum of the weights; never 0)."""
    if mask is not None:
        if mask.shape != places or not (mask.dtype == np.bool_ or np.issubdtype(mask.dtype, np.floating)):
            expected = f"booleans or weights of shape {places}"
            raise InputError(f"the mask is {mask.dtype} of shape {mask.shape}; expected {expected}")
        if mask.dtype != np.bool_ and mask.size and not (mask.min() >= 0 and mask.max() < np.inf):
            wrong = mask.min() if not mask.min() >= 0 else mask.max()
            raise InputError(f"a weight is {wrong}; expected a finite number of at least 0")
    if count is not None and not 0 <= count < np.inf:
        raise InputError(f"the count is {count}; expected a finite number of at least 0")
    if count is None:
        count = math.prod(places) if mask is None else float(mask.sum(dtype=np.float64))
    return mask, count or 1.0


def _mean(losses: Array, weights: Mask | None, count: float) -> float:
    if weights is not None:
        losses = np.where(weights > 0, losses, 0) * weights.astype(losses.dtype)  # what doesn't count may be a NaN
    return float(losses.sum(dtype=np.float64)) / count


def _scaled(gradient: Array, weights: Mask | None, count: float, per_row: bool = False) -> Array:
    if weights is None:
        return gradient / gradient.dtype.type(count)
    share = (weights / count).astype(gradient.dtype)
    if per_row:
        share = share[..., None]
    return np.where(share > 0, gradient, 0) * share


def _over_elements(losses: Array, slope: Array, mask: Mask | None, count: float | None) -> tuple[float, Array]:
    weights, count = _weigh(mask, slope.shape, count)
    return _mean(losses, weights, count), _scaled(slope, weights, count)


def _as_numbers(target: npt.NDArray[Any], prediction: Array) -> Array:
    """Targets that have a sign: -1 is 255 in bytes, and booleans have none."""
    return np.asarray(target, prediction.dtype) if np.asarray(target).dtype.kind in "bu" else target


# ---- what is refused -----------------------------------------------------------------------------------------


def _check_shape(target: npt.NDArray[Any], prediction: Array) -> None:
    """NumPy would broadcast (N,) against (N, 1) to (N, N)."""
    if np.shape(target) != prediction.shape:
        raise InputError(f"targets of shape {np.shape(target)} don't fit predictions of shape {prediction.shape}")
    if prediction.dtype.kind != "f":
        raise InputError(f"predictions are {prediction.dtype}; expected floats, which a gradient needs")


def _check_classes(target: npt.NDArray[Any], scores: Array) -> None:
    V = scores.shape[-1]
    if target.shape != scores.shape[:-1]:
        raise InputError(f"targets of shape {target.shape} don't fit logits of shape {scores.shape}")
    if target.dtype.kind not in "iu":
        raise InputError(f"targets are {target.dtype}; expected integers, 0 <= target < {V}")
    if target.size and not (target.min() >= 0 and target.max() < V):
        raise InputError(f"targets run from {target.min()} to {target.max()}; expected 0 <= target < {V}")


def _check_probabilities(what: str, p: npt.NDArray[Any]) -> None:
    if np.size(p) and not (np.min(p) >= 0 and np.max(p) <= 1):
        if np.isnan(p).any():
            return  # it shows in the loss
        raise InputError(f"{what} runs from {np.min(p):g} to {np.max(p):g}; expected probabilities, 0 <= p <= 1")
