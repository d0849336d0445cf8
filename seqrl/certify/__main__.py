"""The correctness certificate of seqrl, or of a layer of your own: `python -m seqrl.certify my_module:MyLayer`.

Exit status: 0 when all is right, 1 when something is wrong or not covered, 2 when the request can't be met.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro
from tqdm import tqdm

from seqrl import files
from seqrl.certify import own, report
from seqrl.certify.certificate import Job, Row, certify, complete, jobs
from seqrl.errors import InputError
from seqrl.training import command

COMMAND = "python -m seqrl.certify"


@dataclass(frozen=True)
class Options:
    layer: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[MODULE:LAYER]")] = ""
    """A layer of your own, 'my_module:MyLayer(3, 4, hidden=2)': a class with its arguments, a function or an object."""
    input: str = ""
    """Shape of your layer's input, as in 5,3. Default: what your layer takes of a few common ones."""
    integers: int = 0
    """Your layer takes ids below this number instead of real numbers."""
    batch_axis: str = ""
    """Axis of the examples in the input, or none. Default: 1 in sequences (T, N, D) and ids (T, N), otherwise 0."""
    write: bool = False
    """Also write the certificate of seqrl as a page."""
    path: str = "docs/certificate.md"
    """Where to."""


def run(options: Options) -> int:
    if options.layer:
        if options.write:
            raise InputError("--write is for the certificate of seqrl, not for a layer of your own")
        return show(with_progress(own.jobs(options.layer, options.input, options.integers, options.batch_axis)))
    if options.input or options.integers or options.batch_axis:
        raise InputError("--input, --integers and --batch-axis are for a layer of your own: MODULE:LAYER")
    measured = jobs()
    rows = complete(with_progress(measured))
    status = show(rows)
    print(report.versions())
    if options.write:
        files.write(options.path, report.page(rows, measured, f"{COMMAND} --write"))
        print(f"written: {options.path}")
    return status


def with_progress(measured: Sequence[Job]) -> list[Row]:
    """Nothing is drawn where standard error is no terminal."""
    return certify(tqdm(measured, desc="certify", unit="check", leave=False, disable=None))


def show(rows: list[Row]) -> int:
    print(report.table(rows))
    return 0 if all(row.passed for row in rows) else 1


def main(arguments: list[str] | None = None) -> int:
    return command.run(run, Options, arguments)


if __name__ == "__main__":
    sys.argv[0] = COMMAND
    sys.exit(main())
