"""Commands that draw a figure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl import plots
from seqrl.optimizers import NotFinite
from seqrl.training import figure

pytest.importorskip("matplotlib")


@dataclass(frozen=True)
class Options:
    points: int = 3
    at: tuple[int, ...] = (1,)
    seed: int = 0
    out: str = "figure.png"


def compute(options: Options) -> list[int]:
    return [options.seed + k**2 for k in range(options.points)]


def table(squares: list[int]) -> Iterator[list[str | float]]:
    yield ["k", "square"]
    yield from ([str(k), square] for k, square in enumerate(squares))


def draw(squares: list[int]) -> Any:
    picture, axes = plots.panels((4, 3))
    axes.plot(squares)
    return picture


def never(options: Options) -> list[int]:
    raise AssertionError("computed before the options were looked at")


def test_the_table_is_printed_and_the_picture_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "squares.png")
    assert figure.run(Options, compute, table, draw, ["--points", "5", "--seed", "7", "--out", out]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["k  square", "0       7", "1       8", "2      11", "3      16", "4      23", f"picture: {out}"]
    assert Path(out).read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_picture(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert figure.run(Options, compute, table, draw, ["--out", str(tmp_path / f"{name}.png")]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def numbers(squares: list[int]) -> Iterator[figure.Number]:
    yield figure.near("the mean", float(np.mean(squares)), 1.7, 0.1)
    yield figure.Number("the lowest", min(squares), 0)
    yield figure.Number("the highest", max(squares), high=4)


def test_numbers_in_their_ranges_need_no_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert figure.run(Options, compute, table, draw, ["--out", str(tmp_path / "a.png")], numbers) == 0
    assert capsys.readouterr().err == ""


def test_numbers_outside_their_ranges_are_said_in_one_line_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.png"
    assert figure.run(Options, compute, table, draw, ["--seed", "2", "--out", str(out)], numbers) == 1
    [line] = capsys.readouterr().err.splitlines()
    said = "the mean is 3.66667, expected at least 1.6 and at most 1.8; the highest is 6, expected at most 4"
    assert line.endswith(f": {said}")
    assert out.exists()


def test_numbers_of_other_settings_have_no_ranges(tmp_path: Path) -> None:
    arguments = ["--points", "9", "--out", str(tmp_path / "a.png")]
    assert figure.run(Options, compute, table, draw, arguments, numbers) == 0


def test_nothing_is_in_no_range() -> None:
    assert figure.outside([figure.Number("x", math.nan, low=1)]) == ["x is nan, expected at least 1"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seed", "-1"], "--seed is -1; expected 0 or more"),
        (["--points", "0"], "--points is 0; expected 1 or more"),
        (["--at"], "--at is given without a value"),
        (["--at", "3", "-2"], "--at is -2; expected 1 or more"),
        (["--out", "figure.pdf"], "--out is figure.pdf; expected a name that ends in .png"),
        (["--out", "missing/figure.png"], "--out is missing/figure.png; there is no folder missing"),
        (["--pionts", "3"], "unknown option '--pionts' (did you mean '--points'?)"),
    ],
)
def test_bad_options_are_refused_before_anything_is_computed(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert figure.run(Options, never, table, draw, arguments) == 2
    assert complaint in capsys.readouterr().err


def test_training_that_diverges_is_said_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def diverge(options: Options) -> list[int]:
        assert np.exp(np.float32(1000)) == np.inf  # no warning before the line
        raise NotFinite("the gradient of 'weight' is not finite")

    assert figure.run(Options, diverge, table, draw, ["--out", str(tmp_path / "a.png")]) == 2
    assert capsys.readouterr().err.endswith(
        "the gradient of 'weight' is not finite: the options let training diverge; expected a lower learning rate\n"
    )


def test_the_look_of_figures_is_put_back() -> None:
    import matplotlib

    before = [matplotlib.rcParams[name] for name in plots.STYLE]
    with plots.style():
        assert not matplotlib.rcParams["axes.spines.top"]
    assert [matplotlib.rcParams[name] for name in plots.STYLE] == before


def test_columns_of_numbers_lean_right() -> None:
    assert figure.aligned([["start", "accuracy"], ["He", 0.98765], ["small", 1e-9]]) == (
        "start  accuracy\nHe       0.9877\nsmall     1e-09"
    )
