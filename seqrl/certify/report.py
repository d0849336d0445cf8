"""The certificate as a table for the terminal and as a page."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence

import numpy as np

import seqrl
from seqrl import kernels
from seqrl.certify.certificate import COLUMNS, Job, Row
from seqrl.certify.parity.comparisons import references

PLURAL = {"loss": "losses"}


def table(rows: Sequence[Row]) -> str:
    """Aligned lines, one for each row, under a heading for each kind; below them what is wrong."""
    kinds = _kinds(rows)
    width = max(len(name) for kind, group in kinds for name in (kind, *(row.thing for row in group)))
    lines = []
    for kind, group in kinds:
        used = _used(group)
        lines.append("  ".join([kind.ljust(width), *(name.rjust(_width(name)) for name in used), "verdict"]))
        for row in group:
            numbers = [_number(row, name).rjust(_width(name)) for name in used]
            lines.append("  ".join([row.thing.ljust(width), *numbers, _verdict(row)]))
        lines.append("")
    return "\n".join([*lines, *problems(rows), verdict(rows)])


def _width(column: str) -> int:
    return max(len(column), len("1e-16"))


def _kinds(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each kind, under its plural."""
    kinds = dict.fromkeys(row.kind for row in rows)
    return [(PLURAL.get(kind, f"{kind}s"), [row for row in rows if row.kind == kind]) for kind in kinds]


def problems(rows: Sequence[Row]) -> list[str]:
    """A line for each thing that is wrong."""
    found = [f"{row.kind} {row.thing}: {problem}" for row in rows for problem in row.problems]
    return [*found, ""] if found else []


def verdict(rows: Sequence[Row]) -> str:
    failed = sum(not row.passed for row in rows)
    return f"{len(rows) - failed} of {len(rows)} passed" + (f", {failed} FAILED" if failed else "")


def page(rows: Sequence[Row], measured: Sequence[Job], command: str) -> str:
    """The certificate in Markdown, with the command, the versions, the seeds and the tolerances."""
    lines = [
        "# Correctness certificate",
        "",
        f"`{command}` writes this page: {verdict(rows)}, {len(measured)} measurements.",
        "",
        versions() + ".",
        "",
        "Numbers are the largest relative error over all cases of a thing: the largest difference over the largest "
        "entry of either array. Parameters, inputs and gradients are drawn with fixed seeds (0 to 4), all parameters "
        "at random: a wrong gradient of a bias hides while it is zero. PyTorch's and ONNX's numbers were recorded by "
        "the scripts in seqrl/certify/parity. A dash: does not apply.",
        "",
        "| column | what is compared | allowed |",
        "|---|---|---|",
        *(f"| {name} | {COLUMNS[name]} | {_allowed(name, measured)} |" for name in _used(rows)),
    ]
    for kind, group in _kinds(rows):
        used = _used(group)
        lines += ["", "| " + " | ".join([kind, *used, "verdict"]) + " |", "|---|" + "---:|" * len(used) + "---|"]
        lines += [
            "| " + " | ".join([row.thing, *(_number(row, name) for name in used), _verdict(row)]) + " |"
            for row in group
        ]
    return "\n".join([*lines, "", *problems(rows)]).rstrip() + "\n"


def versions() -> str:
    """What computed, and what the recorded numbers are from."""
    compiled = kernels.implementation == "compiled"
    numba = f"Numba {importlib.metadata.version('numba')}" if compiled else "readable kernels alone"
    return (
        f"seqrl {seqrl.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {numba}; "
        f"parity with {references()[1]}"
    )


def _used(rows: Sequence[Row]) -> list[str]:
    return [name for name in COLUMNS if any(name in row.errors for row in rows)]


def _verdict(row: Row) -> str:
    return "passed" if row.passed else "FAILED"


def _number(row: Row, column: str) -> str:
    error = row.errors.get(column)
    if error is None:
        return "-"
    if not np.isfinite(error):
        return "wrong"
    return f"{error:.2f}" if column == "learns" else f"{error:.0e}" if error else "0"


def _allowed(column: str, measured: Sequence[Job]) -> str:
    return " or ".join(f"{tolerance:g}" for tolerance in sorted({j.tolerance for j in measured if j.column == column}))
