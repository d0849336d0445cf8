"""The ways down the valley, by closed forms where there are any."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

Paths = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def paths(script: ModuleType) -> Paths:
    found: Paths = script.compute(script.Options())
    return found


@pytest.fixture(scope="module")
def final(script: ModuleType, paths: Paths) -> dict[str, float]:
    """f where each ends."""
    return {name: float(script.height(points[-1])) for name, points in paths.items()}


def crossings(points: np.ndarray) -> int:
    """How often a path crosses the bottom of the valley, y = 0."""
    return int((np.diff(np.sign(points[:, 1])) != 0).sum())


def test_every_path_starts_at_the_same_point_and_goes_down(paths: Paths, final: dict[str, float]) -> None:
    for name, points in paths.items():
        assert points.shape == (31, 2)
        assert points[0].tolist() == [-7, 2]
        assert final[name] < 0.15, name  # from 6.45


def test_gradient_descent_zigzags_by_its_closed_form(paths: Paths) -> None:
    t = np.arange(31)
    assert np.allclose(paths["SGD"][:, 0], -7 * (1 - 0.95 / 10) ** t, rtol=1e-9)
    assert np.allclose(paths["SGD"][:, 1], 2 * (1 - 0.95 * 2) ** t, rtol=1e-9)
    assert crossings(paths["SGD"]) == 30


def test_momentum_swings_and_overshoots_and_nesterov_less(paths: Paths) -> None:
    momentum, nesterov = paths["momentum"], paths["Nesterov"]
    assert 3 <= crossings(momentum) <= 6
    assert nesterov[:, 1].min() > 0.7 * momentum[:, 1].min()  # the first swing to the other side
    assert momentum[:, 0].max() > nesterov[:, 0].max() > 0.5  # beyond the minimum
    assert abs(nesterov[-1, 1]) < 0.01 < abs(momentum[-1, 1])


@pytest.mark.parametrize("name", ["Adagrad", "Adadelta", "RMSprop"])
def test_those_that_scale_each_coordinate_do_not_zigzag(paths: Paths, name: str) -> None:
    assert np.all(np.diff(paths[name][:, 0]) > 0)
    assert np.all(np.diff(np.abs(paths[name][:, 1])) <= 0)
    assert paths[name][:, 0].max() < 0


def test_adagrad_by_its_closed_form_for_two_steps(paths: Paths) -> None:
    # the first step is the learning rate in both coordinates, whatever the slope
    first = np.array([-7 + 1.5, 2 - 1.5])
    slopes = np.array([[-0.7, 4], [-0.55, 1]])
    second = first - 1.5 * slopes[1] / np.sqrt((slopes**2).sum(axis=0))
    assert np.allclose(paths["Adagrad"][1:3], [first, second], rtol=1e-6)


def test_adam_takes_one_wide_turn(paths: Paths) -> None:
    assert np.allclose(paths["Adam"][1], [-6.7, 1.7], rtol=1e-6)  # the first step is the learning rate too
    assert crossings(paths["Adam"]) == 2


def test_l_bfgs_arrives_in_a_few_steps(script: ModuleType, paths: Paths) -> None:
    assert script.height(paths["L-BFGS"][8]) < 1e-10


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--steps", "3", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
