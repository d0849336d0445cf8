"""The certificate: every check of every case, and a row for each thing in the library."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.certify import discovery
from seqrl.certify.agent_cases import agent_layers, objective_name, objectives
from seqrl.certify.agent_checks import OBJECTIVE_CHECKS
from seqrl.certify.cases import FULL_BATCH_OPTIMIZERS, LAYERS, LOSSES, OPTIMIZERS, REGULARIZERS, name_of
from seqrl.certify.check import CENTRAL_DIFFERENCES, Check
from seqrl.certify.differences import Differences, exceeding
from seqrl.certify.kernel_cases import KERNELS, TOLERANCE, differences, window_gradients
from seqrl.certify.layer_checks import LAYER_CHECKS
from seqrl.certify.loss_checks import LOSS_CHECKS
from seqrl.certify.optimizer_checks import OPTIMIZER_CHECKS
from seqrl.certify.parity import comparisons
from seqrl.certify.regularizer_checks import REGULARIZER_CHECKS
from seqrl.models.word2vec import ARCHITECTURES
from seqrl.parameter import Parameter

# Column: what its number is. All are the largest relative error but that of `learns`.
COLUMNS = {
    "gradients": "every gradient (parameters, inputs, initial states) beside central differences, in float64",
    "batch": "a batch beside its examples one by one; of a loss, the whole beside its parts",
    "padded": "padded sequences beside each one alone; masks of losses beside the real places alone",
    "chunks": "a sequence in chunks with the state carried on beside the whole",
    "uses": "two uses of one layer, two backward calls, nothing changed in place; an optimizer resumed",
    "inference": "inference beside training, changing nothing; dropout's mean; weights saved and loaded",
    "float32": "float32 beside float64",
    "arrays": "strided, read-only, empty and int32 arrays beside plain ones; agents' losses refuse (B, 1) for (B,)",
    "learns": "squared error after a short training, 1 being that of the best constant prediction",
    "compiled": "the compiled kernel beside the readable one, in float64",
    "parity": "beside the numbers that PyTorch, or ONNX, recorded, in float64",
}
# What no row of a kind may lack.
REQUIRED = {
    "layer": ("gradients", "uses", "inference", "float32"),
    "loss": ("gradients", "batch", "padded", "uses", "float32"),
    "objective": ("gradients", "batch", "uses", "arrays", "float32"),  # a loss of an agent
    "optimizer": ("uses", "float32", "learns", "parity"),
    "regularizer": ("gradients", "uses", "float32"),
    "kernel": ("compiled", "float32"),
}
SHOWN = 3  # differences of one check that are spelled out


class Job(NamedTuple):
    """One measurement, for one row and one column of the table."""

    kind: str  # a key of REQUIRED
    thing: str  # its name in the library
    case: str
    column: str
    tolerance: float
    measure: Callable[[], Differences | None]


@dataclass
class Row:
    kind: str
    thing: str
    errors: dict[str, float] = field(default_factory=dict)  # the largest of each column
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.problems


def jobs() -> list[Job]:
    """Everything that is to be measured."""
    found = [*_of("layer", LAYERS | agent_layers(), LAYER_CHECKS, lambda name, case: name_of(case))]
    found += _of("loss", LOSSES, LOSS_CHECKS, lambda name, case: case.loss.__name__)
    found += _of("objective", objectives(), OBJECTIVE_CHECKS, lambda name, case: objective_name(case))
    rules = OPTIMIZERS | FULL_BATCH_OPTIMIZERS
    found += _of(
        "optimizer", rules, OPTIMIZER_CHECKS, lambda name, make: type(make([("p", Parameter([0.0]))])).__name__
    )
    found += _of("regularizer", REGULARIZERS, REGULARIZER_CHECKS, lambda name, penalty: name.partition(",")[0])
    kinds = {job.thing: job.kind for job in found}
    for name, parity in comparisons.PARITY.items():
        for dtype, column in ("float64", "parity"), ("float32", "float32"):
            tolerance = comparisons.TOLERANCE[dtype]
            measure = _bound(comparisons.measure, name, dtype)
            found.append(Job(kinds[parity.of], parity.of, name, column, tolerance, measure))
    return found + _kernels()


def _of(kind: str, cases: dict[str, Any], checks: list[Check[Any]], thing: Callable[[str, Any], str]) -> Iterator[Job]:
    for name, case in cases.items():
        for check in checks:
            yield Job(kind, thing(name, case), name, check.column, check.tolerance, _bound(check.measure, case))


def _bound(measure: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: measure(*arguments)


def _kernels() -> list[Job]:
    """None where the compiled kernels can't run (see `seqrl.kernels`)."""
    if kernels.implementation == "reference":
        return []
    compiled = kernels.load("compiled")
    found = []
    for name, cases in KERNELS.items():
        for arguments, large in itertools.product(cases, (False, True)):
            for dtype, column in ("float64", "compiled"), ("float32", "float32"):

                def measure(
                    name: str = name, arguments: Any = arguments, dtype: str = dtype, large: bool = large
                ) -> Differences:
                    return differences(name, arguments(np.random.default_rng(0), dtype, large), compiled[name])

                case = f"{'large' if large else 'small'} arrays"
                found.append(Job("kernel", name, case, column, TOLERANCE[dtype], measure))
    for architecture, cbow in ARCHITECTURES.items():  # the kernel that moves against a gradient of its own
        gradients = _bound(window_gradients, cbow)
        found.append(Job("kernel", "learn_windows", architecture, "gradients", CENTRAL_DIFFERENCES, gradients))
    return found


def certify(measurements: Iterable[Job]) -> list[Row]:
    """Run them; a row for each thing, in the order of their first measurement."""
    rows: dict[tuple[str, str], Row] = {}
    for job in measurements:
        row = rows.setdefault((job.kind, job.thing), Row(job.kind, job.thing))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = job.measure()
        except Exception as error:  # whatever it raises is what is wrong with it
            found = None
            row.errors[job.column] = np.inf
            row.problems.append(f"{job.case}, {job.column}: {type(error).__name__}: {error}")
        if found:
            row.errors[job.column] = max(row.errors.get(job.column, 0.0), *(d.error for d in found))
            wrong = list({difference.what: difference for difference in exceeding(found, job.tolerance)}.values())
            row.problems += [f"{job.case}, {job.column}: {difference}" for difference in wrong[:SHOWN]]
            if wrong[SHOWN:]:
                row.problems.append(f"{job.case}, {job.column}: and {len(wrong) - SHOWN} more like these")
    return list(rows.values())


def complete(rows: list[Row]) -> list[Row]:
    """The rows, with a problem in each that lacks a measurement, and one more for each thing that no case names."""
    for row in rows:
        row.problems += [f"not covered: no {name}" for name in REQUIRED[row.kind] if name not in row.errors]
    named = [name.split() for name in discovery.uncovered()]
    why = {"module": "not covered: it can't be imported"}
    return rows + [Row(kind, thing, problems=[why.get(kind, "not covered: no case names it")]) for kind, thing in named]
