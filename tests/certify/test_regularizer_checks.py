"""Every check of the certificate on every penalty of the library; each must have a case; faults are found."""

from typing import Any

import numpy as np
import pytest

from seqrl.certify import discovery
from seqrl.certify.cases import REGULARIZERS
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.regularizer_checks import REGULARIZER_CHECKS
from seqrl.regularizers import Penalty


def test_every_penalty_of_the_library_has_a_case() -> None:
    assert discovery.uncovered_regularizers() == []


@pytest.mark.parametrize("penalty", REGULARIZERS.values(), ids=REGULARIZERS)
@pytest.mark.parametrize("check", REGULARIZER_CHECKS, ids=lambda check: check.measure.__name__)
def test_regularizer(check: Check[Penalty], penalty: Penalty) -> None:
    assert [str(d) for d in exceeding(check.measure(penalty), check.tolerance)] == []


def doubled(value: Any) -> Any:
    return np.square(value).sum() / 2, 2 * value


def in_place(value: Any) -> Any:
    value *= 0.5
    return np.square(value).sum() * 2, 2 * value


def wide(value: Any) -> Any:
    return np.square(value).sum() / 2, value.astype(np.float64)


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (doubled, "the gradient at "),
        (in_place, "the weight at "),
        (wide, "the gradient is float64, expected float32"),
    ],
)
def test_a_fault_is_found(penalty: Penalty, message: str) -> None:
    found = [str(d) for check in REGULARIZER_CHECKS for d in exceeding(check.measure(penalty), check.tolerance)]
    assert [problem for problem in found if problem.startswith(message)], found
