"""Gymnasium's spaces as arrays: what agents see of observations, and how their actions become the environment's.

An observation is an array of a Box, Discrete, MultiDiscrete or MultiBinary space, and counting begins at 0. A tuple of
discrete values (blackjack's) is a MultiDiscrete; other tuples and dictionaries are flattened to a Box.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.spaces.utils import flatten, flatten_space
from gymnasium.vector.utils import batch_space, iterate

from seqrl.errors import InputError

Array = npt.NDArray[Any]


class ObservationView(NamedTuple):
    """An observation space as agents see it. `encode` turns one observation of the environment's into an array of it,
    `encode_batch` those of a vector environment; both raise TypeError or ValueError for what isn't one."""

    space: spaces.Space[Any]
    encode: Callable[[Any], Any]
    encode_batch: Callable[[Any], Array]


class ActionView(NamedTuple):
    """An action space as agents see it. `decode` turns actions (N, ...) into the environment's (N, ...): counting from
    where it does, and inside the bounds of a Box."""

    space: spaces.Space[Any]
    decode: Callable[[Array], Array]


def view_observations(space: spaces.Space[Any]) -> ObservationView:
    """Raises InputError for a space that has no arrays of a fixed shape."""
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        return ObservationView(space, lambda observation: observation, np.array)
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        discrete = spaces.Discrete(int(space.n))
        if first == 0:
            return ObservationView(discrete, operator.index, np.array)
        return ObservationView(discrete, lambda value: operator.index(value) - first, lambda values: values - first)
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(space.start)
        view = spaces.MultiDiscrete(space.nvec)
        return ObservationView(view, lambda values: values - start, lambda values: values - start)
    if isinstance(space, spaces.Tuple) and all(isinstance(part, spaces.Discrete) for part in space):
        parts = [part for part in space if isinstance(part, spaces.Discrete)]
        starts = np.array([part.start for part in parts])
        return ObservationView(
            spaces.MultiDiscrete([part.n for part in parts]),
            lambda values: np.array([operator.index(value) for value in values]) - starts,
            lambda values: np.stack(values, axis=-1) - starts,
        )
    if isinstance(space, spaces.Tuple | spaces.Dict) and space.is_np_flattenable:
        flat = flatten_space(space)
        return ObservationView(
            flat,
            lambda observation: flatten(space, observation),
            lambda batch: np.stack([np.asarray(flatten(space, row)) for row in _rows(space, batch)]),
        )
    raise InputError(f"observations of {space} have no fixed shape; expected Box, Discrete, MultiDiscrete, MultiBinary")


def view_actions(space: spaces.Space[Any]) -> ActionView:
    """Raises InputError for a space that no agent acts in."""
    if isinstance(space, spaces.Box):
        low, high, dtype = space.low, space.high, space.dtype
        return ActionView(space, lambda actions: np.minimum(np.maximum(actions, low), high).astype(dtype, copy=False))
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        discrete = spaces.Discrete(int(space.n))
        return ActionView(discrete, (lambda actions: actions) if first == 0 else (lambda actions: actions + first))
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(space.start)
        return ActionView(spaces.MultiDiscrete(space.nvec), lambda actions: actions + start)
    if isinstance(space, spaces.MultiBinary):
        return ActionView(space, lambda actions: actions)
    raise InputError(f"actions of {space}; expected Discrete, Box, MultiDiscrete or MultiBinary")


def _rows(space: spaces.Space[Any], batch: Any) -> Any:
    count = len(next(iter(batch.values())) if isinstance(batch, dict) else batch[0])
    return iterate(batch_space(space, count), batch)
