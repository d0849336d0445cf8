"""What agents with a table share, for each of the four."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from seqrl.agents.agent import Agent
from seqrl.agents.dynamic_programming import action_values, expected_return, model_of, policy_iteration
from seqrl.agents.exploration import epsilon_greedy_policy
from seqrl.agents.q_learning import DoubleQLearning, QLearning
from seqrl.agents.sarsa import ExpectedSarsa, Sarsa
from seqrl.agents.tabular import Tabular
from seqrl.errors import InputError

ALL = [QLearning, DoubleQLearning, Sarsa, ExpectedSarsa]
each = pytest.mark.parametrize("algorithm", ALL)


class Walk(gymnasium.Env[int, int]):
    """States 0 to 4 in a row; any action leads one on, for a reward of 1. With `ends` the fourth step terminates."""

    observation_space = spaces.Discrete(5)  # type: ignore[assignment]
    action_space = spaces.Discrete(2)  # type: ignore[assignment]

    def __init__(self, ends: bool = True, also_cut: bool = False, around: bool = False) -> None:
        self.ends, self.also_cut, self.around, self.place = ends, also_cut, around, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.place = (self.place + 1) % 4 if self.around else self.place + 1
        over = self.ends and self.place == 4
        return self.place, 1.0, over, over and self.also_cut, {}


def around() -> gymnasium.Env[int, int]:
    """Reward 1 for ever, cut after 6 steps."""
    return gymnasium.wrappers.TimeLimit(Walk(ends=False, around=True), 6)


def exact(algorithm: type[Tabular], env: Any, **settings: Any) -> Tabular:
    """With values that are those of the last episode: no chance plays a part in `Walk`."""
    return algorithm(env, settings={"gamma": 0.9, "learning_rate": 1.0, **settings})


@each
def test_reward_1_for_ever_under_a_time_limit_is_worth_what_it_is_without(algorithm: type[Tabular]) -> None:
    """Trap 15: a cut episode is bootstrapped from. 1 / (1 - 0.9) = 10."""
    agent = exact(algorithm, around, learning_rate=0.5).learn(8000)
    np.testing.assert_allclose(agent.q[:4], 10, atol=1e-6)


@each
@pytest.mark.parametrize("also_cut", [False, True])
def test_what_terminates_is_not_bootstrapped_from_even_if_it_is_cut_too(
    algorithm: type[Tabular], also_cut: bool
) -> None:
    """With 7 as the value of the last state, which would be seen in all before it."""
    agent = exact(algorithm, lambda: Walk(also_cut=also_cut), initial_value=7.0).learn(800)
    for place, value in enumerate([3.439, 2.71, 1.9, 1.0]):
        np.testing.assert_allclose(agent.q[place], value, atol=1e-9)
    np.testing.assert_array_equal(agent.q[4], 7)


@each
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_the_rows_of_a_reset_teach_nothing_and_are_no_steps(algorithm: type[Tabular], mode: AutoresetMode) -> None:
    """Traps 16, 17: a row from the end to the next start would teach that the end is worth as much as the start."""
    agent = exact(algorithm, SyncVectorEnv([Walk] * 3, autoreset_mode=mode)).learn(1200)
    np.testing.assert_allclose(agent.q.max(axis=1), [3.439, 2.71, 1.9, 1.0, 0], atol=1e-9)
    visits = np.sum(agent.visits, axis=0).sum(axis=1)
    assert visits.sum() == agent.steps and visits[4] == 0
    assert {episode.length for episode in agent.episodes} == {4}
    assert {episode.return_ for episode in agent.episodes} == {4.0}


@each
def test_a_budget_is_of_real_steps(algorithm: type[Tabular]) -> None:
    """Trap 24: with 3 environments side by side, to the end of the step that reaches it."""
    agent = exact(algorithm, Walk, environments=3)
    assert agent.learn(100).steps == 102
    assert agent.learn(1).steps == 105
    assert np.sum(agent.visits) == 105


@each
def test_the_first_actions_are_any(algorithm: type[Tabular]) -> None:
    """Trap 23: all values are equal, and the first is not the best of them."""
    agent = algorithm("FrozenLake-v1", settings={})
    assert set(agent.act(np.zeros(200, np.int64)).tolist()) == {0, 1, 2, 3}


@each
def test_seeds_are_other_runs_and_the_same_seed_is_the_same(algorithm: type[Tabular]) -> None:
    one, same, other = (algorithm("FrozenLake-v1", seed=seed, settings={}).learn(2000) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.q, same.q)
    assert one.episodes == same.episodes != other.episodes
    assert (np.array(one.visits) != np.array(other.visits)).any()


@each
def test_looking_at_an_agent_changes_nothing_of_what_it_learns(algorithm: type[Tabular]) -> None:
    """Traps 23, 25: acting and evaluating draw from streams of their own, and learn nothing."""
    watched, alone = (algorithm("FrozenLake-v1", settings={}) for _ in range(2))
    for _ in range(3):
        alone.learn(100)
        watched.learn(100)
        before = watched.q
        watched.act(0)
        watched.act(0, explore=True)
        watched.evaluate(episodes=5)
        np.testing.assert_array_equal(watched.q, before)
    np.testing.assert_array_equal(watched.q, alone.q)
    assert watched.steps == 300


@each
def test_evaluation_is_greedy_and_ends(algorithm: type[Tabular]) -> None:
    """Trap 25: no epsilon is left over, and an agent that runs into a wall for ever is stopped."""
    agent = algorithm("CliffWalking-v1", settings={"epsilon": 1.0, "epsilon_end": 1.0})
    best = policy_iteration(model_of("CliffWalking-v1")).values
    q = action_values(model_of("CliffWalking-v1"), best)
    agent.tables = [q.tolist() for _ in agent.tables]
    np.testing.assert_array_equal(agent.evaluate(episodes=3).returns, [-13] * 3)
    assert agent.act(0) != 0
    agent.tables = [[[1.0, 0, 0, 0]] * 48 for _ in agent.tables]  # up
    np.testing.assert_array_equal(agent.evaluate(episodes=2, max_steps=50).lengths, [50, 50])


@each
def test_saved_and_loaded_it_goes_on_with_the_same_bits(algorithm: type[Tabular], tmp_path: Path) -> None:
    settings = {"decay": 0.6, "epsilon_steps": 700, "environments": 2}
    whole, first = (algorithm("FrozenLake-v1", seed=3, settings=settings) for _ in range(2))
    whole.learn(1000)
    first.learn(334).save(tmp_path / "agent.safetensors")  # inside episodes
    for loaded in algorithm.load(tmp_path / "agent.safetensors"), Agent.load(tmp_path / "agent.safetensors"):
        assert isinstance(loaded, algorithm)
        loaded.learn(666)
        np.testing.assert_array_equal(loaded.tables, whole.tables)
        np.testing.assert_array_equal(loaded.visits, whole.visits)
        assert loaded.episodes == whole.episodes and loaded.epsilon == whole.epsilon


@each
def test_epsilon_goes_down_with_the_steps(algorithm: type[Tabular]) -> None:
    agent = algorithm("FrozenLake-v1", settings={"epsilon": 1.0, "epsilon_end": 0.1, "epsilon_steps": 1000})
    assert agent.learn(501).epsilon == pytest.approx(0.55)
    assert agent.learn(900).metrics["epsilon"] == pytest.approx(0.1)


def test_the_step_size_goes_down_with_the_visits() -> None:
    agent = QLearning(Walk, settings={"learning_rate": 0.8, "decay": 0.5})
    assert [agent.step_size(1, 0) for _ in range(4)] == pytest.approx([0.8, 0.8 / 2**0.5, 0.8 / 3**0.5, 0.4])
    assert agent.step_size(1, 1) == 0.8


def test_a_state_may_be_several_numbers() -> None:
    agent = QLearning("Blackjack-v1", settings={}).learn(300)
    assert agent.q.shape == (32 * 11 * 2, 2)
    total, dealer, ace = np.unravel_index(np.sum(agent.visits[0], axis=1).argmax(), (32, 11, 2))
    assert 4 <= total <= 21 and 1 <= dealer <= 10 and ace in (0, 1)
    assert agent.act((20, 10, 0)) in (0, 1)


@pytest.mark.parametrize(
    ("env", "settings", "message"),
    [
        ("CartPole-v1", {}, r"q_learning can't handle observations of Box.*; it can Discrete or MultiDiscrete"),
        ("MountainCarContinuous-v0", {}, "q_learning can't handle actions of Box.*; it can Discrete"),
        ("FrozenLake-v1", {"gamma": 1.5}, r"gamma is 1\.5; expected a number from 0 to 1"),
        ("FrozenLake-v1", {"epsilon": -0.1}, r"epsilon is -0\.1"),
        ("FrozenLake-v1", {"decay": -1.0}, r"decay is -1\.0"),
        ("FrozenLake-v1", {"decay": float("nan")}, "decay is nan"),
        ("FrozenLake-v1", {"epsilon_steps": 0}, "epsilon_steps of q_learning is 0"),
        ("FrozenLake-v1", {"epsilom": 0.1}, "unknown setting 'epsilom' .*'epsilon'"),
    ],
)
def test_what_it_cannot_do_is_said(env: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QLearning(env, settings=settings)


def test_a_table_that_fits_no_memory_is_refused() -> None:
    class Large(Walk):
        observation_space = spaces.MultiDiscrete([1000] * 4)  # type: ignore[assignment]

        def reset(self, **_: Any) -> Any:
            return np.zeros(4, np.int64), {}

    with pytest.raises(InputError, match="1,000,000,000,000 x 2 values"):
        QLearning(Large, settings={})


@each
def test_it_learns_the_shortest_way(algorithm: type[Tabular]) -> None:
    dry = gymnasium.make("FrozenLake-v1", is_slippery=False)
    agent = algorithm(dry, settings={"gamma": 0.9, "learning_rate": 0.5, "epsilon_steps": 10_000}).learn(15_000)
    assert expected_return(model_of(dry)._replace(horizon=6), epsilon_greedy_policy(agent.q, 0.0)) == 1
