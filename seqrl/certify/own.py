"""A user's own layer: found, made, given an input, and checked."""

from __future__ import annotations

import ast
import copy
import difflib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from seqrl.certify import layer_checks
from seqrl.certify.cases import Generator, Inputs, LayerCase
from seqrl.certify.certificate import Job
from seqrl.errors import InputError
from seqrl.layer import Layer

# Beyond these the library keeps promises that a layer need not make (wide, strided or empty arrays, say).
CHECKS = (
    layer_checks.gradients_by_differences,
    layer_checks.gradients_of_states,
    layer_checks.one_by_one,
    layer_checks.padded_sequences,
    layer_checks.chunks,
    layer_checks.two_uses,
    layer_checks.accumulation,
    layer_checks.inputs_left_alone,
    layer_checks.inference_changes_nothing,
    layer_checks.inference_is_training,
    layer_checks.expectation,
    layer_checks.saving,
    layer_checks.single_precision,
)


def jobs(target: str, shape: str = "", integers: int = 0, batch_axis: str = "") -> list[Job]:
    """The measurements of the layer that `target` names. Raises InputError where it can't be found, made or called.

    target: "module:Layer", "module:Layer(3, hidden=4)", "module:function" or "module:object".
    """
    wanted = parse(target)
    make = maker(wanted)
    layer = make(np.random.default_rng(0))
    name = wanted.name if wanted.name == type(layer).__name__ else f"{wanted.name} ({type(layer).__name__})"
    given = parse_shape(shape)
    if integers < 0:
        raise InputError(f"--integers is {integers}; expected the number of ids, 1 or more")
    found = given or try_shapes(layer, name, wanted, integers)
    if given and (problem := refusal(layer, given, integers)):
        raise InputError(f"{name} does not take an input of shape {given}: {problem}")
    axis = parse_axis(batch_axis, found, integers)
    case = LayerCase(make, inputs_of(found, axis, integers, of_any_length=hasattr(layer, "scan")), batch_axis=axis)
    where = f"input {found}" + ("" if axis is None else f" with the examples along axis {axis}")
    checks = [check for check in layer_checks.LAYER_CHECKS if check.measure in CHECKS]
    return [Job("layer", name, where, check.column, check.tolerance, _bound(check.measure, case)) for check in checks]


def _bound(measure: Callable[[LayerCase], Any], case: LayerCase) -> Callable[[], Any]:
    return lambda: measure(case)


# ---- the layer -----------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    module: str
    name: str
    arguments: list[Any] | None  # None where there were no parentheses
    options: dict[str, Any]


def parse(target: str) -> Wanted:
    """ "module:Name(1, b=2)" in its parts; the arguments are literals, and nothing of it is evaluated."""
    module, colon, expression = target.partition(":")
    wrong = InputError(f"'{target}' is no layer; expected MODULE:LAYER, as in 'my_module:MyLayer(3, 4, hidden=2)'")
    if not (colon and all(part.isidentifier() for part in module.split("."))):
        raise wrong
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise wrong from None
    call = node if isinstance(node, ast.Call) else None
    name = ast.unparse(call.func if call else node)
    if not all(part.isidentifier() for part in name.split(".")):
        raise wrong
    if call is None:
        return Wanted(module, name, None, {})
    options = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise wrong
        options[keyword.arg] = _literal(keyword.value, name)
    return Wanted(module, name, [_literal(argument, name) for argument in call.args], options)


def _literal(node: ast.expr, name: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise InputError(
            f"the argument {ast.unparse(node)} of {name} is no plain value (a number, a text, a list, ...); "
            "for anything else name a function without arguments that makes the layer"
        ) from None


def maker(wanted: Wanted) -> Callable[[Generator], Layer]:
    """What makes the layer anew with a given rng."""
    member: Any = imported(wanted.module)
    where = wanted.module
    for part in wanted.name.split("."):
        known = [name for name in vars(member) if not name.startswith("_")]
        if not hasattr(member, part):
            raise InputError(f"{where} has no '{part}'{_nearest(part, known)}")
        member, where = getattr(member, part), f"{where}.{part}"
    if isinstance(member, Layer):
        if wanted.arguments is not None:
            raise InputError(f"{where} is a layer already made; it takes no arguments here")
        return lambda rng: copy.deepcopy(member)
    if (inspect.isclass(member) and not issubclass(member, Layer)) or not callable(member):
        what = "class" if inspect.isclass(member) else type(member).__name__
        raise InputError(f"{where} is a {what}, not a Layer (see seqrl.layer.Layer)")

    def make(rng: Generator) -> Layer:
        options = dict(wanted.options)
        if "rng" in inspect.signature(member).parameters:
            options.setdefault("rng", rng)
        try:
            made = member(*(wanted.arguments or []), **options)
        except Exception as error:
            hint = "" if wanted.arguments else f"; arguments are given as in '{wanted.module}:{wanted.name}(3, 4)'"
            raise InputError(f"{where} can't be made: {_said(error, wanted.module)}{hint}") from error
        if not isinstance(made, Layer):
            raise InputError(f"{where} gives a {type(made).__name__}, not a Layer (see seqrl.layer.Layer)")
        return made

    return make


def imported(name: str) -> ModuleType:
    """A module, from the current folder or installed."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise InputError(f"{name} can't be imported: {error}") from error
        here = [path.stem for path in Path().glob("*.py")]
        raise InputError(f"there is no module '{name}' in this folder or installed{_nearest(name, here)}") from None
    except Exception as error:
        raise InputError(f"{name} can't be imported: {_said(error, name)}") from error


def _nearest(name: str, known: Iterable[str]) -> str:
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean '{by_lower[close[0]]}'?)" if close else ""


def _said(error: Exception, module: str) -> str:
    """The error in one line, with the place in the user's own module where it arose."""
    file = getattr(sys.modules.get(module), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f" ({Path(str(file)).name}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"


# ---- its input -----------------------------------------------------------------------------------------------


def parse_shape(shape: str) -> tuple[int, ...]:
    """(5, 3) of "5,3", () of ""."""
    parts = [part.strip() for part in shape.strip("() ").rstrip(",").split(",")] if shape else []
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--input is '{shape}'; expected the shape of the input, as in 5,3")
    return tuple(int(part) for part in parts)


def parse_axis(axis: str, shape: tuple[int, ...], integers: int) -> int | None:
    if axis == "none":
        return None
    if not axis:
        return 1 if len(shape) == (2 if integers else 3) else 0
    if not (axis.isdecimal() and int(axis) < len(shape)):
        raise InputError(f"--batch-axis is '{axis}'; expected none or a number below {len(shape)}")
    return int(axis)


def inputs_of(
    shape: tuple[int, ...], axis: int | None, integers: int, of_any_length: bool = False
) -> Callable[[Generator, int, int], Inputs]:
    """Inputs of this shape; where a check wants other than its usual number of examples (or steps), with that many."""

    def inputs(rng: Generator, T: int, N: int) -> Inputs:
        wanted = list(shape)
        if axis is not None and N != layer_checks.N:
            wanted[axis] = N
        if of_any_length and T != layer_checks.T:
            wanted[0] = T
        return (rng.integers(0, integers, wanted) if integers else rng.normal(size=wanted),)

    return inputs


def refusal(layer: Layer, shape: tuple[int, ...], integers: int) -> str:
    """What the layer says to an input of this shape; "" where it takes it."""
    [x] = inputs_of(shape, None, integers)(np.random.default_rng(0), 0, 0)
    try:
        layer.astype(np.float64).forward(x)
    except Exception as error:
        return _said(error, type(layer).__module__)
    return ""


def try_shapes(layer: Layer, name: str, wanted: Wanted, integers: int) -> tuple[int, ...]:
    """The first common shape that the layer takes, its size being one of its parameters' or its first argument."""
    if integers:
        shapes: list[tuple[int, ...]] = [(4, 3), (5,)]
    else:
        sizes = [size for size in wanted.arguments or [] if isinstance(size, int) and size > 0][:1]
        sizes += [size for _, parameter in layer.parameters() for size in parameter.shape]
        several = list(dict.fromkeys([*sizes, 3]))
        sequences, rows = [(4, 3, D) for D in several], [(5, D) for D in several]
        shapes = [*sequences, *rows] if hasattr(layer, "scan") else [*rows, *sequences]
        shapes += [(3, C, 8, 7) for C in several]
    for shape in shapes:
        if not refusal(layer, shape, integers):
            return shape
    said = refusal(layer, shapes[0], integers)
    ids = "" if integers else " (and --integers V if it takes ids below V)"
    raise InputError(f"{name} takes none of the inputs tried, such as {shapes[0]}: {said}; --input 5,3 gives one{ids}")
