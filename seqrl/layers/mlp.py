"""Multilayer perceptrons that are computed as a whole, alone or side by side.

They give what a chain of their layers gives. In small networks, as agents have them, most of a chain's time goes into
what stands around the arithmetic; here each way is one call of a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError, choose
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.layers.dense import Dense
from seqrl.parameter import Array, Integers, Parameter

RECTIFIED = {"relu": True, "tanh": False}  # the activations that the kernels have


@dataclass
class Vectors:
    """The parameters in one vector and their gradients in another: views once an optimizer has packed them, until then
    copies.

    It is no tuple, so that the walk over a layer's members passes it by.
    """

    value: Array  # what the values are views of
    grad: Array
    values: Array  # (1, P)
    grads: Array
    parameters: list[Parameter]
    starts: list[int]  # where each begins
    table: Integers  # see `seqrl.kernels.reference.mlp`


class _Networks(Layer):
    """Networks that see the same x, with their outputs side by side."""

    def _begin(self, networks: Sequence[Sequence[Dense]], rectified: bool) -> None:
        self._rectified = rectified
        self._n_in = networks[0][0].weight.shape[0]
        self._hidden = sum(layer.weight.shape[1] for layers in networks for layer in layers[:-1])
        self._n_out = sum(layers[-1].weight.shape[1] for layers in networks)
        self._vectors = gather(networks)

    def _networks(self) -> list[list[Dense]]:
        raise NotImplementedError

    def _find_vectors(self) -> Vectors:
        """They are looked for again where something has packed the parameters since, and always where they are copies:
        those are of the moment."""
        vectors = self._vectors
        value = vectors.value
        for parameter in vectors.parameters:  # a plain loop: it runs at every step
            if parameter.value.base is not value:
                self._vectors = vectors = locate(self._networks())
                break
        return vectors

    def _compute(self, x: Array) -> tuple[Array, Vectors, Array, Array]:
        """The output, and what the way back needs: the vectors, the input's rows and the hidden units."""
        if x.shape[-1] != self._n_in:
            raise InputError(f"{type(self).__name__} got input of shape {x.shape}; expected (..., {self._n_in})")
        vectors = self._find_vectors()
        values = vectors.values
        dtype = values.dtype
        rows = np.ascontiguousarray(x, dtype)
        rows = rows[None] if x.ndim == 2 else rows.reshape(1, -1, self._n_in)
        B = rows.shape[1]
        hidden, y = np.empty((1, B, self._hidden), dtype), np.empty((1, B, self._n_out), dtype)
        kernels.mlp_forward(rows, values, vectors.table, self._rectified, hidden, y)
        return (y[0] if x.ndim == 2 else y.reshape(*x.shape[:-1], self._n_out)), vectors, rows, hidden

    def __call__(self, x: Array) -> Array:
        return self._compute(x)[0]

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y, vectors, rows, hidden = self._compute(x)
        shape, x_shape = y.shape, x.shape

        def backward(dy: Array) -> Array:
            dx = np.empty_like(rows)
            self._backward(dy, shape, vectors, rows, hidden, dx)
            return dx.reshape(x_shape)

        return y, backward

    def forward_data(self, x: Array) -> tuple[Array, Callable[[Array], None]]:
        y, vectors, rows, hidden = self._compute(x)
        shape = y.shape

        def backward(dy: Array) -> None:
            self._backward(dy, shape, vectors, rows, hidden, rows[:0])

        return y, backward

    def _backward(
        self, dy: Array, shape: tuple[int, ...], vectors: Vectors, rows: Array, hidden: Array, dx: Array
    ) -> None:
        check_gradient(dy, shape)
        dy = np.ascontiguousarray(dy, rows.dtype).reshape(1, -1, self._n_out)
        views, grad = True, vectors.grad
        for parameter in vectors.parameters:
            views = views and parameter.grad.base is grad
        grads = vectors.grads if views else np.zeros_like(vectors.values)
        kernels.mlp_backward(rows, vectors.values, vectors.table, self._rectified, hidden, dy, grads, dx)
        if not views:
            for parameter, start in zip(vectors.parameters, vectors.starts, strict=True):
                parameter.grad += grads[0, start : start + parameter.grad.size].reshape(parameter.shape)


class MLP(_Networks):
    """Affine maps with an activation (relu or tanh) between them, and none after the last.

    x: (..., n_in of the first) -> y: (..., n_out of the last), both of the parameters' type.
    """

    def __init__(self, *layers: Dense, activation: str) -> None:
        self.activation = activation
        self.layers = list(layers)
        if not layers:
            raise InputError("MLP without layers; expected one Dense at least")
        for layer, following in pairwise(layers):
            if layer.weight.shape[1] != following.weight.shape[0]:
                raise InputError(f"layers of MLP with weights {layer.weight.shape} and {following.weight.shape}")
        if any(layer.bias is None for layer in layers):
            raise InputError("a layer of MLP has no bias; expected one in each")
        self._begin(self._networks(), choose("activation", activation, RECTIFIED))

    def _networks(self) -> list[list[Dense]]:
        return [self.layers]


class SideBySide(_Networks):
    """Several MLP of the same activation that see the same x, y = [f_1(x), f_2(x), ...], as one.

    x: (..., n_in) -> y: (..., n_out of all together), both of the parameters' type.
    """

    def __init__(self, *networks: MLP) -> None:
        self.networks = list(networks)
        if not networks:
            raise InputError("SideBySide without networks; expected one MLP at least")
        for what in "activation", "_n_in":
            found = [getattr(network, what) for network in networks]
            if len(set(found)) > 1:
                name = "activations" if what == "activation" else "inputs"
                raise InputError(f"networks side by side with the {name} {found}; expected the same of all")
        self._begin(self._networks(), networks[0]._rectified)

    def _networks(self) -> list[list[Dense]]:
        return [network.layers for network in self.networks]


def locate(networks: Sequence[Sequence[Dense]]) -> Vectors:
    """The vectors that all values and all gradients are views of, at the same places; else copies, see `gather`."""
    parameters = _parameters(networks)
    value, grad = parameters[0].value.base, parameters[0].grad.base
    if not (isinstance(value, np.ndarray) and isinstance(grad, np.ndarray) and value.size == grad.size):
        return gather(networks)
    if not all(parameter.value.base is value and parameter.grad.base is grad for parameter in parameters):
        return gather(networks)
    starts = [_start(parameter.value, value) for parameter in parameters]
    if starts != [_start(parameter.grad, grad) for parameter in parameters]:
        return gather(networks)
    return Vectors(value, grad, value.reshape(1, -1), grad.reshape(1, -1), parameters, starts, table(networks, starts))


def gather(networks: Sequence[Sequence[Dense]]) -> Vectors:
    """Copies of the parameters, one after the other."""
    parameters = _parameters(networks)
    sizes = [parameter.value.size for parameter in parameters]
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    values = np.concatenate([parameter.value.ravel() for parameter in parameters])[None]
    return Vectors(values, values, values, values, parameters, starts, table(networks, starts))


def table(networks: Sequence[Sequence[Dense]], starts: Sequence[int]) -> Integers:
    """The maps as `seqrl.kernels.reference.mlp` wants them, the parameters beginning at `starts`."""
    rows, places, hidden, outputs = [], iter(starts), 0, 0
    for layers in networks:
        source = -1
        for k, layer in enumerate(layers):
            n_in, n_out = layer.weight.shape
            if k < len(layers) - 1:
                rows.append([n_in, n_out, next(places), next(places), source, hidden])
                source = hidden
                hidden += n_out
            else:
                rows.append([n_in, n_out, next(places), next(places), source, outputs])
                outputs += n_out
    return np.array(rows, np.int64)


def _parameters(networks: Sequence[Sequence[Dense]]) -> list[Parameter]:
    """The weight and the bias of each layer, in this order."""
    each = [(layer.weight, layer.bias) for layers in networks for layer in layers]
    return [parameter for pair in each for parameter in pair if parameter is not None]


def _start(view: Array, base: Array) -> int:
    """The element of the base at which a view begins."""
    address, first = (array.__array_interface__["data"][0] for array in (view, base))
    return int(address - first) // base.itemsize
