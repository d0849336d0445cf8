"""Commands that compute numbers, print them as a table and draw them: what the scripts in scripts/figures share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol, TypeVar

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


def run(
    options: type[Any],
    compute: Callable[[Any], Result],
    table: Callable[[Result], Iterable[Sequence[str | float]]],
    draw: Callable[[Result], Any],
    arguments: Sequence[str] | None = None,
) -> int:
    """Parse `arguments` (default: of the process) into the dataclass `options`; compute, print the table, draw.

    `table` gives the rows, the header first; `draw` a matplotlib Figure. Returns the exit status.
    """

    def figure(given: FigureOptions) -> int:
        require("matplotlib.figure", "plots")
        _check(given)
        result = _computed(compute, given)
        print(aligned(table(result)), flush=True)
        with plots.style():
            plots.save(draw(result), given.out)
        print(f"picture: {given.out}")
        return 0

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


def _check(options: FigureOptions) -> None:
    """Refuse what would fail only after everything is computed, and sizes of nothing."""
    for name, value in vars(options).items():
        option, lowest = f"--{name.replace('_', '-')}", 0 if name == "seed" else 1
        if value == ():
            raise InputError(f"{option} got no values; expected one or more")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and number < lowest:
                raise InputError(f"{option} is {number}; expected {lowest} or more")
    out = Path(options.out)
    if out.suffix != ".png":
        raise InputError(f"--out is {options.out}; expected a name that ends in .png")
    if not out.parent.is_dir():
        raise InputError(f"--out is {options.out}; there is no folder {out.parent}")
