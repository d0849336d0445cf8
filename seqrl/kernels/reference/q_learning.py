"""Targets and losses of Q-learning for a batch of transitions: the target is a number, and the loss is of the values of
the actions that were taken.

reward, discount: (B,) in float64, action: (B,), values of actions: (B, A).
"""

from __future__ import annotations

import numpy as np

from seqrl.parameter import Array, Integers


def q_learning_target(reward: Array, discount: Array, next_q: Array, chooser: Array) -> Array:
    """reward + discount next_q[a] for the best action a of `chooser`, (B,) in the type of next_q."""
    value = next_q[np.arange(len(next_q)), chooser.argmax(axis=1)]
    return (reward + discount * value).astype(next_q.dtype)


def q_learning_loss(
    q: Array, action: Integers, target: Array, weight: Array, squared: bool, dq: Array
) -> tuple[float, Array]:
    """(mean weight l(d), d) for d = q[action] - target; the gradient is written into dq, which is 0 elsewhere.

    l(d) is d^2 where `squared`, else Huber's, d^2 / 2 to |d| = 1 and |d| - 1/2 beyond. target, weight: (B,) in the type
    of q; an empty weight is 1.
    """
    B = len(q)
    taken = np.arange(B), action
    d = q[taken] - target
    clipped = np.clip(d, -1, 1)
    losses, slopes = (d * d, 2 * d) if squared else (clipped * (d - 0.5 * clipped), clipped)
    if weight.size:
        losses, slopes = losses * weight, slopes * weight
    dq[...] = 0
    dq[taken] = slopes / np.asarray(B, q.dtype)
    return float(losses.sum(dtype=np.float64)) / B, d
