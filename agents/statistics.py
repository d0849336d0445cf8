"""Statistics over seeds and episodes: few numbers, long tails.

Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, 2021.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError

Statistic = Callable[..., Any]


class Interval(NamedTuple):
    """Where a statistic lies; an array of one for each point of curves."""

    low: Any
    high: Any


def interquartile_mean(scores: npt.ArrayLike, axis: int | None = None) -> Any:
    """The mean of the middle half: the lowest and the highest quarter of the scores, rounded down, are left out.

    Less noisy than the median and deaf to single outliers, unlike the mean. axis: all scores together by default.
    Raises InputError where there are no scores.
    """
    given = np.asarray(scores, np.float64)
    if axis is None:
        given, axis = given.ravel(), 0
    count = given.shape[axis]
    if count == 0:
        raise InputError("no scores to take a mean of")
    cut = count // 4
    ordered = np.sort(given, axis=axis)
    return ordered.take(range(cut, count - cut), axis=axis).mean(axis=axis)


def bootstrap_interval(
    scores: npt.ArrayLike,
    statistic: Statistic = np.mean,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2_000,
) -> Interval:
    """The percentile bootstrap interval of a statistic over the first axis, which is that of seeds or episodes.

    scores: (K,) or (K, ...), such as learning curves (K, points): whole curves are drawn, K of K with replacement, so
    that each point's interval comes from the same draws. statistic: a function of (scores, axis=...).
    A single score has no spread to draw from: its interval is not a number.
    Raises InputError for no scores, one that is not a number and a level that is no probability.
    """
    given = np.asarray(scores, np.float64)
    if given.ndim == 0 or len(given) == 0:
        raise InputError("no scores to take an interval of")
    if np.isnan(given).any():
        raise InputError("a score is not a number; its interval can't be taken")
    if not 0 < level < 1:
        raise InputError(f"level is {level}; expected a probability between 0 and 1")
    count = len(given)
    if count == 1:
        nowhere = np.full(given.shape[1:], np.nan)[()]
        return Interval(nowhere, nowhere)
    drawn = given[rng.integers(0, count, (resamples, count))]
    values = np.asarray(statistic(drawn, axis=1))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Interval(low, high)
