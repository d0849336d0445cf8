"""Maxout."""

from __future__ import annotations

import numpy as np

from seqrl.errors import check_sizes
from seqrl.initializers import Initializer, glorot_uniform
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.layers.dense import Dense
from seqrl.parameter import Array


class Maxout(Layer):
    """y_j = max over k of (x W_k + b_k)_j, the largest of several affine maps (Goodfellow et al. 2013, section 3).

    x: (..., n_in) -> y: (..., n_out). The maps stand side by side in one Dense of pieces * n_out outputs; the gradient
    goes to the largest, the first of equals.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        pieces: int = 2,
        *,
        rng: np.random.Generator,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        check_sizes("Maxout", n_in=n_in, n_out=n_out, pieces=pieces)
        self.pieces = pieces
        self.dense = Dense(n_in, pieces * n_out, rng=rng, initializer=initializer)

    def __call__(self, x: Array) -> Array:
        return self._apart(self.dense(x)).max(axis=-2)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        z, backward_dense = self.dense.forward(x)
        apart = self._apart(z)
        where = apart.argmax(axis=-2)[..., None, :]

        def backward(dy: Array) -> Array:
            check_gradient(dy, (*z.shape[:-1], apart.shape[-1]))
            dapart = np.zeros(apart.shape, dy.dtype)
            np.put_along_axis(dapart, where, dy[..., None, :], axis=-2)
            return backward_dense(dapart.reshape(z.shape))

        return np.take_along_axis(apart, where, axis=-2)[..., 0, :], backward

    def _apart(self, z: Array) -> Array:
        """(..., pieces * n_out) as (..., pieces, n_out)."""
        return z.reshape(*z.shape[:-1], self.pieces, z.shape[-1] // self.pieces)
