"""The model of Gymnasium's Blackjack-v1 (Sutton and Barto 2018, example 5.1), which the environment doesn't publish.

Cards come from an infinite deck, the dealer draws below 17, and who has 21 with the first two cards wins unless the
dealer has too. That is more than the player's observation says: 21 with a usable ace may be such a natural or may have
been drawn. So the model has a state for each observation and one more for a natural against each card of the dealer.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dynamic_programming import Floats, Model, from_table

STICK, HIT = 0, 1
SHAPE = (32, 11, 2)  # of the observation: the player's sum, the dealer's card (1 an ace), a usable ace
OBSERVATIONS = 32 * 11 * 2
CARDS = {**dict.fromkeys(range(1, 10), 1 / 13), 10: 4 / 13}

Outcome = tuple[float, int, float, bool]


def state(total: int, dealer: int, usable: bool) -> int:
    """The number of an observation."""
    return int(np.ravel_multi_index((total, dealer, int(usable)), SHAPE))


def natural(dealer: int) -> int:
    """The number of the state of a natural."""
    return OBSERVATIONS + dealer


def model() -> Model:
    """Of Blackjack-v1 as it is registered (`sab=True`); a natural is a state behind those of the observations."""
    table: list[list[list[Outcome]]] = [[[(1.0, s, 0.0, True)]] * 2 for s in range(OBSERVATIONS + SHAPE[1])]
    for dealer in CARDS:
        for usable in False, True:
            for total in range(12 if usable else 4, 22):
                table[state(total, dealer, usable)] = [stick(total, dealer), hit(total, dealer, usable)]
        table[natural(dealer)] = [stick(21, dealer, first_two=True), hit(21, dealer, usable=True)]
    return from_table(table, start(), name="blackjack")


def start() -> Floats:
    probabilities = np.zeros(OBSERVATIONS + SHAPE[1])
    for dealer, p in CARDS.items():
        for first, p_first in CARDS.items():
            for second, p_second in CARDS.items():
                ace = 1 in (first, second)
                total = first + second + 10 * ace
                s = natural(dealer) if total == 21 else state(total, dealer, ace)
                probabilities[s] += p * p_first * p_second
    return probabilities


def hit(total: int, dealer: int, usable: bool) -> list[Outcome]:
    outcomes = []
    for card, p in CARDS.items():
        then, ace = total + card, usable
        if card == 1 and not usable and total + 11 <= 21:
            then, ace = total + 11, True
        if then > 21 and ace:
            then, ace = then - 10, False
        bust = then > 21
        outcomes.append((p, 0, -1.0, True) if bust else (p, state(then, dealer, ace), 0.0, False))
    return outcomes


def stick(total: int, dealer: int, first_two: bool = False) -> list[Outcome]:
    rewards: defaultdict[float, float] = defaultdict(float)
    for card, p in CARDS.items():
        dealer_natural = {dealer, card} == {1, 10}
        for score, p_score in dealer_scores(dealer + card, 1 in (dealer, card)):
            wins = total > score or (first_two and not dealer_natural)
            rewards[1.0 if wins else 0.0 if total == score else -1.0] += p * p_score
    return [(p, 0, reward, True) for reward, p in rewards.items()]


@cache
def dealer_scores(total: int, ace: bool) -> tuple[tuple[int, float], ...]:
    """(score, probability) of a dealer who has so much, aces counted as 1; 0 is a bust."""
    soft = total + 10 if ace and total + 10 <= 21 else total
    if soft >= 17:
        return ((soft if soft <= 21 else 0, 1.0),)
    scores: defaultdict[int, float] = defaultdict(float)
    for card, p in CARDS.items():
        for score, p_score in dealer_scores(total + card, ace or card == 1):
            scores[score] += p * p_score
    return tuple(scores.items())


def with_naturals(by_observation: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A policy by observation (704, ...) as one of the model's states (715, ...): in a natural as with any soft 21."""
    soft_21 = [state(21, dealer, True) for dealer in range(SHAPE[1])]
    return np.concatenate([by_observation, by_observation[soft_21]])


def by_observation(model: Model, policy: npt.NDArray[np.int64], values: Floats) -> Floats:
    """Values by observation (32, 11, 2): of a soft 21 the mean, by how often it is a natural under the policy."""
    S = len(policy)
    outcomes = (model.probabilities * ~model.terminates)[np.arange(S), policy]
    transitions = np.zeros((S, S))
    np.add.at(transitions, (np.arange(S)[:, None], model.next_states[np.arange(S), policy]), outcomes)
    visits = np.linalg.solve(np.eye(S) - transitions.T, model.start)
    seen = values[:OBSERVATIONS].copy()
    for dealer in CARDS:
        both = [state(21, dealer, True), natural(dealer)]
        seen[both[0]] = visits[both] @ values[both] / visits[both].sum()
    return seen.reshape(SHAPE)
