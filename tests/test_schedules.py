from collections.abc import Callable

import pytest

from seqrl.errors import InputError
from seqrl.schedules import Schedule, constant, cosine, exponential, linear, step_decay, warm_up


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (constant(), {0: 1, 1000: 1}),
        (step_decay(10, 0.5), {0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25}),
        (exponential(0.9), {0: 1, 1: 0.9, 2: 0.81}),
        (linear(10), {0: 1, 1: 0.9, 5: 0.5, 10: 0, 11: 0}),
        (linear(10, end=0.2), {0: 1, 5: 0.6, 10: 0.2, 99: 0.2}),
        (cosine(10), {0: 1, 5: 0.5, 10: 0, 11: 0}),
        (cosine(12, end=0.2), {0: 1, 4: 0.2 + 0.8 * 0.75, 6: 0.6, 12: 0.2, 99: 0.2}),
        (warm_up(4, linear(10)), {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 5: 0.9, 14: 0}),
        (warm_up(1, exponential(0.5)), {0: 1, 1: 1, 2: 0.5}),
    ],
)
def test_factors(schedule: Schedule, factors: dict[int, float]) -> None:
    assert {step: schedule(step) for step in factors} == pytest.approx(factors, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("every", lambda n: step_decay(n, 0.5)),
        ("steps", linear),
        ("steps", cosine),
        ("steps", lambda n: warm_up(n, constant())),
    ],
)
@pytest.mark.parametrize("number", [0, -1])
def test_a_length_below_one_is_refused(name: str, make: Callable[[int], Schedule], number: int) -> None:
    with pytest.raises(InputError, match=f"^{name} is {number}; expected at least 1$"):
        make(number)
