"""A network as plain products, for acting.

An agent asks its network for one row, or for a few, at every step. There what stands around the arithmetic (checks,
which layer comes next, functions for the way back) takes longer than the arithmetic itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from seqrl.activations import ReLU, Tanh
from seqrl.layer import Chain, Layer
from seqrl.layers.dense import Dense
from seqrl.parameter import Array

Function = Callable[[Array], Array]


def acting(network: Layer) -> Function:
    """`network(x)` for rows x (B, D) that fit, which are not checked. Results differ from it by rounding at most.

    It sees what the network learns later. Make it after the optimizer, which gives the weights their places.
    """
    functions: list[Function] = []
    layers = list(_flat(network))
    for k, layer in enumerate(layers):
        if isinstance(layer, Dense) and layer.bias is not None:
            functions.append(_affine(layer.weight.value, layer.bias.value))
        elif type(layer) in IN_PLACE and k > 0 and isinstance(layers[k - 1], Dense):
            functions.append(IN_PLACE[type(layer)])  # into an array that nobody else has
        else:
            functions.append(layer)

    def rows(x: Array) -> Array:
        for function in functions:
            x = function(x)
        return x

    if any(isinstance(function, Layer) for function in functions):
        return rows

    def rows_or_one(x: Array) -> Array:  # a vector times a matrix starts sooner than a matrix of one row
        return rows(x) if len(x) > 1 else rows(x[0])[None]

    return rows_or_one


def _affine(weight: Array, bias: Array) -> Function:
    def affine(x: Array) -> Array:
        y: Array = x.dot(weight)  # for small ones in half the time of @
        y += bias
        return y

    return affine


ZERO = np.zeros((), np.float32)  # an array, for which no type has to be found


def _relu(x: Array) -> Array:
    return np.maximum(x, ZERO, out=x)


def _tanh(x: Array) -> Array:
    return np.tanh(x, out=x)


IN_PLACE: dict[type[Layer], Function] = {ReLU: _relu, Tanh: _tanh}


def _flat(network: Layer) -> Iterator[Layer]:
    """The layers of chains within chains."""
    if type(network) is Chain:
        for layer in network.layers:
            yield from _flat(layer)
    else:
        yield network
