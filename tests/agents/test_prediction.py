import numpy as np
import pytest

from seqrl.agents import dynamic_programming
from seqrl.agents.features import Fourier, TileCoding
from seqrl.agents.prediction import n_step_td
from seqrl.agents.worlds.random_walk import RandomWalk
from seqrl.errors import InputError


def table(states: int) -> TileCoding:
    return TileCoding([0], [states], tilings=1, tiles=states)


def by_the_book(
    states: list[int], rewards: list[float], values: np.ndarray, n: int, alpha: float, gamma: float, terminated: bool
) -> np.ndarray:
    """n-step TD as the box of section 7.1 has it: with time, updates n steps behind, and the end known only there."""
    values, t, end = values.copy(), 0, 10**9
    while True:
        if t < end and t + 1 == len(rewards):
            end = t + 1
        tau = t - n + 1
        if tau >= 0:
            G = sum(gamma ** (i - tau - 1) * rewards[i - 1] for i in range(tau + 1, min(tau + n, end) + 1))
            if tau + n < end:
                G += gamma**n * values[states[tau + n]]
            elif not terminated:
                G += gamma ** (end - tau) * values[states[end]]
            values[states[tau]] += alpha * (G - values[states[tau]])
        if tau == end - 1:
            return values
        t += 1


@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize("n", [1, 2, 5, 12, 100])
def test_updates_are_those_of_the_book(n: int, terminated: bool, rng: np.random.Generator) -> None:
    """Trap 18: windows end with the episode, with the right power of gamma; trap 15: only a true end is worth 0."""
    states, rewards = rng.integers(0, 6, 13), rng.normal(size=12)
    before = rng.normal(size=6)
    weights = np.zeros((table(6).size, 2))
    weights[:6] = before[:, None]
    rates = np.array([0.3, 0.7])
    n_step_td(table(6), weights, states[:, None], rewards, n=n, learning_rate=rates, gamma=0.9, terminated=terminated)
    for column, alpha in enumerate(rates):
        expected = by_the_book(states.tolist(), rewards.tolist(), before, n, alpha, 0.9, terminated)
        np.testing.assert_allclose(weights[:6, column], expected, rtol=1e-12)


def test_one_step_by_hand() -> None:
    weights = np.array([[2.0], [4.0], [0.0]])
    n_step_td(table(2), weights, np.array([[0], [1]]), np.array([1.0]), n=1, learning_rate=0.5, terminated=False)
    assert weights[:, 0].tolist() == [2 + 0.5 * (1 + 4 - 2), 4, 0]


def test_trap_15_reward_forever_under_a_time_limit_is_worth_one_over_one_minus_gamma() -> None:
    weights = np.zeros((2, 1))
    features = TileCoding([0], [1], tilings=1, tiles=1)
    for _ in range(300):
        n_step_td(features, weights, np.zeros((6, 1)), np.ones(5), n=3, learning_rate=0.5, gamma=0.9, terminated=False)
    assert weights[0, 0] == pytest.approx(10, rel=1e-6)


@pytest.mark.parametrize("n", [1, 4, 1000])
def test_values_of_the_random_walk_are_learned(n: int, rng: np.random.Generator) -> None:
    walk = RandomWalk(7)
    exact = dynamic_programming.policy_evaluation(dynamic_programming.model_of(walk), np.full((9, 2), 0.5))
    weights, features = np.zeros((table(9).size, 1)), table(9)
    total = np.zeros(9)
    for i, states in enumerate(walk.walks(2000, rng)):
        rewards = np.zeros(len(states) - 1)
        rewards[-1] = 1 if states[-1] == 8 else -1
        n_step_td(features, weights, states[:, None], rewards, n=n, learning_rate=0.02)
        total += weights[:9, 0] * (i >= 500)
    assert np.abs(total[1:8] / 1500 - exact[1:8]).max() < 0.05


def test_dense_features_learn_as_well(rng: np.random.Generator) -> None:
    walk, features = RandomWalk(7), Fourier([0], [8], order=3)
    weights = np.zeros((features.size, 1))
    for states in walk.walks(600, rng):
        rewards = np.zeros(len(states) - 1)
        rewards[-1] = 1 if states[-1] == 8 else -1
        n_step_td(features, weights, states[:, None], rewards, n=4, learning_rate=0.05)
    learned = features(np.arange(1, 8)[:, None]) @ weights
    assert np.abs(learned[:, 0] - (np.arange(1, 8) - 4) / 4).max() < 0.2


def test_what_makes_no_sense_is_refused() -> None:
    weights = np.zeros((3, 1))
    with pytest.raises(InputError, match="2 observations, 2 rewards"):
        n_step_td(table(2), weights, np.zeros((2, 1)), np.zeros(2), n=1, learning_rate=0.1)
    with pytest.raises(InputError, match="n 0"):
        n_step_td(table(2), weights, np.zeros((3, 1)), np.zeros(2), n=0, learning_rate=0.1)
