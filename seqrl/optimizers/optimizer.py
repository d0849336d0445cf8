"""What all optimizers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.parameter import Array, Packed, Parameter


class NotFinite(ArithmeticError):
    """A loss, a gradient or a parameter is NaN or infinite."""


class Optimizer:
    """Packing, clipping by the global norm, the finiteness check, the state.

    `step()` updates the parameters from their gradients, sets the gradients to zero and returns the global norm
    that they had, sqrt(sum g^2) over all parameters together. With `clip` the gradient is scaled to at most that norm
    (Pascanu et al. 2013, algorithm 1).
    """

    def __init__(self, parameters: Iterable[tuple[str, Parameter]], lr: float, clip: float | None) -> None:
        positive("the learning rate", lr)
        if clip is not None:
            positive("the clipping norm", clip)
        self.packed = Packed(parameters)
        self.lr = lr
        self.clip = clip
        self.steps = 0

    def step(self) -> float:
        """Raises NotFinite, with the name of the first parameter concerned, when a gradient is not finite; nothing has
        changed then.

        Raises InputError when another optimizer has been made over the same parameters since.
        """
        check_attached(self.packed)
        norm = self.update(math.inf if self.clip is None else self.clip)
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient of {culprit(self.packed)} is not finite")
        self.steps += 1
        return norm

    def update(self, clip: float) -> float:
        """Apply the rule to the gradient, scaled to at most the norm `clip`, and set the gradient to zero.

        Returns the norm; where that is not finite, see `step`.
        """
        raise NotImplementedError

    def moments(self) -> dict[str, Array]:
        """The vectors that the rule carries from step to step, by name."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "lr": self.lr, **{name: v.copy() for name, v in self.moments().items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken. Raises InputError, before anything changes, where it doesn't fit."""
        moments = self.moments()
        for name in ("steps", "lr"):
            if name not in state:
                raise InputError(f"the optimizer's state lacks '{name}'")
        for name, moment in moments.items():
            if name not in state or np.shape(state[name]) != moment.shape:
                raise InputError(f"the optimizer's state lacks '{name}' of shape {moment.shape}")
        for name in state:
            if name not in moments and name not in ("steps", "lr"):
                raise InputError(f"the optimizer's state holds '{name}', which {type(self).__name__} has not")
        for name, moment in moments.items():
            moment[...] = state[name]
        self.steps, self.lr = int(state["steps"]), float(state["lr"])


def check_attached(packed: Packed) -> None:
    if name := packed.first_detached():
        raise InputError(f"another optimizer has taken over '{name}'; go on with that one, or make a new one")


def culprit(packed: Packed) -> str:
    """Which gradient is not finite, for a message. All are where only the square of the norm is too large a number."""
    name = packed.first_non_finite()
    return f"'{name}'" if name else "all parameters together"


def positive(what: str, number: float) -> None:
    if not 0 < number < math.inf:
        raise InputError(f"{what} is {number}; expected a positive number")


def not_negative(what: str, number: float) -> None:
    if not 0 <= number < math.inf:
        raise InputError(f"{what} is {number}; expected a number >= 0")


def fraction(what: str, number: float) -> None:
    if not 0 <= number < 1:
        raise InputError(f"{what} is {number}; expected 0 <= {what} < 1")
