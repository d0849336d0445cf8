from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Curves = dict[str, Any]


@pytest.fixture(scope="module", params=range(2))
def curves(script: ModuleType, request: pytest.FixtureRequest) -> Curves:
    found: Curves = script.compute(script.Options(epochs=8, seed=request.param))
    return found


@pytest.mark.parametrize("start", ["sigmoid, small", "sigmoid, Xavier"])
def test_a_deep_sigmoid_net_stays_at_chance_from_random_weights(start: str, curves: Curves) -> None:
    assert max(curves[start].accuracies) <= 0.15  # ten classes
    assert min(curves[start].losses) > 2.2  # ln 10 = 2.303


def test_from_pre_trained_weights_it_learns_from_the_first_epoch_on(curves: Curves) -> None:
    curve = curves["sigmoid, pre-trained"]
    assert curve.accuracies[0] > 0.5
    assert curve.accuracies[-1] > 0.9
    assert curve.losses[-1] < 0.3


def test_relu_needs_no_pre_training(curves: Curves) -> None:
    curve = curves["ReLU, He"]
    assert curve.accuracies[0] > 0.6
    assert curve.accuracies[-1] > 0.9


@pytest.mark.slow
def test_more_epochs_help_no_random_start_and_let_the_others_become_good(script: ModuleType) -> None:
    curves = script.compute(script.Options())
    assert max(curves["sigmoid, Xavier"].accuracies) <= 0.15
    assert curves["sigmoid, pre-trained"].accuracies[-1] > 0.95
    assert curves["ReLU, He"].accuracies[-1] > 0.96


def test_a_shallow_sigmoid_net_needs_no_pre_training_either(script: ModuleType) -> None:
    curves = script.compute(script.Options(depth=1, epochs=6))
    assert curves["sigmoid, Xavier"].accuracies[-1] > 0.8


def test_the_picture_is_written(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--epochs", "1", "--pretraining-epochs", "1", "--units", "10", "--depth", "2"]
    assert script.main([*small, "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "sigmoid, pre-trained" in capsys.readouterr().out
    assert script.main(["--depth", "0", "--out", str(tmp_path / "a.png")]) == 2
