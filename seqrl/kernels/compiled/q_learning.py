"""See `seqrl.kernels.reference.q_learning`."""

import numpy as np

from seqrl.kernels.compiled.support import half, jit
from seqrl.parameter import Array, Integers


@jit
def _target(reward, discount, next_q, chooser, target):
    B, A = next_q.shape
    for b in range(B):
        best = 0
        for a in range(1, A):
            higher = chooser[b, a] > chooser[b, best]
            first_nan = chooser[b, a] != chooser[b, a] and chooser[b, best] == chooser[b, best]
            best = a if higher or first_nan else best
        target[b] = reward[b] + discount[b] * next_q[b, best]


def q_learning_target(reward: Array, discount: Array, next_q: Array, chooser: Array) -> Array:
    target = np.empty(len(next_q), next_q.dtype)
    _target(reward, discount, next_q, chooser, target)
    return target


@jit
def _loss(q, action, target, weight, squared, dq, errors):
    B, A = q.shape
    one, total = q.dtype.type(1), 0.0
    count = q.dtype.type(B)
    for b in range(B):
        a = action[b]
        if not 0 <= a < A:
            raise IndexError("an action without a value")
        d = q[b, a] - target[b]
        clipped = -one if d < -one else one if d > one else d
        loss = d * d if squared else clipped * (d - half(d) * clipped)
        slope = d + d if squared else clipped
        w = weight[b] if weight.size else one
        total += w * loss
        dq[b] = 0
        dq[b, a] = slope * w / count
        errors[b] = d
    return total / B


def q_learning_loss(
    q: Array, action: Integers, target: Array, weight: Array, squared: bool, dq: Array
) -> tuple[float, Array]:
    errors = np.empty(len(q), q.dtype)
    return _loss(q, action, target, weight, squared, dq, errors), errors
