"""Returns and advantages against plain loops over each episode and numbers worked out by hand."""

import numpy as np
import pytest

from seqrl.agents.returns import discounted_returns, gae, n_step_returns
from seqrl.errors import InputError


def column(*values, dtype=np.float64):
    return np.array(values, dtype)


def flags(*values):
    return np.array(values, bool)


def random_rollout(rng, T=23, N=4):
    terminated, truncated = rng.random((T, N)) < 0.15, rng.random((T, N)) < 0.15  # sometimes both
    valid = np.ones((T, N), bool)
    ended = terminated | truncated
    valid[1:] = ~ended[:-1] | (rng.random((T - 1, N)) < 0.5)  # some ends are followed by the row of a reset
    terminated &= valid
    truncated &= valid
    return rng.normal(size=(T, N)), rng.normal(size=(T, N)), rng.normal(size=(T, N)), terminated, truncated, valid


def gae_by_definition(rewards, values, next_values, terminated, truncated, valid, gamma, lam):
    """Equation 16, the sum of (gamma lam)^k delta_(t+k) within the episode, for one environment."""
    T = len(rewards)
    advantages = np.zeros(T)
    for t in range(T):
        if not valid[t]:
            continue
        k = t
        while True:
            after = 0.0 if terminated[k] else next_values[k]
            advantages[t] += (gamma * lam) ** (k - t) * (rewards[k] + gamma * after - values[k])
            if terminated[k] or truncated[k] or k == T - 1:
                break
            k += 1
    return advantages


def n_step_by_definition(rewards, next_values, terminated, truncated, valid, gamma, n):
    T = len(rewards)
    returns = np.zeros(T)
    for t in range(T):
        if not valid[t]:
            continue
        for m in range(n):
            k = t + m
            returns[t] += gamma**m * rewards[k]
            if m == n - 1 or terminated[k] or truncated[k] or k == T - 1:
                returns[t] += 0.0 if terminated[k] else gamma ** (m + 1) * next_values[k]
                break
    return returns


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_gae_is_the_discounted_sum_of_errors_of_its_own_episode(lam):
    rewards, values, next_values, terminated, truncated, valid = random_rollout(np.random.default_rng(0))
    advantages, returns = gae(rewards, values, next_values, terminated, truncated, valid, 0.9, lam)
    for n in range(rewards.shape[1]):
        arrays = (a[:, n] for a in (rewards, values, next_values, terminated, truncated, valid))
        np.testing.assert_allclose(advantages[:, n], gae_by_definition(*arrays, 0.9, lam), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(returns, np.where(valid, advantages + values, 0))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 22, 23, 1000])
def test_n_step_returns_stay_in_their_episode_and_take_the_right_power_of_gamma(n):
    rewards, _, next_values, terminated, truncated, valid = random_rollout(np.random.default_rng(1))
    returns = n_step_returns(rewards, next_values, terminated, truncated, valid, 0.9, n)
    for k in range(rewards.shape[1]):
        arrays = (a[:, k] for a in (rewards, next_values, terminated, truncated, valid))
        np.testing.assert_allclose(returns[:, k], n_step_by_definition(*arrays, 0.9, n), rtol=1e-12, atol=1e-12)


def test_gae_gives_the_numbers_worked_out_by_hand():
    """Trap 15: gamma = lam = 1/2; the first episode is terminated, the second truncated, the third cut by the end."""
    rewards, values = column(1, 2, 4, 8, 16), column(1, 1, 2, 2, 4)
    next_values = column(1, 100, 2, 6, 10)  # 100 is behind a termination
    terminated, truncated = flags(0, 1, 0, 0, 0), flags(0, 0, 0, 1, 0)
    advantages, returns = gae(rewards, values, next_values, terminated, truncated, flags(1, 1, 1, 1, 1), 0.5, 0.5)
    # errors: 1 + 0.5 - 1, 2 - 1, 4 + 1 - 2, 8 + 3 - 2, 16 + 5 - 4
    np.testing.assert_array_equal(advantages, [0.5 + 0.25 * 1, 1, 3 + 0.25 * 9, 9, 17])
    np.testing.assert_array_equal(returns, [1.75, 2, 7.25, 11, 21])


def test_both_flags_at_once_are_a_termination():
    """Trap 15: nothing is bootstrapped then."""
    both = flags(1)
    assert gae(column(3), column(1), column(50), both, both, flags(1), 0.9, 0.9)[0] == 2
    assert discounted_returns(column(3), column(50), both, both, flags(1), 0.9) == 3


def test_monte_carlo_returns_are_the_discounted_sums_of_rewards():
    nothing = flags(0, 0, 0)
    returns = discounted_returns(column(1, 2, 4), 0.0, flags(0, 0, 1), nothing, flags(1, 1, 1), 0.5)
    np.testing.assert_array_equal(returns, [1 + 1 + 1, 2 + 2, 4])
    assert discounted_returns(column(), 0.0, flags(), flags(), flags(), 0.5).shape == (0,)


def test_lambda_one_is_the_discounted_return_less_the_value():
    rng = np.random.default_rng(2)
    T, N = 9, 3
    rewards, values = rng.normal(size=(T, N)), rng.normal(size=(T + 1, N))
    terminated, truncated = rng.random((T, N)) < 0.2, np.zeros((T, N), bool)
    rows = terminated, truncated, np.ones((T, N), bool)
    _, returns = gae(rewards, values[:-1], values[1:], *rows, 0.95, 1.0)
    np.testing.assert_allclose(returns, discounted_returns(rewards, values[1:], *rows, 0.95), rtol=1e-12)


def test_the_row_of_a_reset_changes_nothing_around_it():
    """Trap 17: the same episodes with and without an invalid row between them, whatever stands in it."""
    rewards, values, next_values = column(1, 2, 3, 4), column(5, 6, 7, 8), column(6, 9, 8, 1)
    terminated, truncated = flags(0, 0, 0, 1), flags(0, 1, 0, 0)
    without = gae(rewards, values, next_values, terminated, truncated, flags(1, 1, 1, 1), 0.9, 0.8)
    wild = [np.insert(a, 2, 1e9) for a in (rewards, values, next_values)]
    ends = [np.insert(a, 2, False) for a in (terminated, truncated)]
    with_row = gae(*wild, *ends, flags(1, 1, 0, 1, 1), 0.9, 0.8)
    for expected, found in zip(without, with_row, strict=True):
        np.testing.assert_array_equal(np.delete(found, 2), expected)
        assert found[2] == 0


def test_rewards_and_arguments_are_left_alone():
    arrays = random_rollout(np.random.default_rng(3))
    kept = [a.copy() for a in arrays]
    gae(*arrays, 0.9, 0.8)
    n_step_returns(arrays[0], *arrays[2:], 0.9, 3)
    discounted_returns(arrays[0], *arrays[2:], 0.9)
    for array, copy in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_sums_are_in_double_precision_whatever_the_network_gives():
    T = 10_000
    nothing = np.zeros(T, bool)
    small = np.full(T, 0.1, np.float32)
    advantages, _ = gae(small, small * 0, small * 0, nothing, nothing, ~nothing, 1.0, 1.0)
    assert advantages.dtype == np.float64
    assert advantages[0] == pytest.approx(T * float(np.float32(0.1)), rel=1e-12)


def test_shapes_that_would_broadcast_are_refused():
    """Trap 19: (T,) against (T, 1) is (T, T)."""
    good, tall = np.zeros(3), np.zeros((3, 1))
    no = np.zeros(3, bool)
    with pytest.raises(InputError, match=r"values of shape \(3, 1\) don't fit rewards of shape \(3,\)"):
        gae(good, tall, good, no, no, ~no, 0.9, 0.9)
    with pytest.raises(InputError, match=r"next values of shape \(3, 1\)"):
        gae(good, good, tall, no, no, ~no, 0.9, 0.9)
    with pytest.raises(InputError, match="truncated are float64; expected booleans"):
        gae(good, good, good, no, good, ~no, 0.9, 0.9)
    with pytest.raises(InputError, match="n = 0 steps"):
        n_step_returns(good, 0.0, no, no, ~no, 0.9, 0)
