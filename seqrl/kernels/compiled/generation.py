"""Generation: a whole loop, because between two tokens of a small model Python costs more than the model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from seqrl.kernels.blas import one_thread
from seqrl.kernels.compiled.products import multiply_add, pack
from seqrl.kernels.compiled.sequences import Packed, _check_weights, _gru_forward, _lstm_forward, _rnn_forward, packed
from seqrl.kernels.compiled.support import jit
from seqrl.parameter import Array, Integers


class _RNN(NamedTuple):
    """A layer with room for one step: what it reads is row 0 of hs, what it writes row 1."""

    weight_ih: Array
    bias: Array
    weight_hh: Array
    packed: Array
    rectified: bool
    gates: Array  # (1, N, H)
    hs: Array  # (2, N, H)


class _LSTM(NamedTuple):
    weight_ih: Array
    bias: Array
    weight_hh: Array
    packed: Array
    peephole: Array
    gates: Array
    hs: Array
    cs: Array


class _GRU(NamedTuple):
    weight_ih: Array
    bias: Array
    weight_hh: Array
    packed_rz: Array
    packed_n: Array
    bias_hn: Array
    gates: Array
    hs: Array
    memory: Array  # (1, N, H)


def _layer(cell: str, weights: tuple[Any, ...], state: Any, N: int) -> _RNN | _LSTM | _GRU:
    weight_ih, bias, given, extra = weights
    weight_hh, blocks = (
        given if isinstance(given, Packed) else packed(given, (2 * len(given),) if cell == "gru" else ())
    )
    _check_weights(weight_hh, np.shape(state[0] if cell == "lstm" else state)[1], len(bias), bias.dtype)
    H, own = len(weight_hh), (weight_ih, bias, weight_hh, *blocks)

    def room(*shape: int) -> Array:
        return np.zeros(shape, bias.dtype)

    gates, hs = room(1, N, len(bias)), room(2, N, H)
    hs[0] = state[0] if cell == "lstm" else state
    if cell == "lstm":
        cs = room(2, N, H)
        cs[0] = state[1]
        return _LSTM(*(*own, extra, gates, hs, cs))
    if cell == "gru":
        return _GRU(*(*own, extra, gates, hs, room(1, N, H)))
    return _RNN(*(*own, cell == "rnn-relu", gates, hs))


def _step(layer, lengths, nothing):
    """One step of a layer from its gates, by its kind."""


@overload(_step)
def _step_for(layer, lengths, nothing):
    fields = layer.fields
    if "cs" in fields:

        def step_lstm(layer, lengths, nothing):
            gates, hs, cs = layer.gates, layer.hs, layer.cs
            N = gates.shape[1]
            _lstm_forward(0, N, gates, layer.weight_hh, layer.packed, layer.peephole, hs, cs, lengths, False, nothing)
            cs[0] = cs[1]
            hs[0] = hs[1]

        return step_lstm
    if "memory" in fields:

        def step_gru(layer, lengths, nothing):
            gates, hs, packed = layer.gates, layer.hs, (layer.packed_rz, layer.packed_n)
            N, after = gates.shape[1], layer.bias_hn.size > 0
            bias_hn, memory, weight_hh = layer.bias_hn, layer.memory, layer.weight_hh
            _gru_forward(
                0, N, gates, weight_hh, packed[0], packed[1], bias_hn, hs, memory, lengths, False, after, nothing
            )
            hs[0] = hs[1]

        return step_gru

    def step_rnn(layer, lengths, nothing):
        gates, hs = layer.gates, layer.hs
        N = gates.shape[1]
        _rnn_forward(0, N, gates, layer.weight_hh, layer.packed, hs, lengths, False, layer.rectified, nothing)
        hs[0] = hs[1]

    return step_rnn


@jit
def _draw(logits, draw, temperature, top_k, top_p, p):
    """An id by `seqrl.models.sampling`, of one row; p (V,) is room. -1 where the largest logit is not finite."""
    V = logits.size
    best = np.argmax(logits)
    highest = logits[best]
    if not np.isfinite(highest):
        return -1
    if temperature == 0:
        return best
    for j in range(V):
        p[j] = np.exp((np.float64(logits[j]) - highest) / temperature)
    if top_k < V or top_p < 1:
        order = np.argsort(-p, kind="mergesort")
        total = 0.0
        for place in range(V):
            if place >= top_k:
                p[order[place]] = 0
            total += p[order[place]]
        before = 0.0
        for place in range(V):
            here = p[order[place]]
            if before >= top_p * total and top_p < 1:
                p[order[place]] = 0
            before += here
    total = 0.0
    for j in range(V):
        total += p[j]
        p[j] = total
    return np.searchsorted(p, draw * total, side="right")


@jit
def _generate(
    embedding, table, layers, output, packed_output, output_bias, tokens, draws, temperature, top_k, top_p, never, end
):
    N, V = tokens.size, output_bias.size
    lengths = np.ones(N, np.int64)
    written = np.empty(draws.shape, np.int64)
    logits, p = np.empty((N, V), embedding.dtype), np.empty(V)
    x, nothing = np.empty((N, embedding.shape[1]), embedding.dtype), packed_output[:0]
    no_input = np.empty((0, 0, 0), embedding.dtype), embedding[:0], nothing, nothing
    ended = np.zeros(N, np.bool_)
    for s in range(len(draws)):
        for depth in range(len(layers)):
            layer = layers[depth]
            for n in range(N):
                layer.gates[0, n] = layer.bias if depth or not table.size else table[tokens[n]]
            if depth:
                multiply_add(layers[depth - 1].hs[1], layer.weight_ih, False, nothing, layer.gates[0])
            elif not table.size:
                for n in range(N):
                    x[n] = embedding[tokens[n]]
                multiply_add(x, layer.weight_ih, False, nothing, layer.gates[0])
            _step(layer, lengths, no_input)
        for n in range(N):
            logits[n] = output_bias
        multiply_add(layers[len(layers) - 1].hs[1], output, False, packed_output, logits)
        all_ended = True
        for n in range(N):
            for k in never:
                logits[n, k] = -np.inf
            tokens[n] = _draw(logits[n], draws[s, n], temperature, top_k, top_p, p)
            if tokens[n] < 0:
                return written[:0]
            written[s, n] = tokens[n]
            ended[n] |= tokens[n] == end
            all_ended &= ended[n]
        if all_ended:
            return written[: s + 1]
    return written


def generate(
    cell: str,
    embedding: Array,
    table: Array,
    layers: Sequence[tuple[Array, Array, Packed | Array, Array]],
    state: Sequence[Any],
    output: Array,
    output_bias: Array,
    tokens: Integers,
    draws: Array,
    temperature: float,
    top_k: int,
    top_p: float,
    never: Integers,
    end: int,
) -> tuple[Integers, tuple[Any, ...]]:
    rooms = tuple(_layer(cell, weights, before, len(tokens)) for weights, before in zip(layers, state, strict=True))
    output = np.ascontiguousarray(output)
    options = (float(temperature), int(top_k), float(top_p), never, int(end))
    tokens, draws = tokens.astype(np.int64), np.ascontiguousarray(draws, np.float64)  # a copy, and room for every id
    with one_thread():
        written = _generate(embedding, table, rooms, output, pack(output, False), output_bias, tokens, draws, *options)
    return written, tuple((room.hs[0], room.cs[0]) if isinstance(room, _LSTM) else room.hs[0] for room in rooms)
