"""The optimizers' updates of the flat vectors of parameters.

An update is bound by memory. So its threads are woken once and share out blocks by common counters: the first starts at
once and the others help from when they are awake. Each has a lane of neighbouring blocks, as caches and what fetches
ahead for them like it, and when that is done takes from the far ends of the others'. A first pass sums up the norm, so
that nothing is updated where it is not finite. Bits don't depend on who took which block.
"""

import math
from collections.abc import Callable

import numpy as np
from numba import types
from numba.extending import overload

from seqrl.kernels.compiled.support import count_up, helpers, in_parallel, jit, jit_sums, read_count, together
from seqrl.parameter import Array

BLOCK = 1 << 14
# What threads share is one array: the number of lanes, counters of the threads that came and of the sums that are
# there, for each lane of both passes counters of the blocks taken from it at all, from its front and from its back,
# and the sums of squares of all blocks. Counters that several threads raise at a time are a cache line (8) apart.
CAME, LANES, SUMMED, FIRST_LANE = 0, 1, 8, 16
SUMMING, UPDATING = 0, 1


@jit
def _take_gradient(start, stop, grad, part):
    grad, part = grad[start:stop], part[start:stop]
    for p in range(grad.size):
        grad[p] += part[p]
        part[p] = 0


def take_gradient(grad: Array, part: Array) -> None:
    in_parallel(_take_gradient, grad.size, 20.0 * grad.size, grad, part)


def _update(kernel: Callable[..., float], value: Array, *arguments: object) -> float:
    work = 150.0 * value.size
    lanes = helpers(work)
    shared = np.zeros(FIRST_LANE + 16 * lanes - (-value.size // BLOCK), np.int64)
    shared[LANES] = lanes
    return together(kernel, work, shared, value, *arguments)


@jit_sums
def _sum_of_squares(x):
    total = 0.0
    for p in range(x.size):
        total += np.float64(x[p]) * np.float64(x[p])
    return total


@jit
def _sums(shared):
    return shared[FIRST_LANE + 16 * shared[LANES] :].view(np.float64)


@jit
def _sum_block(shared, start, grad):
    _sums(shared)[start // BLOCK] = _sum_of_squares(grad[start : start + BLOCK])
    count_up(shared, SUMMED)


@jit
def _norm(shared):
    sums = _sums(shared)
    while read_count(shared, SUMMED) < sums.size:  # the other threads are at their last
        pass
    total = 0.0
    for block in range(sums.size):
        total += sums[block]
    return math.sqrt(total)


@jit
def _take_block(shared, which_pass, own):
    """Where a block begins that nobody has taken in this pass, first of the own lane, or -1."""
    lanes, blocks = shared[LANES], _sums(shared).size
    for k in range(lanes):
        lane = (own + k) % lanes
        first, after = blocks * lane // lanes, blocks * (lane + 1) // lanes
        taken = FIRST_LANE + 8 * (lanes * which_pass + lane)
        if count_up(shared, taken) < after - first:
            block = first + count_up(shared, taken + 1) if k == 0 else after - 1 - count_up(shared, taken + 2)
            return block * BLOCK
    return -1


@jit
def _scale(shared, own, grad, clip):
    """What clipping multiplies the gradient by, after a pass over it; NaN where its norm is not finite."""
    start = _take_block(shared, SUMMING, own)
    while start >= 0:
        _sum_block(shared, start, grad)
        start = _take_block(shared, SUMMING, own)
    norm = _norm(shared)
    if not math.isfinite(norm):
        return np.nan
    return clip / norm if norm > clip else 1.0


def _flushed(moment):
    """0 for what is smaller than the smallest normal number."""


@overload(_flushed)
def _flushed_for(moment):
    real = np.float32 if moment == types.float32 else np.float64
    smallest, zero = real(np.finfo(real).tiny), real(0)
    return lambda moment: moment if abs(moment) >= smallest else zero


@jit
def _sgd_update(shared, value, grad, velocity, clip, lr, momentum, nesterov, weight_decay):
    own = count_up(shared, CAME)
    scale = _scale(shared, own, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, momentum, decay = real(scale), real(lr), real(momentum), real(weight_decay)
    start = _take_block(shared, UPDATING, own)
    while start >= 0:
        x, dx, v = value[start : start + BLOCK], grad[start : start + BLOCK], velocity[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            if v.size:
                v[p] = _flushed(momentum * v[p] + g)
                g = g + momentum * v[p] if nesterov else v[p]
            x[p] -= lr * g
            dx[p] = 0
        start = _take_block(shared, UPDATING, own)
    return _norm(shared)


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
def _adagrad_update(shared, value, grad, squares, clip, lr, eps, weight_decay):
    own = count_up(shared, CAME)
    scale = _scale(shared, own, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, eps, decay = real(scale), real(lr), real(eps), real(weight_decay)
    start = _take_block(shared, UPDATING, own)
    while start >= 0:
        x, dx, s = value[start : start + BLOCK], grad[start : start + BLOCK], squares[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            s[p] += g * g
            x[p] -= lr * g / (np.sqrt(s[p]) + eps)
            dx[p] = 0
        start = _take_block(shared, UPDATING, own)
    return _norm(shared)


def adagrad_update(
    value: Array, grad: Array, squares: Array, clip: float, lr: float, eps: float, weight_decay: float
) -> float:
    return _update(_adagrad_update, value, grad, squares, clip, lr, eps, weight_decay)


@jit
def _rmsprop_update(shared, value, grad, squares, clip, lr, alpha, eps, weight_decay):
    own = count_up(shared, CAME)
    scale = _scale(shared, own, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, eps, decay = real(scale), real(lr), real(eps), real(weight_decay)
    kept, new = real(alpha), real(1 - alpha)
    start = _take_block(shared, UPDATING, own)
    while start >= 0:
        x, dx, s = value[start : start + BLOCK], grad[start : start + BLOCK], squares[start : start + BLOCK]
        for p in range(dx.size):
            g = scale * dx[p] + decay * x[p]
            s[p] = _flushed(kept * s[p] + new * g * g)
            x[p] -= lr * g / (np.sqrt(s[p]) + eps)
            dx[p] = 0
        start = _take_block(shared, UPDATING, own)
    return _norm(shared)


def rmsprop_update(
    value: Array, grad: Array, squares: Array, clip: float, lr: float, alpha: float, eps: float, weight_decay: float
) -> float:
    return _update(_rmsprop_update, value, grad, squares, clip, lr, alpha, eps, weight_decay)


@jit
def _adadelta_update(shared, value, grad, squares, moves, clip, lr, rho, eps, weight_decay):
    own = count_up(shared, CAME)
    scale = _scale(shared, own, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, lr, eps, decay = real(scale), real(lr), real(eps), real(weight_decay)
    kept, new = real(rho), real(1 - rho)
    start = _take_block(shared, UPDATING, own)
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
        start = _take_block(shared, UPDATING, own)
    return _norm(shared)


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
def _adam_update(shared, value, grad, first, second, clip, rate, beta1, beta2, root, eps, weight_decay, shrink):
    own = count_up(shared, CAME)
    scale = _scale(shared, own, grad, clip)
    if math.isnan(scale):
        return scale
    real = value.dtype.type
    scale, rate, root, eps = real(scale), real(rate), real(root), real(eps)
    decay, shrink = real(weight_decay), real(shrink)
    kept1, new1, kept2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    start = _take_block(shared, UPDATING, own)
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
        start = _take_block(shared, UPDATING, own)
    return _norm(shared)


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
