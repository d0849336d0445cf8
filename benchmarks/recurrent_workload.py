"""The benchmark of the recurrent layers: what all sides do, and how it is measured. NumPy and nothing else.

`recurrent.py` (seqrl), `recurrent_torch.py` (PyTorch), `recurrent_jax.py` (JAX) and `recurrent_products.py` (the matrix
products alone) are programs of their own,

    python benchmarks/recurrent.py CELL N,T,D,H [GRADIENTS]

that print what they measured as one line of JSON, and write what they computed into the file GRADIENTS. `training` is
forward and backward: from a given gradient of all outputs to those of the input, the weights, the biases and the
initial state. `forward` is the same sequence at inference. `step` is one step from the state of the step before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
WARM_UP, MEASURE = 0.1, 0.3  # seconds, at least
CALLS = 3  # measured, at least


class Shape(NamedTuple):
    N: int
    T: int
    D: int
    H: int


SHAPES = [
    Shape(1, 20, 32, 32),
    Shape(16, 20, 32, 64),
    Shape(32, 30, 64, 128),
    Shape(64, 35, 200, 200),
    Shape(64, 30, 256, 256),
    Shape(20, 35, 650, 650),
    Shape(64, 35, 1024, 1024),
]


class Data(NamedTuple):
    """Gates stand in the order i, f, g, o of an LSTM and r, z, n of a GRU; the state is (h, c) or (h,)."""

    x: Array  # (T, N, D)
    dy: Array  # (T, N, H)
    state: tuple[Array, ...]  # each (N, H)
    parameters: dict[str, Array]  # weight_ih (D, G), weight_hh (H, G), bias (G,); bias_hn (H,) of a GRU


def data(cell: str, shape: Shape) -> Data:
    N, T, D, H = shape
    G = GATES[cell] * H
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape, np.float32)

    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (D, G), "weight_hh": (H, G), "bias": (G,)}
    if cell == "gru":
        shapes["bias_hn"] = (H,)
    parameters = {name: (rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(np.float32) for name, shape in shapes.items()}
    state = tuple(normal(N, H) for _ in range(2 if cell == "lstm" else 1))
    return Data(normal(T, N, D), normal(T, N, H), state, parameters)


def seconds(call: Callable[[], object]) -> float:
    """The median time of a call."""
    start = time.perf_counter()
    call()
    while time.perf_counter() - start < WARM_UP:
        call()
    times: list[float] = []
    start = before = time.perf_counter()
    while before - start < MEASURE or len(times) < CALLS:
        call()
        after = time.perf_counter()
        times.append(after - before)
        before = after
    return median(times)


def carried(step: Callable[[Any], Any], state: Any) -> Callable[[], None]:
    """A call that goes one step on: `step` takes a state and returns the next one."""

    def call() -> None:
        nonlocal state
        state = step(state)

    return call


def main(measure: Callable[[str, Shape], tuple[dict[str, Any], Mapping[str, Any]]], versions: dict[str, str]) -> None:
    """`measure` returns the figures, and what was computed: the outputs y and the gradients, by name."""
    cell, numbers, *file = sys.argv[1:]
    figures, computed = measure(cell, Shape(*map(int, numbers.split(","))))
    if file:
        np.savez(file[0], **computed)
    print(json.dumps(figures | {"versions": versions}))
