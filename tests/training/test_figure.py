"""Commands that draw a figure."""

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


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seed", "-1"], "--seed is -1; expected 0 or more"),
        (["--points", "0"], "--points is 0; expected 1 or more"),
        (["--at"], "--at got no values; expected one or more"),
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
