"""Figure 6.5 of Sutton and Barto: left is worse, Q-learning takes it for better, double Q-learning hardly."""

from pathlib import Path
from types import ModuleType

import numpy as np

from seqrl.training import figure


def test_q_learning_goes_left_and_double_q_learning_soon_does_not(script: ModuleType) -> None:
    assert figure.outside(script.numbers(script.compute(script.Options(runs=2000)))) == []


def test_with_one_action_there_is_nothing_to_be_biased_by(script: ModuleType) -> None:
    """Both are Q-learning of an average; over half as many values each, the double one a little slower."""
    shares = script.compute(script.Options(runs=2000, actions=1))
    assert abs(shares["Q-learning"] - shares["double Q-learning"]).max() < 0.1
    assert shares["Q-learning"][100:].max() < 0.4


def test_seeds_are_other_runs(script: ModuleType) -> None:
    one, same, other = (script.shares_of_left(script.Options(runs=50, seed=seed), double=True) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--runs", "20", "--episodes", "30", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
