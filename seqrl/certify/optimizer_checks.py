"""The checks of an optimizer, each a function of how it is made that returns what it measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seqrl.certify.cases import Named
from seqrl.certify.check import EXACT, SINGLE_PRECISION, Check
from seqrl.certify.differences import Difference, Differences, compare, identical
from seqrl.optimizers import LBFGS, Optimizer
from seqrl.parameter import Array, Parameter

Make = Callable[[Named], Optimizer | LBFGS]
STEPS = 50
GRADIENTS = 0.5 * np.random.default_rng(1).normal(size=(STEPS, 10))


def two_parameters(dtype: str = "float64") -> tuple[Parameter, Parameter]:
    rng = np.random.default_rng(0)
    return Parameter(rng.normal(size=(2, 3)), dtype), Parameter(rng.normal(size=4), dtype)


def named(*parameters: Parameter) -> Named:
    return [(f"p{k}", parameter) for k, parameter in enumerate(parameters)]


def flat(parameters: Sequence[Parameter]) -> Array:
    return np.concatenate([parameter.value.ravel() for parameter in parameters])


def add_gradient(parameters: Sequence[Parameter], gradient: Array) -> None:
    start = 0
    for parameter in parameters:
        stop = start + parameter.value.size
        parameter.grad += gradient[start:stop].reshape(parameter.shape)
        start = stop


def run(rule: Optimizer | LBFGS, parameters: Sequence[Parameter], steps: range) -> list[Array]:
    """All values after each step: along given gradients, or down a valley where the rule asks for them itself."""

    def valley() -> float:
        """sum_k k log cosh(x_k - 1)"""
        off = flat(parameters) - 1
        steepness = np.arange(1, 11).astype(off.dtype)
        add_gradient(parameters, steepness * np.tanh(off))
        return float((steepness * np.log(np.cosh(off))).sum())

    values = []
    for k in steps:
        if isinstance(rule, LBFGS):
            rule.step(valley)
        else:
            add_gradient(parameters, GRADIENTS[k])
            rule.step()
        values.append(flat(parameters))
    return values


def same_bits_after_resuming(make: Make) -> Differences:
    """Saved after 5 steps and restored into a new optimizer, the rest of the steps gives the same bits."""
    found = []
    for dtype in ("float32", "float64"):
        whole = two_parameters(dtype)
        rule = make(named(*whole))
        run(rule, whole, range(5))
        state = rule.state_dict()
        restored = [Parameter(parameter.value, dtype) for parameter in whole]
        expected = run(rule, whole, range(5, STEPS))
        other = make(named(*restored))
        other.load_state_dict(state)
        actual = run(other, restored, range(5, STEPS))
        found.append(identical(f"the parameters of {dtype} after resuming", actual, expected, "without it"))
    return found


def one_vector(make: Make) -> Differences:
    """Parameters apart move as the same numbers in one parameter; the gradients are set to zero."""
    apart = two_parameters()
    together = (Parameter(flat(apart), "float64"),)
    expected = run(make(named(*together)), together, range(STEPS))
    found = [compare("the parameters", run(make(named(*apart)), apart, range(STEPS)), expected)]
    return found + [identical("the gradient after a step", p.grad, 0 * p.grad, "expected") for p in apart]


def single_precision(make: Make) -> Differences:
    """float32 follows float64, and stays float32."""
    narrow = two_parameters("float32")
    wide = tuple(Parameter(parameter.value, "float64") for parameter in narrow)
    rule = make(named(*wide))
    # Later on, how the loss is rounded decides where L-BFGS turns.
    steps = range(1 if isinstance(rule, LBFGS) else STEPS)
    expected = run(rule, wide, steps)
    found = [compare("the parameters in float32", run(make(named(*narrow)), narrow, steps), expected)]
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

    def closure() -> float:
        off = x @ weight.value - target
        weight.grad += x.T @ off / len(x)
        return float(np.square(off).mean() / 2)

    for _ in range(300):
        if isinstance(rule, LBFGS):
            rule.step(closure)
        else:
            closure()
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
