"""Options of gymnasium.make: read from a command line, and checked against what an environment takes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any, NoReturn

import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.error import DependencyNotInstalled

from seqrl.errors import InputError, nearest

LIMIT = "max_episode_steps"  # of gymnasium.make itself
KINDS = (str, (list, tuple, np.ndarray), (bool, np.bool_, Number))


def read(texts: Sequence[str]) -> dict[str, Any]:
    """["is_slippery=false", "map_name=8x8"] -> {"is_slippery": False, "map_name": "8x8"}.

    A value is JSON (false, 0.5, null, ["SF", "HG"]), or else a text. Raises InputError for what is no NAME=VALUE, for
    JSON that is cut short, and for a name that comes twice.
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise InputError(f"--options has '{text}'; expected NAME=VALUE, such as is_slippery=false")
        if name in options:
            raise InputError(f"--options has {name} twice")
        if name == "render_mode":
            raise InputError("--options has render_mode; learning draws nothing, evaluate_agent.py RUN --video does")
        options[name] = _value(name, value)
    return options


def _value(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        if text[:1] in ("[", "{", '"'):
            raise InputError(f"--options has {name}={text}, which is no JSON: {error}") from None
        return text


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def described(environment: str, options: Mapping[str, Any]) -> str:
    """The environment with its options, for a title: FrozenLake-v1 (is_slippery=false)."""
    given = ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items())
    return f"{environment} ({given})" if given else environment


def check(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    """Raises InputError for the first option that an environment doesn't know, with the nearest that it does, and for
    one whose value is of another kind than its default: the text "False", which is true, for a flag."""
    if not options:
        return
    known = _parameters(spec)
    if known is None:
        return
    anything = any(one.kind is one.VAR_KEYWORD for one in known.values())
    names = [name for name, one in known.items() if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
    for name, value in options.items():
        if name == LIMIT:
            if type(value) is not int or value < 1:
                raise InputError(f"{LIMIT} of {spec.id} is {value!r}; expected a whole number of 1 or more")
        elif name in names:
            default = spec.kwargs.get(name, known[name].default)
            if not _fits(value, default):
                raise InputError(
                    f"{name} of {spec.id} is {value!r}; expected a value such as {json.dumps(default, default=repr)}"
                )
        elif not anything:
            hint, others = nearest(name, [*names, LIMIT]), ", ".join([*names, LIMIT])
            raise InputError(f"{spec.id} has no option '{name}'{hint}; it has {others}")


def _parameters(spec: EnvSpec) -> Mapping[str, inspect.Parameter] | None:
    """Of what makes the environment; None where that can't be known, such as without its simulator."""
    try:
        entry = spec.entry_point
        return inspect.signature(load_env_creator(entry) if isinstance(entry, str) else entry).parameters  # type: ignore[arg-type]
    except (DependencyNotInstalled, ImportError, AttributeError, TypeError, ValueError):
        return None


def _fits(value: Any, default: Any) -> bool:
    """Whether a value may stand for a default: numbers for numbers and flags, texts for texts, lists for lists."""
    if value is None:
        return True
    return all(isinstance(value, kind) for kind in KINDS if isinstance(default, kind))
