from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module", params=[0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def result(script: ModuleType, request: pytest.FixtureRequest) -> Any:
    return script.compute(script.Options(draws=3, seed=request.param))


def test_least_squares_peaks_where_there_are_as_many_features_as_examples(result: Any, script: ModuleType) -> None:
    fits = result.fits["random features"]
    peak = max(fits, key=lambda fit: fit.test)
    assert peak.weights == script.EXAMPLES
    assert peak.norm == max(fit.norm for fit in fits)
    assert peak.test > 20 * min(fit.test for fit in fits if fit.weights < peak.weights)
    assert peak.test > 20 * fits[-1].test


def test_the_test_error_of_least_squares_goes_down_up_and_down(result: Any, script: ModuleType) -> None:
    fits = result.fits["random features"]
    below = [fit.test for fit in fits if fit.weights < script.EXAMPLES]
    above = [fit.test for fit in fits if fit.weights > script.EXAMPLES]
    best = int(np.argmin(below))
    assert 0 < best < len(below) - 1
    assert below[0] > 2 * below[best] and below[-1] > 5 * below[best]
    assert above[-1] == pytest.approx(below[best], rel=0.7)
    assert above[-1] < above[0] / 5


def test_trained_nets_peak_near_as_many_weights_as_examples_and_come_down(result: Any, script: ModuleType) -> None:
    fits = result.fits["trained net"]
    peak = max(fits, key=lambda fit: fit.test)
    assert 0.7 < peak.weights / script.EXAMPLES < 1.3
    assert peak.test > 2.5 * fits[-1].test
    assert peak.test > 5 * fits[0].test


def test_beyond_as_many_weights_as_examples_training_points_are_met(result: Any, script: ModuleType) -> None:
    for fits in result.fits.values():
        for fit in fits:
            if fit.weights > 1.2 * script.EXAMPLES:
                assert fit.training < 1e-8
            if fit.weights < 0.7 * script.EXAMPLES:
                assert fit.training > 1e-3


def test_the_curve_through_every_point_is_wild_with_just_enough_features(result: Any, script: ModuleType) -> None:
    error = {count: np.mean((curve - script.truth(result.grid)) ** 2) for count, curve in result.curves.items()}
    few, enough, many = script.SHOWN
    assert error[enough] > 5 * error[few]
    assert error[enough] > 20 * error[many]


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "MODELS", {"random features": (5, 200), "trained net": (1, 40)})
    assert script.main(["--draws", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "trained net" in capsys.readouterr().out
