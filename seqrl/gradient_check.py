"""Gradients checked against central differences, for the layers here and for people's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from seqrl.layer import Layer
from seqrl.parameter import Array


class GradientError(AssertionError):
    """A backward pass disagrees with the numerical gradient; the message shows where and by how much."""


def numerical_gradient(f: Callable[[], float], x: Array, h: float = 1e-5) -> Array:
    """df/dx by central differences, (f(x + h) - f(x - h)) / 2h entry by entry; `f` reads x, which is put back.

    Raises TypeError where x is not float64: a small h is lost in float32, and integers don't move at all.
    """
    if x.dtype != np.float64:
        raise TypeError(f"numerical_gradient got an array of {x.dtype}; expected float64")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + h
        above = f()
        x[index] = kept - h
        below = f()
        x[index] = kept
        gradient[index] = (above - below) / (2 * h)
    return gradient


def relative_error(a: Array, b: Array) -> float:
    """Largest |a - b| over the largest entry of either (at least 1e-3, so that a gradient of zero can pass)."""
    if a.shape != b.shape:
        return float("inf")
    if a.size == 0:
        return 0.0
    with np.errstate(invalid="ignore"):  # inf - inf
        return float(np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-3))


def check_gradients(
    layer: Layer,
    *inputs: Any,
    forward: Callable[..., Any] | None = None,
    rng: np.random.Generator | None = None,
    tolerance: float = 1e-6,
) -> dict[str, float]:
    """Check every gradient of a layer in float64 against central differences of a random projection of its output.

    `forward(layer, *inputs)` returns (output, backward); by default it is `layer.forward(*inputs)`. Inputs and outputs
    are arrays or nested tuples of them (a recurrent layer's `scan` with its states, say); arrays of integers have no
    gradient. All parameters are drawn anew first: a wrong gradient of a bias hides while the bias is zero. A layer
    with randomness sees the same draws at every evaluation.

    Returns {"input 0": relative error, "weight": ...}; raises GradientError where one exceeds `tolerance`.
    """
    errors = {}
    for name, (gradient, expected) in gradient_pairs(layer, *inputs, forward=forward, rng=rng).items():
        errors[name] = relative_error(gradient, expected)
        if not errors[name] <= tolerance:
            owner = type(layer).__name__
            raise GradientError(f"{owner}: the gradient of {name} {worst_entry(gradient, expected, DIFFERENCES)}")
    return errors


DIFFERENCES = "by central differences"


def gradient_pairs(
    layer: Layer,
    *inputs: Any,
    forward: Callable[..., Any] | None = None,
    rng: np.random.Generator | None = None,
) -> dict[str, tuple[Array, Array]]:
    """{"input 0": (the gradient of the backward pass, that of central differences), "weight": ...}.

    As `check_gradients` finds them. Raises GradientError where the backward pass returns too few or too many.
    """
    rng = rng or np.random.default_rng(0)
    layer = layer.astype(np.float64)
    inputs = copy.deepcopy(inputs)
    leaves = [x for x in _leaves(inputs) if np.issubdtype(x.dtype, np.floating)]
    if any(x.dtype != np.float64 for x in leaves):
        raise TypeError("check_gradients takes inputs of float64: float32 differences say nothing")
    parameters = list(layer.parameters())
    for _, parameter in parameters:
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
        parameter.grad[...] = 0
    draws = [(generator, generator.bit_generator.state) for _, generator in layer.generators()]

    def run() -> tuple[Any, Callable[..., Any]]:
        for generator, state in draws:
            generator.bit_generator.state = state
        return forward(layer, *inputs) if forward else layer.forward(*inputs)

    output, backward = run()
    projection = _map(output, lambda y: rng.normal(size=np.shape(y)))

    def projected() -> float:
        pairs = zip(_leaves(run()[0]), _leaves(projection), strict=True)
        return float(sum((y * p).sum() for y, p in pairs))

    gradients = backward(*projection) if isinstance(projection, tuple) else backward(projection)
    floating = [g for g in _leaves(gradients) if g is not None]
    if len(floating) != len(leaves):
        owner = type(layer).__name__
        raise GradientError(f"{owner}: backward returned {len(floating)} gradients for {len(leaves)} inputs")
    found = [(f"input {k}", x, g) for k, (x, g) in enumerate(zip(leaves, floating, strict=True))]
    found += [(name, parameter.value, parameter.grad) for name, parameter in parameters]
    return {name: (gradient, numerical_gradient(projected, x)) for name, x, gradient in found}


def worst_entry(actual: Array, expected: Array, source: str = "expected") -> str:
    """Where two arrays differ most, and by how much: "at [1, 2] is 4, expected 2 (2 times as much)"."""
    if actual.shape != expected.shape:
        return f"has the shape {actual.shape}, expected {expected.shape}"
    if actual.size == 0:
        return "is empty"
    with np.errstate(invalid="ignore"):
        off = np.abs(np.subtract(actual, expected, dtype=np.float64, casting="unsafe"))
    index = tuple(int(i) for i in np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off)), off.shape))
    a, e = float(actual[index]), float(expected[index])
    times = f" ({a / e:.6g} times as much)" if e and np.isfinite(a / e) else ""
    where = f"at {list(index)} " if index else ""
    return f"{where}is {a:.6g}, {source} {e:.6g}{times}"


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, (tuple, list)):
        for branch in tree:
            yield from _leaves(branch)
    elif tree is not None:
        yield tree if isinstance(tree, np.ndarray) else np.asarray(tree)


def _map(tree: Any, f: Callable[[Any], Any]) -> Any:
    return tuple(_map(branch, f) for branch in tree) if isinstance(tree, (tuple, list)) else f(tree)
