"""L-BFGS, a quasi-Newton method for losses that are computed on all data at once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.optimizers.line_search import Point, search
from seqrl.optimizers.optimizer import NotFinite, check_attached, culprit, not_negative, positive
from seqrl.parameter import Array, Packed, Parameter

Closure = Callable[[], float]


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4 and 7.5).

    direction d = -H g, where H approximates the inverse Hessian by the last `history_size` pairs of
    s = x_(k+1) - x_k  and  y = g_(k+1) - g_k
    value += step * d

    For small data: every evaluation must be of the same function, so no minibatches and no dropout. It takes no
    gradients that were computed before, but a closure that computes them, as often as it needs:

        def closure():
            prediction, backward = model.forward_data(x)
            loss, gradient = mean_squared_error(prediction, y)
            backward(gradient)
            return loss

        LBFGS(model.parameters(), max_iter=200).step(closure)

    The step is found by a line search for the strong Wolfe conditions, from a first trial of `lr`; with
    line_search=False it is `lr` (at most lr / sum |g| while there are no pairs), as PyTorch does it by default.
    A call of `step` makes up to `max_iter` iterations and ends early when no gradient is larger than `tolerance_grad`,
    or when the loss or every parameter changes by less than `tolerance_change`. Names and defaults are PyTorch's, but
    for the line search.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, Parameter]],
        lr: float = 1.0,
        *,
        max_iter: int = 20,
        history_size: int = 100,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        line_search: bool = True,
    ) -> None:
        positive("the learning rate", lr)
        not_negative("tolerance_grad", tolerance_grad)
        not_negative("tolerance_change", tolerance_change)
        if max_iter < 1:
            raise InputError(f"max_iter is {max_iter}; expected at least 1")
        if history_size < 1:
            raise InputError(f"history_size is {history_size}; expected at least 1")
        self.packed = Packed(parameters)
        self.lr = lr
        self.max_iter = max_iter
        self.history_size = history_size
        self.tolerance_grad = tolerance_grad
        self.tolerance_change = tolerance_change
        self.line_search = line_search
        self.steps = 0  # iterations so far, over all calls
        self._pairs: deque[tuple[Array, Array]] = deque(maxlen=history_size)  # (s, y), the newest last
        self._last: tuple[Array, Array] | None = None  # the last move, and the gradient from which it was made

    def step(self, closure: Closure) -> float:
        """Iterate, and return the loss that `closure` gave first, before anything moved.

        closure: adds the gradients to the parameters', which are zero when it is called, and returns the loss.

        Raises NotFinite when the loss or a gradient is not finite; the parameters are then where they were before
        the iteration. (While the line search tries steps it only means that one was too long.) Raises InputError when
        another optimizer has been made over the same parameters since.
        """
        check_attached(self.packed)
        try:
            return self._iterate(closure)
        finally:
            self.packed.grad[...] = 0

    def _iterate(self, closure: Closure) -> float:
        value = self.packed.value
        loss, gradient = self._evaluate(closure)
        first_loss = loss
        for iteration in range(1, self.max_iter + 1):
            if np.abs(gradient).max(initial=0) <= self.tolerance_grad:
                break
            if self._last is not None:
                self._remember(self._last[0], gradient - self._last[1])
            direction = -self._times_inverse_hessian(gradient)
            slope = float(gradient @ direction)
            if slope > -self.tolerance_change:
                break
            step = self.lr if self._pairs else min(1.0, 1.0 / float(np.abs(gradient).sum())) * self.lr
            before, last_loss, last_gradient = value.copy(), loss, gradient
            try:
                if self.line_search:
                    start = Point(0.0, loss, slope, gradient)
                    step, loss, _, gradient = search(self._along(closure, before, direction), start, step)
                    value[...] = before + step * direction
                    if step == 0 and self._pairs:  # the approximation misleads: go on with steepest descent
                        self._pairs.clear()
                        self._last = None
                        continue
                else:
                    value += step * direction
                    if iteration < self.max_iter:
                        loss, gradient = self._evaluate(closure)
            except BaseException:
                value[...] = before
                raise
            self.steps += 1
            move = step * direction
            self._last = move, last_gradient
            if np.abs(move).max() <= self.tolerance_change:
                break
            if (self.line_search or iteration < self.max_iter) and abs(loss - last_loss) < self.tolerance_change:
                break
        return first_loss

    def _evaluate(self, closure: Closure) -> tuple[float, Array]:
        """The loss and its gradient where the parameters are."""
        self.packed.grad[...] = 0
        loss = float(closure())
        if not math.isfinite(loss):
            raise NotFinite(f"the loss that the closure returned is {loss}, at iteration {self.steps + 1}")
        if not math.isfinite(float(np.linalg.norm(self.packed.grad))):
            raise NotFinite(f"the gradient of {culprit(self.packed)} is not finite, at iteration {self.steps + 1}")
        return loss, self.packed.grad.copy()

    def _along(self, closure: Closure, before: Array, direction: Array) -> Callable[[float], Point]:
        """The function that the line search sees."""

        def evaluate(step: float) -> Point:
            self.packed.value[...] = before + step * direction
            try:
                loss, gradient = self._evaluate(closure)
            except NotFinite:
                return Point(step, math.inf, math.inf, self.packed.grad)
            return Point(step, loss, float(gradient @ direction), gradient)

        return evaluate

    def _remember(self, s: Array, y: Array) -> None:
        """Keep the pair if the curvature along it is positive beyond rounding, which keeps H positive definite."""
        if s @ y > np.finfo(s.dtype).eps * np.linalg.norm(s) * np.linalg.norm(y):
            self._pairs.append((s, y))

    def _times_inverse_hessian(self, gradient: Array) -> Array:
        """H g by the two-loop recursion (algorithm 7.4), which starts from H = s y / y y of the newest pair (7.20)."""
        q = gradient.copy()
        weights = []
        for s, y in reversed(self._pairs):
            weights.append((s @ q) / (s @ y))
            q -= weights[-1] * y
        if self._pairs:
            s, y = self._pairs[-1]
            q *= (s @ y) / (y @ y)
        for (s, y), weight in zip(self._pairs, reversed(weights), strict=True):
            q += (weight - (y @ q) / (s @ y)) * s
        return q

    def state_dict(self) -> dict[str, Any]:
        """`moves` and `changes` are the pairs (s, y), each (pairs, P); `last` holds the last move and its gradient."""
        P, dtype = self.packed.value.size, self.packed.value.dtype
        moves, changes = (np.array([pair[k] for pair in self._pairs], dtype).reshape(-1, P) for k in (0, 1))
        last = np.array(self._last or (), dtype).reshape(-1, P)
        return {"steps": self.steps, "lr": self.lr, "moves": moves, "changes": changes, "last": last}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken. Raises InputError, before anything changes, where it doesn't fit."""
        P = self.packed.value.size
        for name in ("steps", "lr", "moves", "changes", "last"):
            if name not in state:
                raise InputError(f"the optimizer's state lacks '{name}'")
        for name in ("moves", "changes", "last"):
            if np.ndim(state[name]) != 2 or np.shape(state[name])[1] != P:
                raise InputError(
                    f"the optimizer's '{name}' are of shape {np.shape(state[name])}; expected (pairs, {P})"
                )
        if len(state["moves"]) != len(state["changes"]) or len(state["last"]) not in (0, 2):
            raise InputError("the optimizer's state holds moves and changes of gradients that don't pair")
        moves, changes, last = (np.array(state[name], self.packed.value.dtype) for name in ("moves", "changes", "last"))
        self._pairs = deque(zip(moves, changes, strict=True), maxlen=self.history_size)
        self._last = (last[0], last[1]) if len(last) else None
        self.steps, self.lr = int(state["steps"]), float(state["lr"])
