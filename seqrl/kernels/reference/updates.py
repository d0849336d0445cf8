"""The optimizers' updates of the flat vectors of parameters, all of shape (P,)."""

import numpy as np

from seqrl.parameter import Array


def take_gradient(grad: Array, part: Array) -> None:
    """grad += part, and part = 0; both (P,)."""
    grad += part
    part[...] = 0


def sgd_update(
    value: Array, grad: Array, velocity: Array, scale: float, lr: float, momentum: float, weight_decay: float
) -> None:
    """g = scale * grad + weight_decay * value;  v = momentum * v + g;  value -= lr * v;  grad = 0.

    All vectors are (P,); `velocity` is empty without momentum.
    """
    g: Array = value.dtype.type(scale) * grad
    if weight_decay:
        g += weight_decay * value
    if momentum:
        velocity *= momentum
        velocity += g
        g = velocity
    value -= lr * g
    grad[...] = 0


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
    """Adam (Kingma and Ba 2015, algorithm 1) on the gradient scale * grad, which is set to 0; all vectors are (P,).

    m = beta1 m + (1 - beta1) g               v = beta2 v + (1 - beta2) g^2
    value -= lr / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + eps)

    Weight decay is added to the gradient, or when `decoupled` taken off the value: value -= lr * weight_decay * value
    (Loshchilov and Hutter 2019, algorithm 2).
    """
    g: Array = value.dtype.type(scale) * grad
    if weight_decay and decoupled:
        value *= 1 - lr * weight_decay
    elif weight_decay:
        g += weight_decay * value
    first *= beta1
    first += (1 - beta1) * g
    second *= beta2
    second += (1 - beta2) * g * g
    denominator = np.sqrt(second / (1 - beta2**step)) + eps
    value -= lr / (1 - beta1**step) * first / denominator
    grad[...] = 0
