"""Proximal policy optimisation with the clipped objective (Schulman et al. 2017).

With r = pi(a|s) / pi_old(a|s), the ratio to the policy that acted, and the advantage A of what was done

    L_policy  = -mean min(r A, clip(r, 1 - c, 1 + c) A)                       equation 7
    L_value   = mean (v(s) - R)^2, or clipped beside the value that v had
    L         = L_policy + value_coefficient L_value - entropy_coefficient mean H(pi)

so that several passes over a rollout pay, but none moves the policy far: where r has left the interval on the side that
the advantage favours, the gradient is zero. A and R are those of `returns.gae`. They, pi_old and the old value are
numbers through which no gradient flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqrl.errors import InputError
from seqrl.losses import mean_squared_error
from seqrl.parameter import Array

from .distributions import Actions, Categorical, Distribution


class PolicyLoss(NamedTuple):
    loss: float
    gradient: Array  # of the policy's outputs
    ratio: Array  # (B,), r


def policy_loss(
    outputs: Array,
    actions: Actions,
    old_log_prob: Array,
    advantages: Array,
    *,
    clip: float,
    entropy: float = 0.0,
    distribution: type[Distribution] = Categorical,
) -> PolicyLoss:
    """L_policy - entropy mean H(pi), with the gradient of the policy's outputs.

    The gradient of -min(r A, clip(r) A) with respect to log pi is -r A where r A is the smaller of the two (at the kink
    as well), and 0 where it is not.

    outputs: (B, A) logits, or (B, 2A) means beside log deviations for a DiagonalGaussian; actions: (B,) or (B, A);
    old_log_prob, advantages: (B,).
    """
    B = len(outputs)
    for name, array in ("old log-probabilities", old_log_prob), ("advantages", advantages):
        if np.shape(array) != (B,):  # NumPy would broadcast (B,) against (B, 1)
            raise InputError(f"{name} of shape {np.shape(array)} for {B} rows; expected {(B,)}")
    pi = distribution(outputs)
    ratio = np.exp(pi.log_prob(actions) - old_log_prob)
    gain = ratio * advantages
    bounded = ratio.clip(1 - clip, 1 + clip) * advantages
    loss = -float(np.minimum(gain, bounded).sum(dtype=np.float64)) / B
    dlog_prob = np.where(gain <= bounded, gain, 0) * outputs.dtype.type(-1 / B)
    dentropy = None
    if entropy:
        loss -= entropy * float(pi.entropy().sum(dtype=np.float64)) / B
        dentropy = np.full(B, -entropy / B, outputs.dtype)
    return PolicyLoss(loss, pi.gradient(actions, dlog_prob.astype(outputs.dtype, copy=False), dentropy), ratio)


def value_loss(
    values: Array, returns: Array, old_values: Array | None = None, *, clip: float | None = None
) -> tuple[float, Array]:
    """mean (v - R)^2; with `clip` the mean of the larger of it and (v_old + clip(v - v_old, -c, c) - R)^2.

    Clipped, a value that has moved by more than c away from what it was has the gradient zero, unless it is further
    from its target than the bound is (Engstrom et al. 2020, equation 3). All arrays are (B,).
    """
    if clip is None or old_values is None:
        return mean_squared_error(values, returns)
    B = len(values)
    for name, array in ("returns", returns), ("old values", old_values):
        if np.shape(array) != (B,) or values.shape != (B,):
            raise InputError(f"{name} of shape {np.shape(array)} for values of shape {values.shape}; expected {(B,)}")
    error, move = values - returns, values - old_values
    bounded_error = old_values + move.clip(-clip, clip) - returns
    squared, bounded = error * error, bounded_error * bounded_error
    loss = float(np.maximum(squared, bounded).sum(dtype=np.float64)) / B
    stopped = (np.abs(move) > clip) & (squared < bounded)  # rounding sets the two apart where nothing is clipped
    return loss, np.where(stopped, 0, error) * values.dtype.type(2 / B)


def normalised(advantages: Array) -> Array:
    """(A - mean) / deviation; one alone stays what it is, as its deviation says nothing."""
    if len(advantages) < 2:
        return advantages
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)
