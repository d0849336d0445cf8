"""The checks of an agent's loss, each a function of its case that returns what it measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqrl.certify.agent_cases import ObjectiveCase
from seqrl.certify.check import CENTRAL_DIFFERENCES, EXACT, SINGLE_PRECISION, Check
from seqrl.certify.differences import Difference, Differences, compare, identical, is_floating
from seqrl.certify.loss_checks import loss_in_float32
from seqrl.errors import InputError
from seqrl.gradient_check import DIFFERENCES, numerical_gradient

N = 8


def made(case: ObjectiveCase, N: int = N) -> tuple[Any, ...]:
    return case.inputs(np.random.default_rng(0), N)


def compute(case: ObjectiveCase, inputs: tuple[Any, ...]) -> tuple[float, Any]:
    loss, gradient, *_ = case.loss(*inputs, **case.options)
    return loss, gradient


def gradient_by_differences(case: ObjectiveCase) -> Differences:
    """The gradient of the outputs is that of central differences, all else being constant; for one row and several."""
    found = []
    for rows in 1, N:
        outputs, *constants = made(case, rows)
        _, gradient = compute(case, (outputs, *constants))

        def value(outputs: Any = outputs, constants: Any = constants) -> float:
            return compute(case, (outputs, *constants))[0]

        found.append(compare("the gradient", gradient, numerical_gradient(value, outputs), DIFFERENCES))
    return found


def parts_add_up(case: ObjectiveCase) -> Differences:
    """The loss of several rows is the mean of those of each alone, or their sum; two by two as well."""
    inputs = made(case)
    value, gradient = compute(case, inputs)
    found = []
    for size in (1, 2):
        parts = [tuple(x[start : start + size] for x in inputs) for start in range(0, N, size)]
        computed = [compute(case, part) for part in parts]
        share = 1 / len(parts) if case.mean else 1
        found.append(compare("the losses of parts", share * sum(loss for loss, _ in computed), value))
        found.append(compare("the gradients of parts", share * np.concatenate([g for _, g in computed]), gradient))
    return found


def inputs_left_alone(case: ObjectiveCase) -> Differences:
    """No array is changed in place, and a second call gives the same."""
    inputs, kept = made(case), made(case)
    first, second = compute(case, inputs), compute(case, inputs)
    found = [
        identical(f"input {k}, changed in place,", x, y) for k, (x, y) in enumerate(zip(inputs, kept, strict=True))
    ]
    found.append(identical("the loss at a second call", second[0], first[0]))
    return [*found, identical("the gradient at a second call", second[1], first[1])]


def other_arrays(case: ObjectiveCase) -> Differences:
    """Strided and read-only arrays give what plain ones give."""
    value, gradient = compute(case, made(case))
    others = tuple(np.repeat(x, 2, axis=0)[::2] for x in made(case))
    for x in others:
        x.flags.writeable = False
    found, found_gradient = compute(case, others)
    return [
        compare("the loss of strided arrays", found, value),
        compare("the gradient of strided arrays", found_gradient, gradient),
    ]


def columns_refused(case: ObjectiveCase) -> Differences:
    """(B, 1) in place of (B,) is refused: against (B,) NumPy would broadcast it to (B, B)."""
    found = []
    for k, x in enumerate(made(case)):
        if x.ndim > 1:
            continue
        inputs = list(made(case))
        inputs[k] = x[:, None]
        try:
            compute(case, tuple(inputs))
        except InputError:
            found.append(Difference(f"input {k} of shape (B, 1)", 0.0))
        else:
            found.append(Difference(f"input {k} of shape (B, 1)", np.inf, "is taken, expected an InputError"))
    return found


def single_precision(case: ObjectiveCase) -> Differences:
    """The gradient of float32 outputs is float32, and agrees with that of float64 to its precision."""
    inputs = made(case)
    value, gradient = compute(case, tuple(x.astype(np.float32) if is_floating(x) else x for x in inputs))
    wanted, wanted_gradient = compute(case, inputs)
    return loss_in_float32(value, gradient, wanted, wanted_gradient)


OBJECTIVE_CHECKS: list[Check[ObjectiveCase]] = [
    Check("gradients", CENTRAL_DIFFERENCES, gradient_by_differences),
    Check("batch", EXACT, parts_add_up),
    Check("uses", EXACT, inputs_left_alone),
    Check("arrays", EXACT, other_arrays),
    Check("arrays", EXACT, columns_refused),
    Check("float32", SINGLE_PRECISION, single_precision),
]
