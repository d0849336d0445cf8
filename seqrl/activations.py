"""Activations: element-wise functions, each with its derivative; softmax and log-softmax over the last axis."""

from __future__ import annotations

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.kernels.reference.support import sigmoid
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.parameter import Array

__all__ = [
    "ACTIVATIONS",
    "Identity",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Step",
    "Tanh",
    "log_softmax",
    "sigmoid",
    "softmax",
]


class Identity(Layer):
    """y = x, dy/dx = 1."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return x, lambda dy: dy


class Step(Layer):
    """y = 1 where x > 0, else 0: the perceptron's threshold. dy/dx = 0, so nothing below it can learn."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return np.where(np.isnan(x), x, x > 0).astype(x.dtype), np.zeros_like


class Tanh(Layer):
    """y = tanh(x), dy/dx = 1 - y^2."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = np.tanh(x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            return dy * (1 - y * y)

        return y, backward


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), dy/dx = y (1 - y)."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = sigmoid(x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            return dy * y * (1 - y)

        return y, backward


class ReLU(Layer):
    """y = max(x, 0), dy/dx = 1 where x > 0, else 0."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = np.maximum(x, 0)

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            return kernels.relu_backward(dy, y)

        return y, backward


class LeakyReLU(Layer):
    """y = x where x > 0, else s x with the small slope s (Maas et al. 2013); dy/dx = 1 or s."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        if not np.isfinite(negative_slope):
            raise InputError(f"the slope of LeakyReLU is {negative_slope}; expected a finite number")
        self.negative_slope = negative_slope

    def forward(self, x: Array) -> tuple[Array, Backward]:
        x = _as_floats(x)
        slope = np.where(x > 0, 1, self.negative_slope).astype(x.dtype)

        def backward(dy: Array) -> Array:
            check_gradient(dy, x.shape)
            return dy * slope

        return x * slope, backward


class Softmax(Layer):
    """y_k = exp(x_k) / sum_j exp(x_j) over the last axis; dx = y (dy - sum_j dy_j y_j).

    For learning classes leave it out and take `losses.softmax_cross_entropy`, which has it inside.
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = softmax(x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            return y * (dy - (dy * y).sum(axis=-1, keepdims=True))

        return y, backward


class LogSoftmax(Layer):
    """y_k = x_k - log sum_j exp(x_j) over the last axis; dx = dy - exp(y) sum_j dy_j."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = log_softmax(x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            return dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)

        return y, backward


def softmax(x: Array) -> Array:
    """exp(x) / sum(exp(x)) over the last axis; a row that is -inf throughout gives zeros, one with a NaN gives NaNs."""
    x = _as_floats(x)
    highest = x.max(axis=-1, keepdims=True, initial=-np.inf)
    y = np.exp(x - np.where(np.isfinite(highest), highest, 0))
    total = y.sum(axis=-1, keepdims=True)
    y /= np.where(total == 0, 1, total)
    return y


def log_softmax(x: Array) -> Array:
    """x - log(sum(exp(x))) over the last axis, without overflow."""
    x = _as_floats(x)
    shifted = x - x.max(axis=-1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _as_floats(x: Array) -> Array:
    """Integers hold neither a small slope nor -inf."""
    return x.astype(np.result_type(x.dtype, np.float32), copy=False)


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "step": Step,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
}
