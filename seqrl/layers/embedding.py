"""A vector for each id."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError, check_sizes
from seqrl.initializers import Initializer, normal
from seqrl.layer import Layer
from seqrl.parameter import Array, Integers, Parameter


class Embedding(Layer):
    """Lookup, y = W[ids].

    ids: (...) integers in [0, V) -> y: (..., E)
    """

    def __init__(self, V: int, E: int, *, rng: np.random.Generator, initializer: Initializer | None = None) -> None:
        check_sizes("Embedding", V=V, E=E)
        self.weight = Parameter((initializer or normal(E**-0.5))(rng, (V, E)))

    def __call__(self, ids: Integers) -> Array:
        self.check(ids)
        return self.weight.value[ids]

    def check(self, ids: Integers) -> None:
        """Raise InputError for what is no id."""
        V = self.weight.shape[0]
        if ids.dtype.kind not in "iu":
            raise InputError(f"Embedding got ids of {ids.dtype}; expected integers")
        if ids.size and not (ids.min() >= 0 and ids.max() < V):
            wrong = ids[(ids < 0) | (ids >= V)].flat[0]
            raise InputError(f"Embedding got the id {wrong}; expected 0 <= id < {V}")

    def forward(self, ids: Integers) -> tuple[Array, Callable[[Array], None]]:
        def backward(dy: Array) -> None:
            """Ids have no gradient, so nothing is returned."""
            kernels.add_rows(self.weight.grad, ids.ravel(), dy.reshape(ids.size, self.weight.shape[1]))

        return self(ids), backward
