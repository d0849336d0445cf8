"""What policy gradients compute of a network's outputs, at each step and in each minibatch.

A minibatch has a few hundred rows of a few numbers. So the matrices are turned into (A, B), and all loops run over the
rows, many at once. No arithmetic is contracted or reordered: a row's log-probability has the same bits in whatever
batch, loop or kernel it is computed. Results are written by loops: to assign a slice takes seconds of compiling.
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


# ---- what both kinds of policies have ----------------------------------------------------------------------------


@exact
def _clipped(log_prob, old_log_prob, advantages, clip, ratio):
    """The loss; its gradient takes the place of log_prob."""
    B, real = log_prob.size, log_prob.dtype.type
    low, high, share, nothing = real(1 - clip), real(1 + clip), real(-1 / B), real(0)
    for i in range(B):
        ratio[i] = _exp(log_prob[i] - old_log_prob[i])
    bounded = log_prob
    for i in range(B):
        bounded[i] = ratio[i] if ratio[i] > low else low
        bounded[i] = bounded[i] if bounded[i] < high else high
    for i in range(B):
        bounded[i] *= advantages[i]
    total, dlog_prob = 0.0, log_prob
    for i in range(B):
        gain = ratio[i] * advantages[i]
        total += bounded[i] if gain > bounded[i] else gain
        dlog_prob[i] = nothing if gain > bounded[i] else gain * share
    return -total / B


@exact
def _mean(x):
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total / x.size


@exact
def _columns(matrix, first):
    """(A, B) of the columns from the first on, (B, A)."""
    B, A = len(matrix), matrix.shape[1] - first
    columns = np.empty((A, B), matrix.dtype)
    for k in range(A):
        column = columns[k]
        for i in range(B):
            column[i] = matrix[i, first + k]
    return columns


# ---- categorical policies ----------------------------------------------------------------------------------------


@exact
def _log_softmax(logits):
    """(A, B) of logits (B, A)."""
    B, A = logits.shape
    log_p = _columns(logits, 0)
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
def _taken(log_p, actions, taken):
    A, B = log_p.shape
    beyond = False
    for i in range(B):
        beyond |= actions[i] < 0 or actions[i] >= A
    if beyond:
        raise IndexError("an action is beyond those of the policy")
    for i in range(B):
        taken[i] = log_p[actions[i], i]


@exact
def _add_entropy(log_p, entropy):
    smallest = log_p.dtype.type(-1e4)
    for k in range(len(log_p)):
        row = log_p[k]
        for i in range(entropy.size):
            entropy[i] -= _exp(row[i]) * (row[i] if row[i] > smallest else smallest)


@exact
def _gradient(log_p, actions, dlog_prob, dentropy, dlogits):
    """Leaves log_p as something else."""
    (A, B), smallest = log_p.shape, log_p.dtype.type(-1e4)
    weight = np.zeros(B, log_p.dtype)
    if dentropy.size:
        _add_entropy(log_p, weight)
        for i in range(B):
            weight[i] *= dentropy[i]
    for i in range(B):
        weight[i] += dlog_prob[i]
    for k in range(A):
        row = log_p[k]
        if dentropy.size:
            for i in range(B):
                row[i] = -_exp(row[i]) * (weight[i] + dentropy[i] * (row[i] if row[i] > smallest else smallest))
        else:
            for i in range(B):
                row[i] = -_exp(row[i]) * weight[i]
    for i in range(B):
        log_p[actions[i], i] += dlog_prob[i]
    for k in range(A):
        row = log_p[k]
        for i in range(B):
            dlogits[i, k] = row[i]


@exact
def _categorical_sample(logits, draws, actions):
    B, A = logits.shape
    cumulative = np.empty(A)
    for i in range(B):
        row = logits[i]
        top = row[0]
        for k in range(1, A):
            top = row[k] if row[k] > top else top
        total = 0.0
        for k in range(A):
            total += _exp(row[k] - top)
            cumulative[k] = total
        bound = draws[i] * total
        action = 0
        for k in range(A - 1):
            action += bound >= cumulative[k]
        actions[i] = action


def categorical_sample(logits: Array, draws: Array) -> Integers:
    actions = np.empty(len(logits), np.int64)
    _categorical_sample(logits, draws, actions)
    return actions


@exact
def _categorical_log_prob(logits, actions, log_prob):
    _taken(_log_softmax(logits), actions, log_prob)


def categorical_log_prob(logits: Array, actions: Integers) -> Array:
    log_prob = np.empty(len(logits), logits.dtype)
    _categorical_log_prob(logits, actions, log_prob)
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
    log_p = _log_softmax(logits)
    _taken(log_p, actions, np.empty(len(logits), logits.dtype))
    _gradient(log_p, actions, dlog_prob, dentropy, dlogits)


def categorical_gradient(logits: Array, actions: Integers, dlog_prob: Array, dentropy: Array) -> Array:
    dlogits = np.empty(logits.shape, logits.dtype)
    _categorical_gradient(logits, actions, dlog_prob, dentropy, dlogits)
    return dlogits


@exact
def _categorical_clipped_loss(logits, actions, old_log_prob, advantages, clip, entropy, dlogits, ratio):
    B, real = len(logits), logits.dtype.type
    log_p = _log_softmax(logits)
    dlog_prob = np.empty(B, logits.dtype)
    _taken(log_p, actions, dlog_prob)
    loss = _clipped(dlog_prob, old_log_prob, advantages, clip, ratio)
    dentropy = np.zeros(B if entropy != 0 else 0, logits.dtype)
    if entropy != 0:
        _add_entropy(log_p, dentropy)
        loss -= entropy * _mean(dentropy)
        for i in range(B):
            dentropy[i] = real(-entropy / B)
    _gradient(log_p, actions, dlog_prob, dentropy, dlogits)
    return loss


def categorical_clipped_loss(
    logits: Array, actions: Integers, old_log_prob: Array, advantages: Array, clip: float, entropy: float
) -> tuple[float, Array, Array]:
    dlogits, ratio = np.empty(logits.shape, logits.dtype), np.empty(len(logits), logits.dtype)
    arrays = logits, actions, old_log_prob, advantages
    return _categorical_clipped_loss(*arrays, float(clip), float(entropy), dlogits, ratio), dlogits, ratio


# ---- Gaussian policies -------------------------------------------------------------------------------------------


@exact
def _standardised(outputs, actions):
    """z and 1 / sigma, (A, B) each."""
    A = actions.shape[1]
    z, inverse = _columns(actions, 0), _columns(outputs, A)
    for k in range(A):
        row, scale = z[k], inverse[k]
        for i in range(row.size):
            scale[i] = _exp(-scale[i])
        for i in range(row.size):
            row[i] = (row[i] - outputs[i, k]) * scale[i]
    return z, inverse


@exact
def _add_density(outputs, z, log_prob):
    A, B = z.shape
    real = outputs.dtype.type
    half, constant = real(0.5), real(0.5 * A * math.log(2 * math.pi))
    for k in range(A):
        row = z[k]
        for i in range(B):
            log_prob[i] -= half * row[i] * row[i] + outputs[i, A + k]
    for i in range(B):
        log_prob[i] -= constant


@exact
def _gradient_of_density(z, inverse, dlog_prob, doutputs):
    (A, B), one = z.shape, z.dtype.type(1)
    for k in range(A):
        row, scale = z[k], inverse[k]
        for i in range(B):
            doutputs[i, k] = dlog_prob[i] * row[i] * scale[i]
        for i in range(B):
            doutputs[i, A + k] = dlog_prob[i] * (row[i] * row[i] - one)


@exact
def _gaussian_log_prob(outputs, actions, log_prob):
    z, _ = _standardised(outputs, actions)
    _add_density(outputs, z, log_prob)


def gaussian_log_prob(outputs: Array, actions: Array) -> Array:
    log_prob = np.zeros(len(outputs), outputs.dtype)
    _gaussian_log_prob(outputs, actions, log_prob)
    return log_prob


@exact
def _gaussian_gradient(outputs, actions, dlog_prob, dentropy, doutputs):
    z, inverse = _standardised(outputs, actions)
    _gradient_of_density(z, inverse, dlog_prob, doutputs)
    A = len(z)
    for i in range(dentropy.size):
        for k in range(A):
            doutputs[i, A + k] += dentropy[i]


def gaussian_gradient(outputs: Array, actions: Array, dlog_prob: Array, dentropy: Array) -> Array:
    doutputs = np.empty(outputs.shape, outputs.dtype)
    _gaussian_gradient(outputs, actions, dlog_prob, dentropy, doutputs)
    return doutputs


@exact
def _gaussian_clipped_loss(outputs, actions, old_log_prob, advantages, clip, entropy, doutputs, ratio):
    z, inverse = _standardised(outputs, actions)
    A, B = z.shape
    dlog_prob = np.zeros(B, outputs.dtype)
    _add_density(outputs, z, dlog_prob)
    loss = _clipped(dlog_prob, old_log_prob, advantages, clip, ratio)
    _gradient_of_density(z, inverse, dlog_prob, doutputs)
    if entropy != 0:
        share, total = outputs.dtype.type(entropy / B), 0.0
        for i in range(B):
            for k in range(A, 2 * A):
                total += outputs[i, k]
                doutputs[i, k] -= share
        loss -= entropy * (total / B + 0.5 * A * math.log(2 * math.pi * math.e))
    return loss


def gaussian_clipped_loss(
    outputs: Array, actions: Array, old_log_prob: Array, advantages: Array, clip: float, entropy: float
) -> tuple[float, Array, Array]:
    doutputs, ratio = np.empty(outputs.shape, outputs.dtype), np.empty(len(outputs), outputs.dtype)
    arrays = outputs, actions, old_log_prob, advantages
    return _gaussian_clipped_loss(*arrays, float(clip), float(entropy), doutputs, ratio), doutputs, ratio


# ---- values and returns ------------------------------------------------------------------------------------------


@exact
def _clipped_squared_error(values, returns, old_values, clip, gradient):
    B, real = values.size, gradient.dtype.type
    clip, twice, nothing = real(clip), real(2 / B), real(0)
    total = 0.0
    for i in range(B):
        error, move = values[i] - returns[i], values[i] - old_values[i]
        bounded_move = move if move < clip else clip
        bounded_move = bounded_move if bounded_move > -clip else -clip
        bounded_error = old_values[i] + bounded_move - returns[i]
        squared, bounded = error * error, bounded_error * bounded_error
        total += bounded if bounded > squared else squared
        gradient[i] = nothing if abs(move) > clip and squared < bounded else error * twice
    return total / B


def clipped_squared_error(values: Array, returns: Array, old_values: Array, clip: float) -> tuple[float, Array]:
    gradient = np.empty(len(values), values.dtype)
    return _clipped_squared_error(values, returns, old_values, float(clip), gradient), gradient


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
