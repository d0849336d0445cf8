from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module", params=range(3))
def error(script: ModuleType, request: pytest.FixtureRequest) -> dict[int, float]:
    """The largest error by the number of hidden units."""
    fits = script.compute(script.Options(starts=3, iterations=500, seed=request.param))
    return {width: fit.errors[0] for width, fit in fits.items()}


def test_a_unit_or_two_cannot_follow_the_function(error: dict[int, float]) -> None:
    assert error[1] > 1.2 and error[2] > 1.2


def test_the_largest_error_falls_as_units_grow(error: dict[int, float]) -> None:
    assert error[4] < 0.7 * error[1]
    assert error[16] < 0.4 * error[4]
    assert error[64] < 0.6 * error[16]


def test_many_units_come_near_everywhere(error: dict[int, float]) -> None:
    assert error[64] < 0.05


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.png"
    assert script.main(["--starts", "1", "--iterations", "2", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert "hidden units" in capsys.readouterr().out
