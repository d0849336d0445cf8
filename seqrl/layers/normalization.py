"""Normalization over the batch and over the features."""

from __future__ import annotations

import numpy as np

from seqrl.errors import InputError, check_sizes
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.parameter import Array, Parameter


def _normalized(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array, Array, Array]:
    """(x - m) / sqrt(v + eps) with mean m and variance v over `axes`; and m, v, 1 / sqrt(v + eps)."""
    mean = _mean(x, axes)
    centred = x - mean
    variance = _mean(centred * centred, axes)
    inverse: Array = 1 / np.sqrt(variance + x.dtype.type(eps))
    return centred * inverse, mean, variance, inverse


def _through_normalized(dz: Array, z: Array, inverse: Array, axes: tuple[int, ...]) -> Array:
    """The gradient through z = (x - m) / sqrt(v + eps), in which m and v depend on x too:

    dx = (dz - mean(dz) - z mean(dz z)) / sqrt(v + eps)
    """
    return inverse * (dz - _mean(dz, axes) - z * _mean(dz * z, axes))


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    """Over `axes`, which are kept; 0 where there is nothing, an empty batch."""
    total: Array = x.sum(axis=axes, keepdims=True)
    return total / x.dtype.type(max(x.size // max(total.size, 1), 1))


class LayerNorm(Layer):
    """y = g (x - m) / sqrt(v + eps) + b with mean m and variance v over the D features of each row (Ba et al. 2016).

    x: (..., D) -> y: (..., D). v is the biased variance. weight g and bias b: (D,), as in PyTorch.
    """

    def __init__(self, D: int, *, eps: float = 1e-5) -> None:
        check_sizes("LayerNorm", D=D)
        self.eps = eps
        self.weight = Parameter(np.ones(D))
        self.bias = Parameter(np.zeros(D))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        D = self.weight.shape[0]
        if x.shape[-1:] != (D,):
            raise InputError(f"LayerNorm got input of shape {x.shape}; expected (..., {D})")
        z, _, _, inverse = _normalized(x, (-1,), self.eps)
        others = tuple(range(x.ndim - 1))

        def backward(dy: Array) -> Array:
            check_gradient(dy, x.shape)
            self.weight.grad += (dy * z).sum(axis=others)
            self.bias.grad += dy.sum(axis=others)
            return _through_normalized(dy * self.weight.value, z, inverse, (-1,))

        return z * self.weight.value + self.bias.value, backward


class BatchNorm(Layer):
    """y = g (x - m) / sqrt(v + eps) + b for each of C channels (Ioffe and Szegedy 2015, algorithm 1).

    In training m and v are the mean and the biased variance of the batch (and of all pixels), and the running ones move
    towards them: running += momentum (batch - running), the variance unbiased, as in PyTorch. Inference uses the
    running ones (algorithm 2).

    x: (N, C) or (N, C, height, width). weight g, bias b: (C,); running_mean, running_var: (C,), saved with the weights.
    Raises InputError in training on a batch with one value per channel, whose variance says nothing.
    """

    def __init__(self, C: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        check_sizes("BatchNorm", C=C)
        if not 0 <= momentum <= 1:
            raise InputError(f"the momentum of BatchNorm is {momentum}; expected 0 <= momentum <= 1")
        self.momentum = momentum
        self.eps = eps
        self.weight = Parameter(np.ones(C))
        self.bias = Parameter(np.zeros(C))
        self.running_mean = np.zeros(C, np.float32)
        self.running_var = np.ones(C, np.float32)

    def __call__(self, x: Array) -> Array:
        self._check(x)
        scale = self.weight.value / np.sqrt(self.running_var + self.running_var.dtype.type(self.eps))
        shift = self.bias.value - self.running_mean * scale
        return x * _as_channels(scale, x) + _as_channels(shift, x)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self._check(x)
        axes = (0, *range(2, x.ndim))
        count = x.size // x.shape[1]
        if count == 1:
            raise InputError(f"BatchNorm got a training batch of shape {x.shape}; expected several values per channel")
        z, mean, variance, inverse = _normalized(x, axes, self.eps)
        if count:
            self._follow(mean.ravel(), variance.ravel() * (count / (count - 1)))
        weight = _as_channels(self.weight.value, x)

        def backward(dy: Array) -> Array:
            check_gradient(dy, x.shape)
            self.weight.grad += (dy * z).sum(axis=axes)
            self.bias.grad += dy.sum(axis=axes)
            return _through_normalized(dy * weight, z, inverse, axes)

        return z * weight + _as_channels(self.bias.value, x), backward

    def _follow(self, mean: Array, variance: Array) -> None:
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (variance - self.running_var)

    def _check(self, x: Array) -> None:
        C = self.weight.shape[0]
        if x.ndim not in (2, 4) or x.shape[1] != C:
            raise InputError(f"BatchNorm got input of shape {x.shape}; expected (N, {C}) or (N, {C}, height, width)")


def _as_channels(values: Array, x: Array) -> Array:
    """(C,) so that it meets the channels of x."""
    return values if x.ndim == 2 else values[:, None, None]
