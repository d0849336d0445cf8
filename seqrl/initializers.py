"""Initial weights: functions (rng, shape) -> array, shape (n_in, n_out)."""

from collections.abc import Callable

import numpy as np

from seqrl.errors import InputError
from seqrl.parameter import Array

Initializer = Callable[[np.random.Generator, tuple[int, ...]], Array]


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """U(-a, a) with a = sqrt(6 / (n_in + n_out)) (Glorot and Bengio 2010, equation 16)."""
    bound = np.sqrt(6 / (shape[0] + shape[-1]))
    return rng.uniform(-bound, bound, shape)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """N(0, 2 / (n_in + n_out)) (Glorot and Bengio 2010), known as Xavier too."""
    return rng.normal(0.0, np.sqrt(2 / (shape[0] + shape[-1])), shape)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """U(-a, a) with a = sqrt(6 / n_in), of the variance of `he_normal`."""
    bound = np.sqrt(6 / shape[0])
    return rng.uniform(-bound, bound, shape)


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """N(0, 2 / n_in), which keeps the variance through layers of ReLU (He et al. 2015, equation 10)."""
    return rng.normal(0.0, np.sqrt(2 / shape[0]), shape)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Orthonormal rows or columns, drawn uniformly (Saxe et al. 2014).

    Where there are more columns than rows, as in the gates (H, 4H) side by side, each square block is orthogonal.
    """
    n_in, n_out = shape
    if n_out > n_in and n_out % n_in == 0:
        return np.concatenate([orthogonal(rng, (n_in, n_in)) for _ in range(n_out // n_in)], axis=1)
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q *= np.sign(np.diagonal(r))  # without it QR's signs bias the draw
    return q if n_in >= n_out else q.T


def normal(deviation: float) -> Initializer:
    """N(0, deviation^2)."""
    if not deviation >= 0:
        raise InputError(f"the deviation of initial weights is {deviation}; expected 0 or more")

    def initialize(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.normal(0.0, deviation, shape)

    return initialize


def constant(value: float) -> Initializer:
    """The same number everywhere."""

    def initialize(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.full(shape, value)

    return initialize


zeros = constant(0.0)

INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "orthogonal": orthogonal,
    "zeros": zeros,
}
