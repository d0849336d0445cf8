"""Every check of the certificate on every loss of the library; each loss must have a case; faults are found."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl.certify import discovery
from seqrl.certify.cases import LOSSES, LossCase
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.loss_checks import LOSS_CHECKS, N, made


def test_every_loss_of_the_library_has_a_case() -> None:
    assert discovery.uncovered_losses() == []


@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("check", LOSS_CHECKS, ids=lambda check: check.measure.__name__)
def test_loss(check: Check[LossCase], case: LossCase) -> None:
    assert [str(d) for d in exceeding(check.measure(case), check.tolerance)] == []


# ---- planted faults ------------------------------------------------------------------------------------------


def squared(prediction: Any, target: Any, mask: Any = None, *, count: Any = None, fault: str = "") -> Any:
    """1/2 (prediction - target)^2 over the last axis, averaged over the places; with a fault on demand."""
    off = prediction - target
    weight = np.ones(off.shape[:-1]) if mask is None else mask.astype(np.float64)
    total = weight.sum() if count is None else count
    if fault == "mean over padding":
        total = weight.size
    if fault == "weights as booleans":
        weight = weight > 0
    if fault == "count ignored":
        total = weight.sum()
    if fault == "mean of the first axis":
        total = len(off)
    total = max(total, 1e-300)
    gradient = off * (weight / total)[..., None]
    if fault == "doubled":
        gradient = 2 * gradient
    if fault == "gradient in the padding":
        gradient = off / total
    if fault == "in place":
        prediction -= target
    if fault != "wide":
        gradient = gradient.astype(prediction.dtype)
    return float((weight * np.square(off).sum(axis=-1) / 2).sum() / total), gradient


def numbers(rng: np.random.Generator, N: int) -> Any:
    return rng.normal(size=(N, 3)), rng.normal(size=(N, 3))


def problems(loss: Callable[..., Any], inputs: Any = numbers, **options: Any) -> list[str]:
    case = LossCase(loss, inputs, options)
    return [str(d) for check in LOSS_CHECKS for d in exceeding(check.measure(case), check.tolerance)]


def test_a_right_loss_passes() -> None:
    assert problems(squared) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("doubled", "the gradient at "),
        ("mean over padding", "the loss under a mask is "),
        ("gradient in the padding", "the gradient where the mask is false at "),
        ("weights as booleans", "the loss with weights is "),
        ("count ignored", "the sum of the losses of parts is "),
        ("mean of the first axis", "the loss over (T, N) is "),
        ("in place", "the prediction, changed in place, at "),
        ("wide", "the gradient is float64, expected float32"),
    ],
)
def test_a_fault_is_found(fault: str, message: str) -> None:
    found = problems(squared, fault=fault)
    assert [problem for problem in found if problem.startswith(message)], found


def test_the_same_places_are_drawn_each_time() -> None:
    case = LossCase(squared, numbers)
    np.testing.assert_array_equal(made(case)[0], made(case)[0])
    assert len(made(case)[0]) == N
