"""Every check of the certificate on every optimizer of the library; each optimizer must have a case."""

import pytest

from seqrl.certify import discovery
from seqrl.certify.cases import FULL_BATCH_OPTIMIZERS, OPTIMIZERS
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.optimizer_checks import OPTIMIZER_CHECKS, Make

CASES: dict[str, Make] = {**OPTIMIZERS, **FULL_BATCH_OPTIMIZERS}


def test_every_optimizer_of_the_library_has_a_case() -> None:
    assert discovery.uncovered_optimizers() == []


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@pytest.mark.parametrize("check", OPTIMIZER_CHECKS, ids=lambda check: check.measure.__name__)
def test_optimizer(check: Check[Make], make: Make) -> None:
    assert [str(d) for d in exceeding(check.measure(make), check.tolerance)] == []
