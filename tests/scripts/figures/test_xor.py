import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module", params=range(3))
def result(script: ModuleType, request: pytest.FixtureRequest) -> Any:
    return script.compute(script.Options(epochs=600, starts=4, seed=request.param))


def test_the_perceptron_never_gets_through_an_epoch_without_mistakes(result: Any, script: ModuleType) -> None:
    assert len(result.mistakes) == 600
    assert min(result.mistakes) >= 1
    assert script.number_right(result.perceptron(script.X)) <= 3


def test_no_line_gets_more_than_three_right(script: ModuleType) -> None:
    lines = itertools.product(np.linspace(-2, 2, 17), repeat=3)
    assert max(script.number_right(script.X @ [a, b] + c > 0) for a, b, c in lines) == 3


def test_the_net_gets_all_four_right_and_surely(result: Any, script: ModuleType) -> None:
    assert script.number_right(result.net.predict(script.X)[:, 0] > 0) == 4
    assert result.losses[0] > 0.5 and result.losses[-1] < 0.02


def test_one_hidden_unit_is_too_few_and_eight_learn_from_every_start(result: Any) -> None:
    assert result.learned[1] == 0
    assert result.learned[8] == 1


@pytest.mark.slow
def test_two_hidden_units_learn_from_some_starts_and_four_from_nearly_all(script: ModuleType) -> None:
    learned = script.compute(script.Options()).learned
    assert 0.2 < learned[2] < 0.8
    assert learned[4] >= 0.9


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--epochs", "2", "--starts", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "perceptron" in capsys.readouterr().out
