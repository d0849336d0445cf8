"""Commands that compute numbers, print them as a table and draw them: what the scripts in scripts/figures share."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from seqrl import plots
from seqrl.errors import InputError, require
from seqrl.kernels.blas import one_thread
from seqrl.optimizers import NotFinite
from seqrl.training import command

Result = TypeVar("Result")


class FigureOptions(Protocol):
    """What a dataclass of options has besides the figure's own; a `seed: int` too where chance plays a part.

    Other integers are sizes and counts, 1 or more.
    """

    out: str


class Number(NamedTuple):
    """A number that a figure stands for, and the range that it belongs in."""

    name: str
    found: float
    low: float = -math.inf
    high: float = math.inf


def near(name: str, found: float, expected: float, tolerance: float) -> Number:
    return Number(name, found, expected - tolerance, expected + tolerance)


def outside(numbers: Iterable[Number]) -> list[str]:
    """What was found and what was expected, for each number outside its range; NaN is in none."""
    complaints = []
    for name, found, low, high in numbers:
        if not low <= found <= high:
            lowest = f"at least {low:.6g}" if low > -math.inf else ""
            highest = f"at most {high:.6g}" if high < math.inf else ""
            expected = " and ".join(filter(None, (lowest, highest)))
            complaints.append(f"{name} is {found:.6g}, expected {expected}")
    return complaints


def run(
    options: type[Any],
    compute: Callable[[Any], Result],
    table: Callable[[Result], Iterable[Sequence[str | float]]],
    draw: Callable[[Result], Any],
    arguments: Sequence[str] | None = None,
    numbers: Callable[[Result], Iterable[Number]] | None = None,
) -> int:
    """Parse `arguments` (default: of the process) into the dataclass `options`; compute, print the table, draw.

    `table` gives the rows, the header first; `draw` a matplotlib Figure; `numbers` those that the figure is about. They
    are looked at where all options but `seed` and `out` have their defaults, which they belong to.
    Returns the exit status: 1, after a line that says so and with the picture drawn, for a number outside its range.
    """

    def figure(given: FigureOptions) -> int:
        require("matplotlib.figure", "plots")
        _check(given)
        result = _computed(compute, given)
        print(aligned(table(result)), flush=True)
        with plots.style():
            plots.save(draw(result), given.out)
        print(f"picture: {given.out}")
        complaints = outside(numbers(result)) if numbers and _by_default(given) else []
        if complaints:
            print(f"{os.path.basename(sys.argv[0])}: {'; '.join(complaints)}", file=sys.stderr)
        return 1 if complaints else 0

    return command.run(figure, options, arguments)


def aligned(rows: Iterable[Sequence[str | float]]) -> str:
    """A table as text: the first row is the header, the first column leans left, numbers have 4 digits."""
    cells = [[cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row] for row in rows]
    first, *widths = [max(map(len, column)) for column in zip_longest(*cells, fillvalue="")]
    return "\n".join("  ".join([row[0].ljust(first), *map(str.rjust, row[1:], widths)]) for row in cells)


def _computed(compute: Callable[[FigureOptions], Result], options: FigureOptions) -> Result:
    try:
        with one_thread(), np.errstate(over="ignore", invalid="ignore"):
            return compute(options)
    except NotFinite as error:
        raise InputError(f"{error}: the options let training diverge; expected a lower learning rate") from None


def _by_default(options: Any) -> bool:
    settings = (field for field in dataclasses.fields(options) if field.name not in ("seed", "out"))
    return all(getattr(options, field.name) == field.default for field in settings)


def _check(options: FigureOptions) -> None:
    """Refuse what would fail only after everything is computed, and sizes of nothing."""
    for name, value in vars(options).items():
        option, lowest = f"--{name.replace('_', '-')}", 0 if name == "seed" else 1
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and number < lowest:
                raise InputError(f"{option} is {number}; expected {lowest} or more")
    out = Path(options.out)
    if out.suffix != ".png":
        raise InputError(f"--out is {options.out}; expected a name that ends in .png")
    if not out.parent.is_dir():
        raise InputError(f"--out is {options.out}; there is no folder {out.parent}")
