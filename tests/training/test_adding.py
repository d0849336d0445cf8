"""The adding problem: what is marked, what is asked, what one step of training does."""

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.layers.recurrent import CELLS
from seqrl.optimizers import SGD
from seqrl.training.adding import BASELINE, adding_problem, error, learn, net

Generator = np.random.Generator


@pytest.mark.parametrize("T", [2, 3, 100])
def test_one_number_is_marked_in_each_half_and_the_answer_is_their_sum(T: int, rng: Generator) -> None:
    x, answer = adding_problem(T, 500, rng)
    assert x.shape == (T, 500, 2) and answer.shape == (500, 1)
    numbers, marks = x[..., 0], x[..., 1]
    assert numbers.min() >= 0 and numbers.max() <= 1
    assert set(np.unique(marks)) <= {0, 1}
    assert (marks[: T // 2].sum(axis=0) == 1).all() and (marks[T // 2 :].sum(axis=0) == 1).all()
    for n in range(500):
        first, second = np.flatnonzero(marks[:, n])
        assert answer[n, 0] == numbers[first, n] + numbers[second, n]
    assert (marks.sum(axis=1) > 0).all()  # any place may be marked


def test_the_baseline_is_the_error_of_the_answer_1(rng: Generator) -> None:
    _, answer = adding_problem(2, 100_000, rng)
    assert np.mean((answer - 1) ** 2) == pytest.approx(BASELINE, rel=0.02)


def test_one_step_is_too_few(rng: Generator) -> None:
    with pytest.raises(InputError, match=r"^the adding problem got 1 steps; expected 2 or more$"):
        adding_problem(1, 3, rng)


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_of_training_goes_down_the_gradient_of_the_last_answers_error(cell: str, rng: Generator) -> None:
    """By finite differences along the gradient."""
    model = net(cell, 3, rng).astype(np.float64)
    x, answer = adding_problem(5, 4, rng)
    x, answer = x.astype(np.float64), answer.astype(np.float64)
    before = {name: parameter.value.copy() for name, parameter in model.parameters()}
    loss = learn(model, SGD(model.parameters(), 1.0), x, answer)
    step = {name: parameter.value - before[name] for name, parameter in model.parameters()}

    def error_at(share: float) -> float:
        model.load_state_dict({name: value + share * step[name] for name, value in before.items()})
        return error(model, x, answer)

    assert loss == pytest.approx(error_at(0), rel=1e-12)
    slope = (error_at(1e-5) - error_at(-1e-5)) / 2e-5
    assert slope == pytest.approx(-sum((change**2).sum() for change in step.values()), rel=1e-6)
