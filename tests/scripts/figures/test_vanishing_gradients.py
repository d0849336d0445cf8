"""At five hidden layers, and at each depth in the slow test: who stays at chance, 10 %, and who learns digits."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

Curves = dict[tuple[str, str], Any]

STARVED = [("sigmoid", "small (0.01)"), ("sigmoid", "Xavier"), ("sigmoid", "He"), ("ReLU", "small (0.01)")]
LEARNING = [("ReLU", "Xavier"), ("ReLU", "He")]


@pytest.fixture(scope="module")
def curves(script: ModuleType) -> Curves:
    found: Curves = script.compute(script.Options(depths=(5,)))
    return found


def test_sigmoid_and_small_weights_stay_at_chance(curves: Curves) -> None:
    for name in STARVED:
        assert curves[name].accuracies[0] < 0.15, name


@pytest.mark.parametrize("name", LEARNING)
def test_relu_learns_from_the_weights_of_xavier_and_he(curves: Curves, name: tuple[str, str]) -> None:
    assert curves[name].accuracies[0] > 0.92


def test_a_sigmoid_layer_takes_at_least_half_of_the_gradient(curves: Curves) -> None:
    for (activation, start), curve in curves.items():
        assert len(curve.gradients) == 6
        ratios = np.divide(curve.gradients[:-1], curve.gradients[1:])
        if activation == "sigmoid":
            assert np.all(ratios < 0.5), start
    assert curves["sigmoid", "small (0.01)"].gradients[0] < 1e-9
    assert curves["sigmoid", "Xavier"].gradients[0] < 1e-4


def test_relu_keeps_the_gradient_at_one_size_through_the_hidden_layers(curves: Curves) -> None:
    for start in "Xavier", "He":
        gradients = curves["ReLU", start].gradients[:-1]
        assert max(gradients) < 3 * min(gradients)
    assert min(curves["ReLU", "He"].gradients) > 1e-3
    assert max(curves["ReLU", "small (0.01)"].gradients) < 1e-6  # one size, but none to speak of


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_each_start_has_a_depth_at_which_it_fails(script: ModuleType, seed: int) -> None:
    curves = script.compute(script.Options(seed=seed))
    accuracy = {
        (*name, depth): value
        for name, curve in curves.items()
        for depth, value in zip(curve.depths, curve.accuracies, strict=True)
    }
    assert all(accuracy[*name, 1] > 0.8 for name in curves)
    assert accuracy["sigmoid", "small (0.01)", 2] < 0.15
    assert accuracy["sigmoid", "Xavier", 2] > 0.8
    assert accuracy["ReLU", "small (0.01)", 2] > 0.8
    assert accuracy["ReLU", "small (0.01)", 3] < 0.25
    assert accuracy["sigmoid", "He", 3] > accuracy["sigmoid", "Xavier", 3] > 0.25
    assert all(accuracy[*name, depth] < 0.25 for name in STARVED for depth in (4, 5, 6))
    assert all(accuracy[*name, depth] > 0.9 for name in LEARNING for depth in range(1, 7))


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--depths", "1", "--epochs", "1", "--held-out", "0.98", "--out", str(tmp_path / "a.png")]
    assert script.main(arguments) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
