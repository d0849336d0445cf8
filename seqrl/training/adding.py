"""The adding problem: which of T numbers were marked is to be remembered to the end (Hochreiter and Schmidhuber 1997).

Here as in Le et al. 2015: always T steps, numbers from 0 to 1, and the answer is their plain sum.
"""

from __future__ import annotations

import numpy as np

from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import CELLS
from seqrl.losses import mean_squared_error
from seqrl.optimizers import Optimizer
from seqrl.parameter import Array

BASELINE = 1 / 6  # the mean squared error of answering 1 always: the variance of the sum of two numbers from U(0, 1)


def adding_problem(T: int, N: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """x (T, N, 2), numbers from U(0, 1) and marks; answers (N, 1), the sum of the two numbers marked with 1.

    One mark stands in the first half of the steps and one in the second. Raises InputError for T < 2.
    """
    if T < 2:
        raise InputError(f"the adding problem got {T} steps; expected 2 or more")
    x = np.zeros((T, N, 2), np.float32)
    x[..., 0] = rng.random((T, N))
    example = np.arange(N)
    for first, last in (0, T // 2), (T // 2, T):
        x[rng.integers(first, last, N), example, 1] = 1
    return x, x.prod(axis=-1).sum(axis=0)[:, None]


def net(cell: str, units: int, rng: np.random.Generator) -> Chain:
    """A recurrent layer, by its name in CELLS, and a linear unit; the output at the last step is the answer."""
    return Chain(CELLS[cell](2, units, rng=rng), Dense(units, 1, rng=rng))


def learn(model: Chain, optimizer: Optimizer, x: Array, answer: Array) -> float:
    """One step of training by BPTT through the whole sequence; returns the mean squared error before it."""
    y, backward = model.forward(x)
    loss, danswer = mean_squared_error(y[-1], answer)
    dy = np.zeros_like(y)
    dy[-1] = danswer
    backward(dy)
    optimizer.step()
    return loss


def error(model: Chain, x: Array, answer: Array) -> float:
    """The mean squared error."""
    return mean_squared_error(model(x)[-1], answer)[0]
