"""Exploring and exploiting: policies made of action values, and how much they explore over time.

Action values are arrays (..., A): one state's values (A,), or a row for each of N environments (N, A).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from seqrl.activations import softmax
from seqrl.errors import InputError
from seqrl.parameter import Array, Integers


def argmax(values: Array, rng: np.random.Generator) -> Integers:
    """The action of the largest value; ties are broken at random, each with the same chance. (..., A) -> (...).

    `np.argmax` would take the first, so that an agent with values of zero always does the same.
    Raises InputError where a value is NaN.
    """
    if values.size == values.shape[-1]:  # of one state, a plain loop is faster
        return _of_one(best_action(values.ravel().tolist(), rng), values)
    highest = values.max(axis=-1, keepdims=True)
    best = values == highest
    if np.count_nonzero(highest == highest) < highest.size:
        raise InputError("an action value is NaN")
    if np.count_nonzero(best) == highest.size:  # no ties
        return values.argmax(axis=-1)
    return np.where(best, rng.random(values.shape), -1).argmax(axis=-1)


def best_action(values: list[float], rng: np.random.Generator) -> int:
    """`argmax` of one state's values."""
    highest = max(values)
    if math.isnan(sum(values)) and any(map(math.isnan, values)):  # a sum of infinities may be NaN too
        raise InputError("an action value is NaN")
    if values.count(highest) == 1:
        return values.index(highest)
    ties = [action for action, value in enumerate(values) if value == highest]
    return ties[int(rng.integers(len(ties)))]


def epsilon_greedy(values: Array, epsilon: float, rng: np.random.Generator) -> Integers:
    """Any action with the probability epsilon, else the best one. (..., A) -> (...)."""
    A = values.shape[-1]
    if values.size == A:
        explored = rng.random() < epsilon
        action = int(rng.integers(A)) if explored else best_action(values.ravel().tolist(), rng)
        return _of_one(action, values)
    chance = rng.random(values.shape[:-1])
    explore, best = chance < epsilon, argmax(values, rng)
    if not np.count_nonzero(explore):
        return best
    # Below epsilon, chance / epsilon is again uniform from 0 to 1.
    return np.where(explore, np.minimum(chance / epsilon * A, A - 1).astype(np.int64), best)


def _of_one(action: int, values: Array) -> Integers:
    """The action for one state's values in the shape that those of many would have."""
    return np.int64(action) if values.ndim == 1 else np.array(action, ndmin=values.ndim - 1)  # type: ignore[return-value]


def epsilon_greedy_policy(values: Array, epsilon: float) -> Array:
    """The probabilities of `epsilon_greedy`: epsilon / A each, the rest shared by the best. (..., A) -> (..., A)."""
    best = values == values.max(axis=-1, keepdims=True)
    return epsilon / values.shape[-1] + (1 - epsilon) * best / best.sum(axis=-1, keepdims=True)


def softmax_policy(values: Array, temperature: float = 1.0) -> Array:
    """The probabilities exp(q / temperature) / sum exp(q / temperature). (..., A) -> (..., A).

    Towards a temperature of 0 it is greedy, towards infinity uniform (Sutton and Barto 2018, exercise 2.9).
    """
    if not temperature > 0:
        raise InputError(f"the temperature is {temperature}; expected a positive number")
    return softmax(values / temperature)


def draw(probabilities: Array, rng: np.random.Generator) -> Integers:
    """An action by its probability. (..., A) -> (...)."""
    reached = probabilities.cumsum(axis=-1)
    # Rounded, a product with a number below 1 can still be the total, which nothing exceeds.
    mark = np.minimum(rng.random((*reached.shape[:-1], 1)) * reached[..., -1:], np.nextafter(reached[..., -1:], 0))
    return (reached > mark).argmax(axis=-1)


def linear(start: float, end: float, steps: int) -> Callable[[int], float]:
    """From `start` to `end` in a straight line over `steps`, then `end`."""
    if steps < 1:
        return lambda step: end

    def value(step: int) -> float:
        return start + (end - start) * min(step / steps, 1.0)

    return value
