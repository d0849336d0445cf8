"""Convolution of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError, check_sizes
from seqrl.initializers import Initializer, glorot_uniform
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.parameter import Array, Parameter

Pair = tuple[int, int]


def pair(what: str, size: int | Pair) -> Pair:
    """A size in both directions; raises InputError where one is below 1."""
    both = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(both) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in both):
        raise InputError(f"{what} is {size}; expected a positive whole number, or two (height, width)")
    return both


class Conv2D(Layer):
    """Convolution (in fact cross-correlation, as everywhere in this field) with zero padding p and stride s.

    y[n, o, i, j] = b[o] + sum_{c, u, v} W[o, c, u, v] x[n, c, s i + u - p, s j + v - p]

    x: (N, C_in, height, width) -> y: (N, C_out, height', width') with height' = floor((height + 2 p - f) / s) + 1
    for a kernel of f rows. Padding "valid" is none; "same" pads so that height' = ceil(height / s), where an odd row or
    column of it stands below or on the right. weight: (C_out, C_in, f, f), as in PyTorch.
    """

    def __init__(
        self,
        C_in: int,
        C_out: int,
        kernel_size: int | Pair,
        *,
        rng: np.random.Generator,
        stride: int | Pair = 1,
        padding: int | Literal["valid", "same"] = "valid",
        bias: bool = True,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        check_sizes("Conv2D", C_in=C_in, C_out=C_out)
        self.kernel_size = pair("the kernel size of Conv2D", kernel_size)
        self.stride = pair("the stride of Conv2D", stride)
        if padding not in ("valid", "same") and not (isinstance(padding, (int, np.integer)) and padding >= 0):
            raise InputError(f"the padding of Conv2D is {padding!r}; expected valid, same or a number of pixels")
        self.padding = padding
        fan_in = C_in * self.kernel_size[0] * self.kernel_size[1]
        weight = initializer(rng, (fan_in, C_out)).T
        self.weight = Parameter(weight.reshape(C_out, C_in, *self.kernel_size))
        self.bias = Parameter(np.zeros(C_out)) if bias else None

    def __call__(self, x: Array) -> Array:
        pads = self._pads(x)
        return kernels.conv2d_forward(x, self.weight.value, self._bias_value(), self.stride, pads)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = self(x)
        return y, self._backward(x, y.shape, with_dx=True)

    def forward_data(self, x: Array) -> tuple[Array, Backward]:
        y = self(x)
        return y, self._backward(x, y.shape, with_dx=False)

    def _backward(self, x: Array, shape: tuple[int, ...], with_dx: bool) -> Callable[[Array], Array]:
        pads = self._pads(x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, shape)
            weight, bias_grad = self.weight, self._bias_value() if self.bias is None else self.bias.grad
            return kernels.conv2d_backward(dy, x, weight.value, self.stride, pads, weight.grad, bias_grad, with_dx)

        return backward

    def _bias_value(self) -> Array:
        return np.empty(0, self.weight.value.dtype) if self.bias is None else self.bias.value

    def _pads(self, x: Array) -> tuple[int, int, int, int]:
        """(top, bottom, left, right). Raises InputError where x is no batch of images that the kernel fits into."""
        C_in = self.weight.shape[1]
        if x.ndim != 4 or x.shape[1] != C_in:
            raise InputError(f"Conv2D got input of shape {x.shape}; expected (N, {C_in}, height, width)")
        top, bottom = self._pad(x.shape[2], 0)
        left, right = self._pad(x.shape[3], 1)
        return top, bottom, left, right

    def _pad(self, n: int, axis: int) -> Pair:
        f, s = self.kernel_size[axis], self.stride[axis]
        if self.padding == "same":
            total = max((-(-n // s) - 1) * s + f - n, 0)
            return total // 2, total - total // 2
        p = 0 if self.padding == "valid" else self.padding
        if n + 2 * p < f:
            raise InputError(f"Conv2D got images {n} pixels {('high', 'wide')[axis]}; expected at least {f - 2 * p}")
        return p, p
