"""Rows of data for supervised learning, checked once before training; what is wrong is said with the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.parameter import Array

Data = npt.NDArray[Any]
Rows = slice | npt.NDArray[np.intp]

# Targets of these losses are classes, by id or one-hot; those of the other losses are numbers in the outputs' shape.
CLASS_LOSSES = ("softmax_cross_entropy", "categorical_cross_entropy", "multiclass_hinge")
RANGES = {
    "binary_cross_entropy": (0, 1),
    "binary_cross_entropy_with_logits": (0, 1),
    "hinge": (-1, 1),
}
BLOCK = 2**20  # elements that are looked at at once
EXACT = 2**24  # every integer up to it is a float32


@dataclass(frozen=True)
class Examples:
    """N rows: x (N, ...), y (N, ...) and weights (N,), of which the mean is 1, or None."""

    x: Data
    y: Data
    weight: Array | None
    dtype: np.dtype[Any]  # that the model takes; a batch is turned to it, so that images of uint8 stay small

    def __len__(self) -> int:
        return len(self.x)

    def inputs(self, rows: Rows) -> Data:
        return self.x[rows].astype(self.dtype, copy=False)

    def part(self, rows: slice) -> Examples:
        return Examples(self.x[rows], self.y[rows], None if self.weight is None else self.weight[rows], self.dtype)


def checked_inputs(x: Any, dtype: np.dtype[Any], what: str = "x") -> Data:
    """x as an array of `dtype`, or of small integers that a batch turns to it.

    Raises InputError for what is empty, no numbers or not finite, and for integers that `dtype` can't hold.
    """
    x = _array(x, what)
    if np.issubdtype(dtype, np.integer):
        if not np.issubdtype(x.dtype, np.integer):
            raise InputError(f"{what} holds {x.dtype}; expected integers, the ids that an Embedding looks up")
        return x
    if x.ndim < 2:
        raise InputError(f"{what} has shape {x.shape}; expected (rows, features), which is {what}[:, None] for one")
    if x.dtype == np.bool_ or (np.issubdtype(x.dtype, np.integer) and x.dtype.itemsize == 1):
        return x
    if np.issubdtype(x.dtype, np.integer) and dtype == np.float32 and max(-int(x.min()), int(x.max())) > EXACT:
        raise InputError(
            f"{what} holds integers from {x.min()} to {x.max()}; float32 is exact up to {EXACT}: scale them"
        )
    return _finite(x, dtype, what)


def checked_targets(
    y: Any, rows: int, output: tuple[int, ...], loss: str | None, dtype: np.dtype[Any], what: str
) -> Data:
    """y as the loss takes it: class ids (int64), or numbers of `dtype` in the shape of the outputs.

    output: the shape of one row's output. loss: its name in `seqrl.losses.LOSSES`; where it is None, y is left in its
    shape, as int64 or `dtype`. Raises InputError for a wrong shape, and with the row for a target out of range.
    """
    y = _array(y, what)
    if len(y) != rows:
        raise InputError(f"{what} has {len(y)} rows and its x has {rows}; expected as many")
    if loss in CLASS_LOSSES:
        return _class_targets(y, output, loss, dtype, what)
    if loss is None:
        return y.astype(np.int64) if np.issubdtype(y.dtype, np.integer) else _finite(y, dtype, what)
    if y.shape[1:] != output:
        if (*y.shape[1:], 1) != output and y.shape[1:] != (*output, 1):
            raise InputError(f"{what} has shape {y.shape}; expected {(rows, *output)}, as the model's outputs")
        y = y.reshape(rows, *output)  # a column is a column, with or without an axis of its own
    y = _finite(y, dtype, what)
    if loss in RANGES:
        low, high = RANGES[loss]
        wrong = np.abs(y) != 1 if loss == "hinge" else (y < low) | (y > high)
        if wrong.any():
            row = _first_row(wrong)
            expected = "-1 or 1" if loss == "hinge" else f"{low} to {high}"
            raise InputError(f"{what} holds {y[wrong].flat[0]:g} in row {row}; {loss} expects {expected}")
    return y


def checked_weights(weight: Any, rows: int) -> Array | None:
    """Weights of rows, scaled to a mean of 1, which changes no weighted mean."""
    if weight is None:
        return None
    weight = _finite(_array(weight, "sample_weight"), np.dtype(np.float64), "sample_weight")
    if weight.shape != (rows,):
        raise InputError(f"sample_weight has shape {weight.shape}; expected ({rows},), a weight for each row")
    if weight.min() < 0 or not weight.any():
        raise InputError(
            f"sample_weight has a sum of {weight.sum():g} and a minimum of {weight.min():g}; expected "
            "weights of 0 or more, and not all of them 0"
        )
    return weight / weight.mean()


def _class_targets(y: Data, output: tuple[int, ...], loss: str, dtype: np.dtype[Any], what: str) -> Data:
    C = output[-1] if output else 0
    rows, places = len(y), (len(y), *output[:-1])
    if C < 2:
        raise InputError(
            f"{loss} got outputs of shape {(rows, *output)}; expected two or more classes on the last axis"
        )
    if y.shape == (*places, C) and y.shape != places:
        y = _finite(y, dtype, what)
        one_hot = (y == 1).sum(axis=-1) + (y == 0).sum(axis=-1) == C
        one_hot &= y.sum(axis=-1) == 1
        if one_hot.all():
            return y.argmax(axis=-1)
        if loss == "categorical_cross_entropy":
            return y
        raise InputError(
            f"{what} is not one-hot in row {_first_row(~one_hot)}; {loss} expects class ids or one-hot rows"
        )
    if y.shape == (*places, 1):
        y = y[..., 0]
    if y.shape != places:
        raise InputError(f"{what} has shape {y.shape}; expected class ids {places}, or one-hot {(*places, C)}")
    if not np.issubdtype(y.dtype, np.integer):
        y = _finite(y, np.dtype(np.float64), what)
    wrong = (y < 0) | (y >= C) | (y != np.floor(y))
    if wrong.any():
        raise InputError(
            f"{what} holds {y[wrong].flat[0]:g} in row {_first_row(wrong)}; expected a class id from 0 to {C - 1}"
        )
    return y.astype(np.int64)


def _array(values: Any, what: str) -> Data:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{what} is no array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} holds {array.dtype}; expected numbers")
    if array.size == 0 or array.ndim == 0:
        raise InputError(f"{what} has shape {array.shape}; expected at least one row")
    return array


def _finite(array: Data, dtype: np.dtype[Any], what: str) -> Data:
    """The array in `dtype`. Raises InputError with the first row that holds a NaN or an infinity then."""
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    step = max(1, BLOCK // max(1, array[0].size))
    for start in range(0, len(array), step):
        wrong = ~np.isfinite(converted[start : start + step])
        if wrong.any():
            value = array[start : start + step][wrong].flat[0]
            raise InputError(f"{what} holds {value:g} in row {start + _first_row(wrong)}; expected finite {dtype}")
    return converted


def _first_row(wrong: Data) -> int:
    return int(np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))[0])
