"""What happens in environments: one step of N of them, and T steps stacked.

Gymnasium's vector environments begin a new episode in three ways (in the same step, in the next one, or when told), and
each returns other rows at an episode's end. Here there is one form: `next_observation` is always the one that the
action led to, at an episode's end too, and never the first of the next episode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import check_sizes

if TYPE_CHECKING:
    from .environments import Environments

Array = npt.NDArray[Any]
Choose = Callable[[Array], tuple[Array, Mapping[str, Array]]]


class Steps(NamedTuple):
    """One step of each of N environments. Read the arrays, don't write into them: what follows shares them.

    Values are bootstrapped where `~terminated`, and what looks ahead is cut where `terminated | truncated`; both can be
    true at once. A row that is not `valid` is no step at all: the environment ignored the action and began an episode.
    Its reward is 0 and both of its flags are False; leave it out of losses, statistics and counts.
    """

    observation: Array  # (N, ...) what was acted on
    action: Array  # (N, ...) as it was chosen; the environment gets a Box's action inside its bounds
    reward: Array  # (N,) float64
    next_observation: Array  # (N, ...) what the action led to
    terminated: Array  # (N,) bool, the episode reached an end of the task
    truncated: Array  # (N,) bool, the episode was cut, such as by a time limit
    valid: Array  # (N,) bool


class Episode(NamedTuple):
    """An episode that ended. The return is undiscounted, of the environment's own rewards."""

    return_: float
    length: int  # real steps
    step: int  # real steps of all environments up to its end
    environment: int = 0


class Rollout(NamedTuple):
    """T steps of N environments: the arrays of `Steps` with leading (T, N), and what the policy noted at each."""

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    terminated: Array
    truncated: Array
    valid: Array
    extras: dict[str, Array]  # (T, N, ...) each


def collect(environments: Environments, choose: Choose, T: int) -> Rollout:
    """T steps of each environment, T * N of them, fewer where rows are not valid.

    choose: the observations (N, ...) -> (actions (N, ...), {name: array (N, ...)} to keep beside them, such as
    log-probabilities and values).
    Raises InputError for a T below 1.
    """
    check_sizes("collect", T=T)
    rows: list[Steps] = []
    kept: list[Mapping[str, Array]] = []
    for _ in range(T):
        actions, extras = choose(environments.observations)
        kept.append(extras)
        rows.append(environments.step(actions))
    steps = Steps(*(_stacked(column) for column in zip(*rows, strict=True)))
    return Rollout(*steps, extras={name: _stacked([extras[name] for extras in kept]) for name in kept[0]})


def _stacked(rows: Sequence[Array]) -> Array:
    """T arrays (N, ...) as one (T, N, ...): `np.stack` takes three times as long where they are small."""
    return np.concatenate(rows).reshape(len(rows), *rows[0].shape)
