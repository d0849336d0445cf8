"""What policy gradients compute of a network's outputs, at each step and in each minibatch. B rows, A actions.

A categorical policy has logits (B, A) and actions (B,), integers from 0 to A - 1. A logit of -inf is an action that
can't be taken. A Gaussian one has outputs (B, 2A), means beside logarithms of deviations, and actions (B, A).

The log-probability of a row depends on nothing but the row: the same bits in any batch and in every call, so that the
ratio of a policy to itself is 1.
"""

import math

import numpy as np

from seqrl.parameter import Array, Integers

SMALLEST_LOG = -1e4  # p log p is 0 where p is, whose logarithm may be -inf


def categorical_sample(logits: Array, draws: Array) -> Integers:
    """For each row the first action at which the cumulative probability exceeds its draw, (B,) from 0 to 1."""
    cumulative = np.exp(logits - logits.max(axis=1, keepdims=True)).cumsum(axis=1, dtype=np.float64)
    return np.count_nonzero((draws * cumulative[:, -1])[:, None] >= cumulative[:, :-1], axis=1)


def categorical_log_prob(logits: Array, actions: Integers) -> Array:
    """log softmax(logits)[a], (B,). Raises IndexError for an action beyond the A."""
    _check(actions, logits.shape[1])
    log_prob: Array = _log_softmax(logits)[np.arange(len(logits)), actions]
    return log_prob


def categorical_entropy(logits: Array) -> Array:
    """H = -sum_k p_k log p_k, (B,)."""
    log_p = _log_softmax(logits)
    return _entropy(np.exp(log_p), log_p)


def categorical_gradient(logits: Array, actions: Integers, dlog_prob: Array, dentropy: Array) -> Array:
    """d logits, (B, A), of dlog_prob log p_a + dentropy H: dlog_prob (1[k = a] - p_k) - dentropy p_k (log p_k + H).

    dlog_prob: (B,), dentropy: (B,) or empty for none of it. Raises IndexError for an action beyond the A.
    """
    _check(actions, logits.shape[1])
    log_p = _log_softmax(logits)
    p = np.exp(log_p)
    dlogits: Array = -p * dlog_prob[:, None]
    if dentropy.size:
        dlogits -= dentropy[:, None] * p * (np.maximum(log_p, SMALLEST_LOG) + _entropy(p, log_p)[:, None])
    dlogits[np.arange(len(logits)), actions] += dlog_prob
    return dlogits


def categorical_clipped_loss(
    logits: Array, actions: Integers, old_log_prob: Array, advantages: Array, clip: float, entropy: float
) -> tuple[float, Array, Array]:
    """PPO's loss of a categorical policy, its gradient of the logits, and the ratios r, (B,); see `_clipped`.

    old_log_prob, advantages: (B,). Raises IndexError for an action beyond the A.
    """
    loss, dlog_prob, ratio = _clipped(categorical_log_prob(logits, actions), old_log_prob, advantages, clip)
    if not entropy:
        return loss, categorical_gradient(logits, actions, dlog_prob, dlog_prob[:0]), ratio
    loss -= entropy * float(categorical_entropy(logits).mean(dtype=np.float64))
    dentropy = np.full_like(dlog_prob, -entropy / len(logits))
    return loss, categorical_gradient(logits, actions, dlog_prob, dentropy), ratio


def gaussian_log_prob(outputs: Array, actions: Array) -> Array:
    """sum_k -1/2 z_k^2 - log sigma_k - 1/2 log 2 pi with z = (a - mean) / sigma, (B,)."""
    A = actions.shape[1]
    z = (actions - outputs[:, :A]) * np.exp(-outputs[:, A:])
    log_prob: Array = -(0.5 * z * z + outputs[:, A:]).sum(axis=1)
    return log_prob - log_prob.dtype.type(0.5 * A * math.log(2 * math.pi))


def gaussian_gradient(outputs: Array, actions: Array, dlog_prob: Array, dentropy: Array) -> Array:
    """d outputs, (B, 2A), of dlog_prob log p(a) + dentropy H: dlog_prob z / sigma for the means and
    dlog_prob (z^2 - 1) + dentropy for log sigma, as H = sum_k log sigma_k + 1/2 log 2 pi e.

    dlog_prob: (B,), dentropy: (B,) or empty for none of it.
    """
    A = actions.shape[1]
    z = (actions - outputs[:, :A]) * np.exp(-outputs[:, A:])
    doutputs = np.empty_like(outputs)
    doutputs[:, :A] = dlog_prob[:, None] * z * np.exp(-outputs[:, A:])
    doutputs[:, A:] = dlog_prob[:, None] * (z * z - 1)
    if dentropy.size:
        doutputs[:, A:] += dentropy[:, None]
    return doutputs


def gaussian_clipped_loss(
    outputs: Array, actions: Array, old_log_prob: Array, advantages: Array, clip: float, entropy: float
) -> tuple[float, Array, Array]:
    """PPO's loss of a Gaussian policy, its gradient of the outputs, and the ratios r, (B,); see `_clipped`.

    old_log_prob, advantages: (B,).
    """
    loss, dlog_prob, ratio = _clipped(gaussian_log_prob(outputs, actions), old_log_prob, advantages, clip)
    if not entropy:
        return loss, gaussian_gradient(outputs, actions, dlog_prob, dlog_prob[:0]), ratio
    A = actions.shape[1]
    entropies = outputs[:, A:].sum(axis=1) + 0.5 * A * math.log(2 * math.pi * math.e)
    loss -= entropy * float(entropies.mean(dtype=np.float64))
    dentropy = np.full_like(dlog_prob, -entropy / len(outputs))
    return loss, gaussian_gradient(outputs, actions, dlog_prob, dentropy), ratio


def clipped_squared_error(values: Array, returns: Array, old_values: Array, clip: float) -> tuple[float, Array]:
    """PPO's loss of values, mean max((v - R)^2, (v_old + clip(v - v_old, -c, c) - R)^2), and its gradient, all (B,).

    The gradient is 2 (v - R) / B, and 0 where v has moved by more than c and is nearer to R than the bound is.
    """
    error, move = values - returns, values - old_values
    bounded_error = old_values + move.clip(-clip, clip) - returns
    squared, bounded = error * error, bounded_error * bounded_error
    loss = float(np.maximum(squared, bounded).mean(dtype=np.float64))
    stopped = (np.abs(move) > clip) & (squared < bounded)  # rounding sets the two apart where nothing is clipped
    return loss, np.where(stopped, 0, error) * error.dtype.type(2 / len(error))


def _clipped(log_prob: Array, old_log_prob: Array, advantages: Array, clip: float) -> tuple[float, Array, Array]:
    """-mean min(r A, clip(r, 1 - c, 1 + c) A) with r = exp(log_prob - old_log_prob) (Schulman et al. 2017, equation 7),
    its gradient of log_prob, and r. To it a policy's loss adds -entropy times the mean of its entropies.

    The gradient is -r A / B where r A is the smaller of the two (at the kink as well), and 0 where it is not.
    """
    ratio = np.exp(log_prob - old_log_prob)
    gain = ratio * advantages
    bounded = ratio.clip(1 - clip, 1 + clip) * advantages
    loss = -float(np.minimum(gain, bounded).mean(dtype=np.float64))
    return loss, np.where(gain > bounded, 0, gain) * gain.dtype.type(-1 / len(gain)), ratio


def decayed_sums(x: Array, decay: Array) -> Array:
    """y_t = x_t + decay_t y_(t+1), and the last row that of x. x, decay: (T, ...)."""
    y = x.copy()
    for t in range(len(x) - 2, -1, -1):
        y[t] += decay[t] * y[t + 1]
    return y


def _log_softmax(logits: Array) -> Array:
    log_p = logits - logits.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return log_p


def _entropy(p: Array, log_p: Array) -> Array:
    entropy: Array = -(p * np.maximum(log_p, SMALLEST_LOG)).sum(axis=1)
    return entropy


def _check(actions: Integers, A: int) -> None:
    if actions.size and not (actions.min() >= 0 and actions.max() < A):
        raise IndexError(f"actions from {actions.min()} to {actions.max()} of {A}")
