"""The checks of a loss, each a function of its case that returns what it measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqrl.certify.cases import LossCase
from seqrl.certify.check import CENTRAL_DIFFERENCES, EXACT, SINGLE_PRECISION, Check
from seqrl.certify.differences import Difference, Differences, compare, identical
from seqrl.gradient_check import DIFFERENCES, numerical_gradient

N = 6
PICKED = np.array([True, False, True, True, False, True])
WEIGHTS = np.array([0.5, 0.0, 2.0, 1.0, 0.25, 3.0])


def made(case: LossCase, N: int = N) -> tuple[Any, Any]:
    prediction, target = case.inputs(np.random.default_rng(0), N)
    return prediction, target


def mask_of(case: LossCase, prediction: Any, of_examples: Any) -> Any:
    """One value for each example as a mask: of the shape of the prediction, or without its last axis."""
    shape = prediction.shape if case.elementwise else prediction.shape[:-1]
    return np.broadcast_to(of_examples.reshape(-1, *[1] * (len(shape) - 1)), shape).copy()


def compute(case: LossCase, prediction: Any, target: Any, mask: Any = None, count: Any = None) -> tuple[Any, Any]:
    return case.loss(prediction, target, mask, count=count, **case.options)


def gradient_by_differences(case: LossCase) -> Differences:
    """The gradient is that of central differences: for one example, for several, and under masks."""
    found = []
    for examples, of_examples in (1, None), (N, None), (N, PICKED), (N, WEIGHTS):
        prediction, target = made(case, examples)
        mask = None if of_examples is None else mask_of(case, prediction, of_examples)
        _, gradient = compute(case, prediction, target, mask)

        def value(p: Any = prediction, t: Any = target, m: Any = mask) -> float:
            return float(compute(case, p, t, m)[0])

        masked = "" if mask is None else f" under a mask of {mask.dtype}"
        found.append(compare(f"the gradient{masked}", gradient, numerical_gradient(value, prediction), DIFFERENCES))
    return found


def masked_is_picked(case: LossCase) -> Differences:
    """Under a mask the mean is over the real places only, and the others get no gradient."""
    prediction, target = made(case)
    mask = mask_of(case, prediction, PICKED)
    value, gradient = compute(case, prediction, target, mask)
    wanted, wanted_gradient = compute(case, prediction[PICKED], target[PICKED])
    found = [
        compare("the loss under a mask", value, wanted, "of the real places alone"),
        compare("the gradient under a mask", gradient[PICKED], wanted_gradient, "of the real places alone"),
        identical("the gradient where the mask is false", gradient[~PICKED], 0 * gradient[~PICKED], "expected"),
    ]
    wild = prediction.copy()
    wild[~PICKED] = prediction[PICKED][:1]
    found.append(compare("the loss with other padding", compute(case, wild, target, mask)[0], value))
    whole = mask_of(case, prediction, np.ones(N, bool))
    found.append(compare("the loss under a mask of ones", compute(case, prediction, target, whole)[0], _mean(case)))
    nothing, gradient = compute(case, prediction, target, ~whole)
    found.append(compare("the loss where all is masked", nothing, 0.0))
    return [*found, identical("the gradient where all is masked", gradient, 0 * prediction, "expected")]


def _mean(case: LossCase) -> Any:
    return compute(case, *made(case))[0]


def weight_two_is_twice(case: LossCase) -> Differences:
    """The weight 2 counts an example twice, the weight 0 not at all."""
    prediction, target = made(case)
    times = np.array([1, 2, 0, 1, 3, 1])
    repeated = np.repeat(np.arange(N), times)
    value, gradient = compute(case, prediction, target, mask_of(case, prediction, times.astype(np.float64)))
    wanted, wanted_gradient = compute(case, prediction[repeated], target[repeated])
    summed = np.zeros_like(prediction)
    np.add.at(summed, repeated, wanted_gradient)
    return [
        compare("the loss with weights", value, wanted, "with repeated examples"),
        compare("the gradient with weights", gradient, summed, "with repeated examples"),
    ]


def parts_add_up(case: LossCase) -> Differences:
    """With `count` the losses of a batch's parts, times their share, give the whole; one by one or two by two."""
    prediction, target = made(case)
    places = mask_of(case, prediction, np.ones(N)).size
    value, gradient = compute(case, prediction, target)
    found = []
    for size in (1, 2):
        parts = [slice(start, start + size) for start in range(0, N, size)]
        computed = [compute(case, prediction[part], target[part], count=places) for part in parts]
        found.append(compare("the sum of the losses of parts", sum(v for v, _ in computed), value))
        found.append(compare("the gradients of parts", np.concatenate([g for _, g in computed]), gradient))
    return found


def any_leading_axes(case: LossCase) -> Differences:
    """Places over two axes (T, N) give what they give in one."""
    prediction, target = made(case)
    value, gradient = compute(case, prediction, target)
    folded = prediction.reshape(2, N // 2, *prediction.shape[1:]), target.reshape(2, N // 2, *target.shape[1:])
    value_folded, gradient_folded = compute(case, *folded)
    return [
        compare("the loss over (T, N)", value_folded, value),
        compare("the gradient over (T, N)", gradient_folded, gradient.reshape(folded[0].shape)),
    ]


def inputs_left_alone(case: LossCase) -> Differences:
    """Prediction, target and mask are not changed in place, and a second call gives the same."""
    prediction, target = made(case)
    kept = prediction.copy(), target.copy()
    mask = mask_of(case, prediction, WEIGHTS)
    first, second = (compute(case, prediction, target, mask) for _ in range(2))
    return [
        identical("the prediction, changed in place,", prediction, kept[0]),
        identical("the target, changed in place,", target, kept[1]),
        identical("the mask, changed in place,", mask, mask_of(case, prediction, WEIGHTS)),
        identical("the loss at a second call", second[0], first[0]),
        identical("the gradient at a second call", second[1], first[1]),
    ]


def single_precision(case: LossCase) -> Differences:
    """The gradient of float32 predictions is float32, and agrees with that of float64 to its precision."""
    prediction, target = made(case)
    narrow = target.astype(np.float32) if np.issubdtype(target.dtype, np.floating) else target
    value, gradient = compute(case, prediction.astype(np.float32), narrow)
    wanted, wanted_gradient = compute(case, prediction, target)
    return loss_in_float32(value, gradient, wanted, wanted_gradient)


def loss_in_float32(value: float, gradient: Any, wanted: float, wanted_gradient: Any) -> Differences:
    """A loss of float32 arrays and its gradient beside those of float64."""
    found = [
        compare("the loss in float32", value, wanted),
        compare("the gradient in float32", gradient, wanted_gradient),
    ]
    if gradient.dtype != np.float32:
        found.append(Difference("the gradient", np.inf, f"is {gradient.dtype}, expected float32"))
    return found


LOSS_CHECKS: list[Check[LossCase]] = [
    Check("gradients", CENTRAL_DIFFERENCES, gradient_by_differences),
    Check("batch", EXACT, parts_add_up),
    Check("batch", EXACT, any_leading_axes),
    Check("padded", EXACT, masked_is_picked),
    Check("padded", EXACT, weight_two_is_twice),
    Check("uses", EXACT, inputs_left_alone),
    Check("float32", SINGLE_PRECISION, single_precision),
]
