"""Distributions over actions: their numbers, their samples, and their gradients by differences."""

import math

import numpy as np
import pytest

from seqrl.agents.distributions import Categorical, DiagonalGaussian
from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error

B, A = 5, 3


def categorical(rng):
    return Categorical, 2 * rng.normal(size=(B, A)), rng.integers(0, A, B)


def gaussian(rng):
    return DiagonalGaussian, rng.normal(size=(B, 2 * A)), rng.normal(size=(B, A))


@pytest.mark.parametrize("make", [categorical, gaussian])
def test_the_gradient_is_that_of_differences(make):
    """Trap 21: of the log-probability and of the entropy, each weighed by its own number in every row."""
    rng = np.random.default_rng(0)
    kind, outputs, actions = make(rng)
    weights, entropy_weights = rng.normal(size=(2, B))

    def value():
        made = kind(outputs)
        return float(weights @ made.log_prob(actions) + entropy_weights @ made.entropy())

    gradient = kind(outputs).gradient(actions, weights, entropy_weights)
    assert relative_error(gradient, numerical_gradient(value, outputs)) < 1e-7
    entropy_weights[:] = 0
    without = kind(outputs).gradient(actions, weights)
    np.testing.assert_allclose(without, kind(outputs).gradient(actions, weights, entropy_weights), atol=1e-12)


def test_categorical_probabilities_are_those_of_softmax():
    made = Categorical(np.log([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]))
    np.testing.assert_allclose(made.log_prob(np.array([2, 0])), np.log([5 / 8, 1 / 4]))
    np.testing.assert_allclose(made.entropy()[1], 0.5 * math.log(4) + 0.5 * math.log(2))
    np.testing.assert_array_equal(made.mode(np.random.default_rng(0)), [2, 2])


def test_gaussian_numbers_are_those_of_the_density():
    made = DiagonalGaussian(np.array([[1.0, -1.0, 0.0, math.log(2)]]))
    density = math.exp(-0.5) / math.sqrt(2 * math.pi) * math.exp(-0.5 * 1.5**2) / (2 * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(made.log_prob(np.array([[2.0, 2.0]])), math.log(density))
    np.testing.assert_allclose(made.entropy(), math.log(2 * math.pi * math.e) + math.log(2))
    np.testing.assert_array_equal(made.mode(np.random.default_rng(0)), [[1.0, -1.0]])


def test_categorical_samples_are_as_frequent_as_their_probabilities():
    p = np.array([0.5, 0.0, 0.2, 0.3, 0.0])
    with np.errstate(divide="ignore"):
        logits = np.log(p)
    drawn = Categorical(np.tile(logits, (40_000, 1))).sample(np.random.default_rng(1))
    frequencies = np.bincount(drawn, minlength=5) / len(drawn)
    assert frequencies[1] == frequencies[4] == 0  # what can't be taken never is, at the end of the row neither
    np.testing.assert_allclose(frequencies, p, atol=4 * 0.5 / math.sqrt(len(drawn)))


def test_gaussian_samples_have_the_mean_and_the_deviation():
    outputs = np.tile(np.array([3.0, -1.0, math.log(0.5), math.log(2)]), (40_000, 1))
    drawn = DiagonalGaussian(outputs).sample(np.random.default_rng(2))
    np.testing.assert_allclose(drawn.mean(axis=0), [3, -1], atol=0.04)
    np.testing.assert_allclose(drawn.std(axis=0), [0.5, 2], rtol=0.02)


def test_an_action_that_cannot_be_taken_leaves_all_finite():
    made = Categorical(np.array([[0.0, -np.inf, 0.0]], np.float32))
    assert made.entropy() == pytest.approx(math.log(2))
    gradient = made.gradient(np.array([0]), np.float32([1]), np.float32([3]))
    np.testing.assert_allclose(gradient, [[0.5, 0, -0.5]], atol=1e-6)


def test_large_logits_do_not_overflow():
    made = Categorical(np.array([[1e4, 0.0], [-1e4, -1e4]], np.float32))
    np.testing.assert_allclose(made.log_prob(np.array([0, 0])), [0, -math.log(2)], rtol=1e-6)
    assert np.isfinite(made.entropy()).all()


@pytest.mark.parametrize("make", [categorical, gaussian])
def test_single_precision_stays_so(make):
    kind, outputs, actions = make(np.random.default_rng(3))
    made = kind(outputs.astype(np.float32))
    actions = actions.astype(np.float32) if actions.dtype.kind == "f" else actions
    ones = np.ones(B, np.float32)
    arrays = made.log_prob(actions), made.entropy(), made.gradient(actions, ones, ones)
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize("make", [categorical, gaussian])
def test_shapes_that_would_broadcast_are_refused(make):
    """Trap 19."""
    kind, outputs, actions = make(np.random.default_rng(4))
    made = kind(outputs)
    with pytest.raises(InputError, match="actions"):
        made.log_prob(actions[:, None])
    with pytest.raises(InputError, match=r"a gradient of shape \(5, 1\) for 5 rows"):
        made.gradient(actions, np.ones((B, 1)), np.ones(B))


def test_actions_beyond_the_space_are_refused():
    with pytest.raises(InputError, match="run from -1 to 1; expected 0 <= action < 2"):
        Categorical(np.zeros((2, 2))).log_prob(np.array([-1, 1]))
