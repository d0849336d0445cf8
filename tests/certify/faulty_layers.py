"""Small layers, each with one fault that the certificate must find, and one without."""

from typing import Any

import numpy as np

from seqrl.layer import Layer
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import GRU, RNN
from seqrl.parameter import Parameter

Generator = np.random.Generator


class Right(Dense):
    """Nothing is wrong with it."""


class DoubledBias(Dense):
    def forward(self, x: Any) -> Any:
        y, backward = super().forward(x)

        def doubled(dy: Any) -> Any:
            assert self.bias is not None
            self.bias.grad += dy.reshape(-1, dy.shape[-1]).sum(axis=0)
            return backward(dy)

        return y, doubled


class ReturnedZeros(Dense):
    def forward(self, x: Any) -> Any:
        y, backward = super().forward(x)
        return y, lambda dy: np.zeros_like(backward(dy))


class Rebinding(Layer):
    """y = x w"""

    def __init__(self, D: int) -> None:
        self.weight = Parameter(np.ones(D))

    def forward(self, x: Any) -> Any:
        def backward(dy: Any) -> Any:
            self.weight.grad = self.weight.grad + (x * dy).sum(axis=0)
            return dy * self.weight.value

        return x * self.weight.value, backward


class InPlace(Layer):
    """y = tanh(x), written over x."""

    def forward(self, x: Any) -> Any:
        y = np.tanh(x, out=x)
        return y, lambda dy: dy * (1 - y * y)


class InPlaceGradient(Layer):
    """y = tanh(x); the gradient of y is written over."""

    def forward(self, x: Any) -> Any:
        y = np.tanh(x)

        def backward(dy: Any) -> Any:
            dy *= 1 - y * y
            return dy

        return y, backward


class CachedInput(Layer):
    """y = x w, which looks up x where the last forward left it."""

    def __init__(self, *, rng: Generator) -> None:
        self.weight = Parameter(rng.normal(size=3))

    def forward(self, x: Any) -> Any:
        self.x = x

        def backward(dy: Any) -> Any:
            self.weight.grad += (self.x[: len(dy)] * dy[: len(self.x)]).sum(axis=0)
            return dy * self.weight.value

        return x * self.weight.value, backward


class Remembering(Layer):
    """A mean of what it has seen, at inference too."""

    def __init__(self) -> None:
        self.mean = 0.0

    def forward(self, x: Any) -> Any:
        return x + 0, lambda dy: dy + 0

    def __call__(self, x: Any) -> Any:
        self.mean += 0.1 * float(x.mean())
        return x - self.mean


class LeastOfBatch(Layer):
    """y = x - mean of the batch: rows are not independent."""

    def forward(self, x: Any) -> Any:
        return x - x.mean(axis=0), lambda dy: dy - dy.mean(axis=0)


class PlainDropout(Layer):
    """y = x m, without 1 / (1 - p)."""

    def __init__(self, p: float, *, rng: Generator) -> None:
        self.p = p
        self.rng = rng

    def __call__(self, x: Any) -> Any:
        return x

    def forward(self, x: Any) -> Any:
        kept = (self.rng.random(x.shape) >= self.p).astype(x.dtype)
        return x * kept, lambda dy: dy * kept


class DropoutAtInference(PlainDropout):
    def __call__(self, x: Any) -> Any:
        return self.forward(x)[0]


class Tied(Layer):
    """y = tanh(x W) W^T; only the second W gets a gradient."""

    def __init__(self, D: int, H: int, *, rng: Generator) -> None:
        self.weight = Parameter(rng.normal(size=(D, H)))

    def forward(self, x: Any) -> Any:
        h = np.tanh(x @ self.weight.value)

        def backward(dy: Any) -> Any:
            self.weight.grad += dy.T @ h
            return ((dy @ self.weight.value) * (1 - h * h)) @ self.weight.value.T

        return h @ self.weight.value.T, backward


class DroppedStep(RNN):
    """The gradient leaves out the first step."""

    def scan(self, *arguments: Any, **options: Any) -> Any:
        output, backward = super().scan(*arguments, **options)

        def without_first(dy: Any, dstate: Any = None) -> Any:
            dy = dy.copy()
            dy[:1] = 0
            return backward(dy, dstate)

        return output, without_first


class ReversedPadding(Bidirectional):
    """The backward direction starts in the padding."""

    def __init__(self, D: int, H: int, *, rng: Generator) -> None:
        super().__init__(GRU(D, H, rng=rng), GRU(D, H, rng=rng))

    def scan(self, x: Any, state: Any = None, lengths: Any = None) -> Any:
        T, N, _ = x.shape
        (y, final), backward = super().scan(x, state, np.full(N, T))
        real = np.arange(T)[:, None, None] < (np.full(N, T) if lengths is None else lengths)[:, None]

        def masked(dy: Any, dstate: Any = None) -> Any:
            return backward(dy * real, dstate)

        return (y * real, final), masked


class Wide(Dense):
    """Its output is float64, whatever it gets."""

    def __call__(self, x: Any) -> Any:
        return super().__call__(x) * np.ones(1)


class Raising(Dense):
    """Its backward can't be called."""

    def forward(self, x: Any) -> Any:
        y, _ = super().forward(x)
        return y, lambda dy: dy @ np.ones((7, 7))


class Permuted(Layer):
    """y = x with its last axis in another order, which an array of integers keeps. Nothing is wrong with it."""

    def __init__(self) -> None:
        self.order = np.array([2, 0, 1])

    def forward(self, x: Any) -> Any:
        return x[..., self.order], lambda dy: dy[..., np.argsort(self.order)]


class NoGradient(Dense):
    def forward(self, x: Any) -> Any:
        y, backward = super().forward(x)

        def nothing(dy: Any) -> None:
            backward(dy)

        return y, nothing


def made() -> Layer:
    return Right(3, 2, rng=np.random.default_rng(0))


an_object = made()
a_number = 3


class NotALayer:
    pass


def no_layer() -> int:
    return 3


class Failing(Layer):
    def __init__(self, D: int) -> None:
        raise ValueError("no such size")
