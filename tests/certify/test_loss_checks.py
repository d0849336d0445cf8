"""Every check of the certificate on every loss of the library; each loss must have a case."""

import pytest

from seqrl.certify import discovery
from seqrl.certify.cases import LOSSES, LossCase
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.loss_checks import LOSS_CHECKS


def test_every_loss_of_the_library_has_a_case() -> None:
    assert discovery.uncovered_losses() == []


@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("check", LOSS_CHECKS, ids=lambda check: check.measure.__name__)
def test_loss(check: Check[LossCase], case: LossCase) -> None:
    assert [str(d) for d in exceeding(check.measure(case), check.tolerance)] == []
