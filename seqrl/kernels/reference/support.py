"""What the readable kernels share."""

import numpy as np

from seqrl.parameter import Array, Integers


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), written so that it can't overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def choose(logits: Array, draws: Array, temperature: float, top_k: int, top_p: float) -> Integers:
    """An id for each row of logits (N, V) by its draw (N,) from 0 to 1; the largest logit's at temperature 0."""
    if temperature == 0:
        return logits.argmax(axis=1).astype(np.int64)
    cumulative = chances(logits, temperature, top_k, top_p).cumsum(axis=1)
    # A product with a draw < 1 stays below the sum, so that what has no chance is never drawn.
    places = zip(cumulative, draws * cumulative[:, -1], strict=True)
    return np.array([row.searchsorted(place, side="right") for row, place in places], np.int64)


def chances(logits: Array, temperature: float, top_k: int, top_p: float) -> Array:
    """exp((logits - highest) / temperature) where a token is among the `top_k` most probable ones and, of these, in
    the smallest set of the most probable that has `top_p` of their probability; else 0. (N, V), in float64."""
    p = logits - np.asarray(logits.max(axis=1, keepdims=True), np.float64)
    with np.errstate(over="ignore"):  # to -inf
        p /= temperature
    np.exp(p, out=p)
    if top_k < p.shape[1] or top_p < 1:
        order = np.argsort(-p, axis=1, kind="stable")
        ordered = np.take_along_axis(p, order, axis=1)
        ordered[:, top_k:] = 0
        if top_p < 1:
            before = ordered.cumsum(axis=1) - ordered  # what the more probable ones have together
            ordered[before >= top_p * ordered.sum(axis=1, keepdims=True)] = 0
        np.put_along_axis(p, order, ordered, axis=1)
    return p
