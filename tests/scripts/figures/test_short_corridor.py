import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqrl.training import figure


@pytest.fixture(scope="module", params=[0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def result(script: ModuleType, request: pytest.FixtureRequest) -> Any:
    return script.compute(script.Options(runs=40, episodes=500, agents=1, seed=request.param))


def hundreds(curve: Any) -> list[float]:
    """Means of the first hundred episodes, of the second and so on."""
    return [float(mean) for mean in curve.reshape(5, 100).mean(axis=1)]


def test_the_best_policy_goes_right_with_2_less_the_root_of_2_and_is_worth_11_66_less(script: ModuleType) -> None:
    p, value = script.best()
    assert p == pytest.approx(0.5858, abs=1e-4) and value == pytest.approx(-11.66, abs=0.005)
    assert figure.outside(script.exact_numbers()) == []


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5, 2 - math.sqrt(2), 0.9, 0.95])
def test_the_value_of_the_model_is_the_formula(script: ModuleType, p: float) -> None:
    assert script.value(p) == pytest.approx((2 * p - 4) / (p * (1 - p)))


def test_another_model_would_be_noticed(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "value", lambda right: 1 + (2 * right - 4) / (right * (1 - right)))  # goal costs 0
    assert "its value is -10.6569, expected at least -11.6569" in "; ".join(figure.outside(script.exact_numbers()))


def test_episodes_played_are_worth_the_exact_value(script: ModuleType) -> None:
    right = np.full(4000, 0.6)
    actions, lengths = script.play(right, np.random.default_rng(0))
    assert len(actions) == lengths.max()
    error = lengths.std() / np.sqrt(len(lengths))
    assert -lengths.mean() == pytest.approx(script.value(0.6), abs=4 * error)


def test_reinforce_climbs_the_faster_the_larger_its_steps(result: Any, script: ModuleType) -> None:
    large, middle, small = (hundreds(result.curves[rates]) for rates in script.PLAIN)
    assert all((np.diff(curve[:4]) > 0).all() for curve in (large, middle, small))
    assert large[0] == pytest.approx(-35, abs=4)
    assert middle[0] == pytest.approx(-47, abs=4)
    assert small[0] == pytest.approx(-58, abs=5)
    assert large[-1] == pytest.approx(-12.5, abs=0.7)
    assert middle[-1] == pytest.approx(-15, abs=1)
    assert small[-1] == pytest.approx(-21, abs=1.5)


def test_with_a_baseline_it_is_at_the_best_in_the_second_hundred_of_episodes(result: Any, script: ModuleType) -> None:
    with_baseline, without = (hundreds(result.curves[rates]) for rates in script.COMPARED)
    assert with_baseline[0] > without[0] / 2
    assert all(mean == pytest.approx(script.BEST_VALUE, abs=0.8) for mean in with_baseline[1:])


def test_learning_ends_near_the_best_policy(result: Any, script: ModuleType) -> None:
    assert figure.outside(script.numbers(result)) == []


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "AGENT_STEPS", 50)
    arguments = ["--runs", "2", "--episodes", "15", "--agents", "1", "--out", str(tmp_path / "a.png")]
    assert script.main(arguments) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "2^-9, 2^-6" in capsys.readouterr().out
