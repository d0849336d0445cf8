"""What happens after every epoch of `Sequential.fit`: its history, early stopping, the learning rate.

A plain function is a callback too: callback(epoch, metrics), where `epoch` counts the epochs done and `metrics` is what
the history gets. A true answer ends the training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

from seqrl.errors import InputError
from seqrl.schedules import Schedule


@dataclasses.dataclass
class History:
    """`history` has a list for every metric, a number an epoch; `epochs` are their numbers, from 1.

    `ended` says how: "finished", "stopped early" (by EarlyStopping), "stopped" (by a function) or "interrupted".
    """

    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    epochs: list[int] = dataclasses.field(default_factory=list)
    ended: str = ""

    def append(self, epoch: int, metrics: Mapping[str, float]) -> None:
        self.epochs.append(epoch)
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Stop after `patience` epochs in a row without a better `monitor`.

    monitor: a name in the history; without one "val_loss", or "loss" where there is no validation data.
    mode: whether "min" or "max" is best; needed only for a metric of one's own.
    restore_best: the model ends with the weights of the best epoch.
    """

    patience: int = 5
    monitor: str | None = None
    mode: Literal["min", "max"] | None = None
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise InputError(f"the patience of EarlyStopping is {self.patience}; expected 1 or more")
        if self.mode not in (None, "min", "max"):
            raise InputError(f"the mode of EarlyStopping is '{self.mode}'; expected min or max")


@dataclasses.dataclass(frozen=True)
class LearningRate:
    """Multiply the optimizer's learning rate by schedule(step), `step` from 0 at the start of `fit`.

    The makers in `seqrl.schedules` give schedules; `fit` leaves the optimizer with the rate that it had.
    """

    schedule: Schedule


@dataclasses.dataclass(frozen=True)
class Callbacks:
    """What was given, by kind."""

    stopping: EarlyStopping | None
    schedule: Schedule | None
    functions: list[Callable[[int, dict[str, float]], Any]]

    @classmethod
    def sorted(cls, callbacks: Any) -> Self:
        """Raises InputError for what is none, and for two of a kind of which there can be one."""
        if isinstance(callbacks, (EarlyStopping, LearningRate)) or callable(callbacks):
            callbacks = [callbacks]
        stopping = [one for one in callbacks if isinstance(one, EarlyStopping)]
        schedules = [one.schedule for one in callbacks if isinstance(one, LearningRate)]
        functions = [one for one in callbacks if not isinstance(one, (EarlyStopping, LearningRate))]
        for one in functions:
            if isinstance(one, type) or not callable(one):
                given = f"the class {one.__name__}" if isinstance(one, type) else f"a {type(one).__name__}"
                raise InputError(f"a callback is {given}; expected EarlyStopping(...), LearningRate(...) or a function")
        if len(stopping) > 1 or len(schedules) > 1:
            raise InputError("callbacks has two of a kind; expected one EarlyStopping and one LearningRate at most")
        return cls(next(iter(stopping), None), next(iter(schedules), None), functions)
