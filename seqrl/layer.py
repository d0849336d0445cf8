"""Layers: calling one is inference, `forward` is training.

A layer has no training flag and keeps no cache. `forward(x)` returns the output and the function
that takes the gradient of the output and returns the gradient of the input, adding the
gradients of the parameters on the way. What the backward pass needs lives in that function's scope.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, nearest
from seqrl.parameter import Array, Parameter

Backward = Callable[[Array], Array]
M = TypeVar("M")


@dataclass
class Arguments:
    """What a layer was made with. No tuple, so that the walk over a layer's members passes it by."""

    positional: tuple[Any, ...]
    named: dict[str, Any]


class Layer:
    """A differentiable function with parameters: the attributes that are Parameters, Layers or lists of them."""

    made_with: Arguments

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Note the arguments, by which `seqrl.architecture` describes the layer."""
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments")
        layer = super().__new__(cls)
        layer.made_with = Arguments(args, kwargs)
        return layer

    def forward(self, x: Any) -> tuple[Any, Callable[..., Any]]:
        """The output, and the backward function that maps its gradient to the gradient of `x`."""
        raise NotImplementedError

    def forward_data(self, x: Any) -> tuple[Any, Callable[..., Any]]:
        """`forward` for an input that is data: the backward function need not return the gradient of `x`.

        A first layer saves about a third of its arithmetic by it.
        """
        return self.forward(x)

    def __call__(self, x: Any) -> Any:
        """The output at inference."""
        return self.forward(x)[0]

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, Parameter) in definition order, each object once."""
        return _members(self, Parameter)

    def generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """(dotted name, Generator) of every source of randomness, each object once; a checkpoint saves their states."""
        return _members(self, np.random.Generator)

    def buffers(self) -> Iterator[tuple[str, Array]]:
        """(dotted name, array) of what is kept but not learned, such as batch norm's running statistics.

        They are the attributes that are arrays; write into them and never rebind them.
        """
        return _members(self, np.ndarray)

    def state(self) -> dict[str, Array]:
        """Every parameter's value and every buffer by name, the arrays themselves."""
        return {name: parameter.value for name, parameter in self.parameters()} | dict(self.buffers())

    def state_dict(self) -> dict[str, Array]:
        """A copy of `state`."""
        return {name: array.copy() for name, array in self.state().items()}

    def load_state_dict(self, values: Mapping[str, npt.ArrayLike]) -> None:
        """Write `values` into the parameters and the buffers.

        Raises InputError that names the first one that is missing, left over or of another shape;
        nothing is written then.
        """
        own = self.state()
        for name, array in own.items():
            if name not in values:
                raise InputError(f"the weights lack '{name}' of shape {array.shape}{nearest(name, values)}")
            shape = np.shape(values[name])
            if shape != array.shape:
                raise InputError(f"the weights hold '{name}' of shape {shape}, the model has {array.shape}")
        for name in values:
            if name not in own:
                raise InputError(f"the weights hold '{name}', which the model has not{nearest(name, own)}")
        for name, array in own.items():
            array[...] = values[name]

    def zero_grad(self) -> None:
        for _, parameter in self.parameters():
            parameter.grad[...] = 0

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """A copy with parameters and buffers of another dtype (integers stay); float64 is for gradient checks."""
        numbers = [buffer for _, buffer in self.buffers() if np.issubdtype(buffer.dtype, np.floating)]
        kept: dict[int, Any] = {id(buffer): buffer.astype(dtype) for buffer in numbers}
        other = copy.deepcopy(self, kept)
        for _, parameter in other.parameters():
            parameter.value = parameter.value.astype(dtype)
            parameter.grad = parameter.grad.astype(dtype)
        return other

    @property
    def dtype(self) -> np.dtype[Any]:
        return next((parameter.value.dtype for _, parameter in self.parameters()), np.dtype(np.float32))

    @property
    def parameter_count(self) -> int:
        return sum(parameter.value.size for _, parameter in self.parameters())


def _members(owner: Layer, kind: type[M]) -> Iterator[tuple[str, M]]:
    seen: set[int] = set()
    for name, member in _walk(owner, "", kind):
        if id(member) not in seen:
            seen.add(id(member))
            yield name, member


def _walk(owner: Any, prefix: str, kind: type[M]) -> Iterator[tuple[str, M]]:
    if isinstance(owner, kind):
        yield prefix, owner
        return
    if isinstance(owner, Layer):
        members: Any = vars(owner).items()
    elif isinstance(owner, (list, tuple)):
        members = enumerate(owner)
    else:
        return
    for name, member in members:
        yield from _walk(member, f"{prefix}.{name}" if prefix else str(name), kind)


class Chain(Layer):
    """Layers one after another, y = f_k(... f_2(f_1(x))). Raises InputError that says which layer the input fails."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = list(layers)

    def forward(self, x: Any) -> tuple[Any, Backward]:
        return self._forward(x, 0, [layer.forward for layer in self.layers])

    def forward_data(self, x: Any) -> tuple[Any, Backward]:
        """What stands below the first layer with parameters has nothing to learn, and no gradient goes there."""
        first = next((k for k, layer in enumerate(self.layers) if _learns(layer)), 0)
        for k, layer in enumerate(self.layers[:first]):
            x, _ = self._through(k, layer.forward, x)
        forwards = [layer.forward for layer in self.layers[first + 1 :]]
        return self._forward(x, first, [layer.forward_data for layer in self.layers[first : first + 1]] + forwards)

    def _forward(
        self, x: Any, first: int, forwards: Sequence[Callable[[Any], tuple[Any, Backward]]]
    ) -> tuple[Any, Backward]:
        backwards = []
        for k, forward in enumerate(forwards, start=first):
            x, backward = self._through(k, forward, x)
            backwards.append(backward)

        def backward_chain(dy: Array) -> Array:
            for backward in reversed(backwards):
                dy = backward(dy)
            return dy

        return x, backward_chain

    def __call__(self, x: Any) -> Any:
        for k, layer in enumerate(self.layers):
            x = self._through(k, layer, x)
        return x

    def _through(self, k: int, function: Callable[[Any], Any], x: Any) -> Any:
        try:
            return function(x)
        except InputError as error:
            raise InputError(f"layer {k + 1} of the {type(self).__name__}: {error}") from error


def _learns(layer: Layer) -> bool:
    """Whether it has parameters; most layers have their own, which are found at once."""
    own = any(isinstance(member, Parameter) for member in vars(layer).values())
    return own or next(layer.parameters(), None) is not None


class Residual(Layer):
    """Skip connection, y = x + f(x) (He et al. 2016, equation 1). Raises InputError where f changes the shape."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def forward(self, x: Array) -> tuple[Array, Backward]:
        fx, layer_backward = self.layer.forward(x)

        def backward(dy: Array) -> Array:
            return dy + layer_backward(dy)

        return self._sum(x, fx), backward

    def __call__(self, x: Array) -> Array:
        return self._sum(x, self.layer(x))

    def _sum(self, x: Array, fx: Array) -> Array:
        if fx.shape != x.shape:  # NumPy would broadcast
            raise InputError(f"Residual got {fx.shape} from its layer; expected the shape of its input, {x.shape}")
        return x + fx


class Concatenate(Layer):
    """Branches side by side on the last axis, y = [f_1(x), f_2(x), ...]."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = list(layers)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        outputs, backwards = zip(*(layer.forward(x) for layer in self.layers), strict=True)
        ends = np.cumsum([y.shape[-1] for y in outputs])[:-1]

        def backward(dy: Array) -> Array:
            parts = np.split(dy, ends, axis=-1)
            return sum((b(part) for b, part in zip(backwards, parts, strict=True)), np.zeros((), dy.dtype))

        return np.concatenate(outputs, axis=-1), backward

    def __call__(self, x: Array) -> Array:
        return np.concatenate([layer(x) for layer in self.layers], axis=-1)


def rows(x: Array) -> Array:
    """(..., n) as a matrix (rows, n): what a product over all time steps and examples takes."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def apply(x: Array, weight: Array) -> Array:
    """x W for the last axis of x, as one product; NumPy would make one for each index of the first axis."""
    if x.ndim <= 2:
        return x @ weight
    return (rows(x) @ weight).reshape(*x.shape[:-1], weight.shape[1])


def check_gradient(dy: Array, shape: tuple[int, ...]) -> None:
    """Raises InputError for a gradient of another shape than the output's, which NumPy might broadcast."""
    if dy.shape != shape:
        raise InputError(f"a gradient has the shape {dy.shape}; expected {shape}")
