"""Recurrent layers as ONNX's own operators RNN, LSTM and GRU.

These hold a matrix transposed, with an axis of directions in front, (1, gates * H, D); two biases, of the input's side
and the state's; and the gates in another order: i, o, f, g in LSTM, z, r, n in GRU. With lengths they do as seqrl does:
outputs of padded steps are 0, the final state is that of the last real step, and the reverse direction begins there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from seqrl.interop.onnx.graph import Graph, rule
from seqrl.layer import Layer
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.recurrent import GRU, LSTM, RNN, Recurrent, Stack, parts
from seqrl.parameter import Array, Parameter

State = Any  # the name of a value, None for zero, or a tuple of states


def scan(
    graph: Graph, layer: Layer, x: str, state: State = None, lengths: str | None = None, reverse: bool = False
) -> tuple[str, State]:
    """Add a recurrent layer: (its output, its final state) for x (T, N, D) and lengths (N,) of int32."""
    return rule(graph, layer, SCANS)(graph, layer, x, state, lengths, reverse)


class _Operator(NamedTuple):
    name: str
    order: Sequence[int]  # which of seqrl's gates comes first, second, ... in ONNX
    attributes: Mapping[str, Any] = MappingProxyType({})


def _rnn(graph: Graph, rnn: RNN, x: str, state: State, lengths: str | None, reverse: bool) -> tuple[str, State]:
    operator = _Operator("RNN", [0], {"activations": ["Relu" if rnn.rectified else "Tanh"]})
    y, [final] = _cell(graph, operator, rnn, x, [state], lengths, reverse)
    return y, final


def _lstm(graph: Graph, lstm: LSTM, x: str, state: State, lengths: str | None, reverse: bool) -> tuple[str, State]:
    peephole = ""
    if lstm.peephole is not None:
        peephole = graph.parameter(lstm.peephole, lstm.peephole.value[[0, 2, 1]].reshape(1, -1))
    y, finals = _cell(graph, _Operator("LSTM", [0, 3, 1, 2]), lstm, x, parts(state, 2), lengths, reverse, peephole)
    return y, tuple(finals)


def _gru(graph: Graph, gru: GRU, x: str, state: State, lengths: str | None, reverse: bool) -> tuple[str, State]:
    operator = _Operator("GRU", [1, 0, 2], {"linear_before_reset": int(gru.bias_hn is not None)})
    bias_hn = None if gru.bias_hn is None else gru.bias_hn.value
    y, [final] = _cell(graph, operator, gru, x, [state], lengths, reverse, bias_hn=bias_hn)
    return y, final


def _cell(
    graph: Graph,
    operator: _Operator,
    layer: Recurrent,
    x: str,
    initial: Sequence[str | None],
    lengths: str | None,
    reverse: bool,
    peephole: str = "",
    bias_hn: Array | None = None,
) -> tuple[str, list[str]]:
    """One node and what fits its inputs and outputs to seqrl's."""

    def in_order(values: Array) -> Array:
        blocks = np.split(values, layer.gates, axis=-1)
        return np.concatenate([blocks[gate] for gate in operator.order], axis=-1)

    def matrix(parameter: Parameter) -> str:
        return graph.parameter(parameter, in_order(parameter.value).T[None])

    of_state = np.zeros_like(layer.bias.value)
    if bias_hn is not None:
        of_state[-layer.H :] = bias_hn
    bias = graph.parameter(layer.bias, np.concatenate([in_order(layer.bias.value), of_state])[None])
    axis = graph.integers(0)
    states = ["" if state is None else graph.add("Unsqueeze", state, axis) for state in initial]
    y, *finals = graph.add_many(
        operator.name,
        *[x, matrix(layer.weight_ih), matrix(layer.weight_hh), bias, lengths or "", *states, peephole],
        outputs=1 + len(initial),
        hidden_size=layer.H,
        direction="reverse" if reverse else "forward",
        **operator.attributes,
    )
    finals = [graph.add("Squeeze", final, axis) for final in finals]
    if lengths is not None:  # ONNX Runtime forgets the state of a sequence of length 0
        empty = graph.add("Equal", graph.add("Unsqueeze", lengths, graph.integers(1)), graph.constant(0, np.int32))
        finals = [
            final if state is None else graph.add("Where", empty, state, final)
            for state, final in zip(initial, finals, strict=True)
        ]
    return graph.add("Squeeze", y, graph.integers(1)), finals


def _bidirectional(
    graph: Graph, layer: Bidirectional, x: str, state: State, lengths: str | None, reverse: bool
) -> tuple[str, State]:
    """Two nodes, because its directions may be of two kinds."""
    ahead_state, back_state = parts(state, 2)
    ahead, ahead_final = scan(graph, layer.ahead, x, ahead_state, lengths)
    back, back_final = scan(graph, layer.back, x, back_state, lengths, reverse=True)
    return graph.add("Concat", ahead, back, axis=-1), (ahead_final, back_final)


def _stack(graph: Graph, stack: Stack, x: str, state: State, lengths: str | None, reverse: bool) -> tuple[str, State]:
    finals = []
    for layer, initial in zip(stack.layers, parts(state, len(stack.layers)), strict=True):
        x, final = scan(graph, layer, x, initial, lengths)
        finals.append(final)
    return x, tuple(finals)


SCANS: dict[type[Layer], Callable[[Graph, Any, str, State, str | None, bool], tuple[str, State]]] = {
    RNN: _rnn,
    LSTM: _lstm,
    GRU: _gru,
    Bidirectional: _bidirectional,
    Stack: _stack,
}

# ---- states as inputs and outputs ----------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of a state, (N, size)."""

    name: str
    size: int


def state_parts(layer: Any, name: str) -> State:
    """The parts of a layer's state in its nesting: "state", or "state.h", "state.0.ahead.c" and so on."""
    match layer:
        case Stack(layers=layers):
            return tuple(state_parts(one, f"{name}.{depth}") for depth, one in enumerate(layers))
        case Bidirectional(ahead=ahead, back=back):
            return state_parts(ahead, f"{name}.ahead"), state_parts(back, f"{name}.back")
        case LSTM(H=H):
            return Part(f"{name}.h", H), Part(f"{name}.c", H)
    return Part(name, layer.H)


def leaves(state: State) -> list[Part]:
    """The parts of a state in one row."""
    return [state] if isinstance(state, Part) else [leaf for part in state for leaf in leaves(part)]


def state_inputs(graph: Graph, state: State) -> State:
    """Inputs for the parts of a state."""
    if isinstance(state, Part):
        return graph.input(state.name, ["N", state.size])
    return tuple(state_inputs(graph, part) for part in state)


def state_outputs(graph: Graph, state: State, values: State) -> None:
    """Outputs for the parts of a state."""
    if isinstance(state, Part):
        graph.output(state.name, values)
        return
    for part, value in zip(state, values, strict=True):
        state_outputs(graph, part, value)


def part_values(state: State, values: Any) -> dict[str, Array]:
    """The arrays of a state by the names of its parts."""
    if isinstance(state, Part):
        return {state.name: values}
    return {name: a for part, value in zip(state, values, strict=True) for name, a in part_values(part, value).items()}
