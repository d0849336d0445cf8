"""A line search for the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization, 2006, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from seqrl.parameter import Array

SUFFICIENT_DECREASE = 1e-4  # c1
CURVATURE = 0.9  # c2, as the book has it for quasi-Newton methods
EVALUATIONS = 25


class Point(NamedTuple):
    """What is known at x + step * d: the function, its slope along d, and its gradient."""

    step: float
    value: float
    slope: float
    gradient: Array

    @property
    def finite(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.slope)


def search(evaluate: Callable[[float], Point], start: Point, step: float) -> Point:
    """A point that satisfies the strong Wolfe conditions, found from a first trial of `step` (algorithm 3.5):

    value <= start.value + c1 * step * start.slope        sufficient decrease
    |slope| <= c2 * |start.slope|                         curvature

    start: the point of step 0, where the slope is negative. A trial where the function is not finite counts as too
    far. After 25 evaluations it is the lowest point found that satisfies the first condition, which is `start` when
    none does.
    """
    before = start
    for used in range(1, EVALUATIONS + 1):
        trial = evaluate(step)
        if not _decreases(trial, start) or (used > 1 and trial.value >= before.value):
            return _zoom(evaluate, start, before, trial, EVALUATIONS - used)
        if _flat(trial, start):
            return trial
        if trial.slope >= 0:
            return _zoom(evaluate, start, trial, before, EVALUATIONS - used)
        step = _extrapolate(before, trial)
        before = trial
    return before


def _zoom(evaluate: Callable[[float], Point], start: Point, low: Point, high: Point, evaluations: int) -> Point:
    """Algorithm 3.6: `low` is the lowest point so far that decreases enough, and between it and `high` there is one
    that satisfies both conditions."""
    for _ in range(evaluations):
        trial = evaluate(_interpolate(low, high))
        if not _decreases(trial, start) or trial.value >= low.value:
            high = trial
            continue
        if _flat(trial, start):
            return trial
        if trial.slope * (high.step - low.step) >= 0:
            high = low
        low = trial
    return low


def _decreases(trial: Point, start: Point) -> bool:
    return trial.finite and trial.value <= start.value + SUFFICIENT_DECREASE * trial.step * start.slope


def _flat(trial: Point, start: Point) -> bool:
    return abs(trial.slope) <= CURVATURE * abs(start.slope)


def _interpolate(low: Point, high: Point) -> float:
    """Where the cubic through both points and slopes is least, if that is well inside; else the middle."""
    step = _cubic_minimum(low, high)
    margin = 0.1 * abs(high.step - low.step)
    left, right = sorted((low.step, high.step))
    return step if left + margin <= step <= right - margin else (left + right) / 2


def _extrapolate(before: Point, trial: Point) -> float:
    """Where the cubic is least, kept to 2 to 10 times the step."""
    step = _cubic_minimum(before, trial)
    return min(max(step, 2 * trial.step), 10 * trial.step) if math.isfinite(step) else 2 * trial.step


def _cubic_minimum(a: Point, b: Point) -> float:
    """Equation 3.59; NaN where there is no minimum or a point is not finite."""
    if not (a.finite and b.finite):
        return math.nan
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    inside = d1 * d1 - a.slope * b.slope
    d2 = math.copysign(math.sqrt(inside), b.step - a.step) if inside >= 0 else math.nan
    divisor = b.slope - a.slope + 2 * d2
    return b.step - (b.step - a.step) * (b.slope + d2 - d1) / divisor if divisor else math.nan
