import pytest

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
        (warm_up(0, exponential(0.5)), {0: 1, 1: 0.5}),
    ],
)
def test_factors(schedule: Schedule, factors: dict[int, float]) -> None:
    assert {step: schedule(step) for step in factors} == pytest.approx(factors, abs=1e-12)
