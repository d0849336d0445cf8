"""Q-learning and double Q-learning: what one step changes, and the optimum."""

import numpy as np
import pytest

from seqrl.agents.dynamic_programming import expected_return, model_of, optimal_return
from seqrl.agents.exploration import epsilon_greedy_policy
from seqrl.agents.q_learning import DoubleQLearning, QLearning
from seqrl.agents.settings import tuned_steps
from seqrl.agents.tabular import Tabular

SETTINGS = {"gamma": 0.5, "learning_rate": 0.1}


def test_one_step_moves_one_value_towards_the_best_next() -> None:
    agent = QLearning("FrozenLake-v1", settings=SETTINGS)
    agent.tables[0][5] = [1.0, 4.0, 2.0, -1.0]
    agent.tables[0][4] = [0.0, 0.0, 2.0, 0.0]
    agent.update(0, 4, 2, 3.0, 5, False, False)
    assert agent.tables[0][4] == pytest.approx([0, 0, 2 + 0.1 * (3 + 0.5 * 4 - 2), 0])
    agent.update(0, 4, 0, 3.0, 5, True, True)
    assert agent.tables[0][4][0] == pytest.approx(0.3)
    assert agent.tables[0][5] == [1.0, 4.0, 2.0, -1.0]


def test_one_table_chooses_and_the_other_says_what_it_is_worth() -> None:
    agent = DoubleQLearning("FrozenLake-v1", settings=SETTINGS)
    one, two = agent.tables
    one[5], two[5] = [1.0, 4.0, 2.0, 0.0], [10.0, -4.0, 0.0, 0.0]
    changed = set()
    for _ in range(40):
        one[4], two[4] = [0.0] * 4, [0.0] * 4
        agent.update(0, 4, 2, 3.0, 5, False, False)
        changed.add((round(one[4][2], 9), round(two[4][2], 9)))
    # The first chooses 1, worth -4 to the second; the second chooses 0, worth 1 to the first.
    assert changed == {(0.1, 0.0), (0.0, 0.35)}


def test_both_tables_learn_about_equally_and_actions_are_chosen_by_both() -> None:
    agent = DoubleQLearning("FrozenLake-v1", settings={}).learn(4000)
    of_one, of_two = (np.sum(visits) for visits in agent.visits)
    assert of_one + of_two == 4000 and abs(of_one - of_two) < 300
    agent.tables[0][0], agent.tables[1][0] = [0.0, 3.0, 2.0, 0.0], [0.0, 0.0, 2.0, 0.0]
    assert agent.act(0) == 2
    np.testing.assert_array_equal(agent.q[0], [0, 1.5, 2, 0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("env", ["FrozenLake-v1", "Taxi-v4", "CliffWalking-v1"])
@pytest.mark.parametrize("algorithm", [QLearning, DoubleQLearning])
def test_tuned_it_is_within_1_percent_of_the_exact_optimum(algorithm: type[Tabular], env: str, seed: int) -> None:
    """What the greedy policy is worth, exactly, from the environment's start and under its time limit."""
    model = model_of(env)
    agent = algorithm(env, seed=seed).learn(tuned_steps(algorithm.name, env, 0))
    best = optimal_return(model)
    assert expected_return(model, epsilon_greedy_policy(agent.q, 0.0)) >= best - 0.01 * abs(best)
