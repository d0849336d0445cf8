"""Evaluation counts the right episodes and changes nothing."""

import itertools

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from seqrl.agents.environments import Environments
from seqrl.agents.evaluation import evaluate, quotas
from seqrl.agents.statistics import interquartile_mean
from seqrl.errors import InputError

from .counting import Counting


def nothing(observations):
    return np.zeros(len(observations), np.int64)


def test_trap_25_every_environment_has_its_quota():
    """Ten environments of episodes of 1 step and ten of 50 steps: the first to end are short ones alone."""
    lengths = iter([1, 50] * 50)
    evaluation = evaluate(nothing, lambda: Counting((next(lengths), "T")), episodes=40)
    assert np.unique(evaluation.lengths, return_counts=True)[1].tolist() == [20, 20]
    assert evaluation.lengths.mean() == 25.5


@pytest.mark.parametrize(("episodes", "count"), [(1, 1), (10, 3), (100, 20), (7, 7), (23, 20)])
def test_quotas_are_even_and_add_up(episodes, count):
    found = quotas(episodes, count)
    assert (len(found), sum(found)) == (count, episodes)
    assert max(found) - min(found) <= 1


@pytest.mark.parametrize("episodes", [1, 3, 20, 33, 47])
def test_as_many_episodes_as_asked_for_with_the_returns_of_whole_ones(episodes):
    evaluation = evaluate(nothing, lambda: Counting((4, "T")), episodes=episodes)
    assert evaluation.lengths.tolist() == [4] * episodes
    first = [1 + 2 + 3 + 4 + 40 * e for e in range(3)]
    assert set(evaluation.returns.tolist()) <= set(first)
    assert np.count_nonzero(evaluation.returns == first[0]) == min(episodes, 20)


def test_trap_25_an_episode_without_an_end_is_cut():
    calls = itertools.count()

    def against_the_wall(observations):
        assert next(calls) < 1000, "nothing cuts it"
        return nothing(observations)

    evaluation = evaluate(against_the_wall, "CliffWalking-v1", episodes=3)
    assert evaluation.lengths.tolist() == [1000] * 3
    assert evaluation.mean == -1000
    assert evaluate(nothing, "CliffWalking-v1", episodes=3, max_steps=17).returns.tolist() == [-17.0] * 3


def test_the_limit_of_the_environment_itself_is_not_cut_short():
    evaluation = evaluate(nothing, "CartPole-v1", episodes=2)
    assert (evaluation.lengths < 20).all()
    long = evaluate(nothing, "MountainCar-v0", episodes=2)
    assert long.lengths.tolist() == [200, 200]
    env = gymnasium.make("CliffWalking-v1", max_episode_steps=1500)
    assert evaluate(nothing, env, episodes=1).lengths.tolist() == [1500]


def test_the_same_seed_gives_the_same_evaluation_and_another_one_another():
    def balance(observations):
        return (observations[:, 2] > 0).astype(np.int64)

    first = evaluate(balance, "CartPole-v1", episodes=30, seed=1)
    again = evaluate(balance, "CartPole-v1", episodes=30, seed=1)
    assert (first.returns.tolist(), first.interval) == (again.returns.tolist(), again.interval)
    assert first.returns.tolist() != evaluate(balance, "CartPole-v1", episodes=30, seed=2).returns.tolist()
    assert len(np.unique(first.returns)) > 5  # the environments are seeded apart
    assert first.interval.low < first.mean < first.interval.high
    assert first.mean == first.returns.mean()
    assert first.interquartile_mean == interquartile_mean(first.returns)


def test_evaluating_leaves_the_environments_of_learning_as_they_were():
    environments = Environments("CartPole-v1", count=2, seed=0)
    environments.step([0, 1])
    before = environments.state()
    evaluate(nothing, environments, episodes=5)
    after = environments.state()
    assert str(after) == str(before)
    assert environments.episodes() == []


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_vector_environment_is_evaluated_in_single_ones_like_its_own(mode):
    env = SyncVectorEnv([lambda: Counting((4, "T"))] * 3, autoreset_mode=mode)
    evaluation = evaluate(nothing, Environments(env, seed=0), episodes=6)
    assert (evaluation.returns.tolist(), evaluation.lengths.tolist()) == ([10.0] * 6, [4] * 6)
    made = gymnasium.make_vec("CartPole-v1", num_envs=2, max_episode_steps=5)
    assert evaluate(nothing, Environments(made, seed=0), episodes=3).lengths.tolist() == [5] * 3


def test_an_environment_of_which_there_is_no_other_is_said():
    with pytest.raises(InputError, match="no other environment like Counting can be made; give its id"):
        evaluate(nothing, Counting((1, "T")))


def test_bad_arguments_are_said():
    with pytest.raises(InputError, match="episodes of evaluate is 0"):
        evaluate(nothing, "CartPole-v1", episodes=0)
    with pytest.raises(InputError, match="max_steps of evaluate is -1"):
        evaluate(nothing, "CartPole-v1", max_steps=-1)
    with pytest.raises(InputError, match=r"actions of the shape \(\) for 20 rows"):
        evaluate(lambda observations: 0, "CartPole-v1")


def test_it_is_told_in_a_line():
    evaluation = evaluate(nothing, lambda: Counting((2, "T")), episodes=4)
    assert str(evaluation) == "3.00 [3.00, 3.00] over 4 episodes"


def test_statistics_that_an_evaluation_does_not_have_are_warned_of():
    def make():
        return gymnasium.wrappers.NormalizeObservation(gymnasium.make("CartPole-v1"))

    with pytest.warns(UserWarning, match="the NormalizeObservation around CartPole-v1 knows nothing of what learning"):
        evaluate(nothing, make, 2)


def test_what_was_found_is_shown_without_its_arrays():
    assert repr(evaluate(nothing, "CartPole-v1", 2)).startswith("Evaluation(")
