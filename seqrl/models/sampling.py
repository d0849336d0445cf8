"""Drawing tokens from the logits of a model: temperature, top-k and top-p.

p = softmax(logits / temperature). Of these the k most probable stay (Fan et al. 2018), of what is left the smallest
set of the most probable that has p of the probability (Holtzman et al. 2020, nucleus sampling); what stays is scaled
to sum to 1. Among equal probabilities the lower id counts as the more probable, so that the sets are of the size asked.
"""

from __future__ import annotations

import numpy as np

from seqrl.errors import InputError
from seqrl.kernels.reference.support import chances, choose
from seqrl.parameter import Array, Integers


def sample(
    logits: Array,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Integers:
    """An id for each row of logits (N, V), drawn from `probabilities`; (N,).

    Temperature 0 is greedy: the largest logit, the lowest id of equal ones. Every row takes one number of `rng`, unless
    it is greedy. Raises InputError as `probabilities` does.
    """
    check_sampling(temperature, top_k, top_p)
    check_logits(logits.max(axis=1))
    draws = rng.random(len(logits)) if temperature else np.empty(0)
    return choose(logits, draws, temperature, top_k or logits.shape[1], top_p or 1.0)


def probabilities(
    logits: Array, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Array:
    """What `sample` draws from, (N, V) in float64; rows sum to 1 within rounding.

    Raises InputError for options out of range, and for a row of logits with a NaN, an infinity or nothing but -inf.
    """
    check_sampling(temperature, top_k, top_p)
    check_logits(logits.max(axis=1))
    if temperature == 0:
        return np.eye(logits.shape[1])[logits.argmax(axis=1)]
    p = chances(logits, temperature, top_k or logits.shape[1], top_p or 1.0)
    p /= p.sum(axis=1, keepdims=True)
    return p


def check_sampling(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise InputError for the first of these that is out of range."""
    if not 0 <= temperature < np.inf:
        raise InputError(f"the temperature is {temperature}; expected 0 (greedy) or a positive number")
    if top_k is not None and top_k < 1:
        raise InputError(f"top-k is {top_k}; expected 1 or more")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"top-p is {top_p}; expected more than 0, and at most 1")


def check_logits(highest: Array) -> None:
    """Raise InputError where the largest logit of a row is not finite."""
    if not np.isfinite(highest).all():
        wrong = highest[~np.isfinite(highest)].flat[0]
        raise InputError(f"the largest logit of a row is {wrong}; expected a finite number")
