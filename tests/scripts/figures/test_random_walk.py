import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqrl.training import figure


@pytest.fixture(scope="module")
def result(script: ModuleType) -> Any:
    return script.compute(script.Options(runs=10, seed=1))


def test_nothing_learned_has_the_error_of_zeros(result: Any, script: ModuleType) -> None:
    assert script.RATES[0] == 0
    for errors in result.errors.values():
        assert errors[0] == pytest.approx(np.sqrt(0.3), rel=1e-9)  # the mean of (s / 10)^2 for s = -9 .. 9


def test_the_best_is_between_one_step_and_monte_carlo(result: Any) -> None:
    lowest = {n: errors.min() for n, errors in result.errors.items()}
    assert min(lowest, key=lambda n: lowest[n]) in (2, 4, 8)
    assert lowest[4] < lowest[1] < lowest[512]


def test_the_further_ahead_the_smaller_the_best_step_size(result: Any, script: ModuleType) -> None:
    best = [script.RATES[errors.argmin()] for errors in result.errors.values()]
    assert best[0] > 0.5 and best[-1] < 0.15
    assert all(after <= before + 0.1 for before, after in itertools.pairwise(best))


@pytest.mark.slow
def test_the_errors_are_those_of_figure_7_2(script: ModuleType) -> None:
    assert figure.outside(script.numbers(script.compute(script.Options()))) == []


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--episodes", "2", "--runs", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "steps ahead" in capsys.readouterr().out
