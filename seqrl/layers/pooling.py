"""Pooling of images: (N, C, height, width) -> (N, C, floor((height - f) / s) + 1, the same of the width).

The windows are f pixels high and wide and move by `stride` s, by default f. Rows and columns that fill no window are
left out.
"""

from __future__ import annotations

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.layers.convolution import Pair, pair
from seqrl.parameter import Array


class _Pool2D(Layer):
    def __init__(self, size: int | Pair, stride: int | Pair | None = None) -> None:
        name = type(self).__name__
        self.size = pair(f"the size of {name}", size)
        self.stride = self.size if stride is None else pair(f"the stride of {name}", stride)

    def _check(self, x: Array) -> None:
        f = self.size
        if x.ndim != 4 or x.shape[2] < f[0] or x.shape[3] < f[1]:
            at_least = f"images of at least {f[0]} by {f[1]} pixels"
            raise InputError(
                f"{type(self).__name__} got input of shape {x.shape}; expected (N, C, height, width), {at_least}"
            )


class MaxPool2D(_Pool2D):
    """y = the largest of each window; its gradient goes to that element, the first of equals."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self._check(x)
        y = kernels.max_pool_forward(x, self.size, self.stride)

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            return kernels.max_pool_backward(dy, x, y, self.size, self.stride)

        return y, backward


class AvgPool2D(_Pool2D):
    """y = the mean of each window."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self._check(x)
        x = x.astype(np.result_type(x.dtype, np.float32), copy=False)  # a mean of integers is none
        y = kernels.average_pool_forward(x, self.size, self.stride)
        shape = y.shape

        def backward(dy: Array) -> Array:
            check_gradient(dy, shape)
            return kernels.average_pool_backward(dy, self.size, self.stride, *x.shape[2:])

        return y, backward


class GlobalMaxPool2D(Layer):
    """y = the largest of each channel, (N, C, height, width) -> (N, C); its gradient goes to the first of equals."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        N, C = _channels(self, x)
        flat = x.reshape(N, C, x.shape[2] * x.shape[3])
        where = flat.argmax(axis=2)[..., None]

        def backward(dy: Array) -> Array:
            check_gradient(dy, (N, C))
            dx = np.zeros_like(flat)
            np.put_along_axis(dx, where, dy[..., None], axis=2)
            return dx.reshape(x.shape)

        return np.take_along_axis(flat, where, axis=2)[..., 0], backward


class GlobalAvgPool2D(Layer):
    """y = the mean of each channel, (N, C, height, width) -> (N, C)."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        N, C = _channels(self, x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, (N, C))
            share = dy / dy.dtype.type(x.shape[2] * x.shape[3])
            return np.broadcast_to(share[..., None, None], x.shape).copy()

        return x.mean(axis=(2, 3)), backward


def _channels(layer: Layer, x: Array) -> Pair:
    if x.ndim != 4 or 0 in x.shape[2:]:
        raise InputError(f"{type(layer).__name__} got input of shape {x.shape}; expected (N, C, height, width)")
    return x.shape[0], x.shape[1]


class Flatten(Layer):
    """(N, ...) -> (N, D), the features of each example in one row."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return x.reshape(len(x), int(np.prod(x.shape[1:]))), lambda dy: dy.reshape(x.shape)
