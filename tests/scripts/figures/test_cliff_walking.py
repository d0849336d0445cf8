"""Example 6.6 of Sutton and Barto: about -25 and -50 while learning, and the other way round once it is greedy."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqrl.training import figure


@pytest.fixture(scope="module")
def curves(script: ModuleType) -> Any:
    return script.compute(script.Options(runs=8))


def test_sarsa_keeps_away_from_the_cliff_and_q_learning_walks_along_it(script: ModuleType, curves: Any) -> None:
    assert figure.outside(script.numbers(curves)) == []
    assert sorted(curves["Q-learning"].greedy)[1:] == [-13] * 7  # but where a tie was left at the end


def test_one_algorithm_in_the_place_of_another_is_said(script: ModuleType, curves: Any) -> None:
    sarsa, _, q = curves.values()
    said = "; ".join(figure.outside(script.numbers({"SARSA": q, "expected SARSA": sarsa, "Q-learning": sarsa})))
    assert "the return of SARSA online is -" in said and "expected at least -30 and at most -20" in said
    assert "the return of Q-learning online is -" in said and "expected at least -57 and at most -43" in said
    assert "the best greedy return of SARSA is -13, expected at most -15" in said


def test_a_path_stops_where_it_goes_round(script: ModuleType) -> None:
    model = script.model_of(script.ENV)
    up = [0] * 48
    assert script.path(model, up) == [36, 24, 12, 0, 0]


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--runs", "1", "--episodes", "20", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
