"""Every check of the certificate on every optimizer of the library; each must have a case; faults are found."""

from typing import Any

import numpy as np
import pytest

from seqrl.certify import discovery
from seqrl.certify.cases import FULL_BATCH_OPTIMIZERS, OPTIMIZERS
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.optimizer_checks import OPTIMIZER_CHECKS, Make
from seqrl.optimizers import SGD, Adam

CASES: dict[str, Make] = {**OPTIMIZERS, **FULL_BATCH_OPTIMIZERS}


def test_every_optimizer_of_the_library_has_a_case() -> None:
    assert discovery.uncovered_optimizers() == []


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@pytest.mark.parametrize("check", OPTIMIZER_CHECKS, ids=lambda check: check.measure.__name__)
def test_optimizer(check: Check[Make], make: Make) -> None:
    assert [str(d) for d in exceeding(check.measure(make), check.tolerance)] == []


# ---- planted faults ------------------------------------------------------------------------------------------


class Forgetful(Adam):
    """Its state leaves out the second moment."""

    def load_state_dict(self, state: Any) -> None:
        super().load_state_dict(state)
        self.second[...] = 0


class Uphill(SGD):
    def update(self, scale: float) -> Any:
        before = self.packed.value.copy()
        updated = super().update(scale)
        self.packed.value[...] = before + 0.01 * (before - self.packed.value)
        return updated


class EachApart(SGD):
    """The last parameter stays."""

    def update(self, scale: float) -> Any:
        self.packed.grad[list(self.packed.slices.values())[-1]] = 0
        return super().update(scale)


class Rounded(SGD):
    """It computes with three digits when the parameters are float32."""

    def update(self, scale: float) -> Any:
        updated = super().update(scale)
        if self.packed.value.dtype == np.float32:
            self.packed.value[...] = self.packed.value.round(3)
        return updated


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda named: Forgetful(named, 0.1), "the parameters of float32 after resuming at "),
        (lambda named: Uphill(named, 0.1), "the squared error of a linear regression is "),
        (lambda named: EachApart(named, 0.1), "the parameters at "),
        (lambda named: Rounded(named, 0.1), "the parameters in float32 at "),
    ],
    ids=["Forgetful", "Uphill", "EachApart", "Rounded"],
)
def test_a_fault_is_found(make: Make, message: str) -> None:
    found = [str(d) for check in OPTIMIZER_CHECKS for d in exceeding(check.measure(make), check.tolerance)]
    assert [problem for problem in found if problem.startswith(message)], found
