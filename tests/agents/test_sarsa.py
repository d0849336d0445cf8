"""SARSA and expected SARSA: what one step changes, and the optimum."""

import gymnasium
import numpy as np
import pytest

from seqrl.agents.dynamic_programming import expected_return, model_of, optimal_return
from seqrl.agents.exploration import epsilon_greedy_policy
from seqrl.agents.sarsa import ExpectedSarsa, Sarsa
from seqrl.agents.settings import tuned_steps
from seqrl.agents.tabular import Tabular

SETTINGS = {"gamma": 0.5, "learning_rate": 0.1}


def test_sarsa_learns_from_the_action_that_it_takes_next() -> None:
    agent = Sarsa("FrozenLake-v1", settings={**SETTINGS, "epsilon": 1.0})
    seen = set()
    for _ in range(60):
        agent.tables[0][5] = [1.0, 4.0, 2.0, -1.0]
        agent.tables[0][4] = [0.0] * 4
        agent.update(0, 4, 2, 3.0, 5, False, False)
        taken = agent.choose(0, 5)
        assert taken == agent.choose(0, 5)  # chosen once
        assert agent.tables[0][4] == pytest.approx([0, 0, 0.1 * (3 + 0.5 * agent.tables[0][5][taken]), 0])
        seen.add(taken)
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize("terminated", [False, True])
def test_after_an_episodes_end_sarsa_chooses_anew(terminated: bool) -> None:
    agent = Sarsa("FrozenLake-v1", settings={**SETTINGS, "epsilon": 0.0, "epsilon_end": 0.0})
    agent.tables[0][5], agent.tables[0][0] = [1.0, 4.0, 2.0, -1.0], [0.0, 0.0, 0.0, 9.0]
    agent.update(0, 4, 2, 3.0, 5, terminated, True)
    assert agent.tables[0][4][2] == pytest.approx(0.3 if terminated else 0.1 * (3 + 0.5 * 4))
    assert agent.choose(0, 0) == 3


def test_what_was_chosen_before_an_episode_was_cut_is_not_taken_in_the_next() -> None:
    cut = gymnasium.wrappers.TimeLimit(gymnasium.make("FrozenLake-v1").unwrapped, 1)
    agent = Sarsa(cut, settings={**SETTINGS, "epsilon": 1.0})
    for _ in range(20):
        agent.learn(1)
        assert agent._next == [None]


def test_expected_sarsa_learns_from_all_actions_by_their_probabilities() -> None:
    agent = ExpectedSarsa("FrozenLake-v1", settings={**SETTINGS, "epsilon": 0.2})
    agent.tables[0][5] = [1.0, 4.0, 4.0, -1.0]
    agent.update(0, 4, 2, 3.0, 5, False, False)
    policy = epsilon_greedy_policy(np.array(agent.tables[0][5]), 0.2)
    assert agent.tables[0][4][2] == pytest.approx(0.1 * (3 + 0.5 * policy @ agent.tables[0][5]))
    agent.update(0, 4, 1, 3.0, 5, True, True)
    assert agent.tables[0][4][1] == pytest.approx(0.3)


def test_of_the_walk_along_the_cliff_sarsa_knows_the_danger_and_does_not_take_it() -> None:
    """While it explores, the exact value of what it does is better than that of the shortest way."""
    cliff = model_of("CliffWalking-v1")
    settings = {"gamma": 1.0, "learning_rate": 0.1, "epsilon": 0.1, "epsilon_end": 0.1}
    agent = ExpectedSarsa("CliffWalking-v1", settings=settings).learn(60_000)
    shortest = np.zeros((48, 4))
    shortest[:, 1] = 1
    shortest[36], shortest[35] = [1, 0, 0, 0], [0, 0, 1, 0]
    assert expected_return(cliff, shortest.argmax(axis=1)) == -13
    exploring = expected_return(cliff, epsilon_greedy_policy(agent.q, 0.1))
    assert exploring > expected_return(cliff, epsilon_greedy_policy(shortest, 0.1)) + 10
    assert expected_return(cliff, epsilon_greedy_policy(agent.q, 0.0)) < -13


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("env", ["FrozenLake-v1", "Taxi-v4"])
@pytest.mark.parametrize("algorithm", [Sarsa, ExpectedSarsa])
def test_tuned_it_is_within_1_percent_of_the_exact_optimum(algorithm: type[Tabular], env: str, seed: int) -> None:
    """What the greedy policy is worth, exactly, from the environment's start and under its time limit."""
    model = model_of(env)
    agent = algorithm(env, seed=seed).learn(tuned_steps(algorithm.name, env, 0))
    best = optimal_return(model)
    assert expected_return(model, epsilon_greedy_policy(agent.q, 0.0)) >= best - 0.01 * abs(best)
