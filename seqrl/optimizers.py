"""Optimizers over one flat vector of parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.parameter import Array, Packed, Parameter


class NotFinite(ArithmeticError):
    """A gradient or a parameter is NaN or infinite; nothing was updated."""


class Optimizer:
    """What all share: packing, clipping by the global norm, the finiteness check, the state.

    `step()` updates the parameters from their gradients, sets the gradients to zero and returns the global norm
    that they had, sqrt(sum g^2) over all parameters together. With `clip` the gradient is scaled to at most that norm
    (Pascanu et al. 2013, algorithm 1).
    """

    def __init__(self, parameters: Iterable[tuple[str, Parameter]], lr: float, clip: float | None) -> None:
        if not lr > 0:
            raise InputError(f"the learning rate is {lr}; expected a positive number")
        if clip is not None and not clip > 0:
            raise InputError(f"the clipping norm is {clip}; expected a positive number")
        self.packed = Packed(parameters)
        self.lr = lr
        self.clip = clip
        self.steps = 0

    def step(self) -> float:
        """Raises NotFinite, with the name of the first parameter concerned, before anything changes.

        Raises InputError when another optimizer has been made over the same parameters since.
        """
        if name := self.packed.first_detached():
            raise InputError(f"another optimizer has taken over '{name}'; go on with that one, or make a new one")
        grad = self.packed.grad
        with np.errstate(over="ignore"):
            norm = math.sqrt(float(np.dot(grad, grad)))
        if not math.isfinite(norm):
            if name := self.packed.first_non_finite():
                raise NotFinite(f"the gradient of '{name}' is not finite")
            norm = float(np.linalg.norm(grad.astype(np.float64)))  # finite, but its square is not in float32
        self.steps += 1
        self.update(self.clip / norm if self.clip is not None and norm > self.clip else 1.0)
        return norm

    def update(self, scale: float) -> None:
        """Move the values by the gradient times `scale`, and set the gradient to zero."""
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


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum where it is not 0 (see `kernels.reference.updates.sgd_update`)."""

    def __init__(
        self,
        parameters: Iterable[tuple[str, Parameter]],
        lr: float = 0.1,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        super().__init__(parameters, lr, clip)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.velocity = np.zeros_like(self.packed.value) if momentum else np.zeros(0, self.packed.value.dtype)

    def update(self, scale: float) -> None:
        value, grad = self.packed.value, self.packed.grad
        kernels.sgd_update(value, grad, self.velocity, scale, self.lr, self.momentum, self.weight_decay)

    def moments(self) -> dict[str, Array]:
        return {"velocity": self.velocity} if self.momentum else {}


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), see `kernels.reference.updates.adam_update`; weight decay joins the gradient."""

    decoupled = False

    def __init__(
        self,
        parameters: Iterable[tuple[str, Parameter]],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        super().__init__(parameters, lr, clip)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.first = np.zeros_like(self.packed.value)
        self.second = np.zeros_like(self.packed.value)

    def update(self, scale: float) -> None:
        kernels.adam_update(
            self.packed.value,
            self.packed.grad,
            self.first,
            self.second,
            scale,
            self.steps,
            self.lr,
            *self.betas,
            self.eps,
            self.weight_decay,
            self.decoupled,
        )

    def moments(self) -> dict[str, Array]:
        return {"first": self.first, "second": self.second}


class AdamW(Adam):
    """Adam with decoupled weight decay, value -= lr * weight_decay * value (Loshchilov and Hutter 2019)."""

    decoupled = True


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
