"""Errors that a user can cause, each one clear line.

A command turns an `InputError` into that line on standard error and exit status 2 (see
`seqrl.training.command`); from Python it is a plain ValueError.
"""

import difflib
import importlib
from collections.abc import Iterable
from numbers import Integral
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Bad input. The message says what was given, what is expected, and where."""


class MissingExtra(InputError, ImportError):
    """An optional dependency is not installed. The message names the extra that brings it."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint " (did you mean 'lstm'?)", or "" where nothing known is close to `name`."""
    close = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def choose(what: str, name: str, known: dict[str, T]) -> T:
    """`known[name]`, or an InputError that lists the known names and the nearest one."""
    if name in known:
        return known[name]
    raise InputError(f"{what} is '{name}'{nearest(name, known)}; expected one of {', '.join(known)}")


def check_sizes(owner: str, **sizes: object) -> None:
    """Raises InputError that names the first size of a layer that is no whole number of 1 or more."""
    for name, size in sizes.items():
        if not isinstance(size, Integral) or size < 1:
            raise InputError(f"{name} of {owner} is {size!r}; expected a whole number of 1 or more")


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency late.

    Raises MissingExtra that names the extra when it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise MissingExtra(f'{module} is not installed; pip install "seqrl[{extra}]" brings it') from None
