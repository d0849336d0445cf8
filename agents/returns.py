"""Returns and advantages of a rollout, from the rewards back to front.

A step that is terminated has no value after it. One that is only truncated has: the episode was cut off, the task went
on. So every function takes both flags apart, bootstraps on `~terminated` and cuts traces on `terminated | truncated`;
both flags may be set at once, which is a termination. `next_values` are of the true next observation, which at an
episode's end is its last one and never the first of the next episode.

All arrays are (T, ...), time first, and of one shape. Rows that are not `valid` (the step by which a vector environment
resets) get 0 and pass nothing on. The last row is followed by `next_values` in any case.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.parameter import Array

Flags = npt.NDArray[np.bool_]


def discounted_returns(
    rewards: Array,
    next_values: Array | float,
    terminated: Flags,
    truncated: Flags,
    valid: Flags,
    gamma: float,
) -> Array:
    """G_t = r_t + gamma G_(t+1) within an episode.

    A truncated row and the last one have `next_values` in the place of G_(t+1); 0.0 stands for zeros, which gives the
    plain sum of what was rewarded, as Monte Carlo methods take it.
    """
    return n_step_returns(rewards, next_values, terminated, truncated, valid, gamma, max(len(rewards), 1))


def n_step_returns(
    rewards: Array,
    next_values: Array | float,
    terminated: Flags,
    truncated: Flags,
    valid: Flags,
    gamma: float,
    n: int,
) -> Array:
    """r_t + gamma r_(t+1) + ... + gamma^(m-1) r_(t+m-1) + gamma^m v(s_(t+m)), m <= n steps of one episode.

    m is smaller than n where the episode or the rollout ends before (Sutton and Barto 2018, equation 7.1). After a
    termination there is no value to add.
    """
    rewards, next_values = _checked(rewards, next_values, terminated, truncated, valid)
    if n < 1:
        raise InputError(f"returns are over n = {n} steps; expected at least 1")
    T = len(rewards)
    bootstrap = np.where(terminated, 0.0, next_values)
    goes_on = valid & ~(terminated | truncated)  # into the next row
    goes_on[:-1] &= valid[1:]
    goes_on[-1:] = False
    if n >= T:
        ends = np.where(goes_on, 0.0, gamma * bootstrap)
        return kernels.decayed_sums(np.where(valid, rewards + ends, 0.0), gamma * goes_on)
    returns = rewards + gamma * bootstrap  # of one step; each round looks one step further
    for _ in range(n - 1):
        returns[:-1] = np.where(goes_on[:-1], rewards[:-1] + gamma * returns[1:], returns[:-1])
    return np.where(valid, returns, 0.0)


def gae(
    rewards: Array,
    values: Array,
    next_values: Array,
    terminated: Flags,
    truncated: Flags,
    valid: Flags,
    gamma: float,
    lam: float,
) -> tuple[Array, Array]:
    """(advantages, returns): generalised advantage estimation (Schulman et al. 2016, equation 16).

    delta_t = r_t + gamma v(s_(t+1)) - v(s_t)
    A_t = delta_t + gamma lam A_(t+1)
    returns = A_t + v(s_t), TD(lambda)'s target of the value

    With lam = 0 the advantage is the one-step error, with lam = 1 the discounted return less the value.
    """
    rewards, next_values = _checked(rewards, next_values, terminated, truncated, valid)
    if np.shape(values) != rewards.shape:
        raise InputError(f"values of shape {np.shape(values)} don't fit rewards of shape {rewards.shape}")
    delta = rewards + gamma * np.where(terminated, 0.0, next_values) - values
    decay = np.where(terminated | truncated, 0.0, gamma * lam)
    if valid.all():
        advantages = kernels.decayed_sums(delta, decay)
        return advantages, advantages + values
    advantages = kernels.decayed_sums(np.where(valid, delta, 0.0), np.where(valid, decay, 0.0))
    return advantages, np.where(valid, advantages + values, 0.0)


def _checked(
    rewards: Array, next_values: Array | float, terminated: Flags, truncated: Flags, valid: Flags
) -> tuple[Array, Array]:
    """Rewards and next values in float64; NumPy would broadcast (T, N) against (T, N, 1)."""
    rewards = np.asarray(rewards, np.float64)
    if isinstance(next_values, (int, float)):
        next_values = np.full(rewards.shape, float(next_values))
    named = {"next values": next_values, "terminated": terminated, "truncated": truncated, "valid": valid}
    for name, array in named.items():
        if np.shape(array) != rewards.shape:
            raise InputError(f"{name} of shape {np.shape(array)} don't fit rewards of shape {rewards.shape}")
        if name != "next values" and array.dtype != np.bool_:
            raise InputError(f"{name} are {array.dtype}; expected booleans")
    return rewards, np.asarray(next_values, np.float64)
