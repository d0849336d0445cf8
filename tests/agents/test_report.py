"""Learning curves from metrics, and what is said over seeds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl.agents import report
from seqrl.agents.report import Curves
from seqrl.errors import InputError
from seqrl.training.runs import METRICS, RESULTS


def metrics(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_curve_is_the_mean_over_the_episodes_of_a_window(tmp_path: Path) -> None:
    """1,000 steps, so a point every 10 and a window of 50."""
    lines = [
        {"step": 10, "episodes": 0},
        {"step": 20, "episodes": 1, "return": 6.0},
        {"step": 30, "episodes": 1},
        {"step": 40, "episodes": 4, "return": 2.0},
        {"step": 200, "episodes": 5, "return": 10.0},
    ]
    [curve] = report.learning_curves([metrics(tmp_path / "run", lines)], 1_000).returns
    assert np.isnan(curve[0])  # none has ended
    assert curve[1:4].tolist() == [6, 6, 3]  # (6 + 3 * 2) / 4
    assert curve[4:6].tolist() == [3, 3]
    assert curve[6] == 2  # the first is out of the window
    assert curve[8:19].tolist() == [2] * 11  # none ended since: those before still stand
    assert curve[19:].tolist() == [10] * 81


def test_a_line_of_a_round_that_passes_its_step_counts_at_the_nearest_point(tmp_path: Path) -> None:
    [curve] = report.learning_curves(
        [metrics(tmp_path / "run", [{"step": 24, "episodes": 1, "return": 1.0}])], 1_000
    ).returns
    assert np.isnan(curve[0]) and curve[1] == 1


def test_a_run_without_episodes_has_no_curve(tmp_path: Path) -> None:
    curves = report.learning_curves([metrics(tmp_path / "run", [{"step": 10, "episodes": 0}])], 1_000)
    assert np.isnan(curves.returns).all()
    middle, interval = report.bands(curves)
    assert np.isnan(middle).all() and interval is None


def test_bands_are_interquartile_means_where_every_seed_has_episodes() -> None:
    returns = np.array([[np.nan, 1.0, 5.0], [0.0, 2.0, 5.0], [0.0, 4.0, 5.0], [0.0, 100.0, 5.0]])
    middle, interval = report.bands(Curves(np.arange(3.0), returns))
    assert np.isnan(middle[0])
    assert middle[1:].tolist() == [3, 5]  # of 2 and 4: the outlier does not count
    assert interval is not None
    assert interval.low[1] < 3 < interval.high[1]
    assert interval.low[2] == interval.high[2] == 5


def test_a_single_seed_has_no_interval() -> None:
    middle, interval = report.bands(Curves(np.arange(2.0), np.array([[1.0, 2.0]])))
    assert middle.tolist() == [1, 2]
    assert interval is None
    assert report.over_seeds(np.array([3.0])) == (3.0, None, None)
    assert report.described((3.0, None, None)) == "3.00"


def test_an_interval_over_seeds_repeats_and_holds_the_mean() -> None:
    means = np.array([1.0, 2.0, 3.0, 50.0])
    mean, low, high = report.over_seeds(means)
    assert (mean, low, high) == report.over_seeds(means)
    assert mean == 2.5
    assert low is not None and high is not None and low < mean < high


def test_seeds_that_have_not_ended_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "singles", lambda folder: [folder / "seed-0"])
    with pytest.raises(InputError, match=f"seed-0: not finished, it has no {RESULTS}"):
        report.evaluations(tmp_path)
