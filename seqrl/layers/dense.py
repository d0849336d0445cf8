"""Affine maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError, check_sizes
from seqrl.initializers import Initializer, glorot_uniform
from seqrl.layer import Backward, Layer, apply, check_gradient, rows
from seqrl.layers.embedding import Embedding
from seqrl.parameter import Array, Parameter


class Dense(Layer):
    """Affine map, y = x W + b (without b when `bias` is false).

    x: (..., n_in) -> y: (..., n_out)
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        rng: np.random.Generator,
        bias: bool = True,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        check_sizes("Dense", n_in=n_in, n_out=n_out)
        self.weight = Parameter(initializer(rng, (n_in, n_out)))
        self.bias = Parameter(np.zeros(n_out)) if bias else None

    def __call__(self, x: Array) -> Array:
        n_in = self.weight.shape[0]
        if x.shape[-1] != n_in:
            raise InputError(f"Dense got input of shape {x.shape}; expected (..., {n_in})")
        if self.bias is None:
            return apply(x, self.weight.value)
        y: Array = kernels.affine(rows(x), self.weight.value, self.bias.value)
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], y.shape[1])

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y, backward_parameters = self.forward_data(x)

        def backward(dy: Array) -> Array:
            backward_parameters(dy)
            return apply(dy, self.weight.value.T)

        return y, backward

    def forward_data(self, x: Array) -> tuple[Array, Callable[[Array], None]]:
        y = self(x)
        shape = y.shape

        def backward(dy: Array) -> None:
            check_gradient(dy, shape)
            x2, dy2 = rows(x), rows(dy)
            if self.bias is None:
                kernels.add_product(self.weight.grad, x2, dy2)
            else:
                kernels.affine_backward(self.weight.grad, self.bias.grad, x2, dy2)

        return y, backward


class TiedDense(Layer):
    """y = x W^T + b, where W is the weight of another layer, the very same Parameter.

    The other may be a Dense that an autoencoder goes back through, or an Embedding that a language model's output
    shares (Press and Wolf 2017).

    x: (..., n_out of the other) -> y: (..., n_in of the other). Both layers add to the one gradient.
    """

    def __init__(self, layer: Dense | Embedding, *, bias: bool = True) -> None:
        if not isinstance(layer, (Dense, Embedding)):
            raise InputError(f"TiedDense got a {type(layer).__name__}; expected a Dense or an Embedding")
        self.weight = layer.weight
        self.bias = Parameter(np.zeros(self.weight.shape[0]), self.weight.value.dtype) if bias else None

    def __call__(self, x: Array) -> Array:
        n_in = self.weight.shape[1]
        if x.shape[-1] != n_in:
            raise InputError(f"TiedDense got input of shape {x.shape}; expected (..., {n_in})")
        y = apply(x, self.weight.value.T)
        if self.bias is not None:
            y += self.bias.value
        return y

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = self(x)
        shape = y.shape

        def backward(dy: Array) -> Array:
            check_gradient(dy, shape)
            x2, dy2 = rows(x), rows(dy)
            kernels.add_product(self.weight.grad, dy2, x2)
            if self.bias is not None:
                self.bias.grad += dy2.sum(axis=0)
            return apply(dy, self.weight.value)

        return y, backward
