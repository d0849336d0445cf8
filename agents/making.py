"""Making environments, and what to say when one can't be made."""

from __future__ import annotations

import copy
import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv, VectorWrapper

from seqrl.errors import InputError, MissingExtra

from .options import check as check_options

Maker = Callable[[], gymnasium.Env[Any, Any]]

EXTRAS = {"box2d": "box2d"}  # part of an entry point -> the extra that brings what it needs
OF_VECTORS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")  # in the spec of a vector environment


def environment_name(env: Any) -> str | None:
    """The id under which Gymnasium knows an environment, given as that id or as an environment made from it."""
    if isinstance(env, str):
        return env
    spec = getattr(env, "spec", None)
    return None if spec is None else str(spec.id)


def find_spec(name: str) -> EnvSpec:
    """What Gymnasium knows of an environment's id; "module:id" imports the module that registers it first.

    Raises InputError that names the nearest id.
    """
    module, _, known_as = name.rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise InputError(f"the environment is '{name}'; there is no module '{error.name}'") from None
    registry = gymnasium.registry
    if known_as in registry:
        return copy.deepcopy(registry[known_as])
    if known_as.startswith("ALE/"):
        raise InputError(
            f"the environment is '{name}'; Atari's games come with the package ale-py, as ale_py:{known_as}"
        )
    lower = {id.lower(): id for id in registry}
    close = difflib.get_close_matches(known_as.lower(), list(lower), n=1)
    hint = f" (did you mean '{lower[close[0]]}'?)" if close else ""
    raise InputError(f"the environment is '{name}'{hint}; expected an id that is registered with Gymnasium")


def make(name: str, options: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """An environment by its id. Without Gymnasium's own checks at every step: seqrl.agents.environments makes them.

    options: keyword arguments of `gymnasium.make`.
    Raises InputError for an unknown id or option, MissingExtra for one whose simulator is not installed.
    """
    spec = find_spec(name)
    check_options(spec, options)
    spec.order_enforce = False
    try:
        env = gymnasium.make(spec, disable_env_checker=True, **options)
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        extra = next((extra for part, extra in EXTRAS.items() if part in str(spec.entry_point)), None)
        if extra is None:
            raise InputError(f"the environment '{name}' can't be made: {_line(error)}") from None
        raise MissingExtra(f'{name} needs {extra}; pip install "seqrl[{extra}]" brings it') from None
    except (gymnasium.error.Error, TypeError, ValueError, LookupError, AssertionError) as error:
        given = "".join(f", {option}={value!r}" for option, value in options.items())
        raise InputError(f"the environment '{name}'{given} can't be made: {_line(error)}") from None
    if type(env.unwrapped.action_space) is spaces.Discrete:
        env.unwrapped.action_space = _Discrete(env.unwrapped.action_space)
    return env


class _Discrete(spaces.Discrete):
    """The same actions. Gymnasium's own takes a third of a step of cart-pole to say that 1 is one of them."""

    def __init__(self, space: spaces.Discrete) -> None:
        super().__init__(space.n, start=space.start)
        self._first, self._end = int(space.start), int(space.start + space.n)

    def contains(self, x: Any) -> bool:
        return self._first <= x < self._end if type(x) is int else super().contains(x)


def maker_of(env: Any, options: Mapping[str, Any]) -> Maker | None:
    """What makes another environment like `env`, or None where that can't be known."""
    if isinstance(env, str):
        return lambda: make(env, options)
    if isinstance(env, VectorWrapper):
        return None  # what it does to observations or rewards has no counterpart for one environment
    if isinstance(env, SyncVectorEnv | AsyncVectorEnv):
        return env.env_fns[0]
    if isinstance(env, VectorEnv):
        of_vector = env.spec
        if of_vector is None or of_vector.entry_point is None:
            return None
        id, arguments = of_vector.id, {k: v for k, v in of_vector.kwargs.items() if k not in OF_VECTORS}
        return lambda: make(id, arguments)
    if isinstance(env, gymnasium.Env):
        spec = env.spec
        return None if spec is None else lambda: gymnasium.make(copy.deepcopy(spec), disable_env_checker=True)
    return env if callable(env) else None


def _line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error}"
    return " ".join(str(error).split()) or type(error).__name__
