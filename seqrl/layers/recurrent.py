"""Recurrent layers: RNN, LSTM, GRU, and stacks of them.

They speak two ways. `forward(x)` is a plain layer over a sequence x (T, N, D). `scan` is the full interface:

    (y, final_state), backward = layer.scan(x, state, lengths, reverse)
    dx, dstate = backward(dy, dfinal_state)

A state of None is zero; a gradient of None is zero. Step t of row n counts when t < lengths[n]: the others
hand the state on, give y = 0 and receive no gradient. With `reverse` the sequence is read from its last
real step to its first. `step(x_t, state)` is one step, for decoding and acting.

Inputs, states and gradients of another dtype are converted to the layer's; a wrong shape raises InputError. The y of
`scan` and `step` is read-only, because it may be what the backward pass reads, or the state: take a copy to write into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.errors import InputError, check_sizes, choose
from seqrl.initializers import glorot_uniform, orthogonal
from seqrl.layer import Backward, Layer, rows
from seqrl.layers.dropout import Dropout
from seqrl.parameter import Array, Integers, Parameter

WORTH_FUSING = (
    32  # rows from which on the steps multiply by the input's weights too: with fewer, once for all is faster
)

State = Any  # (N, H), or a tuple of states
ScanBackward = Callable[..., tuple[Array, State]]


class Recurrent(Layer):
    """What RNN, LSTM and GRU share: the product with the input, for all steps at once, and the lengths.

    x: (T, N, D) -> y: (T, N, H)
    """

    gates: int  # blocks of H columns in the weights

    def __init__(self, D: int, H: int, *, rng: np.random.Generator) -> None:
        check_sizes(type(self).__name__, D=D, H=H)
        self.weight_ih = Parameter(np.concatenate([glorot_uniform(rng, (D, H)) for _ in range(self.gates)], axis=1))
        self.weight_hh = Parameter(orthogonal(rng, (H, self.gates * H)))
        self.bias = Parameter(np.zeros(self.gates * H))

    def run(
        self, gates: Array, state: State, lengths: Integers | None, reverse: bool = False
    ) -> tuple[tuple[Array, State], ScanBackward]:
        """`scan` from the input's share of the gates, x W_ih + b, (T, N, gates * H), which may be overwritten.

        The backward pass gives the gradient of the gates in place of that of x.
        """
        return self._run(self.checked_gates(gates, "T", "N"), None, state, lengths, reverse)

    def scan(
        self, x: Array, state: State = None, lengths: Integers | None = None, reverse: bool = False
    ) -> tuple[tuple[Array, State], ScanBackward]:
        x = self.checked(x, "T", "N")
        T, N, _ = x.shape
        if N < WORTH_FUSING:
            output, run_backward = self._run(self.project(x), None, state, lengths, reverse)
        else:
            gates = np.empty((T, N, self.weight_hh.shape[1]), x.dtype)
            given = x, self.weight_ih.value, self.bias.value
            output, run_backward = self._run(gates, given, state, lengths, reverse)

        def backward(dy: Array | None, dstate: State = None) -> tuple[Array, State]:
            if N < WORTH_FUSING:
                dgates, dinitial = run_backward(dy, dstate)
                return self.project_backward(x, dgates), dinitial
            dx = np.empty(x.shape, x.dtype)
            dgates, dinitial = run_backward(dy, dstate, (self.weight_ih.value, dx))
            self._add_gradients(x, dgates)
            return dx, dinitial

        return output, backward

    def _run(
        self, gates: Array, given: Any, state: State, lengths: Integers | None, reverse: bool
    ) -> tuple[tuple[Array, State], ScanBackward]:
        """From gates, or where (x, W_ih, b) is given, which makes them; backward(dy, dstate, wanted=(W_ih, dx))."""
        raise NotImplementedError

    def advance(self, gates: Array, state: State, weight_hh: Any = None) -> tuple[Array, State]:
        """One step from the input's share of the gates, x_t W_ih + b, (N, gates * H), which may be overwritten.

        weight_hh: what `packed` made, for many steps.
        """
        raise NotImplementedError

    def packed(self) -> Any:
        """The recurrent weights as they are now, in the order in which steps are fastest; for `advance` and `step`."""
        return kernels.packed(self.weight_hh.value)

    def step(self, x_t: Array, state: State = None, weight_hh: Any = None) -> tuple[Array, State]:
        """One step. x_t: (N, D) -> y_t: (N, H) and the state after it."""
        return self.advance(self.project(self.checked(x_t, "N")), state, weight_hh)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        (y, _), scan_backward = self.scan(x)

        def backward(dy: Array) -> Array:
            return scan_backward(dy)[0]

        return y, backward

    @property
    def H(self) -> int:
        return self.weight_hh.shape[0]

    @property
    def kind(self) -> str:
        """What `kernels.generate` calls it."""
        return type(self).__name__.lower()

    def extra(self) -> Array:
        """The parameters beyond weights and bias, as the kernels take them: empty where there are none."""
        return np.empty(0, self.weight_hh.value.dtype)

    def project(self, x: Array) -> Array:
        """The input's share of the gates, x W_ih + b, (..., gates * H)."""
        z: Array = kernels.affine(rows(x), self.weight_ih.value, self.bias.value)
        return z.reshape(*x.shape[:-1], z.shape[-1])

    def checked(self, x: npt.ArrayLike, *axes: str) -> Array:
        """An input of these axes and D in the layer's dtype."""
        x, D = np.asarray(x, self.weight_ih.value.dtype), self.weight_ih.shape[0]
        if x.ndim != len(axes) + 1 or x.shape[-1] != D:
            expected = ", ".join([*axes, str(D)])
            raise InputError(f"{type(self).__name__} got input of shape {x.shape}; expected ({expected})")
        return x

    def checked_gates(self, gates: npt.ArrayLike, *axes: str) -> Array:
        """Gates of these axes and gates * H, for a kernel to write into: in the layer's dtype, contiguous."""
        weight_hh = self.weight_hh.value
        columns = weight_hh.shape[1]
        if not (isinstance(gates, np.ndarray) and gates.dtype == weight_hh.dtype and gates.flags.carray):
            gates = np.require(gates, weight_hh.dtype, ["C", "W"])
        if gates.ndim != len(axes) + 1 or gates.shape[-1] != columns:
            expected = ", ".join([*axes, str(columns)])
            raise InputError(f"{type(self).__name__} got gates of shape {gates.shape}; expected ({expected})")
        return gates

    def project_backward(self, x: Array, dgates: Array) -> Array:
        self._add_gradients(x, dgates)
        return kernels.turn_back(rows(dgates), self.weight_ih.value).reshape(*dgates.shape[:-1], x.shape[-1])

    def _add_gradients(self, x: Array, dgates: Array) -> None:
        """Those of W_ih and b."""
        x2, dgates2 = rows(x), rows(dgates)
        kernels.add_product(self.weight_ih.grad, x2, dgates2)
        self.bias.grad += dgates2.sum(axis=0)

    def states_between(self, T: int, N: int, initial: Array | None, reverse: bool) -> Array:
        """Room for the states between T steps, (T + 1, N, H), with the initial one in its place."""
        states = np.empty((T + 1, N, self.H), self.weight_hh.value.dtype)
        if initial is not None and np.shape(initial) != (N, self.H):
            raise InputError(
                f"{type(self).__name__} got a state of shape {np.shape(initial)}; expected ({N}, {self.H})"
            )
        states[T if reverse else 0] = 0 if initial is None else initial
        return states


def _lengths(lengths: Integers | None, T: int, N: int) -> Integers:
    if lengths is None:
        return np.full(N, T, np.int64)
    lengths = np.asarray(lengths, np.int64)
    if lengths.shape != (N,) or (N and (lengths.min() < 0 or lengths.max() > T)):
        raise InputError(f"lengths are {lengths.tolist()}; expected {N} numbers from 0 to {T}")
    return lengths


def _read_only(y: Array) -> Array:
    y.setflags(write=False)
    return y


def _output(y: Array, lengths: Integers) -> Array:
    """y with zeros at the steps that don't count; `y` itself where all count. Read-only."""
    T = len(y)
    if lengths.size and lengths.min() < T:
        y = y * (np.arange(T)[:, None] < lengths)[:, :, None].astype(y.dtype)
    return _read_only(y)


def parts(state: State, count: int) -> tuple[State, ...]:
    """The parts of a state, or of the gradient of one; those of None are None."""
    if state is None:
        return (None,) * count
    if not isinstance(state, (tuple, list)) or len(state) != count:
        given = f"a {type(state).__name__} of {len(state)}" if hasattr(state, "__len__") else repr(state)
        raise InputError(f"a state is {given}; expected a tuple of {count}")
    return tuple(state)


def _gradient(given: Array | None, like: Array, copy: bool | None = None) -> Array:
    """A contiguous gradient of `like`, None being zero; a copy where the kernel is to overwrite it."""
    if given is None:
        return np.zeros_like(like)
    if np.shape(given) != like.shape:
        raise InputError(f"a gradient has the shape {np.shape(given)}; expected {like.shape}")
    return np.array(given, like.dtype, order="C", copy=copy)


def _ends(states: Array, reverse: bool) -> tuple[Array, Array, Array, Array]:
    """(what each step read, what each step wrote, the initial state, the final state)."""
    if reverse:
        return states[1:], states[:-1], states[-1], states[0]
    return states[:-1], states[1:], states[0], states[-1]


class RNN(Recurrent):
    """The simple recurrent network (Elman 1990), h_t = tanh(x_t W_ih + h_{t-1} W_hh + b), y_t = h_t.

    The backward pass is backpropagation through time. `nonlinearity` is tanh or relu.
    """

    gates = 1

    def __init__(self, D: int, H: int, *, rng: np.random.Generator, nonlinearity: str = "tanh") -> None:
        super().__init__(D, H, rng=rng)
        self.rectified = choose("nonlinearity", nonlinearity, {"tanh": False, "relu": True})

    @property
    def kind(self) -> str:
        return "rnn-relu" if self.rectified else "rnn"

    def _run(
        self, gates: Array, given: Any, state: State, lengths: Integers | None, reverse: bool
    ) -> tuple[tuple[Array, State], ScanBackward]:
        T, N, _ = gates.shape
        lengths = _lengths(lengths, T, N)
        hs = self.states_between(T, N, state, reverse)
        kernels.rnn_forward(gates, self.weight_hh.value, hs, lengths, reverse, self.rectified, given)
        h_read, h_written, _, h_final = _ends(hs, reverse)

        def backward(dy: Array | None, dstate: State = None, wanted: Any = None) -> tuple[Array, State]:
            dh, dy = _gradient(dstate, h_final, copy=True), _gradient(dy, h_written)
            dgates = kernels.rnn_backward(dy, dh, self.weight_hh.value, hs, lengths, reverse, self.rectified, wanted)
            kernels.add_product(self.weight_hh.grad, rows(h_read), rows(dgates))
            return dgates, dh

        return (_output(h_written, lengths), h_final.copy()), backward

    def advance(self, gates: Array, state: State, weight_hh: Any = None) -> tuple[Array, State]:
        gates = self.checked_gates(gates, "N")
        N, _ = gates.shape
        weight_hh = self.weight_hh.value if weight_hh is None else weight_hh
        hs = self.states_between(1, N, state, False)
        kernels.rnn_forward(gates[None], weight_hh, hs, _lengths(None, 1, N), False, self.rectified)
        h = _read_only(hs[1])
        return h, h


class LSTM(Recurrent):
    """The long short-term memory; its equations stand at `kernels.reference.sequences.lstm_forward`.

    The state is (h, c), each (N, H). The cell c is the constant error carousel: its gradient passes from step to step
    through the forget gate alone. With `peephole` the gates see the cell (Gers et al. 2000). The forget gate's
    bias starts at 1 (Jozefowicz et al. 2015).
    """

    gates = 4

    def __init__(self, D: int, H: int, *, rng: np.random.Generator, peephole: bool = False) -> None:
        super().__init__(D, H, rng=rng)
        self.bias.value[H : 2 * H] = 1
        self.peephole = Parameter(rng.normal(0, 0.1, (3, H))) if peephole else None

    def extra(self) -> Array:
        return np.empty((0, self.H), self.weight_hh.value.dtype) if self.peephole is None else self.peephole.value

    def _run(
        self, gates: Array, given: Any, state: State, lengths: Integers | None, reverse: bool
    ) -> tuple[tuple[Array, State], ScanBackward]:
        T, N, _ = gates.shape
        lengths = _lengths(lengths, T, N)
        h0, c0 = parts(state, 2)
        hs = self.states_between(T, N, h0, reverse)
        cs = self.states_between(T, N, c0, reverse)
        kernels.lstm_forward(gates, self.weight_hh.value, self.extra(), hs, cs, lengths, reverse, given)
        h_read, h_written, _, h_final = _ends(hs, reverse)
        c_read, c_written, _, c_final = _ends(cs, reverse)

        def backward(dy: Array | None, dstate: State = None, wanted: Any = None) -> tuple[Array, State]:
            dh_final, dc_final = parts(dstate, 2)
            dh, dc = _gradient(dh_final, h_final, copy=True), _gradient(dc_final, c_final, copy=True)
            dy = _gradient(dy, h_written)
            dgates = kernels.lstm_backward(
                dy, dh, dc, gates, self.weight_hh.value, self.extra(), cs, lengths, reverse, wanted
            )
            kernels.add_product(self.weight_hh.grad, rows(h_read), rows(dgates))
            if self.peephole is not None:
                di, df, _, do = np.split(dgates, 4, axis=2)
                self.peephole.grad += [
                    (d * c).sum(axis=(0, 1)) for d, c in ((di, c_read), (df, c_read), (do, c_written))
                ]
            return dgates, (dh, dc)

        return (_output(h_written, lengths), (h_final.copy(), c_final.copy())), backward

    def advance(self, gates: Array, state: State, weight_hh: Any = None) -> tuple[Array, State]:
        gates = self.checked_gates(gates, "N")
        N, _ = gates.shape
        weight_hh = self.weight_hh.value if weight_hh is None else weight_hh
        h0, c0 = parts(state, 2)
        hs, cs = self.states_between(1, N, h0, False), self.states_between(1, N, c0, False)
        kernels.lstm_forward(gates[None], weight_hh, self.extra(), hs, cs, _lengths(None, 1, N), False)
        h = _read_only(hs[1])
        return h, (h, cs[1])


class GRU(Recurrent):
    """The gated recurrent unit; its equations stand at `kernels.reference.sequences.gru_forward`.

    With `reset_after` it is PyTorch's variant: `bias` joins both sides' biases of r and z and the input's of n, and
    `bias_hn` (H,) stands inside the reset. Without, it is the original one (Cho et al. 2014), which has no `bias_hn`.
    """

    gates = 3

    def __init__(self, D: int, H: int, *, rng: np.random.Generator, reset_after: bool = True) -> None:
        super().__init__(D, H, rng=rng)
        self.bias_hn = Parameter(np.zeros(H)) if reset_after else None

    def packed(self) -> Any:
        return kernels.packed(self.weight_hh.value, (2 * self.H,))

    def extra(self) -> Array:
        return np.empty(0, self.weight_hh.value.dtype) if self.bias_hn is None else self.bias_hn.value

    def _run(
        self, gates: Array, given: Any, state: State, lengths: Integers | None, reverse: bool
    ) -> tuple[tuple[Array, State], ScanBackward]:
        T, N, _ = gates.shape
        lengths, reset_after = _lengths(lengths, T, N), self.bias_hn is not None
        hs = self.states_between(T, N, state, reverse)
        memory = np.empty((T, N, self.H), hs.dtype)
        kernels.gru_forward(gates, self.weight_hh.value, self.extra(), hs, memory, lengths, reverse, reset_after, given)
        h_read, h_written, _, h_final = _ends(hs, reverse)

        def backward(dy: Array | None, dstate: State = None, wanted: Any = None) -> tuple[Array, State]:
            dh, dy = _gradient(dstate, h_final, copy=True), _gradient(dy, h_written)
            dgates, dproduct = kernels.gru_backward(
                dy, dh, gates, self.weight_hh.value, hs, memory, lengths, reverse, reset_after, wanted
            )
            H = self.H
            kernels.add_product(self.weight_hh.grad[:, : 2 * H], rows(h_read), rows(dgates)[:, : 2 * H])
            n_read = h_read if self.bias_hn is not None else memory
            kernels.add_product(self.weight_hh.grad[:, 2 * H :], rows(n_read), rows(dproduct))
            if self.bias_hn is not None:
                self.bias_hn.grad += rows(dproduct).sum(axis=0)
            return dgates, dh

        return (_output(h_written, lengths), h_final.copy()), backward

    def advance(self, gates: Array, state: State, weight_hh: Any = None) -> tuple[Array, State]:
        gates = self.checked_gates(gates, "N")
        N, _ = gates.shape
        weight_hh = self.weight_hh.value if weight_hh is None else weight_hh
        hs = self.states_between(1, N, state, False)
        kernels.gru_forward(
            gates[None],
            weight_hh,
            self.extra(),
            hs,
            np.empty((1, N, self.H), hs.dtype),
            _lengths(None, 1, N),
            False,
            self.bias_hn is not None,
        )
        h = _read_only(hs[1])
        return h, h


CELLS: dict[str, Callable[..., Recurrent]] = {
    "rnn": RNN,
    "rnn-relu": partial(RNN, nonlinearity="relu"),
    "lstm": LSTM,
    "lstm-peephole": partial(LSTM, peephole=True),
    "gru": GRU,
    "gru-original": partial(GRU, reset_after=False),
}


class Prepared(NamedTuple):
    """What makes many steps of a decoder's stack fast, made once from the weights as they are."""

    table: Array | None = None  # the share of every token in the first layer's gates, (V, gates * H), to look up
    weights: Sequence[Any] | None = None  # what `Stack.packed` gave


NOTHING = Prepared()


class Stack(Layer):
    """Recurrent layers one upon the other, with dropout between them; the state is a tuple of theirs."""

    def __init__(self, layers: Sequence[Layer], *, dropout: Dropout | None = None) -> None:
        self.layers: list[Any] = list(layers)
        self.dropout = dropout

    def run(
        self, gates: Array, state: State = None, lengths: Integers | None = None
    ) -> tuple[tuple[Array, State], ScanBackward]:
        """`scan` from the input's share of the first layer's gates; see `Recurrent.run`."""
        return self._scan(self.layers[0].run, gates, state, lengths)

    def scan(
        self, x: Array, state: State = None, lengths: Integers | None = None
    ) -> tuple[tuple[Array, State], ScanBackward]:
        return self._scan(self.layers[0].scan, x, state, lengths)

    def _scan(
        self, first: Callable[..., Any], x: Array, state: State, lengths: Integers | None
    ) -> tuple[tuple[Array, State], ScanBackward]:
        backwards: list[ScanBackward] = []
        drops: list[Backward] = []
        finals = []
        states = parts(state, len(self.layers))
        for depth, layer in enumerate(self.layers):
            if depth and self.dropout is not None:
                x, drop = self.dropout.forward(x)
                drops.append(drop)
            (x, final), layer_backward = (layer.scan if depth else first)(x, states[depth], lengths)
            finals.append(final)
            backwards.append(layer_backward)

        def backward(dy: Array | None, dstate: State = None) -> tuple[Array, State]:
            dfinals = parts(dstate, len(backwards))
            dinitials = []
            dx: Any = dy
            for depth in reversed(range(len(backwards))):
                dx, dinitial = backwards[depth](dx, dfinals[depth])
                dinitials.append(dinitial)
                if depth and drops:
                    dx = drops[depth - 1](dx)
            return dx, tuple(reversed(dinitials))

        return (x, tuple(finals)), backward

    def forward(self, x: Array) -> tuple[Array, Backward]:
        (y, _), scan_backward = self.scan(x)
        return y, lambda dy: scan_backward(dy)[0]

    def __call__(self, x: Array) -> Array:
        return self.read(x)[0]

    def read(self, x: Array, state: State = None, lengths: Integers | None = None) -> tuple[Array, State]:
        """(y, final state) at inference."""
        finals = []
        for layer, initial in zip(self.layers, parts(state, len(self.layers)), strict=True):
            if isinstance(layer, Stack):
                x, final = layer.read(x, initial, lengths)
            else:
                (x, final), _ = layer.scan(x, initial, lengths)
            finals.append(final)
        return x, tuple(finals)

    def packed(self) -> list[Any]:
        """What every layer's `packed` gives."""
        return [layer.packed() for layer in self.layers]

    def step(self, x_t: Array, state: State = None, weights: Sequence[Any] | None = None) -> tuple[Array, State]:
        """One step through every layer. x_t: (N, D) -> y_t: (N, H). weights: what `packed` gave, for many steps."""
        return self._step(self.layers[0].step, x_t, state, weights)

    def advance(self, gates: Array, state: State, weights: Sequence[Any] | None = None) -> tuple[Array, State]:
        """`step` from the input's share of the first layer's gates; see `Recurrent.advance`."""
        return self._step(self.layers[0].advance, gates, state, weights)

    def _step(
        self, first: Callable[..., Any], x_t: Array, state: State, weights: Sequence[Any] | None
    ) -> tuple[Array, State]:
        finals = []
        packed = weights or (None,) * len(self.layers)
        for depth, initial in enumerate(parts(state, len(self.layers))):
            x_t, final = (self.layers[depth].step if depth else first)(x_t, initial, packed[depth])
            finals.append(final)
        return x_t, tuple(finals)
