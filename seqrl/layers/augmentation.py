"""Images varied in training, so that a network learns what does not depend on their place."""

from __future__ import annotations

import numpy as np

from seqrl.errors import InputError
from seqrl.layer import Backward, Layer
from seqrl.parameter import Array, Integers


class RandomShift(Layer):
    """Each image moved in training by whole pixels, up to `pixels` along either axis; y = x at inference.

    x: (N, C, height, width) -> y of the same shape. What moves in from outside is zero.
    """

    def __init__(self, pixels: int, *, rng: np.random.Generator) -> None:
        if pixels < 0:
            raise InputError(f"the pixels of RandomShift are {pixels}; expected 0 or more")
        self.pixels = pixels
        self.rng = rng

    def __call__(self, x: Array) -> Array:
        if x.ndim != 4:
            raise InputError(f"RandomShift got input of shape {x.shape}; expected (N, C, height, width)")
        return x

    def forward(self, x: Array) -> tuple[Array, Backward]:
        moves = self.rng.integers(-self.pixels, self.pixels, (len(self(x)), 2), endpoint=True)
        return _moved(x, moves), lambda dy: _moved(dy, -moves)


def _moved(x: Array, moves: Integers) -> Array:
    """y[n, c, i, j] = x[n, c, i - moves[n, 0], j - moves[n, 1]], or 0 where that lies outside."""
    y = np.zeros_like(x)
    height, width = x.shape[2:]
    for image, (down, right), moved in zip(x, moves, y, strict=True):
        to, source = _overlap(down, height), _overlap(-down, height)
        moved[:, to, _overlap(right, width)] = image[:, source, _overlap(-right, width)]
    return y


def _overlap(move: int, size: int) -> slice:
    """The places of an axis that an axis of the same size covers after it has moved."""
    return slice(min(max(move, 0), size), max(min(size + move, size), 0))
