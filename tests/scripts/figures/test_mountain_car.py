from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqrl.training import figure


@pytest.fixture(scope="module")
def result(script: ModuleType) -> Any:
    return script.compute(script.Options(episodes=60, runs=1, seed=2))


def test_the_first_episode_is_long_and_all_reach_the_top(result: Any, script: ModuleType) -> None:
    for steps in result.steps.values():
        assert steps.shape == (1, 60)
        assert steps[:, 0].min() > 350
        assert steps.max() < script.LIMIT  # never cut


def test_larger_steps_learn_faster_at_first(result: Any) -> None:
    early = [steps[:, :60].sum() for steps in result.steps.values()]
    assert early == sorted(early, reverse=True)


def test_the_car_soon_takes_half_the_steps(result: Any, script: ModuleType) -> None:
    assert script.late(result.steps[0.5]) < 200 < result.steps[0.5][:, 0].mean() / 2 + 100


def test_the_cost_to_go_grows_to_that_of_an_episode(result: Any) -> None:
    assert list(result.costs) == [1, 12, 60]
    highest = [cost.max() for cost in result.costs.values()]
    assert highest == sorted(highest)
    # Not below 0 but for what a tile passes on to where the car never was.
    assert all(cost.min() > -0.05 * cost.max() for cost in result.costs.values())
    last = result.costs[60]
    assert last[-1, -1] < 5  # near the top and fast
    assert last[20, 20] > 40  # in the valley, slow


@pytest.mark.slow
def test_the_steps_are_those_of_figure_10_2(script: ModuleType) -> None:
    result = script.compute(script.Options())
    assert list(result.costs) == [1, 12, 104, 500]
    assert figure.outside(script.numbers(result)) == []


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--episodes", "2", "--runs", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "steps in the first episode" in capsys.readouterr().out
