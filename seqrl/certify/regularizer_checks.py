"""The checks of a penalty on weights, each a function of the penalty that returns what it measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqrl.certify.check import CENTRAL_DIFFERENCES, EXACT, SINGLE_PRECISION, Check
from seqrl.certify.differences import Difference, Differences, compare, identical
from seqrl.gradient_check import DIFFERENCES, numerical_gradient
from seqrl.parameter import Parameter
from seqrl.regularizers import Penalty, penalize


def weights() -> Any:
    return np.random.default_rng(0).normal(size=(3, 5))


def gradient_by_differences(penalty: Penalty) -> Differences:
    value = weights()
    gradient = penalty(value)[1]
    return [compare("the gradient", gradient, numerical_gradient(lambda: penalty(value)[0], value), DIFFERENCES)]


def added_to_weights(penalty: Penalty) -> Differences:
    """`penalize` adds the penalty's gradient to that of weights, not of biases, and changes no value."""
    weight, bias = Parameter(weights(), "float64"), Parameter(weights()[0], "float64")
    amount, gradient = penalty(weights())
    found = []
    for times in (1, 2):
        total = penalize([("weight", weight), ("bias", bias)], penalty)
        found.append(compare("the penalty", total, amount))
        found.append(compare(f"the gradient of the weight after {times} calls", weight.grad, times * gradient))
    found.append(identical("the gradient of the bias", bias.grad, 0 * bias.grad))
    return [*found, identical("the weight", weight.value, weights())]


def single_precision(penalty: Penalty) -> Differences:
    """float32 stays float32, and agrees with float64 to its precision."""
    (amount, gradient), (wide, wide_gradient) = penalty(weights().astype(np.float32)), penalty(weights())
    found = [
        compare("the penalty in float32", amount, wide),
        compare("the gradient in float32", gradient, wide_gradient),
    ]
    if gradient.dtype != np.float32:
        found.append(Difference("the gradient", np.inf, f"is {gradient.dtype}, expected float32"))
    return found


REGULARIZER_CHECKS: list[Check[Penalty]] = [
    Check("gradients", CENTRAL_DIFFERENCES, gradient_by_differences),
    Check("uses", EXACT, added_to_weights),
    Check("float32", SINGLE_PRECISION, single_precision),
]
