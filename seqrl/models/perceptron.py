"""The single neuron: the perceptron, whose unit is a threshold, and the sigmoid neuron, which has a gradient.

Both are one weighted sum, so both draw one straight line through the plane: AND and OR they learn, XOR no single
neuron can (Minsky and Papert 1969).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqrl.activations import sigmoid
from seqrl.errors import InputError, check_sizes

Vector = npt.NDArray[np.float64]


class Perceptron:
    """A threshold unit, y = 1 where w . x + b > 0, else 0 (Rosenblatt 1958).

    `fit` follows the perceptron rule, w += lr (t - y) x, b += lr (t - y), which finds a line between two classes
    in finitely many steps wherever there is one (Novikoff 1962) and goes round for ever where there is none.
    """

    def __init__(self, n_in: int, lr: float = 1.0) -> None:
        check_sizes("Perceptron", n_in=n_in)
        self.weight: Vector = np.zeros(n_in)
        self.bias = 0.0
        self.lr = lr

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """x: (..., n_in) -> 0 or 1, (...)."""
        return (np.asarray(x) @ self.weight + self.bias > 0).astype(np.int64)

    def fit(self, x: npt.ArrayLike, target: npt.ArrayLike, epochs: int = 100) -> list[int]:
        """Learn x: (N, n_in), target: (N,) of 0 and 1; the mistakes of each epoch.

        The last is 0 where it converged; otherwise all `epochs` went by, as they do on data that no line separates.
        """
        x, target = _examples(x, target, len(self.weight))
        mistakes = []
        for _ in range(epochs):
            wrong = 0
            for x_n, t in zip(x, target, strict=True):
                error = t - int(self(x_n))
                self.weight += self.lr * error * x_n
                self.bias += self.lr * error
                wrong += error != 0
            mistakes.append(wrong)
            if not wrong:
                break
        return mistakes


class SigmoidNeuron:
    """p = sigmoid(w . x + b), the probability of class 1; logistic regression.

    `fit` descends the gradient of the mean cross-entropy, dL/dw = mean (p - t) x, dL/db = mean (p - t): the delta rule
    (Widrow and Hoff 1960) with a smooth unit instead of the threshold.
    """

    def __init__(self, n_in: int, lr: float = 1.0) -> None:
        check_sizes("SigmoidNeuron", n_in=n_in)
        self.weight: Vector = np.zeros(n_in)
        self.bias = 0.0
        self.lr = lr

    def __call__(self, x: npt.ArrayLike) -> Vector:
        """x: (..., n_in) -> probabilities, (...)."""
        p: Vector = sigmoid(np.asarray(x, np.float64) @ self.weight + self.bias).astype(np.float64, copy=False)
        return p

    def fit(self, x: npt.ArrayLike, target: npt.ArrayLike, epochs: int = 1000) -> list[float]:
        """Learn x: (N, n_in), target: (N,) of 0 and 1; the loss before each epoch."""
        x, target = _examples(x, target, len(self.weight))
        losses = []
        for _ in range(epochs):
            z = x @ self.weight + self.bias
            losses.append(float((np.logaddexp(0, z) - target * z).mean()))
            error = sigmoid(z) - target
            self.weight -= self.lr * error @ x / len(x)
            self.bias -= self.lr * float(error.mean())
        return losses


def _examples(x: npt.ArrayLike, target: npt.ArrayLike, n_in: int) -> tuple[Vector, npt.NDArray[np.int64]]:
    """Raises InputError where they don't fit."""
    inputs, targets = np.asarray(x, np.float64), np.asarray(target)
    if inputs.ndim != 2 or inputs.shape[1] != n_in or not len(inputs):
        raise InputError(f"the inputs have the shape {inputs.shape}; expected (N, {n_in}), N at least 1")
    if not np.isfinite(inputs).all():
        row = int(np.argmin(np.isfinite(inputs).all(axis=1)))
        raise InputError(f"the inputs hold {inputs[row].tolist()} in row {row}; expected finite numbers")
    if targets.shape != inputs.shape[:1]:
        raise InputError(f"the targets have the shape {targets.shape}; expected ({len(inputs)},)")
    if not np.isin(targets, (0, 1)).all():
        raise InputError(f"a target is {targets[~np.isin(targets, (0, 1))][0]}; expected 0 or 1")
    return inputs, targets.astype(np.int64)
