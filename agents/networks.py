"""The networks of agents: multilayer perceptrons from the library's layers, and observations as rows for them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from seqrl.activations import ACTIVATIONS
from seqrl.errors import InputError, choose
from seqrl.initializers import Initializer, orthogonal
from seqrl.layer import Backward, Chain, Concatenate, Layer, check_gradient, rows
from seqrl.layers.dense import Dense
from seqrl.layers.mlp import MLP, RECTIFIED, SideBySide
from seqrl.parameter import Array, Parameter

# ---- networks ------------------------------------------------------------------------------------------------


def fan_in_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """U(-a, a) with a = 1 / sqrt(n_in), the weights that PyTorch's linear layers begin with."""
    bound = 1 / math.sqrt(shape[0])
    return rng.uniform(-bound, bound, shape)


def scaled_orthogonal(gain: float) -> Initializer:
    """Orthogonal weights times a gain."""

    def initialize(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return gain * orthogonal(rng, shape)

    return initialize


def mlp(
    sizes: Sequence[int],
    activation: str = "tanh",
    *,
    rng: np.random.Generator,
    gains: Sequence[float] | None = None,
) -> Layer:
    """Dense layers of these sizes with an activation between them, and none after the last: (B, sizes[0]) in,
    (B, sizes[-1]) out. An MLP where there is one with this activation, else a Chain.

    The weights are orthogonal times a gain for each layer where `gains` is given (policy gradients take sqrt(2) for
    hidden layers, 0.01 for a policy's last and 1 for a value's; see `policy_gains`), else `fan_in_uniform`.
    Biases are 0.
    """
    if len(sizes) < 2:
        raise InputError(f"a network has the sizes {list(sizes)}; expected two at least, inputs and outputs")
    if gains is not None and len(gains) != len(sizes) - 1:
        raise InputError(f"{len(gains)} gains for {len(sizes) - 1} layers; expected one each")
    make = choose("activation", activation, ACTIVATIONS)
    initializers = [fan_in_uniform if gains is None else scaled_orthogonal(gains[k]) for k in range(len(sizes) - 1)]
    layers = [
        Dense(n_in, n_out, rng=rng, initializer=initializer)
        for (n_in, n_out), initializer in zip(itertools.pairwise(sizes), initializers, strict=True)
    ]
    if activation in RECTIFIED:
        return MLP(*layers, activation=activation)
    between: list[Layer] = [part for layer in layers[:-1] for part in (layer, make())]
    return Chain(*between, layers[-1])


def side_by_side(*networks: Layer) -> Layer:
    """[f_1(x), f_2(x), ...] for networks of one activation, in one pass where they are of the kind MLP."""
    mlps = [network for network in networks if isinstance(network, MLP)]
    return SideBySide(*mlps) if len(mlps) == len(networks) else Concatenate(*networks)


def policy_gains(hidden_layers: int, last: float) -> list[float]:
    """sqrt(2) for each hidden layer, then `last`."""
    return [math.sqrt(2)] * hidden_layers + [last]


class Deviation(Layer):
    """y = [x, log sigma]: beside a policy's means a logarithm of deviations that is learned but depends on no state.

    x: (B, A) -> y: (B, 2A), what `distributions.DiagonalGaussian` takes.
    """

    def __init__(self, n_actions: int, log_sigma: float = 0.0) -> None:
        self.log_sigma = Parameter(np.full(n_actions, log_sigma))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        A = self.log_sigma.shape[0]
        if x.shape[-1] != A:
            raise InputError(f"Deviation got means of shape {x.shape}; expected (..., {A})")
        y = np.empty((*x.shape[:-1], 2 * A), x.dtype)
        y[..., :A] = x
        y[..., A:] = self.log_sigma.value

        def backward(dy: Array) -> Array:
            check_gradient(dy, y.shape)
            self.log_sigma.grad += rows(dy[..., A:]).sum(axis=0)
            return dy[..., :A]

        return y, backward


# ---- observations as rows ------------------------------------------------------------------------------------


class Encoder(NamedTuple):
    """How observations become rows that a network takes."""

    size: int  # D
    encode: Callable[[Any], Array]  # observations (B, ...) -> float32 (B, D)


def encoder(space: spaces.Space[Any]) -> Encoder:
    """The encoder of a space: Box and MultiBinary are flattened, pixels (bytes to 255) become 0 to 1, a Discrete
    observation is one-hot, a MultiDiscrete one several one-hots side by side.

    Raises InputError for another space.
    """
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        size = math.prod(space.shape)
        pixels = space.dtype == np.uint8 and np.all(space.high == 255)  # type: ignore[union-attr]
        return _flattened(size, np.float32(1 / 255) if pixels else None)
    if isinstance(space, spaces.Discrete):
        return _one_hots(np.array([space.n]), np.array([space.start]))
    if isinstance(space, spaces.MultiDiscrete):
        return _one_hots(space.nvec.ravel(), space.start.ravel())
    raise InputError(
        f"observations of the space {type(space).__name__}; expected Box, Discrete, MultiDiscrete or MultiBinary "
        "(gymnasium.wrappers.FlattenObservation makes a Box of a Dict or a Tuple)"
    )


def _flattened(size: int, scale: np.float32 | None) -> Encoder:
    def encode(x: Any) -> Array:
        if type(x) is np.ndarray and x.ndim == 2 and x.dtype == np.float32:  # at nearly every step
            return x
        rows = np.asarray(x).reshape(len(x), size).astype(np.float32, copy=False)
        return rows if scale is None else rows * scale

    return Encoder(size, encode)


def _one_hots(counts: npt.NDArray[np.integer], starts: npt.NDArray[np.integer]) -> Encoder:
    size = int(counts.sum())
    offsets = np.concatenate([[0], np.cumsum(counts)[:-1]]) - starts

    def encode(x: Any) -> Array:
        ids = np.asarray(x).reshape(len(x), len(counts))
        row = np.zeros((len(ids), size), np.float32)
        row[np.arange(len(ids))[:, None], ids + offsets] = 1
        return row

    return Encoder(size, encode)
