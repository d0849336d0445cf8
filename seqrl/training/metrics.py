"""Metrics: metric(prediction, target, weight=None) -> float over a whole data set.

They see all rows at once, so that they are exact and don't depend on how the rows were batched. `weight` (N,) counts
row n as weight[n] rows. One's own is a function of the same form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.parameter import Array

Values = npt.NDArray[Any]
Metric = Callable[..., float]


def accuracy(prediction: Array, target: Values, weight: Array | None = None) -> float:
    """The share of places whose largest of C outputs is that of the target class.

    prediction: (..., C), target: (...) class ids or (..., C), of which the largest is the class.
    """
    return _mean(prediction.argmax(axis=-1) == _classes(prediction, target), weight)


def top_k_accuracy(prediction: Array, target: Values, weight: Array | None = None, *, k: int = 5) -> float:
    """The share of places whose class has fewer than k of the other outputs above its own; shapes as in `accuracy`."""
    if k < 1:
        raise InputError(f"k of top_k_accuracy is {k}; expected 1 or more")
    own = np.take_along_axis(prediction, _classes(prediction, target)[..., None], axis=-1)
    return _mean((prediction > own).sum(axis=-1) < k, weight)


def binary_accuracy(prediction: Array, target: Values, weight: Array | None = None, *, threshold: float = 0.5) -> float:
    """The share of outputs that lie on the same side of the threshold as their targets; the two are of one shape.

    0.5 is for probabilities, 0 for logits and for the hinge's targets of -1 and 1.
    """
    _check_same(prediction, target)
    return _mean((prediction > threshold) == (target > threshold), weight)


def mean_absolute_error(prediction: Array, target: Values, weight: Array | None = None) -> float:
    """mean |p - t| over all elements."""
    return _mean(np.abs(_error(prediction, target)), weight)


def mean_squared_error(prediction: Array, target: Values, weight: Array | None = None) -> float:
    """mean (p - t)^2 over all elements."""
    return _mean(np.square(_error(prediction, target)), weight)


def root_mean_squared_error(prediction: Array, target: Values, weight: Array | None = None) -> float:
    """sqrt(mean (p - t)^2)."""
    return float(np.sqrt(mean_squared_error(prediction, target, weight)))


def r2(prediction: Array, target: Values, weight: Array | None = None) -> float:
    """1 - sum (t - p)^2 / sum (t - mean t)^2, the share of variance that is explained; the mean over the outputs.

    An output whose targets are all equal counts 1 where it is met exactly, else 0.
    """
    N = len(target)
    error = _error(prediction, target).reshape(N, -1)
    t = np.asarray(target, np.float64).reshape(N, -1)
    w = np.ones(N) if weight is None else np.asarray(weight, np.float64)
    residual = w @ np.square(error)
    total = w @ np.square(t - w @ t / w.sum())
    explained = np.where(residual == 0, 1.0, 0.0)
    varies = total > 0
    explained[varies] = 1 - residual[varies] / total[varies]
    return float(explained.mean())


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "top_k_accuracy": top_k_accuracy,
    "binary_accuracy": binary_accuracy,
    "mean_absolute_error": mean_absolute_error,
    "mae": mean_absolute_error,
    "mean_squared_error": mean_squared_error,
    "mse": mean_squared_error,
    "root_mean_squared_error": root_mean_squared_error,
    "rmse": root_mean_squared_error,
    "r2": r2,
}
LARGER_IS_BETTER = {accuracy, top_k_accuracy, binary_accuracy, r2}


def _classes(prediction: Array, target: Values) -> npt.NDArray[np.intp]:
    if prediction.shape[-1] < 2:
        raise InputError("accuracy over classes got one output; expected two or more, or the metric binary_accuracy")
    if target.shape == prediction.shape:
        return target.argmax(axis=-1)
    if target.shape != prediction.shape[:-1] or not np.issubdtype(target.dtype, np.integer):
        raise InputError(
            f"accuracy got targets of shape {target.shape} and type {target.dtype} for outputs of shape "
            f"{prediction.shape}; expected class ids of shape {prediction.shape[:-1]}"
        )
    return target.astype(np.intp, copy=False)


def _check_same(prediction: Array, target: Values) -> None:
    if target.shape != prediction.shape:  # NumPy would broadcast
        raise InputError(f"a metric got targets of shape {target.shape}; expected {prediction.shape}, as the outputs")


def _error(prediction: Array, target: Values) -> npt.NDArray[np.float64]:
    _check_same(prediction, target)
    return prediction.astype(np.float64) - target.astype(np.float64)


def _mean(values: Values, weight: Array | None) -> float:
    """The mean over rows of the mean of each row."""
    rows = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
    return float(np.average(rows, weights=weight))
