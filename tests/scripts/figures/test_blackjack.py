"""Figures 5.1 and 5.2 of Sutton and Barto, with the exact values that the book's estimates go to."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqrl.training import figure


@pytest.fixture(scope="module")
def result(script: ModuleType) -> Any:
    return script.compute(script.Options(episodes=(500, 8000), steps=20_000))


def test_exact_values_of_sticking_on_20_are_those_of_the_book(script: ModuleType, result: Any) -> None:
    assert figure.outside(script.exact_numbers(result)) == []


def test_means_of_returns_come_to_the_exact_values(script: ModuleType, result: Any) -> None:
    few, many = ((result.estimates[n] - result.exact)[script.SUMS, script.DEALER] for n in (500, 8000))
    assert np.nanmean(many**2) < 0.5 * np.nanmean(few**2)
    assert np.nanmean(many[:, :, 0] ** 2) < 0.1**2


def test_policies_are_ranked_by_what_they_are_worth(result: Any) -> None:
    returns = result.returns
    assert returns["sticks on 20"] < returns["Q-learning"] <= returns["optimal"]


@pytest.mark.slow
def test_the_numbers_of_the_picture_are_in_their_ranges(script: ModuleType) -> None:
    assert figure.outside(script.numbers(script.compute(script.Options()))) == []


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--episodes", "5", "10", "--steps", "100", "--out", str(tmp_path / "a.png")]
    assert script.main(arguments) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
