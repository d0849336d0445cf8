import math
from collections.abc import Callable

import numpy as np
import pytest

from seqrl.optimizers.line_search import Point, search

Function = Callable[[float], tuple[float, float]]  # (value, slope) at a step

# "rational" and "high power" are of the kind of Moré and Thuente (1994, section 5).
FUNCTIONS: dict[str, Function] = {
    "parabola": lambda a: ((a - 3) ** 2, 2 * (a - 3)),
    "rational": lambda a: (-a / (a * a + 2), (a * a - 2) / (a * a + 2) ** 2),
    "high power": lambda a: ((a + 0.05) ** 5 - 2 * (a + 0.05) ** 4, 5 * (a + 0.05) ** 4 - 8 * (a + 0.05) ** 3),
    "valley with waves": lambda a: (
        0.1 * (a - 4) ** 2 + math.sin(3 * a) - 3.2 * a,
        0.2 * (a - 4) + 3 * math.cos(3 * a) - 3.2,
    ),
    "steep wall": lambda a: (math.exp(min(a, 700)) - 3 * a, math.exp(min(a, 700)) - 3),
    "exponential fall": lambda a: (math.exp(-a), -math.exp(-a)),
    "undefined far away": lambda a: (-2 * a - math.log(1 - a), -2 + 1 / (1 - a)) if a < 1 else (math.nan, math.nan),
    "infinite far away": lambda a: (a * a - a, 2 * a - 1) if a < 2 else (math.inf, math.inf),
}


def along(function: Function, steps: list[float]) -> Callable[[float], Point]:
    def evaluate(step: float) -> Point:
        steps.append(step)
        return Point(step, *function(step), np.zeros(1))

    return evaluate


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_strong_wolfe_conditions_hold(name: str, first: float) -> None:
    steps: list[float] = []
    evaluate = along(FUNCTIONS[name], steps)
    start = evaluate(0.0)
    assert start.slope < 0
    found = search(evaluate, start, first)
    assert found.step > 0
    assert found.value <= start.value + 1e-4 * found.step * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)
    assert len(steps) <= 26
    assert (found.value, found.slope) == FUNCTIONS[name](found.step)


def test_a_good_first_trial_is_taken_as_it_is() -> None:
    steps: list[float] = []
    evaluate = along(FUNCTIONS["parabola"], steps)
    assert search(evaluate, evaluate(0.0), 3.0).step == 3
    assert steps == [0, 3]


def test_the_cubic_finds_the_minimum_of_a_parabola_at_once() -> None:
    """Both its ends and slopes determine it, so the second trial is exact."""
    steps: list[float] = []
    evaluate = along(FUNCTIONS["parabola"], steps)
    found = search(evaluate, evaluate(0.0), 7.0)
    assert found.step == pytest.approx(3, rel=1e-12)
    assert len(steps) == 3


def test_where_nothing_is_lower_the_start_is_returned() -> None:
    """A slope that promises what the function doesn't keep, as rounding does near a minimum."""
    steps: list[float] = []
    evaluate = along(lambda a: (1.0 if a == 0 else 2.0, -1e-9), steps)
    start = evaluate(0.0)
    assert search(evaluate, start, 1.0) is start
    assert len(steps) == 26


def test_a_function_that_falls_for_ever_ends_after_some_evaluations() -> None:
    steps: list[float] = []
    evaluate = along(lambda a: (-a, -1.0), steps)
    found = search(evaluate, evaluate(0.0), 1.0)
    assert found.step == max(steps) > 1e6
    assert len(steps) == 26
