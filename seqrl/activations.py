"""Activations: element-wise functions, each with its derivative."""

from __future__ import annotations

import numpy as np

from seqrl import kernels
from seqrl.kernels.reference.support import sigmoid
from seqrl.layer import Backward, Layer
from seqrl.parameter import Array

__all__ = ["ReLU", "Sigmoid", "Tanh", "sigmoid", "softmax"]


class Tanh(Layer):
    """y = tanh(x), dy/dx = 1 - y^2."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = np.tanh(x)

        def backward(dy: Array) -> Array:
            return dy * (1 - y * y)

        return y, backward


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), dy/dx = y (1 - y)."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = sigmoid(x)

        def backward(dy: Array) -> Array:
            return dy * y * (1 - y)

        return y, backward


class ReLU(Layer):
    """y = max(x, 0), dy/dx = 1 where x > 0, else 0."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = np.maximum(x, 0)

        def backward(dy: Array) -> Array:
            return kernels.relu_backward(dy, y)

        return y, backward


def softmax(x: Array) -> Array:
    """exp(x) / sum(exp(x)) over the last axis; a row that is -inf throughout gives zeros, one with a NaN gives NaNs."""
    highest = x.max(axis=-1, keepdims=True, initial=-np.inf)
    y = np.exp(x - np.where(np.isfinite(highest), highest, 0))
    total = y.sum(axis=-1, keepdims=True)
    y /= np.where(total == 0, 1, total)
    return y
