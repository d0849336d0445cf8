"""Learning-rate schedules: functions of the progress of training, a factor on the learning rate.

Each maker returns schedule(step) -> factor, with `step` counted from 0 and `steps` the length of training.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from seqrl.errors import InputError

Schedule = Callable[[int], float]


def _positive(name: str, value: int) -> None:
    if value < 1:
        raise InputError(f"{name} is {value}; expected at least 1")


def constant() -> Schedule:
    return lambda step: 1.0


def step_decay(every: int, factor: float) -> Schedule:
    """factor ** floor(step / every)."""
    _positive("every", every)
    return lambda step: factor ** (step // every)


def exponential(factor: float) -> Schedule:
    """factor ** step."""
    return lambda step: factor**step


def linear(steps: int, end: float = 0.0) -> Schedule:
    """From 1 to `end` in a straight line over `steps`, then `end`."""
    _positive("steps", steps)
    return lambda step: 1 + (end - 1) * min(step / steps, 1)


def cosine(steps: int, end: float = 0.0) -> Schedule:
    """From 1 to `end` along half a cosine (Loshchilov and Hutter 2017, equation 5 without restarts)."""
    _positive("steps", steps)
    return lambda step: end + (1 - end) * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))


def warm_up(steps: int, then: Schedule) -> Schedule:
    """Linear from 1 / steps to 1, then `then` counted from there."""
    _positive("steps", steps)
    return lambda step: (step + 1) / steps if step < steps else then(step - steps)
