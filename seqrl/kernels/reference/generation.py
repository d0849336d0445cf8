"""Generation: tokens one after the other from a recurrent language model, each drawn from the logits before it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqrl.kernels.reference import sequences
from seqrl.kernels.reference.support import choose
from seqrl.parameter import Array, Integers


def generate(
    cell: str,
    embedding: Array,
    table: Array,
    layers: Sequence[tuple[Array, Array, Any, Array]],
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
    """What follows `tokens` (N,): ids (steps, N), and the state after the last of them.

    cell: rnn, rnn-relu, lstm or gru, of all layers. embedding: (V, E). table: its share of the first layer's gates, E
    W_ih + b, (V, gates * H), or empty. layers: of each W_ih, b, what `packed` made of W_hh, and the peepholes (3, H)
    of an LSTM or the b_hn (H,) of a GRU, empty where there are none. state: of each layer h (N, H), or (h, c).
    output: (H, V). draws: (steps, N) uniform from 0 to 1, for `choose`. never: ids that are not drawn. It is over when
    every row has had the id `end`, or, with no steps, where a row's largest logit is not finite.
    """
    written = np.empty(draws.shape, np.int64)
    ended = np.zeros(len(tokens), np.bool_)
    for s, row_draws in enumerate(draws):
        x, after = embedding[tokens], []
        for depth, (weights, before) in enumerate(zip(layers, state, strict=True)):
            gates = x @ weights[0] + weights[1] if depth or not table.size else table[tokens]
            x, final = _step(cell, gates[None], weights, before)
            after.append(final)
        state = after
        logits = x @ output + output_bias
        logits[:, never] = -np.inf
        if not np.isfinite(logits.max(axis=1)).all():
            return written[:0], tuple(state)
        tokens = choose(logits, row_draws, temperature, top_k, top_p)
        written[s] = tokens
        ended |= tokens == end
        if ended.all():
            return written[: s + 1], tuple(state)
    return written, tuple(state)


def _step(cell: str, gates: Array, weights: tuple[Any, ...], before: Any) -> tuple[Array, Any]:
    """h after one step from gates (1, N, gates * H), and the state."""
    _, _, weight_hh, extra = weights
    h = before[0] if cell == "lstm" else before
    hs, lengths = np.stack([h, h]), np.ones(len(h), np.int64)
    if cell == "lstm":
        cs = np.stack([before[1], before[1]])
        sequences.lstm_forward(gates, weight_hh, extra, hs, cs, lengths, False)
        return hs[1], (hs[1], cs[1])
    if cell == "gru":
        sequences.gru_forward(gates, weight_hh, extra, hs, np.empty_like(hs[:1]), lengths, False, extra.size > 0)
    else:
        sequences.rnn_forward(gates, weight_hh, hs, lengths, False, cell == "rnn-relu")
    return hs[1], hs[1]
