import numpy as np
import pytest

from seqrl.agents import exploration
from seqrl.errors import InputError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def counts(actions, A):
    return np.bincount(np.ravel(actions), minlength=A)


@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 4)])
def test_trap_23_ties_are_broken_at_random(rng, shape):
    values = np.tile(np.float32([1, 2, 2, 2]), (*shape[:-1], 1))
    drawn = [exploration.argmax(values, rng) for _ in range(600)]
    assert np.shape(drawn[0]) == shape[:-1]
    found = counts(drawn, 4) / np.size(drawn)
    assert found[0] == 0
    assert np.abs(found[1:] - 1 / 3).max() < 0.06


def test_argmax_without_ties_draws_nothing(rng):
    before = rng.bit_generator.state
    values = np.random.default_rng(1).normal(size=(50, 3))
    assert (exploration.argmax(values, rng) == values.argmax(axis=1)).all()
    assert exploration.argmax(values[0], rng) == values[0].argmax()
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(
    "values", [[np.nan, 1.0], [1.0, np.nan], [[1.0, 2.0], [np.nan, 1.0]], [[1.0, 1.0], [np.nan, 1.0]]]
)
def test_a_value_that_is_nan_is_not_the_best_of_anything(rng, values):
    with pytest.raises(InputError, match="NaN"):
        exploration.argmax(np.array(values), rng)


def test_infinite_values_are_not_nan(rng):
    assert exploration.argmax(np.array([-np.inf, np.inf]), rng) == 1
    assert exploration.argmax(np.array([[-np.inf, np.inf], [-np.inf, 0.0]]), rng).tolist() == [1, 1]


def test_what_is_explored_is_independent_of_how_small_epsilon_is(rng):
    drawn = exploration.epsilon_greedy(np.tile([0.0, 0.0, 0.0, 1.0], (200_000, 1)), 0.01, rng)
    explored = counts(drawn[drawn < 3], 3)
    assert explored.sum() == pytest.approx(0.0075 * 200_000, rel=0.1)
    assert explored / explored.sum() == pytest.approx(np.full(3, 1 / 3), abs=0.06)


@pytest.mark.parametrize("rows", [None, 1, 5])
def test_epsilon_greedy_draws_by_its_probabilities(rng, rows):
    values = np.array([0.0, 3.0, 3.0, 1.0])
    given = values if rows is None else np.tile(values, (rows, 1))
    actions = [exploration.epsilon_greedy(given, 0.4, rng) for _ in range(4000)]
    expected = exploration.epsilon_greedy_policy(values, 0.4)
    assert expected == pytest.approx([0.1, 0.4, 0.4, 0.1])
    assert counts(actions, 4) / np.size(actions) == pytest.approx(expected, abs=0.03)


def test_without_epsilon_nothing_is_explored(rng):
    values = rng.normal(size=(200, 3))
    assert (exploration.epsilon_greedy(values, 0.0, rng) == values.argmax(axis=1)).all()


def test_softmax_policy_is_greedy_when_cold_and_uniform_when_hot():
    values = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    assert exploration.softmax_policy(values, 1e-3) == pytest.approx(np.array([[0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]))
    assert exploration.softmax_policy(values, 1e6) == pytest.approx(np.full((2, 3), 1 / 3), abs=1e-5)
    one = exploration.softmax_policy(values, 2.0)[0]
    assert one[2] / one[1] == pytest.approx(np.exp(1))
    with pytest.raises(InputError, match="temperature is 0"):
        exploration.softmax_policy(values, 0)


def test_draw_takes_each_action_by_its_probability_and_never_one_of_zero(rng):
    p = np.array([0.0, 0.2, 0.0, 0.5, 0.3, 0.0])
    found = counts(exploration.draw(np.tile(p, (20_000, 1)), rng), 6)
    assert (found[p == 0] == 0).all()
    assert found / 20_000 == pytest.approx(p, abs=0.02)


def test_draw_is_never_past_the_end_when_rounding_makes_the_total_small():
    class Last:
        def random(self, shape):
            return np.full(shape, 1 - 2**-53)

    p = np.float32([0.3, 0.3, 0.4 - 1e-6, 0.0])
    assert exploration.draw(p, Last()) == 2


def test_linear_reaches_its_end_and_stays():
    epsilon = exploration.linear(1.0, 0.1, 100)
    assert [epsilon(step) for step in (0, 50, 100, 1000)] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert exploration.linear(1.0, 0.1, 0)(0) == 0.1
