"""The optimizers' updates of the flat vectors of parameters, all of shape (P,).

Every update returns the norm of the gradient, sqrt(sum grad^2), which is summed up in float64. Where that is not finite
nothing has changed. Otherwise the rule was applied to g = grad * min(1, clip / norm) (Pascanu et al. 2013, algorithm
1), to which weight_decay * value is added where it is not decoupled, and `grad` is 0. PyTorch computes the same from
the same g, but divides by norm + 1e-6 when it clips.

A moment that decays becomes 0 once it is below the smallest normal number. Left alone it would be stuck there (0.9
times the smallest number of all is rounded to itself), and processors are ten times slower with such numbers: a
parameter that gets no gradient for a thousand steps, a rare word or a dead unit, would slow down training for good.
"""

import math

import numpy as np

from seqrl.parameter import Array


def take_gradient(grad: Array, part: Array) -> None:
    """grad += part, and part = 0; both (P,)."""
    grad += part
    part[...] = 0


def sgd_update(
    value: Array,
    grad: Array,
    velocity: Array,
    clip: float,
    lr: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> float:
    """v = momentum * v + g;  value -= lr * v,  or with `nesterov` lr * (g + momentum * v).

    `velocity` is empty without momentum.
    """
    norm, g = _take(value, grad, clip, weight_decay)
    if math.isfinite(norm):
        if velocity.size:
            velocity *= momentum
            velocity += g
            _flush(velocity)
            g = g + momentum * velocity if nesterov else velocity
        value -= lr * g
    return norm


def adagrad_update(
    value: Array, grad: Array, squares: Array, clip: float, lr: float, eps: float, weight_decay: float
) -> float:
    """s = s + g^2;  value -= lr * g / (sqrt(s) + eps)."""
    norm, g = _take(value, grad, clip, weight_decay)
    if math.isfinite(norm):
        squares += g * g
        value -= lr * g / (np.sqrt(squares) + eps)
    return norm


def rmsprop_update(
    value: Array, grad: Array, squares: Array, clip: float, lr: float, alpha: float, eps: float, weight_decay: float
) -> float:
    """s = alpha s + (1 - alpha) g^2;  value -= lr * g / (sqrt(s) + eps)."""
    norm, g = _take(value, grad, clip, weight_decay)
    if math.isfinite(norm):
        squares *= alpha
        squares += (1 - alpha) * g * g
        _flush(squares)
        value -= lr * g / (np.sqrt(squares) + eps)
    return norm


def adadelta_update(
    value: Array,
    grad: Array,
    squares: Array,
    moves: Array,
    clip: float,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> float:
    """s = rho s + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(s + eps) * g;  u = rho u + (1 - rho) d^2;  value -= lr * d.

    `moves` is u, the running mean of squared moves.
    """
    norm, g = _take(value, grad, clip, weight_decay)
    if math.isfinite(norm):
        squares *= rho
        squares += (1 - rho) * g * g
        _flush(squares)
        move = np.sqrt(moves + eps) / np.sqrt(squares + eps) * g
        moves *= rho
        moves += (1 - rho) * move * move
        _flush(moves)
        value -= lr * move
    return norm


def adam_update(
    value: Array,
    grad: Array,
    first: Array,
    second: Array,
    clip: float,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> float:
    """m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
    value -= lr / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + eps).

    When `decoupled`, weight decay is taken off the value before: value -= lr * weight_decay * value.
    """
    norm, g = _take(value, grad, clip, 0.0 if decoupled else weight_decay)
    if math.isfinite(norm):
        if decoupled:
            value *= 1 - lr * weight_decay
        first *= beta1
        first += (1 - beta1) * g
        second *= beta2
        second += (1 - beta2) * g * g
        _flush(first)
        _flush(second)
        denominator = np.sqrt(second / (1 - beta2**step)) + eps
        value -= lr / (1 - beta1**step) * first / denominator
    return norm


def _take(value: Array, grad: Array, clip: float, weight_decay: float) -> tuple[float, Array]:
    """The norm of `grad`, and g; `grad` is 0 afterwards if the norm is finite."""
    with np.errstate(over="ignore"):
        norm = math.sqrt(np.square(grad, dtype=np.float64).sum())
    if not math.isfinite(norm):
        return norm, grad
    g: Array = grad * (clip / norm if norm > clip else 1.0)
    if weight_decay:
        g += weight_decay * value
    grad[...] = 0
    return norm, g


def _flush(moment: Array) -> None:
    moment[np.abs(moment) < np.finfo(moment.dtype).tiny] = 0
