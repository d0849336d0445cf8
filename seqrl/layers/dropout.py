"""Inverted dropout."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.parameter import Array


class Dropout(Layer):
    """y = x * m / (1 - p) in training with m ~ Bernoulli(1 - p) per element, y = x at inference.

    Srivastava et al. 2014, in the inverted form that keeps the expectation of y at x.
    """

    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        if not 0 <= p < 1:
            raise InputError(f"the dropout probability is {p}; expected 0 <= p < 1")
        self.p = p
        self.rng = rng

    def __call__(self, x: Array) -> Array:
        return x

    def forward(self, x: Array) -> tuple[Array, Backward]:
        if self.p == 0:
            return x, lambda dy: dy
        # 16 random bits an element: several times cheaper than a float, and p is met to 1 in 65,536.
        dropped = min(round(self.p * 65536), 65535)
        draws = self.draw(x.shape)

        def backward(dy: Array) -> Array:
            check_gradient(dy, draws.shape)
            return kernels.dropout(dy, draws, dropped)

        return kernels.dropout(x, draws, dropped), backward

    def draw(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        return np.frombuffer(self.rng.bytes(2 * math.prod(shape)), np.uint16).reshape(shape)


class VariationalDropout(Dropout):
    """Dropout with one mask for all steps of a sequence, x: (T, N, D) (Gal and Ghahramani 2016, equation 7)."""

    def draw(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        if len(shape) != 3:
            raise InputError(f"VariationalDropout got input of shape {shape}; expected (T, N, D)")
        T, *rest = shape
        return np.repeat(super().draw((1, *rest)), T, axis=0)
