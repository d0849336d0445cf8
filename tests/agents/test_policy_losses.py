"""The losses of PPO and of actor-critic: worked numbers, the kinks of the clip, gradients by differences."""

import math

import numpy as np
import pytest

from seqrl.agents import actor_critic, ppo
from seqrl.agents.distributions import Categorical, DiagonalGaussian
from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error

B, A = 7, 3
CLIP = 0.2


def rows(kind, seed=0):
    """(outputs, actions, old log-probabilities with ratios on both sides of both bounds, advantages)."""
    rng = np.random.default_rng(seed)
    discrete = kind is Categorical
    outputs = rng.normal(size=(B, A if discrete else 2 * A))
    actions = rng.integers(0, A, B) if discrete else rng.normal(size=(B, A))
    ratios = np.array([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0])
    old_log_prob = kind(outputs).log_prob(actions) - np.log(ratios)
    return outputs, actions, old_log_prob, rng.choice([-1.0, 1.0], B) * rng.uniform(0.5, 2, B)


@pytest.mark.parametrize("entropy", [0.0, 0.3])
@pytest.mark.parametrize("kind", [Categorical, DiagonalGaussian])
@pytest.mark.parametrize("seed", range(4))
def test_ppo_policy_gradient_is_that_of_differences(kind, entropy, seed):
    """Trap 21: with advantages of both signs on either side of both kinks."""
    outputs, actions, old, advantages = rows(kind, seed)
    options = {"clip": CLIP, "entropy": entropy, "distribution": kind}

    def loss():
        return ppo.policy_loss(outputs, actions, old, advantages, **options).loss

    gradient = ppo.policy_loss(outputs, actions, old, advantages, **options).gradient
    assert relative_error(gradient, numerical_gradient(loss, outputs)) < 1e-7


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("bound", [1 - CLIP, 1 + CLIP])
def test_the_gradient_stops_right_beyond_the_kink_and_on_one_side_only(bound, sign):
    """Trap 21: a step of 1e-6 to either side of the bound, where the slope by differences is one-sided."""
    outputs, actions = np.array([[0.3, -0.2]]), np.array([0])
    log_prob = Categorical(outputs).log_prob(actions)
    advantages = np.array([sign])
    for beyond in (1e-6, -1e-6):
        old = log_prob - math.log(bound + beyond)

        def loss(old=old):
            return ppo.policy_loss(outputs, actions, old, advantages, clip=CLIP).loss

        gradient = ppo.policy_loss(outputs, actions, old, advantages, clip=CLIP).gradient
        np.testing.assert_allclose(gradient, numerical_gradient(loss, outputs, h=1e-8), atol=1e-7)
        outside = beyond > 0 if bound > 1 else beyond < 0
        favoured = (sign > 0) == (bound > 1)
        assert (gradient == 0).all() == (outside and favoured)


def test_ppo_loss_has_the_numbers_worked_out_by_hand():
    """Probabilities 1/2: ratios 1/2, 1 and 2 with the clip 1/4, advantages 1 and -1."""
    outputs, actions = np.zeros((6, 2)), np.zeros(6, np.int64)
    old = np.log([1.0, 0.5, 0.25, 1.0, 0.5, 0.25])
    advantages = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    loss, gradient, ratio = ppo.policy_loss(outputs, actions, old, advantages, clip=0.25)
    np.testing.assert_allclose(ratio, [0.5, 1, 2, 0.5, 1, 2])
    assert loss == pytest.approx(-(0.5 + 1 + 1.25 - 0.75 - 1 - 2) / 6)
    by_log_prob = np.array([-0.5, -1, 0, 0, 1, 2]) / 6
    np.testing.assert_allclose(gradient, by_log_prob[:, None] * [0.5, -0.5])


def test_without_a_change_of_the_policy_ppo_is_actor_critic():
    """Trap 22: the first ratio is exactly 1, not nearly, in single precision as well; then the clip does nothing."""
    for kind in Categorical, DiagonalGaussian:
        outputs, actions, _, advantages = rows(kind)
        for dtype in np.float64, np.float32:
            at, weights = outputs.astype(dtype), advantages.astype(dtype)
            taken = actions if kind is Categorical else actions.astype(dtype)
            old = kind(at).log_prob(taken)
            _, gradient, ratio = ppo.policy_loss(at, taken, old, weights, clip=0.0, distribution=kind)
            np.testing.assert_array_equal(ratio, 1)
            _, plain = actor_critic.policy_loss(at, taken, weights, distribution=kind)
            np.testing.assert_allclose(gradient, plain, rtol=1e-5, atol=1e-7)
            assert gradient.dtype == plain.dtype == dtype


@pytest.mark.parametrize("entropy", [0.0, 0.3])
@pytest.mark.parametrize("kind", [Categorical, DiagonalGaussian])
def test_actor_critic_policy_gradient_is_that_of_differences(kind, entropy):
    outputs, actions, _, advantages = rows(kind)

    def loss():
        return actor_critic.policy_loss(outputs, actions, advantages, entropy=entropy, distribution=kind)[0]

    _, gradient = actor_critic.policy_loss(outputs, actions, advantages, entropy=entropy, distribution=kind)
    assert relative_error(gradient, numerical_gradient(loss, outputs)) < 1e-7


def test_entropy_alone_flattens_the_policy():
    outputs = np.array([[2.0, 0.0]])
    nothing = np.zeros(1)
    loss, gradient = actor_critic.policy_loss(outputs, np.array([0]), nothing, entropy=1.0)
    assert loss == pytest.approx(-Categorical(outputs).entropy()[0])
    assert gradient[0, 0] > 0 > gradient[0, 1]  # descending takes the likelier one down


def test_clipped_value_loss_has_the_numbers_worked_out_by_hand():
    """Bound 1: unmoved, moved too far towards the target, too far away from it, within."""
    values, returns, old = np.array([1.0, 3, -3, 0.5]), np.array([2.0, 4, 4, 4]), np.array([1.0, 0, 0, 0])
    loss, gradient = ppo.value_loss(values, returns, old, clip=1.0)
    assert loss == pytest.approx((1 + 9 + 49 + 12.25) / 4)
    np.testing.assert_allclose(gradient, np.array([-2, 0, -14, -7]) / 4)


@pytest.mark.parametrize("clip", [None, 0.3])
def test_value_gradient_is_that_of_differences(clip):
    rng = np.random.default_rng(1)
    values, returns, old = rng.normal(size=(3, 50))

    def loss():
        return ppo.value_loss(values, returns, old, clip=clip)[0]

    _, gradient = ppo.value_loss(values, returns, old, clip=clip)
    assert relative_error(gradient, numerical_gradient(loss, values)) < 1e-7


def test_rounding_does_not_stop_a_value_that_is_not_clipped():
    """old + (v - old) is not always v in single precision."""
    rng = np.random.default_rng(2)
    old, move, returns = rng.normal(size=(3, 1000)).astype(np.float32)
    _, gradient = ppo.value_loss(old + np.float32(1e-3) * move, returns, old, clip=0.2)
    assert (gradient != 0).all()
    assert gradient.dtype == np.float32


def test_advantages_are_normalised_and_one_alone_is_left():
    """Trap 22."""
    advantages = ppo.normalised(np.array([1.0, 2.0, 6.0]))
    np.testing.assert_allclose([advantages.mean(), advantages.std()], [0, 1], atol=1e-7)
    np.testing.assert_array_equal(ppo.normalised(np.array([3.0])), [3.0])
    assert ppo.normalised(np.array([])).shape == (0,)
    np.testing.assert_array_equal(ppo.normalised(np.array([2.0, 2.0])), [0, 0])


def test_shapes_that_would_broadcast_are_refused():
    """Trap 19: (B,) against (B, 1) is (B, B)."""
    outputs, actions, old, advantages = rows(Categorical)
    with pytest.raises(InputError, match=r"old log-probabilities of shape \(7, 1\) for 7 rows"):
        ppo.policy_loss(outputs, actions, old[:, None], advantages, clip=CLIP)
    with pytest.raises(InputError, match=r"advantages of shape \(7, 1\) for 7 rows"):
        ppo.policy_loss(outputs, actions, old, advantages[:, None], clip=CLIP)
    with pytest.raises(InputError, match=r"advantages of shape \(7, 1\) for 7 rows"):
        actor_critic.policy_loss(outputs, actions, advantages[:, None])
    for arrays in ((old[:, None], old, old), (old, old[:, None], old), (old, old, old[:, None])):
        with pytest.raises(InputError, match=r"shape \(7, 1\)"):
            ppo.value_loss(*arrays, clip=CLIP)


def test_what_was_computed_before_is_left_alone():
    """Trap 21: nothing flows into, or is written to, old log-probabilities, advantages, returns or old values."""
    outputs, actions, old, advantages = arrays = rows(Categorical)
    kept = [array.copy() for array in arrays]
    ppo.policy_loss(outputs, actions, old, advantages, clip=CLIP, entropy=0.1)
    actor_critic.policy_loss(outputs, actions, advantages, entropy=0.1)
    ppo.value_loss(advantages, old, old, clip=CLIP)
    ppo.normalised(advantages)
    for array, copy in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_divergence_is_0_for_the_same_policy_and_positive_for_rarer_and_likelier_actions():
    assert ppo.divergence(np.ones(3)) == 0
    assert ppo.divergence(np.array([2.0])) == pytest.approx(1 - math.log(2))
    assert ppo.divergence(np.array([0.5])) == pytest.approx(math.log(2) - 0.5)
