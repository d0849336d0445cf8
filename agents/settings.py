"""Tuned settings by environment: the files settings/ALGORITHM.toml.

A table for each environment, by its id, with the settings in which it departs from the algorithm's defaults:

    ["CartPole-v1"]
    steps = 50_000          # of learning, unless the user says how many
    learning_rate = 2e-3

`steps` is for the commands; all else are fields of the algorithm's `Settings`.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from types import MappingProxyType
from typing import Any

from seqrl.errors import InputError
from seqrl.training.runs import settings_from

from . import ALGORITHMS

STEPS = "steps"


def tuned(algorithm: str, environment: str) -> dict[str, Any]:
    """The settings tuned for an environment, by its id without the module that registers it; {} where there are none.

    Raises InputError that names the file for one that is damaged or has an unknown setting.
    """
    table = tables(algorithm).get(_id(environment), {})
    return {name: value for name, value in table.items() if name != STEPS}


def tuned_steps(algorithm: str, environment: str, default: int) -> int:
    """For how long to learn."""
    return int(tables(algorithm).get(_id(environment), {}).get(STEPS, default))


@functools.cache
def tables(algorithm: str) -> MappingProxyType[str, dict[str, Any]]:
    """All tables of an algorithm by environment, checked; none where it has no file."""
    resource = importlib.resources.files(__package__) / "settings" / f"{algorithm}.toml"
    if not resource.is_file():
        return MappingProxyType({})
    return MappingProxyType(parse(resource.read_text(encoding="utf-8"), f"{algorithm}.toml", algorithm))


def parse(text: str, where: str, algorithm: str) -> dict[str, dict[str, Any]]:
    """The tables of a file. Raises InputError that says what is wrong `where`."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: not TOML: {error}") from None
    for environment, table in found.items():
        place = f"{where}: '{environment}'"
        if not isinstance(table, dict):
            raise InputError(f"{place} is {table!r}; expected a table of settings")
        steps = table.get(STEPS, 1)
        if type(steps) is not int or steps < 1:
            raise InputError(f"{place}: {STEPS} is {steps!r}; expected a whole number of 1 or more")
        own = {name: value for name, value in table.items() if name != STEPS}
        settings_from(ALGORITHMS[algorithm].Settings, own, place)
    return found


def _id(environment: str) -> str:
    return environment.rpartition(":")[2]
