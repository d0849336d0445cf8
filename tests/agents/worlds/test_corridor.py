import numpy as np
import pytest

from seqrl.agents.environments import Environments
from seqrl.agents.worlds.corridor import GOAL, LEFT, RIGHT, ShortCorridor


@pytest.mark.parametrize(
    ("actions", "states"),
    [
        ([RIGHT, LEFT, RIGHT], [1, 2, GOAL]),
        ([LEFT, RIGHT, RIGHT, RIGHT], [0, 1, 0, 1]),
        ([RIGHT, LEFT, LEFT], [1, 2, 1]),
    ],
)
def test_the_middle_state_turns_left_and_right_round_and_a_wall_is_to_the_left(
    actions: list[int], states: list[int]
) -> None:
    world = ShortCorridor()
    world.reset(seed=0)
    for action, state in zip(actions, states, strict=True):
        observation, reward, terminated, truncated, _ = world.step(action)
        assert (world.state, reward, terminated, truncated) == (state, -1.0, state == GOAL, False)
        assert world.observation_space.contains(observation)


def test_the_published_model_is_what_step_does() -> None:
    world = ShortCorridor()
    for state in range(GOAL):
        for action in (LEFT, RIGHT):
            [(probability, next_state, reward, terminated)] = world.P[state][action]
            world.reset()
            world.state = state
            _, step_reward, step_terminated, _, _ = world.step(action)
            assert (probability, next_state, reward, terminated) == (1.0, world.state, step_reward, step_terminated)
    assert all(outcome == [(1.0, GOAL, 0.0, True)] for outcome in world.P[GOAL].values())


def test_every_state_looks_the_same() -> None:
    world = ShortCorridor()
    first, _ = world.reset()
    second = world.step(RIGHT)[0]
    third = world.step(LEFT)[0]
    assert np.array_equal(first, second) and np.array_equal(first, third)


def test_an_interrupted_run_goes_on_where_it_was() -> None:
    environments, other = (Environments(ShortCorridor, seed=seed) for seed in (0, 1))
    environments.step([RIGHT])
    other.load_state(environments.state())
    assert [bool(other.step([action]).terminated[0]) for action in (LEFT, RIGHT)] == [False, True]
