"""How much of a gradient is left some steps back, for a simple recurrent network, LSTM and GRU.

Each step back multiplies the gradient of the state by the Jacobian of the step. In the simple network that is the
recurrent weights times the slope of tanh, which is at most 1: with small weights the gradient vanishes exponentially
with the distance, with large ones it may explode (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013). In the
LSTM it passes from cell to cell through the forget gate alone, and through the GRU's update gate: how far it comes is
for the gates to say, at the start by their biases and later by what they have learned.

Drawn is the norm of the gradient of the last answer to the adding problem with regard to the state k steps before, in
proportion to k = 0; for the LSTM the state is h and c together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import plots
from seqrl.initializers import normal
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import GRU, LSTM, RNN, Recurrent, State
from seqrl.optimizers import Adam
from seqrl.parameter import Array
from seqrl.training import figure
from seqrl.training.adding import adding_problem, error, learn


@dataclass(frozen=True)
class Options:
    length: int = 100
    """Of the sequences, in steps."""
    sequences: int = 100
    """That the gradient is measured on; drawn is the geometric mean."""
    units: int = 32
    steps: int = 1500
    """Steps of training."""
    batch_size: int = 32
    lr: float = 0.01
    """Of Adam; the gradient is clipped to the norm 1."""
    seed: int = 0
    out: str = "docs/figures/gradients_through_time.png"


@dataclass(frozen=True)
class Start:
    cell: type[Recurrent]
    radius: float | None = None
    """Recurrent weights from N(0, radius^2 / units), whose spectral radius is about that; None: orthogonal ones."""
    bias: float | None = None
    """Of the LSTM's forget gate (1 by default) or the GRU's update gate (0 by default)."""


STARTS: dict[str, Start] = {
    "RNN, small weights": Start(RNN, radius=0.5),
    "RNN, orthogonal": Start(RNN),
    "RNN, large weights": Start(RNN, radius=2.0),
    "LSTM, forget bias 0": Start(LSTM, bias=0.0),
    "LSTM, forget bias 1": Start(LSTM),
    "LSTM, forget bias 5": Start(LSTM, bias=5.0),
    "GRU, update bias 0": Start(GRU),
    "GRU, update bias 5": Start(GRU, bias=5.0),
}
TRAINED = ("RNN, orthogonal", "LSTM, forget bias 1", "GRU, update bias 0")  # as the layers are by default
COLOURS = {RNN: plots.COLOURS[1], LSTM: plots.COLOURS[0], GRU: plots.COLOURS[2]}


class Curve(NamedTuple):
    norms: npt.NDArray[np.float64]
    """Of the gradient by distance in steps, 0 to length, in proportion to that at 0."""
    error: float
    """Mean squared error of the net's answers; 1/6 is that of the answer 1 always."""


class Curves(NamedTuple):
    before: dict[str, Curve]
    after: dict[str, Curve]


def compute(options: Options) -> Curves:
    test = adding_problem(options.length, options.sequences, np.random.default_rng([options.seed, 1]))
    curves = Curves({}, {})
    for name, start in STARTS.items():
        rng = np.random.default_rng(options.seed)
        cell, output = made(start, options.units, rng), Dense(options.units, 1, rng=rng)
        model = Chain(cell, output)
        curves.before[name] = Curve(gradient_norms(cell, output, test[0]), error(model, *test))
        if name in TRAINED:
            optimizer = Adam(model.parameters(), options.lr, clip=1.0)
            for _ in range(options.steps):
                learn(model, optimizer, *adding_problem(options.length, options.batch_size, rng))
            curves.after[name] = Curve(gradient_norms(cell, output, test[0]), error(model, *test))
    return curves


def made(start: Start, units: int, rng: np.random.Generator) -> Recurrent:
    cell = start.cell(2, units, rng=rng)
    if start.radius is not None:
        cell.weight_hh.value[...] = normal(start.radius / np.sqrt(units))(rng, cell.weight_hh.shape)
    if start.bias is not None:
        cell.bias.value[units : 2 * units] = start.bias  # the second gate of the LSTM and of the GRU
    return cell


def gradient_norms(cell: Recurrent, output: Dense, x: Array) -> npt.NDArray[np.float64]:
    """||da/ds_{T-k}|| / ||da/ds_T|| for k from 0 to T: a the answer, s_t the state after t steps.

    The geometric mean over the sequences x (T, N, 2).
    """
    exact = cell.astype(np.float64)  # a vanishing gradient soon is too small for float32
    backwards, state = [], None
    for x_t in x:
        (_, state), backward = exact.scan(x_t[None], state)
        backwards.append(backward)
    dh = np.tile(output.weight.value[:, 0], (x.shape[1], 1))
    dstate: State = (dh, np.zeros_like(dh)) if isinstance(state, tuple) else dh
    norms = [norm(dstate)]
    for backward in reversed(backwards):
        _, dstate = backward(None, dstate)
        norms.append(norm(dstate))
    logarithms = np.log(np.maximum(norms, np.finfo(np.float64).tiny))
    return np.exp((logarithms - logarithms[0]).mean(axis=1))


def norm(dstate: State) -> npt.NDArray[np.float64]:
    """Of each sequence's gradient, (N,)."""
    both = np.concatenate(dstate, axis=1) if isinstance(dstate, tuple) else dstate
    return np.sqrt((both.astype(np.float64) ** 2).sum(axis=1))


def table(curves: Curves) -> Iterator[list[str | float]]:
    T = len(curves.before[TRAINED[0]].norms) - 1
    distances = sorted({k for k in (1, 10, 20, 50) if k < T} | {T})
    yield ["gradient by distance", *map(str, distances), "squared error"]
    for when, of in curves._asdict().items():
        for name, curve in of.items():
            yield [f"{name}, {when} training", *(float(curve.norms[k]) for k in distances), curve.error]


def draw(curves: Curves) -> Any:
    picture, grid = plots.panels((13, 4.8), columns=3, sharey=True)
    simple, gated, after = grid
    panels = [
        (simple, {name: curve for name, curve in curves.before.items() if STARTS[name].cell is RNN}),
        (gated, {name: curve for name, curve in curves.before.items() if STARTS[name].cell is not RNN}),
        (after, curves.after),
    ]
    for axes, of in panels:
        for name, curve in of.items():
            start = STARTS[name]
            strength = start.radius if start.cell is RNN else start.bias
            style = ":" if strength in (0, 0.5) else "--" if strength in (2, 5) else "-"
            axes.semilogy(curve.norms, style, color=COLOURS[start.cell], label=name)
        axes.axhline(1, color="#888888", linewidth=1)
        axes.set(xlabel="steps back")
        axes.legend(loc="upper left" if axes is simple else "lower left")
    simple.set(title="Simple networks before training", ylabel="norm of the gradient, 1 at the last step")
    simple.set_ylim(1e-16, 1e10)
    gated.set(title="Gates before training")
    after.set(title="After training on the adding problem")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
