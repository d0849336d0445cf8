"""The U of capacity: what too few units, too many, and a penalty do to the accuracy on unseen points."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SEEDS = range(3)
Accuracies = list[dict[tuple[int, float], float]]  # a seed each, by (units, strength)


@pytest.fixture(scope="module")
def fits(script: ModuleType) -> list[list[Any]]:
    return [script.compute(script.Options(seed=seed)).fits for seed in SEEDS]


@pytest.fixture(scope="module")
def training(fits: list[list[Any]]) -> Accuracies:
    return [{(fit.units, fit.strength): fit.training for fit in some} for some in fits]


@pytest.fixture(scope="module")
def test(fits: list[list[Any]]) -> Accuracies:
    return [{(fit.units, fit.strength): fit.test for fit in some} for some in fits]


def test_one_unit_draws_a_straight_line_and_32_get_every_training_point(training: Accuracies) -> None:
    for accuracy in training:
        assert 0.8 < accuracy[1, 0] < 0.95
        assert accuracy[32, 0] == 1


def test_a_stronger_penalty_gives_up_training_points(training: Accuracies) -> None:
    for accuracy in training:
        by_strength = [value for (units, _), value in sorted(accuracy.items()) if units == 32]
        assert by_strength == sorted(by_strength, reverse=True)
        assert by_strength[-1] < 0.9


def test_a_middling_penalty_is_best_on_unseen_points(test: Accuracies) -> None:
    for accuracy in test:
        assert accuracy[32, 0.01] > 0.89
        assert accuracy[32, 0.01] > accuracy[32, 0.1] + 0.03  # too strong: a straight line again
        assert accuracy[32, 0.01] > accuracy[1, 0] + 0.03
    gains = [accuracy[32, 0.01] - accuracy[32, 0] for accuracy in test]
    assert min(gains) > -0.01  # too weak: the noise is learned, where there is much of it
    assert np.mean(gains) > 0.015


def test_moons_lie_around_half_circles_that_meet(script: ModuleType, rng: np.random.Generator) -> None:
    x, label = script.moons(4000, rng)
    assert x.shape == (4000, 2)
    assert np.bincount(label).tolist() == [2000, 2000]
    centre = np.where(label[:, None] == 0, [0, 0], [1, 0.5])
    radius = np.linalg.norm(x - centre, axis=1)
    assert radius.mean() == pytest.approx(1, abs=0.06)  # the noise across adds about 0.3^2 / 2
    assert x[label == 0, 1].mean() == pytest.approx(2 / np.pi, abs=0.05)
    assert x[label == 1, 1].mean() == pytest.approx(0.5 - 2 / np.pi, abs=0.05)


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--steps", "2", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
