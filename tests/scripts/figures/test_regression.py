from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module", params=range(4))
def fits(script: ModuleType, request: pytest.FixtureRequest) -> dict[str, Any]:
    return script.compute(script.Options(seed=request.param))


def test_a_linear_unit_learns_the_least_squares_solution(fits: dict[str, Any]) -> None:
    fit = fits["linear"]
    X = np.hstack([np.ones_like(fit.x), fit.x])
    exact = np.linalg.solve(X.T @ X, X.T @ fit.y)[:, 0]
    unit = fit.model.layers[0]
    assert [unit.bias.value.item(), unit.weight.value.item()] == pytest.approx(exact, abs=1e-4)
    residuals = fit.y - fit.learned()
    assert residuals.mean() == pytest.approx(0, abs=1e-4)  # as the normal equations say
    assert (residuals * fit.x).mean() == pytest.approx(0, abs=1e-4)
    assert np.all(np.diff(fit.losses) < 1e-6)


def test_the_line_is_near_the_one_behind_the_points(fits: dict[str, Any], script: ModuleType) -> None:
    # standard errors of 0.8 / sqrt(100) and 0.8 / sqrt(100 * 3), four of them
    assert fits["linear"].exact == pytest.approx([script.INTERCEPT, script.SLOPE], abs=4 * script.LINE_NOISE / 10)


def test_a_net_follows_a_sine_that_no_line_can(fits: dict[str, Any], script: ModuleType) -> None:
    fit = fits["nonlinear"]
    noise = script.SINE_NOISE**2
    assert script.mean_square(fit.learned() - fit.truth) < noise / 4
    assert script.mean_square(fit.learned() - fit.y) == pytest.approx(noise, rel=0.35)
    assert script.mean_square(fit.least_squares() - fit.y) > 8 * noise


def test_the_residuals_of_a_line_through_a_sine_are_a_wave(fits: dict[str, Any]) -> None:
    """Neighbours have residuals of the same sign, and not so where the net has taken the wave away."""

    def neighbours(residuals: np.ndarray) -> float:
        return float(np.corrcoef(residuals[:-1, 0], residuals[1:, 0])[0, 1])

    fit = fits["nonlinear"]
    assert neighbours(fit.y - fit.least_squares()) > 0.75
    assert neighbours(fit.y - fit.learned()) < 0.3


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--line-epochs", "2", "--net-epochs", "2", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "nonlinear, learned" in capsys.readouterr().out
