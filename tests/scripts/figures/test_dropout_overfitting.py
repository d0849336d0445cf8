"""How far held-out digits fall behind training digits, with and without dropout."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

Curves = dict[str, Any]


def last(curves: Curves, name: str, part: str, metric: str) -> float:
    """The mean over the last ten epochs."""
    return float(np.mean(curves[name][part][metric][-10:]))


def check_overfitting(curves: Curves) -> None:
    """Without dropout everything is learned by heart, wrong labels too, and held-out digits lose by it."""
    held_out = curves["without dropout"]["held out"]
    assert last(curves, "without dropout", "training", "accuracy") == 1
    assert max(held_out["accuracy"]) > last(curves, "without dropout", "held out", "accuracy") + 0.01
    assert last(curves, "without dropout", "held out", "loss") > min(held_out["loss"]) + 0.1


def check_gain(curves: Curves) -> None:
    """With dropout the gap is smaller, and not because less is known of held-out digits."""
    gap = {name: last(curves, name, "held out", "loss") - last(curves, name, "training", "loss") for name in curves}
    assert gap["with dropout"] < 0.8 * gap["without dropout"]
    gain = last(curves, "with dropout", "held out", "accuracy") - last(
        curves, "without dropout", "held out", "accuracy"
    )
    assert gain > 0.02
    assert max(curves["with dropout"]["held out"]["accuracy"]) > max(curves["without dropout"]["held out"]["accuracy"])


@pytest.fixture(scope="module")
def curves(script: ModuleType) -> Curves:
    """Of a third of the epochs."""
    found: Curves = script.compute(script.Options(epochs=50))
    return found


def test_without_dropout_the_net_overfits(curves: Curves) -> None:
    check_overfitting(curves)


def test_dropout_narrows_the_gap(curves: Curves) -> None:
    check_gain(curves)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_whole_training_by_several_seeds(script: ModuleType, seed: int) -> None:
    curves = script.compute(script.Options(seed=seed))
    check_overfitting(curves)
    check_gain(curves)


def test_the_same_seed_gives_the_same_numbers(script: ModuleType) -> None:
    options = script.Options(epochs=2, seed=5)
    assert script.compute(options) == script.compute(options)


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--epochs", "2", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
