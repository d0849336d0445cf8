"""Exact values against those of the textbook, of arithmetic by hand, and of the environments themselves."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from seqrl.agents.dynamic_programming import (
    Model,
    action_values,
    expected_return,
    from_table,
    model_of,
    optimal_return,
    policy_evaluation,
    policy_iteration,
    value_iteration,
)
from seqrl.errors import InputError

Table = list[list[list[tuple[float, int, float, bool]]]]
DRY = {"is_slippery": False}


def one_room(reward: float, terminated: bool = False) -> Model:
    return from_table([[[(1.0, 0, reward, terminated)]]], [1.0])


def gridworld() -> Model:
    """Example 4.1 of Sutton and Barto: 4x4, two opposite corners end the episode, every step costs 1."""
    table: Table = []
    for s in range(16):
        row, column = divmod(s, 4)
        moves = [(row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1)]
        nexts = [4 * min(max(r, 0), 3) + min(max(c, 0), 3) for r, c in moves]
        over = s in (0, 15)
        table.append([[(1.0, s if over else n, 0.0 if over else -1.0, over or n in (0, 15))] for n in nexts])
    return from_table(table, np.full(16, 1 / 16))


def gambler(heads: float = 0.4) -> Model:
    """Example 4.3: stakes of 1 to 50 of a capital of 0 to 100; a stake above what one has or needs is that much."""
    table: Table = []
    for s in range(101):
        stakes = [min(stake, s, 100 - s) for stake in range(1, 51)]
        table.append(
            [
                [(heads, s + x, float(s + x == 100 and x > 0), s + x == 100), (1 - heads, s - x, 0.0, s - x == 0)]
                for x in stakes
            ]
        )
    return from_table(table, np.full(101, 1 / 101))


def test_the_random_walk_over_the_grid_has_the_values_of_figure_4_1() -> None:
    model = gridworld()
    values = policy_evaluation(model, np.full((16, 4), 0.25))
    expected = [[0, -14, -20, -22], [-14, -18, -20, -20], [-20, -20, -18, -14], [-22, -20, -14, 0]]
    np.testing.assert_allclose(values.reshape(4, 4), expected, atol=1e-10)
    after_two = policy_evaluation(model, np.full((16, 4), 0.25), horizon=2)
    np.testing.assert_allclose(after_two[:4], [0, -1.75, -2, -2])


@pytest.mark.parametrize("solve", [policy_iteration, value_iteration])
def test_the_gambler_has_the_values_of_figure_4_3(solve: Any) -> None:
    values = solve(gambler()).values
    np.testing.assert_allclose(values[[25, 50, 75]], [0.16, 0.4, 0.64], atol=1e-9)
    assert (np.diff(values[:100]) > 0).all()


@pytest.mark.parametrize("gamma", [0.9, 1.0])
@pytest.mark.parametrize("env", ["FrozenLake-v1", "Taxi-v4", "CliffWalking-v1", "CliffWalkingSlippery-v1"])
def test_both_ways_to_the_optimum_agree_and_satisfy_its_equation(env: str, gamma: float) -> None:
    model = model_of(env)
    by_policies, by_values = policy_iteration(model, gamma), value_iteration(model, gamma)
    np.testing.assert_allclose(by_policies.values, by_values.values, atol=1e-8)
    q = action_values(model, by_policies.values, gamma)
    np.testing.assert_allclose(q.max(axis=1), by_policies.values, atol=1e-8)
    for solution in by_policies, by_values:
        np.testing.assert_allclose(policy_evaluation(model, solution.policy, gamma), by_policies.values, atol=1e-8)


def test_exact_optima_are_those_of_the_environments_as_they_are_now() -> None:
    """Not the published ones, which for Taxi are of older maps."""
    assert optimal_return(model_of("CliffWalking-v1")) == pytest.approx(-13, abs=1e-9)
    assert optimal_return(model_of("FrozenLake-v1")) == pytest.approx(0.74, abs=0.005)
    assert policy_iteration(model_of("FrozenLake-v1")).values[0] == pytest.approx(14 / 17, abs=1e-9)
    taxi = model_of("Taxi-v4")
    assert optimal_return(taxi) == pytest.approx(policy_iteration(taxi).values @ taxi.start, abs=1e-9)
    assert 7.5 < optimal_return(taxi) < 8.5


def test_the_exact_value_is_what_the_environment_pays() -> None:
    """Taxi is certain but for its start: the mean over all 300 starts is the expected return."""
    env = gymnasium.make("Taxi-v4").unwrapped
    model = model_of("Taxi-v4")
    policy = policy_iteration(model).policy
    returns = []
    for start in np.flatnonzero(model.start):
        env.reset(seed=0)
        state, total, terminated = int(start), 0.0, False
        env.s = state  # type: ignore[attr-defined]
        while not terminated:
            state, reward, terminated, _, _ = env.step(policy[state])
            total += float(reward)
        returns.append(total)
    assert len(returns) == 300
    assert np.mean(returns) == pytest.approx(expected_return(model, policy), abs=1e-9)


def test_the_time_limit_counts() -> None:
    model = model_of("FrozenLake-v1")
    best = policy_iteration(model).policy
    assert model.horizon == 100
    assert expected_return(model, best) < expected_return(model._replace(horizon=None), best) - 0.05
    assert model_of(gymnasium.wrappers.TimeLimit(gymnasium.make("FrozenLake-v1"), 7)).horizon == 7
    with_time = optimal_return(model)
    assert expected_return(model, best) <= with_time < optimal_return(model._replace(horizon=None))
    shortest = optimal_return(model_of(gymnasium.make("FrozenLake-v1", max_episode_steps=5, **DRY)))
    assert shortest == 0
    assert optimal_return(model_of(gymnasium.make("FrozenLake-v1", max_episode_steps=6, **DRY))) == 1


@pytest.mark.parametrize("solve", [policy_iteration, value_iteration])
def test_without_a_discount_the_best_policy_arrives(solve: Any) -> None:
    """On dry ice every way that ends at the goal has the value 1, and so has, a step ahead, staying where one is."""
    model = model_of(gymnasium.make("FrozenLake-v1", **DRY))
    assert expected_return(model, solve(model).policy) == 1


def test_a_policy_that_never_ends_costs_infinitely_much_or_nothing() -> None:
    cliff, ice = model_of("CliffWalking-v1"), model_of(gymnasium.make("FrozenLake-v1", **DRY))
    up, left = np.zeros(48, np.int64), np.zeros(16, np.int64)
    assert expected_return(cliff, up) == -np.inf
    assert policy_evaluation(cliff, up, gamma=0.9)[36] == pytest.approx(-10)
    assert policy_evaluation(ice, left)[0] == 0
    half = np.zeros((48, 4))
    half[:, [0, 3]] = 0.5  # up and left: into a corner
    assert expected_return(cliff, half) == -np.inf


def test_infinite_values_are_named_and_not_computed() -> None:
    assert policy_evaluation(one_room(1.0), np.zeros(1, np.int64)) == [np.inf]
    assert policy_evaluation(one_room(1.0), np.zeros(1, np.int64), gamma=0.9) == pytest.approx([10])
    with pytest.raises(InputError, match="infinite without a discount; expected gamma below 1"):
        policy_iteration(one_room(1.0))
    both: Table = [[[(1.0, 1, 1.0, False)]], [[(1.0, 0, -1.0, False)]]]
    with pytest.raises(InputError, match="both signs"):
        policy_evaluation(from_table(both, [1, 0]), np.zeros(2, np.int64))


def test_what_terminates_is_worth_its_reward_and_nothing_after() -> None:
    assert policy_iteration(one_room(3.0, terminated=True)).values == [3]
    assert value_iteration(one_room(3.0, terminated=True), gamma=0.9).values == [3]


def test_environments_without_a_whole_model_are_refused() -> None:
    with pytest.raises(InputError, match="publishes no model"):
        model_of("CartPole-v1")
    with pytest.raises(InputError, match="fickle passenger"):
        model_of(gymnasium.make("Taxi-v4", fickle_passenger=True))
    changed = gymnasium.wrappers.TransformReward(gymnasium.make("FrozenLake-v1"), lambda reward: -float(reward))
    with pytest.raises(InputError, match="TransformReward"):
        model_of(changed)
    with pytest.raises(InputError, match=r"action 0 in state 0 have probability 0\.5; expected 1"):
        from_table([[[(0.5, 0, 0.0, True)]]], [1.0])
    with pytest.raises(InputError, match="outcome 0 of action 0 in state 0"):
        from_table([[[(1.0, 3, 0.0, True)]]], [1.0])


def test_policies_and_discounts_that_are_none_are_refused() -> None:
    model = gridworld()
    for policy in np.zeros(15, np.int64), np.full(16, 4), np.full((16, 4), 0.3), np.zeros(16):
        with pytest.raises(InputError, match=r"expected \(16,\) actions"):
            policy_evaluation(model, policy)
    with pytest.raises(InputError, match=r"gamma is 1\.5"):
        policy_iteration(model, gamma=1.5)
