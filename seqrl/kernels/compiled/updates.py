"""The optimizers' updates of the flat vectors of parameters.

An update is bound by memory. So its threads are woken once and take blocks from common counters: the first starts at
once and the others help from when they are awake. Without clipping there is one pass, in which each block is looked at
while it is in cache. Bits don't depend on who took which block.
"""

import math
from collections.abc import Callable

import numpy as np
from numba import types
from numba.extending import overload

from seqrl.kernels.compiled.support import count_up, in_parallel, jit, jit_sums, read_count, together
from seqrl.parameter import Array

BLOCK = 1 << 13
# Counters of the blocks that were begun in the pass for clipping, of the sums of squares that are there, and of the
# blocks that were begun in the update, each on a cache line of its own. Behind them those sums.
BEGUN, SUMMED, UPDATED, SUMS = 0, 8, 16, 24


@jit
def _take_gradient(start, stop, grad, part):
    grad, part = grad[start:stop], part[start:stop]
    for p in range(grad.size):
        grad[p] += part[p]
        part[p] = 0


def take_gradient(grad: Array, part: Array) -> None:
    in_parallel(_take_gradient, grad.size, 20.0 * grad.size, grad, part)


def _update(kernel: Callable[..., float], value: Array, *arguments: object) -> float:
    progress = np.zeros(SUMS - (-value.size // BLOCK), np.int64)
    return together(kernel, 150.0 * value.size, progress, value, *arguments)


@jit_sums
def _sum_of_squares(x):
    total = 0.0
    for p in range(x.size):
        total += np.float64(x[p]) * np.float64(x[p])
    return total


@jit
def _sum_block(progress, block, grad):
    """Whether it is finite."""
    squares = _sum_of_squares(grad)
    progress[SUMS:].view(np.float64)[block] = squares
    count_up(progress, SUMMED)
    return math.isfinite(squares)


@jit
def _norm(progress):
    sums = progress[SUMS:].view(np.float64)
    while read_count(progress, SUMMED) < sums.size:  # the other threads are at their last
        pass
    total = 0.0
    for block in range(sums.size):
        total += sums[block]
    return math.sqrt(total)


@jit
def _scale(progress, grad, clip):
    """What clipping multiplies the gradient by, after a pass over it; NaN where its norm is not finite."""
    if clip == np.inf:
        return 1.0
    block = count_up(progress, BEGUN)
    while block < progress.size - SUMS:
        _sum_block(progress, block, grad[block * BLOCK : (block + 1) * BLOCK])
        block = count_up(progress, BEGUN)
    norm = _norm(progress)
    if not math.isfinite(norm):
        return np.nan
    return clip / norm if norm > clip else 1.0


@jit
def _next_block(progress, grad, clip):
    """Where a block begins that is to be updated and that nobody has taken, or -1."""
    block = count_up(progress, UPDATED)
    while block < progress.size - SUMS:
        if clip < np.inf or _sum_block(progress, block, grad[block * BLOCK : (block + 1) * BLOCK]):
            return block * BLOCK
        block = count_up(progress, UPDATED)
    return -1


def _flushed(moment):
    """0 for what is smaller than the smallest normal number."""


@overload(_flushed)
def _flushed_for(moment):
    real = np.float32 if moment == types.float32 else np.float64
    smallest, zero = real(np.finfo(real).tiny), real(0)
    return lambda moment: moment if abs(moment) >= smallest else zero


@jit
def _sgd_update(progress, value, grad, velocity, clip, lr, momentum, nesterov, weight_decay):
    scale = _scale(progress, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, momentum, decay = real(scale), real(lr), real(momentum), real(weight_decay)
    start = _next_block(progress, grad, clip)
    while start >= 0:
        x, dx, v = value[start : start + BLOCK], grad[start : start + BLOCK], velocity[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            if v.size:
                v[p] = _flushed(momentum * v[p] + g)
                g = g + momentum * v[p] if nesterov else v[p]
            x[p] -= lr * g
            dx[p] = 0
        start = _next_block(progress, grad, clip)
    return _norm(progress)


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
    return _update(_sgd_update, value, grad, velocity, clip, lr, momentum, nesterov, weight_decay)


@jit
def _adagrad_update(progress, value, grad, squares, clip, lr, eps, weight_decay):
    scale = _scale(progress, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, eps, decay = real(scale), real(lr), real(eps), real(weight_decay)
    start = _next_block(progress, grad, clip)
    while start >= 0:
        x, dx, s = value[start : start + BLOCK], grad[start : start + BLOCK], squares[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            s[p] += g * g
            x[p] -= lr * g / (np.sqrt(s[p]) + eps)
            dx[p] = 0
        start = _next_block(progress, grad, clip)
    return _norm(progress)


def adagrad_update(
    value: Array, grad: Array, squares: Array, clip: float, lr: float, eps: float, weight_decay: float
) -> float:
    return _update(_adagrad_update, value, grad, squares, clip, lr, eps, weight_decay)


@jit
def _rmsprop_update(progress, value, grad, squares, clip, lr, alpha, eps, weight_decay):
    scale = _scale(progress, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, eps, decay = real(scale), real(lr), real(eps), real(weight_decay)
    kept, new = real(alpha), real(1 - alpha)
    start = _next_block(progress, grad, clip)
    while start >= 0:
        x, dx, s = value[start : start + BLOCK], grad[start : start + BLOCK], squares[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            s[p] = _flushed(kept * s[p] + new * g * g)
            x[p] -= lr * g / (np.sqrt(s[p]) + eps)
            dx[p] = 0
        start = _next_block(progress, grad, clip)
    return _norm(progress)


def rmsprop_update(
    value: Array, grad: Array, squares: Array, clip: float, lr: float, alpha: float, eps: float, weight_decay: float
) -> float:
    return _update(_rmsprop_update, value, grad, squares, clip, lr, alpha, eps, weight_decay)


@jit
def _adadelta_update(progress, value, grad, squares, moves, clip, lr, rho, eps, weight_decay):
    scale = _scale(progress, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, eps, decay = real(scale), real(lr), real(eps), real(weight_decay)
    kept, new = real(rho), real(1 - rho)
    start = _next_block(progress, grad, clip)
    while start >= 0:
        x, dx = value[start : start + BLOCK], grad[start : start + BLOCK]
        s, u = squares[start : start + BLOCK], moves[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            s[p] = _flushed(kept * s[p] + new * g * g)
            move = np.sqrt((u[p] + eps) / (s[p] + eps)) * g
            u[p] = _flushed(kept * u[p] + new * move * move)
            x[p] -= lr * move
            dx[p] = 0
        start = _next_block(progress, grad, clip)
    return _norm(progress)


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
    return _update(_adadelta_update, value, grad, squares, moves, clip, lr, rho, eps, weight_decay)


@jit
def _adam_update(progress, value, grad, first, second, clip, rate, beta1, beta2, root, eps, weight_decay, shrink):
    scale = _scale(progress, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, rate, root, eps = real(scale), real(rate), real(root), real(eps)
    decay, shrink = real(weight_decay), real(shrink)
    kept1, new1, kept2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    start = _next_block(progress, grad, clip)
    while start >= 0:
        x, dx = value[start : start + BLOCK], grad[start : start + BLOCK]
        ms, vs = first[start : start + BLOCK], second[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            m = _flushed(kept1 * ms[p] + new1 * g)
            v = _flushed(kept2 * vs[p] + new2 * g * g)
            ms[p] = m
            vs[p] = v
            x[p] = shrink * x[p] - rate * m / (np.sqrt(v) * root + eps)
            dx[p] = 0
        start = _next_block(progress, grad, clip)
    return _norm(progress)


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
    rate, root = lr / (1 - beta1**step), 1 / math.sqrt(1 - beta2**step)
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    return _update(_adam_update, value, grad, first, second, clip, rate, beta1, beta2, root, eps, decay, shrink)
