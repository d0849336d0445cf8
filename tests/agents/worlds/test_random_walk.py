import itertools

import numpy as np
import pytest

from seqrl.agents import dynamic_programming
from seqrl.agents.environments import Environments
from seqrl.agents.worlds.random_walk import LEFT, RIGHT, RandomWalk

COIN = 0.5


def values(walk: RandomWalk) -> np.ndarray:
    model = dynamic_programming.model_of(walk)
    return dynamic_programming.policy_evaluation(model, np.full((walk.states + 2, 2), COIN))


def test_the_values_of_nineteen_states_are_a_line_from_end_to_end() -> None:
    np.testing.assert_allclose(values(RandomWalk(19))[1:-1], (np.arange(1, 20) - 10) / 10, atol=1e-12)


def test_the_values_of_far_jumps_are_odd_about_the_middle_and_bend_towards_the_ends() -> None:
    exact = values(RandomWalk(200, reach=20))[1:-1]
    np.testing.assert_allclose(exact, -exact[::-1], atol=1e-9)
    assert np.all(np.diff(exact) > 0)
    assert -1 < exact[0] < -0.9  # a jump may end the walk from as far as 20 states, but not each does


def test_steps_follow_the_published_model() -> None:
    walk = RandomWalk(9, reach=4)
    for state, action in itertools.product((1, 3, 5, 8), (LEFT, RIGHT)):
        walk.reset(seed=state)
        counts: dict[tuple[int, float, bool], int] = {}
        for _ in range(2000):
            walk.state = state
            after, reward, terminated, truncated, _ = walk.step(action)
            assert not truncated
            key = (int(after), float(reward), terminated)
            counts[key] = counts.get(key, 0) + 1
        published = {(after, reward, ends): p for p, after, reward, ends in walk.P[state][action]}
        assert counts.keys() == published.keys()
        for key, p in published.items():
            assert counts[key] / 2000 == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 2000) + 1e-12)


def test_walks_begin_in_the_middle_end_at_an_end_and_jump_no_further_than_they_reach(
    rng: np.random.Generator,
) -> None:
    for walk in RandomWalk(19), RandomWalk(100, reach=10):
        for states in walk.walks(50, rng):
            assert states[0] == walk.start
            assert states[-1] in (0, walk.states + 1)
            assert np.all((states[:-1] > 0) & (states[:-1] <= walk.states))
            jumps = np.abs(np.diff(states))
            assert jumps.min() >= 1 and jumps.max() <= walk.reach


def test_walks_are_as_long_as_theory_says_and_end_on_either_side(rng: np.random.Generator) -> None:
    """From the middle of 2 d - 1 states single steps take d^2 on average, with variance 2 d^2 (d^2 - 1) / 3."""
    walks = RandomWalk(19).walks(4000, rng)
    lengths = np.array([len(states) - 1 for states in walks])
    assert lengths.mean() == pytest.approx(100, abs=5 * np.sqrt(2 * 100 * 99 / 3 / 4000))
    right = np.mean([states[-1] == 20 for states in walks])
    assert right == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(4000))


def test_the_same_seed_walks_the_same_way() -> None:
    ways = []
    for _ in range(2):
        walk = RandomWalk(50, reach=7)
        walk.reset(seed=3)
        ways.append([walk.step(RIGHT)[0] for _ in range(3)])
    assert ways[0] == ways[1]


def test_an_interrupted_run_goes_on_inside_a_walk() -> None:
    environments, other = (Environments(RandomWalk, count=3, seed=seed) for seed in (0, 1))
    for _ in range(5):
        environments.step([0, 1, 1])
    other.load_state(environments.state())
    for _ in range(40):
        for one, two in zip(environments.step([0, 1, 1]), other.step([0, 1, 1]), strict=True):
            np.testing.assert_array_equal(one, two)
