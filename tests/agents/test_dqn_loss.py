"""The loss, the target and the dueling network of DQN; learning is in test_dqn.py."""

import numpy as np
import pytest

from seqrl.agents.dqn import Dueling, q_loss, q_target
from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients, numerical_gradient
from seqrl.layers.dense import Dense


@pytest.mark.parametrize("loss", ["huber", "squared"])
@pytest.mark.parametrize("weighted", [False, True])
def test_trap_21_the_gradient_of_the_loss_is_that_of_differences(loss, weighted):
    """On both sides of Huber's edge, with weights that do not average to 1."""
    rng = np.random.default_rng(0)
    q, action = 2 * rng.normal(size=(7, 3)), rng.integers(0, 3, 7)
    target = q[np.arange(7), action] - [0.2, -0.2, 3.0, -3.0, 0.999, 1.001, 0.0]
    weight = rng.random(7) if weighted else None
    gradient = q_loss(q, action, target, weight, loss=loss).gradient
    expected = numerical_gradient(lambda: q_loss(q, action, target, weight, loss=loss)[0], q)
    assert gradient == pytest.approx(expected, abs=1e-8)
    assert np.count_nonzero(gradient) <= 7  # actions that were not taken learn nothing


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_trap_21_at_huber_s_edge_the_gradient_is_the_same_from_both_sides(side):
    def slope(distance):
        return q_loss(np.array([[side * distance]]), np.array([0]), np.array([0.0]))[1].item()

    assert [slope(d) for d in (1 - 1e-9, 1.0, 1 + 1e-9, 50.0)] == pytest.approx([side] * 4, abs=1e-8)


def test_the_losses_are_their_definitions_and_the_weighted_mean_divides_by_the_batch():
    q, action = np.array([[1.0, 9.0], [9.0, -2.0]]), np.array([0, 1])
    target = np.array([0.5, 1.0])  # distances 0.5 and -3
    assert q_loss(q, action, target, loss="squared")[0] == pytest.approx((0.25 + 9) / 2)
    assert q_loss(q, action, target, loss="huber")[0] == pytest.approx((0.125 + 2.5) / 2)
    assert q_loss(q, action, target, np.array([1.0, 0.2]), loss="squared")[0] == pytest.approx((0.25 + 1.8) / 2)


@pytest.mark.parametrize(
    ("name", "shape"), [("action", (4, 1)), ("target", (4, 1)), ("target", (1,)), ("weight", (4, 1))]
)
def test_trap_19_columns_are_refused_where_numpy_would_broadcast(name, shape):
    given = {"action": np.zeros(4, np.int64), "target": np.zeros(4), "weight": np.ones(4)}
    given[name] = given[name][:1] if shape == (1,) else given[name].reshape(shape)
    with pytest.raises(InputError, match="shape"):
        q_loss(np.zeros((4, 2)), **given)


@pytest.mark.parametrize("shape", [(3, 1), (1,)])
def test_trap_19_targets_of_columns_are_refused(shape):
    with pytest.raises(InputError, match="don't fit"):
        q_target(np.zeros(shape), np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(InputError, match="don't fit"):
        q_target(np.zeros(3), np.zeros(shape), np.zeros((3, 2)))


def test_an_unknown_loss_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'huber'"):
        q_loss(np.zeros((1, 1)), np.zeros(1, np.int64), np.zeros(1), loss="hubert")


def test_targets_by_hand():
    reward, discount = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 0.25])
    next_q = np.array([[4.0, 6.0], [100.0, 100.0], [8.0, 0.0]])
    assert q_target(reward, discount, next_q) == pytest.approx([4.0, 2.0, 5.0])
    chooser = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])  # takes 0, 1, 1
    assert q_target(reward, discount, next_q, chooser) == pytest.approx([3.0, 2.0, 3.0])
    assert q_target(reward, discount, next_q.astype(np.float32)).dtype == np.float32


def test_double_q_does_not_overestimate_noise():
    """All actions are worth 0; the maximum of noise is positive, the noise at another noise's maximum is not."""
    rng = np.random.default_rng(0)
    next_q, other = rng.normal(size=(2, 20_000, 5))
    one, nothing = np.ones(20_000), np.zeros(20_000)
    assert q_target(nothing, one, next_q).mean() == pytest.approx(1.163, abs=0.02)  # of the largest of 5 normals
    assert q_target(nothing, one, next_q, other).mean() == pytest.approx(0, abs=0.02)


def test_dueling_s_gradients_and_that_the_value_is_the_mean_of_q():
    rng = np.random.default_rng(0)
    layer = Dueling(Dense(3, 1, rng=rng), Dense(3, 4, rng=rng))
    check_gradients(layer, rng.normal(size=(5, 3)), rng=rng)
    x = rng.normal(size=(5, 3)).astype(np.float32)
    assert layer(x).mean(axis=1) == pytest.approx(layer.value(x)[:, 0], abs=1e-6)
    np.testing.assert_array_equal(layer(x), layer.forward(x)[0])
    assert layer.forward(x)[1](np.ones((5, 4), np.float32)).dtype == np.float32


def test_trap_19_dueling_refuses_values_of_another_shape():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="Dueling got values of shape"):
        Dueling(Dense(3, 4, rng=rng), Dense(3, 4, rng=rng))(np.zeros((2, 3), np.float32))


def test_an_action_without_a_value_is_an_error_and_a_nan_is_passed_on():
    with pytest.raises(IndexError):
        q_loss(np.zeros((2, 3)), np.array([0, 3]), np.zeros(2))
    next_q = np.array([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(q_target(np.zeros(2), np.ones(2), next_q), [np.nan, 3.0])
    with pytest.raises(InputError, match="that choose don't fit"):
        q_target(np.zeros(2), np.ones(2), next_q, next_q[:1])
