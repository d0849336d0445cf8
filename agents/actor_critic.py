"""Advantage actor-critic: one step of the policy gradient for each short rollout (Mnih et al. 2016, synchronous).

    L_policy  = -mean A log pi(a|s)
    L_value   = mean (v(s) - R)^2
    L         = L_policy + value_coefficient L_value - entropy_coefficient mean H(pi)

A = R - v(s) and R are those of `returns.gae`, with lam = 1 the n-step returns of the paper. They are numbers through
which no gradient flows.
"""

from __future__ import annotations

import numpy as np

from seqrl.errors import InputError
from seqrl.parameter import Array

from .distributions import Actions, Categorical, Distribution


def policy_loss(
    outputs: Array,
    actions: Actions,
    advantages: Array,
    *,
    entropy: float = 0.0,
    distribution: type[Distribution] = Categorical,
) -> tuple[float, Array]:
    """L_policy - entropy mean H(pi), with the gradient of the policy's outputs; that of L_policy by log pi is -A.

    outputs: (B, A) logits, or (B, 2A) means beside log deviations for a DiagonalGaussian; actions: (B,) or (B, A);
    advantages: (B,).
    """
    B = len(outputs)
    if np.shape(advantages) != (B,):  # NumPy would broadcast (B,) against (B, 1)
        raise InputError(f"advantages of shape {np.shape(advantages)} for {B} rows; expected {(B,)}")
    pi = distribution(outputs)
    loss = -float(np.dot(advantages, pi.log_prob(actions))) / B
    dlog_prob = (np.asarray(advantages) * (-1 / B)).astype(outputs.dtype)
    dentropy = None
    if entropy:
        loss -= entropy * float(pi.entropy().sum(dtype=np.float64)) / B
        dentropy = np.full(B, -entropy / B, outputs.dtype)
    return loss, pi.gradient(actions, dlog_prob, dentropy)
