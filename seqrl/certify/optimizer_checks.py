"""The checks of an optimizer, each a function of how it is made that returns what it measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrl.certify.cases import Named
from seqrl.certify.check import EXACT, SINGLE_PRECISION, Check
from seqrl.certify.differences import Difference, Differences, compare, identical
from seqrl.optimizers import Optimizer
from seqrl.parameter import Parameter

Make = Callable[[Named], Optimizer]
STEPS = 50


def two_parameters(dtype: str = "float64") -> tuple[Parameter, Parameter]:
    rng = np.random.default_rng(0)
    return Parameter(rng.normal(size=(2, 3)), dtype), Parameter(rng.normal(size=4), dtype)


def run(rule: Optimizer, parameters: tuple[Parameter, ...], gradients: Any) -> list[Any]:
    """All values after each step."""
    values = []
    for gradient in gradients:
        start = 0
        for parameter in parameters:
            size = parameter.value.size
            parameter.grad += gradient[start : start + size].reshape(parameter.shape)
            start += size
        rule.step()
        values.append(np.concatenate([parameter.value.ravel() for parameter in parameters]))
    return values


def random_gradients() -> Any:
    return 0.5 * np.random.default_rng(1).normal(size=(STEPS, 10))


def named(*parameters: Parameter) -> Named:
    return [(f"p{k}", parameter) for k, parameter in enumerate(parameters)]


def same_bits_after_resuming(make: Make) -> Differences:
    """Saved half way and restored into a new optimizer, the rest of the steps gives the same bits."""
    found = []
    for dtype in ("float32", "float64"):
        gradients = random_gradients().astype(dtype)
        whole = two_parameters(dtype)
        rule = make(named(*whole))
        run(rule, whole, gradients[: STEPS // 2])
        state = rule.state_dict()
        restored = tuple(Parameter(parameter.value, dtype) for parameter in whole)
        expected = run(rule, whole, gradients[STEPS // 2 :])
        other = make(named(*restored))
        other.load_state_dict(state)
        actual = run(other, restored, gradients[STEPS // 2 :])
        found.append(identical(f"the parameters of {dtype} after resuming", actual[-1], expected[-1], "without it"))
    return found


def one_vector(make: Make) -> Differences:
    """Parameters together in one vector move as the same numbers in one parameter; the gradients are set to zero."""
    apart = two_parameters()
    together = (Parameter(np.concatenate([parameter.value.ravel() for parameter in apart]), "float64"),)
    expected = run(make(named(*together)), together, random_gradients())
    found = [compare("the parameters", run(make(named(*apart)), apart, random_gradients()), expected)]
    return found + [identical("the gradient after a step", p.grad, 0 * p.grad, "expected") for p in apart]


def single_precision(make: Make) -> Differences:
    """float32 follows float64 over all steps, and stays float32."""
    narrow = two_parameters("float32")
    wide = tuple(Parameter(parameter.value, "float64") for parameter in narrow)
    expected = run(make(named(*wide)), wide, random_gradients())
    found = [compare("the parameters in float32", run(make(named(*narrow)), narrow, random_gradients()), expected)]
    for parameter in narrow:
        if parameter.value.dtype != np.float32:
            found.append(Difference("a parameter", np.inf, f"is {parameter.value.dtype}, expected float32"))
    return found


def learning(make: Make) -> Differences:
    """A linear regression loses less than the best constant prediction."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(64, 5))
    target = x @ rng.normal(0, 0.3, 5)
    weight = Parameter(np.zeros(5), "float64")
    rule = make(named(weight))
    for _ in range(300):
        weight.grad += x.T @ (x @ weight.value - target) / len(x)
        rule.step()
    ratio = np.square(x @ weight.value - target).mean() / target.var()
    detail = f"is {ratio:.3g} of that of the best constant prediction"
    return [Difference("the squared error of a linear regression", float(ratio), detail)]


OPTIMIZER_CHECKS: list[Check[Make]] = [
    Check("uses", EXACT, one_vector),
    Check("uses", EXACT, same_bits_after_resuming),
    Check("float32", SINGLE_PRECISION, single_precision),
    Check("learns", 0.9, learning),
]
