"""What policy gradients compute of a network's outputs, at each step and in each minibatch.

A minibatch has a few hundred rows of a few numbers. So the matrices are turned into (A, B), and all loops run over the
rows, many at once. No arithmetic is contracted or reordered: a row's log-probability has the same bits in whatever
batch, loop or kernel it is computed.
"""

import math
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from seqrl.parameter import Array, Integers

exact = numba.njit(cache=True, nogil=True, error_model="numpy")

# ---- exponentials and logarithms that vectorise ------------------------------------------------------------------


def _reinterpreted(from_type: types.Type, to_type: types.Type) -> Any:
    """A function that takes a number's bits for those of another type."""

    @intrinsic
    def function(typing_context, x):
        def generate(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], context.get_value_type(to_type))

        return to_type(from_type), generate

    return function


_float_of_bits = _reinterpreted(types.int32, types.float32)
_bits_of_float = _reinterpreted(types.float32, types.int32)


def _exp(x):
    """exp(x); in float32 as 2^k exp(r) with |r| <= ln 2 / 2, to 2 units in the last place, and 0 below -87."""


@overload(_exp)
def _exp_for(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def exp(x):
        bounded = x if x > np.float32(-87) else np.float32(-87)
        bounded = bounded if bounded < np.float32(89) else np.float32(89)
        k = np.floor(bounded * np.float32(1 / math.log(2)) + np.float32(0.5))
        r = x - k * np.float32(0.693359375) + k * np.float32(0.693359375 - math.log(2))  # a product without rounding
        p = np.float32(1 / 720)
        p = p * r + np.float32(1 / 120)
        p = p * r + np.float32(1 / 24)
        p = p * r + np.float32(1 / 6)
        p = p * r + np.float32(0.5)
        p = p * r + np.float32(1)
        p = p * r + np.float32(1)
        p = p * _float_of_bits(np.int32((np.int32(k) + np.int32(127)) << np.int32(23)))
        return np.float32(0) if x < np.float32(-87) else p

    return exp


def _log(x):
    """log(x) for normal numbers; in float32 as k ln 2 + 2 artanh((m - 1) / (m + 1)) with 2^k m = x, 0.7 < m < 1.42."""


@overload(_log)
def _log_for(x):
    if x != types.float32:
        return lambda x: math.log(x)

    def log(x):
        bits = _bits_of_float(x)
        k = np.int32((bits - np.int32(0x3F330000)) >> np.int32(23))  # 0x3F330000: 0.7
        m = _float_of_bits(np.int32(bits - (k << np.int32(23))))
        s = (m - np.float32(1)) / (m + np.float32(1))
        q = s * s
        p = np.float32(1 / 9)
        p = p * q + np.float32(1 / 7)
        p = p * q + np.float32(1 / 5)
        p = p * q + np.float32(1 / 3)
        y = np.float32(2) * (s + s * q * p)
        y = y - np.float32(k) * np.float32(0.693359375 - math.log(2)) + np.float32(k) * np.float32(0.693359375)
        return y if x == x else x

    return log


# ---- categorical policies ----------------------------------------------------------------------------------------


@exact
def _log_softmax(logits):
    """(A, B) of logits (B, A)."""
    B, A = logits.shape
    log_p = np.empty((A, B), logits.dtype)
    for k in range(A):
        row = log_p[k]
        for i in range(B):
            row[i] = logits[i, k]
    top = log_p[0].copy()
    for k in range(1, A):
        row = log_p[k]
        for i in range(B):
            top[i] = row[i] if row[i] > top[i] else top[i]
    total = np.zeros(B, logits.dtype)
    for k in range(A):
        row = log_p[k]
        for i in range(B):
            row[i] -= top[i]
        for i in range(B):
            total[i] += _exp(row[i])
    for i in range(B):
        total[i] = _log(total[i])
    for k in range(A):
        row = log_p[k]
        for i in range(B):
            row[i] -= total[i]
    return log_p


@exact
def _beyond(actions, A):
    """Whether an action is none of the A."""
    beyond = False
    for i in range(actions.size):
        beyond |= actions[i] < 0 or actions[i] >= A
    return beyond


@exact
def _add_entropy(log_p, entropy):
    smallest = log_p.dtype.type(-1e4)
    for k in range(len(log_p)):
        row = log_p[k]
        for i in range(entropy.size):
            entropy[i] -= _exp(row[i]) * (row[i] if row[i] > smallest else smallest)


@exact
def _categorical_sample(logits, draws, actions):
    B, A = logits.shape
    weights = np.empty(A)
    for i in range(B):
        row = logits[i]
        top = row[0]
        for k in range(1, A):
            top = row[k] if row[k] > top else top
        total = 0.0
        for k in range(A):
            total += _exp(row[k] - top)
            weights[k] = total
        bound = draws[i] * total
        action = 0
        for k in range(A - 1):
            action += bound >= weights[k]
        actions[i] = action


def categorical_sample(logits: Array, draws: Array) -> Integers:
    actions = np.empty(len(logits), np.int64)
    _categorical_sample(logits, draws, actions)
    return actions


@exact
def _categorical_log_prob(logits, actions, log_prob):
    B, A = logits.shape
    if _beyond(actions, A):
        return False
    log_p = _log_softmax(logits)
    for i in range(B):
        log_prob[i] = log_p[actions[i], i]
    return True


def categorical_log_prob(logits: Array, actions: Integers) -> Array:
    log_prob = np.empty(len(logits), logits.dtype)
    if not _categorical_log_prob(logits, actions, log_prob):
        raise IndexError(f"actions from {actions.min()} to {actions.max()} of {logits.shape[1]}")
    return log_prob


@exact
def _categorical_entropy(logits, entropy):
    _add_entropy(_log_softmax(logits), entropy)


def categorical_entropy(logits: Array) -> Array:
    entropy = np.zeros(len(logits), logits.dtype)
    _categorical_entropy(logits, entropy)
    return entropy


@exact
def _categorical_gradient(logits, actions, dlog_prob, dentropy, dlogits):
    B, A = logits.shape
    if _beyond(actions, A):
        return False
    log_p = _log_softmax(logits)
    smallest = log_p.dtype.type(-1e4)
    if dentropy.size:
        weight = np.zeros(B, log_p.dtype)
        _add_entropy(log_p, weight)
        for i in range(B):
            weight[i] = dlog_prob[i] + dentropy[i] * weight[i]
        for k in range(A):
            row = log_p[k]
            for i in range(B):
                log = row[i] if row[i] > smallest else smallest
                row[i] = -_exp(row[i]) * (weight[i] + dentropy[i] * log)
    else:
        for k in range(A):
            row = log_p[k]
            for i in range(B):
                row[i] = -_exp(row[i]) * dlog_prob[i]
    for i in range(B):
        log_p[actions[i], i] += dlog_prob[i]
    for k in range(A):
        row = log_p[k]
        for i in range(B):
            dlogits[i, k] = row[i]
    return True


def categorical_gradient(logits: Array, actions: Integers, dlog_prob: Array, dentropy: Array) -> Array:
    dlogits = np.empty(logits.shape, logits.dtype)
    if not _categorical_gradient(logits, actions, dlog_prob, dentropy, dlogits):
        raise IndexError(f"actions from {actions.min()} to {actions.max()} of {logits.shape[1]}")
    return dlogits


# ---- Gaussian policies -------------------------------------------------------------------------------------------


@exact
def _column(matrix, k):
    column = np.empty(len(matrix), matrix.dtype)
    for i in range(len(matrix)):
        column[i] = matrix[i, k]
    return column


@exact
def _inverse_deviation(log_sigma):
    inverse = np.empty_like(log_sigma)
    for i in range(log_sigma.size):
        inverse[i] = _exp(-log_sigma[i])
    return inverse


@exact
def _standardised(outputs, actions, k, inverse):
    z = _column(actions, k)
    for i in range(z.size):
        z[i] = (z[i] - outputs[i, k]) * inverse[i]
    return z


@exact
def _gaussian_log_prob(outputs, actions, constant, log_prob):
    A, half = actions.shape[1], log_prob.dtype.type(0.5)
    for k in range(A):
        log_sigma = _column(outputs, A + k)
        z = _standardised(outputs, actions, k, _inverse_deviation(log_sigma))
        for i in range(z.size):
            log_prob[i] -= half * z[i] * z[i] + log_sigma[i]
    constant = log_prob.dtype.type(constant)
    for i in range(log_prob.size):
        log_prob[i] -= constant


def gaussian_log_prob(outputs: Array, actions: Array) -> Array:
    log_prob = np.zeros(len(outputs), outputs.dtype)
    _gaussian_log_prob(outputs, actions, 0.5 * actions.shape[1] * math.log(2 * math.pi), log_prob)
    return log_prob


@exact
def _gaussian_gradient(outputs, actions, dlog_prob, dentropy, doutputs):
    A, one = actions.shape[1], outputs.dtype.type(1)
    for k in range(A):
        inverse = _inverse_deviation(_column(outputs, A + k))
        z = _standardised(outputs, actions, k, inverse)
        for i in range(z.size):
            doutputs[i, k] = dlog_prob[i] * z[i] * inverse[i]
        for i in range(z.size):
            doutputs[i, A + k] = dlog_prob[i] * (z[i] * z[i] - one)
        for i in range(dentropy.size):
            doutputs[i, A + k] += dentropy[i]


def gaussian_gradient(outputs: Array, actions: Array, dlog_prob: Array, dentropy: Array) -> Array:
    doutputs = np.empty(outputs.shape, outputs.dtype)
    _gaussian_gradient(outputs, actions, dlog_prob, dentropy, doutputs)
    return doutputs


# ---- what both have ----------------------------------------------------------------------------------------------


@exact
def _clipped_gain(log_prob, old_log_prob, advantages, clip, dlog_prob, ratio):
    B, real = log_prob.size, log_prob.dtype.type
    low, high, share, nothing = real(1 - clip), real(1 + clip), real(1 / B), real(0)
    for i in range(B):
        ratio[i] = _exp(log_prob[i] - old_log_prob[i])
    for i in range(B):
        dlog_prob[i] = ratio[i] if ratio[i] > low else low
        dlog_prob[i] = dlog_prob[i] if dlog_prob[i] < high else high
    for i in range(B):
        dlog_prob[i] *= advantages[i]
    total = 0.0
    for i in range(B):
        gain, bounded = ratio[i] * advantages[i], dlog_prob[i]
        total += bounded if gain > bounded else gain
        dlog_prob[i] = nothing if gain > bounded else gain * share
    return total / B


def clipped_gain(log_prob: Array, old_log_prob: Array, advantages: Array, clip: float) -> tuple[float, Array, Array]:
    dlog_prob, ratio = np.empty(log_prob.shape, log_prob.dtype), np.empty(log_prob.shape, log_prob.dtype)
    mean = _clipped_gain(log_prob, old_log_prob, advantages, clip, dlog_prob, ratio)
    return mean, dlog_prob, ratio


@exact
def _decayed_sums(y, decay):
    for t in range(len(y) - 2, -1, -1):
        row, weight, following = y[t], decay[t], y[t + 1]
        for j in range(row.size):
            row[j] += weight[j] * following[j]


def decayed_sums(x: Array, decay: Array) -> Array:
    y = np.array(x, order="C")
    if y.size:
        _decayed_sums(y.reshape(len(y), -1), decay.reshape(len(y), -1))
    return y
