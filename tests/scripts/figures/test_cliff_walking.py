"""Example 6.6 of Sutton and Barto: about -25 and -50 while learning, and the other way round once it is greedy."""

from pathlib import Path
from types import ModuleType

import pytest


def test_sarsa_keeps_away_from_the_cliff_and_q_learning_walks_along_it(script: ModuleType) -> None:
    curves = script.compute(script.Options(runs=8))
    sarsa, expected, q = curves.values()
    assert script.online(sarsa) == pytest.approx(-25, abs=5)
    assert script.online(expected) == pytest.approx(-25, abs=5)
    assert script.online(q) == pytest.approx(-50, abs=7)
    assert sorted(q.greedy)[1:] == [-13] * 7  # the shortest way, but where a tie was left at the end
    assert sarsa.greedy.max() <= -15
    assert -28 < sorted(sarsa.exploring)[4] < -18


def test_a_path_stops_where_it_goes_round(script: ModuleType) -> None:
    model = script.model_of(script.ENV)
    up = [0] * 48
    assert script.path(model, up) == [36, 24, 12, 0, 0]


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--runs", "1", "--episodes", "20", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
