"""Figures 5.1 and 5.2 of Sutton and Barto, with the exact values that the book's estimates go to."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def result(script: ModuleType) -> Any:
    return script.compute(script.Options(episodes=(500, 8000), steps=20_000))


def test_exact_values_of_sticking_on_20_are_those_of_the_book(result: Any) -> None:
    """High with 20 and 21, low below; lower against an ace. State 13 with a usable ace against a 2: -0.27726."""
    exact = result.exact
    assert exact[13, 2, 1] == pytest.approx(-0.27726, abs=0.001)  # example 5.4, from 100 million episodes
    assert (exact[20:22, 1:11] > 0.1).all()
    assert (exact[12:20, 1:11, 0] < -0.5).all()
    assert (exact[20:22, 2:10, 0] > exact[20:22, 1:2, 0]).all()


def test_means_of_returns_come_to_the_exact_values(script: ModuleType, result: Any) -> None:
    few, many = ((result.estimates[n] - result.exact)[script.SUMS, script.DEALER] for n in (500, 8000))
    assert np.nanmean(many**2) < 0.5 * np.nanmean(few**2)
    assert np.nanmean(many[:, :, 0] ** 2) < 0.1**2


def test_policies_are_ranked_by_what_they_are_worth(result: Any) -> None:
    returns = result.returns
    assert returns["sticks on 20"] < -0.3 < -0.05 < returns["optimal"] < 0
    assert returns["sticks on 20"] < returns["Q-learning"] <= returns["optimal"]


@pytest.mark.slow
def test_q_learning_finds_a_policy_as_good_as_the_best(script: ModuleType) -> None:
    returns = script.compute(script.Options(episodes=(10,))).returns
    assert returns["Q-learning"] > returns["optimal"] - 0.01


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--episodes", "5", "10", "--steps", "100", "--out", str(tmp_path / "a.png")]
    assert script.main(arguments) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
