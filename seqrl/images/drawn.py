"""Digits as if by hand, drawn by a pen along varied strokes: images to learn from with nothing to fetch.

Each digit has a few ways to be written, in WAYS: strokes with " / " between them, a stroke the points x,y through which
a smooth curve runs, in a box with 0,0 at its upper left and 100,100 at its lower right. Points, slant, turn, size,
place, pen and noise vary from image to image.
"""

from __future__ import annotations

import numpy as np

from seqrl.errors import InputError
from seqrl.parameter import Array, Integers

Point = tuple[float, float]

WAYS = [  # a list for each digit
    [
        "50,0 20,15 8,50 20,87 50,100 80,87 92,50 80,15 50,0",
        "70,5 35,8 10,50 30,95 65,93 90,50 72,10 50,2",
    ],
    [
        "50,0 50,50 50,100",
        "30,22 45,12 55,0 / 55,0 54,50 55,100",
        "25,25 55,0 / 55,0 55,50 55,100 / 25,100 85,100",
    ],
    [
        "12,25 30,3 65,2 85,25 70,52 40,75 10,100 / 10,100 90,100",
        "15,22 40,0 75,10 75,40 45,75 20,95 10,82 30,78 / 30,78 60,95 95,92",
    ],
    [
        "15,12 45,0 78,12 75,36 40,47 / 40,47 80,55 88,78 60,98 30,98 10,85",
        "12,2 85,2 / 85,2 45,40 / 45,40 82,50 88,78 55,100 10,90",
    ],
    [
        "20,0 15,30 12,55 / 12,55 50,56 95,52 / 72,10 70,55 68,100",
        "65,0 8,65 / 8,65 95,65 / 65,0 66,50 65,100",
    ],
    [
        "85,0 22,2 / 22,2 17,42 / 17,42 55,36 86,55 82,85 50,100 10,90",
        "95,2 55,3 35,10 28,38 65,55 72,80 45,98 12,92",
    ],
    [
        "72,0 35,20 13,60 25,95 60,100 86,78 68,54 35,58 15,75",
        "40,0 22,35 15,72 40,99 78,90 78,65 50,57 20,72",
    ],
    [
        "10,3 50,4 90,2 / 90,2 60,45 42,100",
        "10,18 15,3 50,5 90,2 / 90,2 65,40 50,100",
        "10,3 90,2 / 90,2 60,45 40,100 / 32,50 82,48",
    ],
    [
        "78,12 45,0 20,20 42,44 72,62 80,85 50,100 20,85 30,62 62,42 80,22 72,8",
        "50,0 24,10 25,36 50,46 75,36 76,10 50,0 / 50,46 18,60 18,90 50,100 82,90 82,60 50,46",
    ],
    [
        "82,20 55,0 20,12 20,40 50,50 80,32 83,12 / 83,12 78,55 70,100",
        "80,15 50,0 18,20 35,47 70,38 82,12 80,60 55,95 20,93",
    ],
]

SIZE = 28  # pixels
ON_A_CURVE = 6  # straight pieces between one point of a stroke and the next
AT_ONCE = 500  # images in one computation


def draw_digits(count: int, rng: np.random.Generator) -> tuple[Array, Integers]:
    """(images (count, 1, 28, 28) from 0, paper, to 1, ink; the digits that they show), each digit equally often.

    Where 10 does not divide `count`, the small digits have one more. The order is random.
    """
    if count < 0:
        raise InputError(f"the number of digits is {count}; expected 0 or more")
    labels = rng.permutation(np.arange(count) % 10)
    ways = rng.integers(np.array([len(written) for written in WAYS])[labels])
    images = np.empty((count, 1, SIZE, SIZE), np.float32)
    for digit, written in enumerate(WAYS):
        for way, strokes in enumerate(map(_strokes, written)):
            places = np.flatnonzero((labels == digit) & (ways == way))
            for start in range(0, len(places), AT_ONCE):
                some = places[start : start + AT_ONCE]
                images[some, 0] = _ink(_written(strokes, len(some), rng), rng)
    return images, labels


def _strokes(way: str) -> list[list[Point]]:
    strokes = [[point.split(",") for point in stroke.split()] for stroke in way.split("/")]
    return [[(int(x) / 100, int(y) / 100) for x, y in stroke] for stroke in strokes]


def _written(strokes: list[list[Point]], N: int, rng: np.random.Generator) -> Array:
    """The straight pieces of N digits in pixels: (N, pieces, start or end, x or y)."""
    points = {point: None for stroke in strokes for point in stroke}
    moved = {point: np.array(point) - 0.5 + rng.normal(0, 0.035, (N, 2)) for point in points}  # where strokes meet, too
    pieces = []
    for stroke in strokes:
        curve = _smooth(np.stack([moved[point] for point in stroke], axis=1))
        pieces.append(np.stack([curve[:, :-1], curve[:, 1:]], axis=2))
    return np.einsum("nij,npej->npei", _transforms(N, rng), np.concatenate(pieces, axis=1)) + _places(N, rng)


def _smooth(points: Array) -> Array:
    """(N, K, 2) -> (N, (K - 1) * ON_A_CURVE + 1, 2): the Catmull-Rom spline through the points (1974)."""
    ends = 2 * points[:, [0, -1]] - points[:, [1, -2]]
    p = np.concatenate([ends[:, :1], points, ends[:, 1:]], axis=1)[:, :, None]
    t = (np.arange(ON_A_CURVE) / ON_A_CURVE)[:, None]
    p0, p1, p2, p3 = p[:, :-3], p[:, 1:-2], p[:, 2:-1], p[:, 3:]
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.concatenate([curve.reshape(len(points), -1, 2), points[:, -1:]], axis=1)


def _transforms(N: int, rng: np.random.Generator) -> Array:
    """(N, 2, 2): size in pixels, then slant, then turn."""
    turn, slant = rng.normal(0, 0.13, N), rng.normal(-0.15, 0.2, N)
    height = rng.uniform(15, 21, N)
    width = height * rng.uniform(0.5, 0.95, N)
    zero, one = np.zeros(N), np.ones(N)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    slanted = np.array([[one, slant], [zero, one]])
    sized = np.array([[width, zero], [zero, height]])
    return np.einsum("ijn,jkn,kln->nil", turned, slanted, sized)


def _places(N: int, rng: np.random.Generator) -> Array:
    return (SIZE - 1) / 2 + rng.normal(0, 1.0, (N, 1, 1, 2))


def _ink(pieces: Array, rng: np.random.Generator) -> Array:
    """(N, SIZE, SIZE): dark within the pen's radius of a piece, with an edge a pixel or so wide, and noise."""
    N = len(pieces)
    radius = rng.uniform(0.6, 1.7, (N, 1, 1))
    edge = rng.uniform(0.8, 1.6, (N, 1, 1))
    ink = np.clip((radius - _distance(pieces.astype(np.float32))) / edge + 0.5, 0, 1)
    strength, noise = rng.uniform(0.75, 1.0, (N, 1, 1)), rng.uniform(0, 0.12, (N, 1, 1))
    return np.clip(ink * strength + noise * rng.normal(size=ink.shape), 0, 1)


def _distance(pieces: Array) -> Array:
    """(N, pieces, 2, 2) -> (N, SIZE, SIZE): how far each pixel is from the nearest piece."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    nearest = np.full((len(pieces), SIZE, SIZE), np.inf, np.float32)
    for piece in pieces.transpose(1, 2, 3, 0)[..., None, None]:
        (x0, y0), (dx, dy) = piece[0], piece[1] - piece[0]
        along = ((x - x0) * dx + (y - y0) * dy) / np.maximum(dx * dx + dy * dy, 1e-6)
        along = np.clip(along, 0, 1)
        np.minimum(nearest, np.square(x - x0 - along * dx) + np.square(y - y0 - along * dy), out=nearest)
    return np.sqrt(nearest)
