"""What the settings of every kind of run share: schedules by name, and checks of their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from seqrl.errors import InputError, choose
from seqrl.optimizers import OPTIMIZERS
from seqrl.schedules import Schedule, constant, cosine, linear

SCHEDULES: dict[str, Callable[[int], Schedule]] = {  # by the number of steps
    "constant": lambda steps: constant(),
    "linear": linear,
    "cosine": cosine,
}


def check_training(settings: Any) -> None:
    """Raise InputError for the first of the settings of the loop and the optimizer that is unknown or out of range."""
    choose("--optimizer", settings.optimizer, OPTIMIZERS)
    choose("--schedule", settings.schedule, SCHEDULES)
    check_counts(settings, "batch_size", "epochs", "patience", "threads")
    check_positive(settings, "learning_rate", "clip", "max_minutes")
    check_seed(settings)


def check_counts(settings: Any, *names: str) -> None:
    """Raise InputError for the first of these settings that is less than 1; None is no value."""
    for option, value in _given(settings, names):
        if value < 1:
            raise InputError(f"{option} is {value}; expected 1 or more")


def check_positive(settings: Any, *names: str) -> None:
    """Raise InputError for the first of these settings that is not above 0; None is no value."""
    for option, value in _given(settings, names):
        if not value > 0:
            raise InputError(f"{option} is {value}; expected more than 0")


def check_shares(settings: Any, *names: str) -> None:
    """Raise InputError for the first of these settings that is not from 0 to below 1."""
    for option, value in _given(settings, names):
        if not 0 <= value < 1:
            raise InputError(f"{option} is {value}; expected 0 or more, and less than 1")


def check_seed(settings: Any) -> None:
    if settings.seed < 0:
        raise InputError(f"--seed is {settings.seed}; expected 0 or more")


def _given(settings: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name in names:
        value = getattr(settings, name)
        if value is not None:
            yield f"--{name.replace('_', '-')}", value
