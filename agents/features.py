"""Features of observations for values that are linear in them: tile coding, radial basis, polynomials, Fourier.

A value is v(x) = w . phi(x), with the observation x (D,) in a box and phi(x) (size,) its features; its gradient in w is
phi(x). Outside the box counts as on its edge, so a box may be chosen where an environment has no bounds.

Each weight has a factor on the step size, `rate`, with sum_i rate_i phi_i(x)^2 <= 1 everywhere: an update with a
learning rate of 1 or less never overshoots its target. For tile coding this is the division by the number of tilings.

Sutton and Barto, Reinforcement Learning, 2nd edition 2018, section 9.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, check_sizes

Array = npt.NDArray[np.float64]
Bounds = Sequence[float] | npt.NDArray[np.floating[Any]]

LARGEST = 50_000_000
"""Weights to an action, at most: a grid over many dimensions is soon larger than any memory."""


class Features:
    """What all have: a box, a size, rates, and the three steps of learning with dense features.

    `encode` gives what `values` and `add` work with, so that an observation's features are made once.
    """

    low: Array
    """(D,), and `high` as well."""
    size: int
    rate: Array | float
    """(size,), or the same for all."""

    def __init__(self, low: Bounds, high: Bounds) -> None:
        self.low, self.high = np.array(low, np.float64), np.array(high, np.float64)
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not self.low.size:
            raise InputError(f"bounds of shapes {self.low.shape} and {self.high.shape}; expected (D,) and (D,)")
        for d, (low_d, high_d) in enumerate(zip(self.low, self.high, strict=True)):
            if not (np.isfinite(low_d) and np.isfinite(high_d) and low_d < high_d):
                raise InputError(
                    f"bounds {low_d:g} and {high_d:g} of observation [{d}]; expected finite ones, low < high"
                )
        self._span = self.high - self.low

    def __call__(self, x: npt.NDArray[Any]) -> Array:
        """phi(x) (..., size) of observations (..., D)."""
        raise NotImplementedError

    def encode(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Observations (..., D) in the form that `values` and `add` take."""
        return self(x)

    def values(self, code: npt.NDArray[Any], weights: Array) -> Array:
        """phi . weights: encoded observations (...) and weights (size, A) -> (..., A)."""
        values: Array = code @ weights
        return values

    def add(self, weights: Array, code: npt.NDArray[Any], amounts: Array) -> None:
        """weights += rate phi amounts^T, summed over the N encoded observations; weights (size, A), amounts (N, A)."""
        weights += np.reshape(self.rate, (-1, 1)) * (code.T @ amounts)

    def unit(self, x: npt.NDArray[Any]) -> Array:
        """Observations (..., D) as places in the box, from 0 to 1. Raises InputError for another D."""
        x = np.asarray(x)
        if x.shape[-1:] != self.low.shape:
            raise InputError(f"an observation of shape {x.shape}; the features expect (..., {len(self.low)})")
        return np.minimum(np.maximum((x - self.low) / self._span, 0.0), 1.0)


class TileCoding(Features):
    """Grids laid over the box, each a little displaced; a feature is 1 where the observation is in its tile, else 0.

    A tile is 1 / `tiles` of the box wide (one number, or one for each dimension), and so a grid has `tiles` + 1 of them
    along each dimension. Tiling k of n is displaced by k (1, 3, 5, ...) / n tile widths modulo one, which spreads them
    evenly (section 9.5.4). One tiling is state aggregation.

    Each tile has its own weight. With `table` they share that many: a fixed function of the tile's number gives its
    weight, the same in every process. Nothing is kept of the tiles that were seen, so looking changes nothing.
    """

    def __init__(
        self, low: Bounds, high: Bounds, *, tilings: int = 8, tiles: int | Sequence[int] = 8, table: int | None = None
    ) -> None:
        super().__init__(low, high)
        D = len(self.low)
        counts = [tiles] * D if isinstance(tiles, int) else list(tiles)
        check_sizes("TileCoding", tilings=tilings, **{f"tiles[{d}]": count for d, count in enumerate(counts)})
        if len(counts) != D:
            raise InputError(f"tiles of TileCoding has {len(counts)} numbers for {D} dimensions; expected one, or {D}")
        widths = [count + 1 for count in counts]
        strides = np.cumprod([1, *widths[:0:-1]], dtype=np.float64)[::-1]
        grid = float(strides[0]) * widths[0]  # as float: it may be beyond 64 bits
        if table is not None:
            check_sizes("TileCoding", table=table)
        self.size = _checked("TileCoding", tilings * grid if table is None else table, "a table to share")
        if tilings * grid >= 2.0**62:
            raise InputError(f"TileCoding has {tilings * grid:.3g} tiles; expected fewer than 2^62")
        self.rate = 1.0 / tilings
        self._table = table
        self._tiles = np.array(counts, np.float64)
        k = np.arange(tilings)[:, None]
        self._displacements = k * (2 * np.arange(D) + 1) % tilings / tilings
        self._strides = strides.astype(np.int64)
        self._first = np.arange(tilings) * int(grid)

    def __call__(self, x: npt.NDArray[Any]) -> Array:
        active = self.encode(x)
        phi = np.zeros((active[..., 0].size, self.size))
        np.add.at(phi, (np.arange(len(phi))[:, None], active.reshape(len(phi), -1)), 1.0)
        return phi.reshape(*active.shape[:-1], self.size)

    def encode(self, x: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The weight of the tile in each tiling, (..., tilings)."""
        place = self.unit(x) * self._tiles
        tile = (place[..., None, :] + self._displacements).astype(np.int64)  # towards 0, which is down here
        number = tile @ self._strides + self._first
        return number if self._table is None else _scrambled(number) % self._table

    def values(self, code: npt.NDArray[Any], weights: Array) -> Array:
        values: Array = weights[code].sum(axis=-2)
        return values

    def add(self, weights: Array, code: npt.NDArray[Any], amounts: Array) -> None:
        np.add.at(weights, code, self.rate * amounts[:, None])


class RadialBasis(Features):
    """Bells on a grid of centres: phi_i(x) = exp(-|z - c_i|^2 / (2 width^2)), z the place in the box (section 9.5.5).

    `centres` along each dimension, from edge to edge; `width` in units of the distance between neighbours.
    """

    def __init__(self, low: Bounds, high: Bounds, *, centres: int = 5, width: float = 1.0) -> None:
        super().__init__(low, high)
        check_sizes("RadialBasis", centres=centres)
        if centres < 2 or not width > 0:
            raise InputError(f"RadialBasis has {centres} centres and width {width}; expected 2 or more, and above 0")
        self.size = _checked("RadialBasis", float(centres) ** len(self.low), "fewer centres")
        self._centres = _grid(np.linspace(0, 1, centres), len(self.low))
        self._sharpness = 0.5 * ((centres - 1) / width) ** 2
        # A sum of bells is largest on a centre or halfway between two.
        apart = np.linspace(0, 1, 2 * centres - 1)[:, None] - np.linspace(0, 1, centres)
        bells = np.exp(-2 * self._sharpness * apart**2)
        self.rate = float(bells.sum(axis=1).max()) ** -len(self.low)

    def __call__(self, x: npt.NDArray[Any]) -> Array:
        z = self.unit(x)
        squares = ((z[..., None, :] - self._centres) ** 2).sum(axis=-1)
        phi: Array = np.exp(-self._sharpness * squares)
        return phi


class Polynomial(Features):
    """Products of powers of the place in the box: phi_i(x) = prod_d z_d^c_id, c_id = 0 .. order (section 9.5.1)."""

    def __init__(self, low: Bounds, high: Bounds, *, order: int = 3) -> None:
        super().__init__(low, high)
        check_sizes("Polynomial", order=order)
        self.size = _checked("Polynomial", (order + 1.0) ** len(self.low), "a lower order")
        self._powers = _grid(np.arange(order + 1), len(self.low))
        self.rate = 1.0 / self.size  # all are 1 in the upper corner

    def __call__(self, x: npt.NDArray[Any]) -> Array:
        phi: Array = (self.unit(x)[..., None, :] ** self._powers).prod(axis=-1)
        return phi


class Fourier(Features):
    """Cosines over the box: phi_i(x) = cos(pi c_i . z), c_id = 0 .. order (section 9.5.2).

    The rates fall with the frequency as 1 / |c_i| (Konidaris, Osentoski and Thomas 2011).
    """

    def __init__(self, low: Bounds, high: Bounds, *, order: int = 3) -> None:
        super().__init__(low, high)
        check_sizes("Fourier", order=order)
        self.size = _checked("Fourier", (order + 1.0) ** len(self.low), "a lower order")
        self._frequencies = _grid(np.arange(order + 1), len(self.low))
        falling = 1 / np.maximum(np.linalg.norm(self._frequencies, axis=1), 1)
        self.rate = falling / falling.sum()  # all are 1 in the lower corner

    def __call__(self, x: npt.NDArray[Any]) -> Array:
        phi: Array = np.cos(np.pi * (self.unit(x) @ self._frequencies.T))
        return phi


def _grid(points: npt.NDArray[Any], dimensions: int) -> Array:
    """Every combination of `points`, one for each dimension: (len(points) ** dimensions, dimensions)."""
    return np.array(list(itertools.product(points.tolist(), repeat=dimensions)), np.float64)


def _checked(owner: str, size: float, instead: str) -> int:
    if size > LARGEST:
        raise InputError(f"{owner} has {size:.3g} features; expected {LARGEST:,} at most: give {instead}")
    return int(size)


def _scrambled(number: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A fixed mixing of the 64 bits, of which the sign is dropped (the finalizer of SplitMix64, Steele et al. 2014)."""
    bits = number.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((bits ^ (bits >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
