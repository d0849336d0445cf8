"""The optimizers' updates of the flat vectors of parameters."""

import math

import numpy as np

from seqrl.kernels.compiled.support import in_parallel, jit
from seqrl.parameter import Array


@jit
def _take_gradient(start, stop, grad, part):
    grad, part = grad[start:stop], part[start:stop]
    for p in range(grad.size):
        grad[p] += part[p]
        part[p] = 0


def take_gradient(grad: Array, part: Array) -> None:
    in_parallel(_take_gradient, grad.size, 20.0 * grad.size, grad, part)


@jit
def _sgd_update(start, stop, value, grad, velocity, scale, lr, momentum, weight_decay):
    value, grad, velocity = value[start:stop], grad[start:stop], velocity[start:stop]
    for p in range(grad.size):
        g = scale * grad[p] + weight_decay * value[p]
        if velocity.size:
            g += momentum * velocity[p]
            velocity[p] = g
        value[p] -= lr * g
        grad[p] = 0


def sgd_update(
    value: Array, grad: Array, velocity: Array, scale: float, lr: float, momentum: float, weight_decay: float
) -> None:
    real = value.dtype.type
    numbers = (real(scale), real(lr), real(momentum), real(weight_decay))
    in_parallel(_sgd_update, value.size, 20.0 * value.size, value, grad, velocity, *numbers)


@jit
def _adam_update(start, stop, value, grad, first, second, scale, rate, b1, rest1, b2, rest2, root, eps, decay, shrink):
    value, grad, first, second = value[start:stop], grad[start:stop], first[start:stop], second[start:stop]
    for p in range(grad.size):
        g = scale * grad[p] + decay * value[p]
        m = b1 * first[p] + rest1 * g
        v = b2 * second[p] + rest2 * g * g
        first[p] = m
        second[p] = v
        value[p] = value[p] * shrink - rate * m / (np.sqrt(v) * root + eps)
        grad[p] = 0


def adam_update(
    value: Array,
    grad: Array,
    first: Array,
    second: Array,
    scale: float,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    rate, root = lr / (1 - beta1**step), 1 / math.sqrt(1 - beta2**step)
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    moments = (beta1, 1 - beta1, beta2, 1 - beta2)
    numbers = map(value.dtype.type, (scale, rate, *moments, root, eps, decay, shrink))
    in_parallel(_adam_update, value.size, 20.0 * value.size, value, grad, first, second, *numbers)
