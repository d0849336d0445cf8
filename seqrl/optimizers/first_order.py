"""Rules that take one gradient a step: SGD and those that scale each parameter's step by the gradients it had.

g is the gradient of a parameter, after clipping and with weight_decay * value added (L2 regularisation); all operations
are element by element. Names, defaults and results are PyTorch's where nothing else is said. The arithmetic stands in
`seqrl.kernels.reference.updates`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.optimizers.optimizer import Optimizer, fraction, not_negative
from seqrl.parameter import Array, Parameter

Named = Iterable[tuple[str, Parameter]]


class SGD(Optimizer):
    """Stochastic gradient descent, also with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013).

    v = momentum * v + g
    value -= lr * v                        with nesterov: value -= lr * (g + momentum * v)

    This is PyTorch's form. The papers move by v = momentum * v - lr * g and take Nesterov's gradient ahead, at
    value + momentum * v. With a constant lr the path is the same (for Nesterov, of the point ahead); when lr changes,
    here it scales at once what the velocity holds, there only what is added from then on.
    """

    def __init__(
        self,
        parameters: Named,
        lr: float = 0.1,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        fraction("momentum", momentum)
        not_negative("weight_decay", weight_decay)
        if nesterov and not momentum:
            raise InputError("nesterov needs a momentum; it is 0")
        super().__init__(parameters, lr, clip)
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.velocity = np.zeros_like(self.packed.value) if momentum else np.zeros(0, self.packed.value.dtype)

    def update(self, clip: float) -> float:
        value, grad, velocity = self.packed.value, self.packed.grad, self.velocity
        return kernels.sgd_update(value, grad, velocity, clip, self.lr, self.momentum, self.nesterov, self.weight_decay)

    def moments(self) -> dict[str, Array]:
        return {"velocity": self.velocity} if self.momentum else {}


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer 2011, with the diagonal of the matrix).

    s = s + g^2
    value -= lr * g / (sqrt(s) + eps)

    PyTorch's lr_decay is a matter of `seqrl.schedules` here.
    """

    def __init__(
        self,
        parameters: Named,
        lr: float = 0.01,
        *,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        not_negative("eps", eps)
        not_negative("weight_decay", weight_decay)
        super().__init__(parameters, lr, clip)
        self.eps = eps
        self.weight_decay = weight_decay
        self.squares = np.zeros_like(self.packed.value)

    def update(self, clip: float) -> float:
        value, grad = self.packed.value, self.packed.grad
        return kernels.adagrad_update(value, grad, self.squares, clip, self.lr, self.eps, self.weight_decay)

    def moments(self) -> dict[str, Array]:
        return {"squares": self.squares}


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012, algorithm 1): a step in the units of the parameter.

    s = rho s + (1 - rho) g^2
    d = sqrt(u + eps) / sqrt(s + eps) * g
    u = rho u + (1 - rho) d^2
    value -= lr * d

    The paper has no lr, which is 1 by default, and uses rho = 0.95.
    """

    def __init__(
        self,
        parameters: Named,
        lr: float = 1.0,
        *,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        fraction("rho", rho)
        not_negative("eps", eps)
        not_negative("weight_decay", weight_decay)
        super().__init__(parameters, lr, clip)
        self.rho = rho
        self.eps = eps
        self.weight_decay = weight_decay
        self.squares = np.zeros_like(self.packed.value)
        self.moves = np.zeros_like(self.packed.value)

    def update(self, clip: float) -> float:
        value, grad = self.packed.value, self.packed.grad
        return kernels.adadelta_update(
            value, grad, self.squares, self.moves, clip, self.lr, self.rho, self.eps, self.weight_decay
        )

    def moments(self) -> dict[str, Array]:
        return {"squares": self.squares, "moves": self.moves}


class RMSprop(Optimizer):
    """RMSprop (Hinton, Srivastava and Swersky, lecture 6e of "Neural networks for machine learning", 2012).

    s = alpha s + (1 - alpha) g^2
    value -= lr * g / (sqrt(s) + eps)

    The lecture uses alpha = 0.9. PyTorch's options momentum and centered are not here.
    """

    def __init__(
        self,
        parameters: Named,
        lr: float = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        fraction("alpha", alpha)
        not_negative("eps", eps)
        not_negative("weight_decay", weight_decay)
        super().__init__(parameters, lr, clip)
        self.alpha = alpha
        self.eps = eps
        self.weight_decay = weight_decay
        self.squares = np.zeros_like(self.packed.value)

    def update(self, clip: float) -> float:
        value, grad = self.packed.value, self.packed.grad
        return kernels.rmsprop_update(value, grad, self.squares, clip, self.lr, self.alpha, self.eps, self.weight_decay)

    def moments(self) -> dict[str, Array]:
        return {"squares": self.squares}


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1), in step t:

    m = beta1 m + (1 - beta1) g
    v = beta2 v + (1 - beta2) g^2
    value -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
    """

    decoupled = False

    def __init__(
        self,
        parameters: Named,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip: float | None = None,
    ) -> None:
        for name, beta in zip(("beta1", "beta2"), betas, strict=True):
            fraction(name, beta)
        not_negative("eps", eps)
        not_negative("weight_decay", weight_decay)
        super().__init__(parameters, lr, clip)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.first = np.zeros_like(self.packed.value)
        self.second = np.zeros_like(self.packed.value)

    def update(self, clip: float) -> float:
        return kernels.adam_update(
            self.packed.value,
            self.packed.grad,
            self.first,
            self.second,
            clip,
            self.steps + 1,
            self.lr,
            *self.betas,
            self.eps,
            self.weight_decay,
            self.decoupled,
        )

    def moments(self) -> dict[str, Array]:
        return {"first": self.first, "second": self.second}


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): g is without it, and before the step

    value -= lr * weight_decay * value

    The paper's decay is not multiplied by lr, PyTorch's is; its default is 0.01, here as in all others 0.
    """

    decoupled = True
