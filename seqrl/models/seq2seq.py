"""Sequence to sequence: an encoder, a decoder, and attention between them.

    memory, thought = encoder(E_s[source])          (Sutskever et al. 2014: the final state is the thought vector)
    y_t, state_t = decoder(E_t[target_{t-1}], state_{t-1}),    state_0 = thought
    context_t = attention(y_t, memory)              (Bahdanau et al. 2015; Luong et al. 2015, global attention)
    h_t = tanh([context_t, y_t] W_c)                (Luong et al. 2015, equation 5)
    p(target_t) = softmax(h_t W_o + b_o)

Without attention h_t is y_t. `peeky` gives the thought vector to every step of the decoder and to its output
(Cho et al. 2014); `reverse_source` reads the source from its end (Sutskever et al. 2014, section 3.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, choose
from seqrl.layer import Layer, rows
from seqrl.layers.attention import AdditiveAttention, Attention, DotAttention, GeneralAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import CELLS, Prepared, Stack, State
from seqrl.parameter import Array, Integers
from seqrl.text.specials import BOS, PAD

ATTENTIONS: dict[str, Callable[[int, np.random.Generator], Attention | None]] = {
    "none": lambda H, rng: None,
    "dot": lambda H, rng: DotAttention(),
    "scaled-dot": lambda H, rng: DotAttention(scaled=True),
    "general": lambda H, rng: GeneralAttention(H, H, rng=rng),
    "additive": lambda H, rng: AdditiveAttention(H, H, H, rng=rng),
}


@dataclass(frozen=True)
class Seq2SeqConfig:
    """Everything that a Seq2Seq is built from."""

    source_vocabulary: int
    target_vocabulary: int
    cell: str = "lstm"  # rnn, lstm or gru
    layers: int = 1
    embedding: int = 128  # size of a word's vector
    hidden: int = 128  # size of the state; a bidirectional encoder has half of it in each direction
    bidirectional: bool = True
    attention: str = "dot"  # none, dot, scaled-dot, general or additive
    peeky: bool = False
    reverse_source: bool = False
    dropout: float = 0.0


class Batch(NamedTuple):
    """Pairs of sentences, batch first as people hold them, padded at the end; targets end with EOS."""

    source: Integers  # (N, S)
    source_lengths: Integers  # (N,)
    target: Integers  # (N, T)
    target_lengths: Integers  # (N,)

    @property
    def target_tokens(self) -> int:
        return int(self.target_lengths.sum())

    def split(self, parts: int) -> list[Batch]:
        """At most `parts` batches of neighbouring rows, none empty, each cut to its own longest sentences."""
        N = len(self.source)
        edges = [N * part // parts for part in range(parts + 1)]
        return [self._rows(start, stop) for start, stop in pairwise(edges) if start < stop]

    def _rows(self, start: int, stop: int) -> Batch:
        source, source_lengths, target, target_lengths = (field[start:stop] for field in self)
        return Batch(
            source[:, : source_lengths.max()], source_lengths, target[:, : target_lengths.max()], target_lengths
        )

    def decoder_input(self) -> Integers:
        """What the decoder reads, (T, N): BOS and the target without its last token."""
        N, T = self.target.shape
        shifted = np.full((T, N), BOS, np.int64)
        shifted[1:] = self.target.T[:-1]
        return shifted

    def real_rows(self) -> tuple[npt.NDArray[np.intp] | None, Integers]:
        """(indices of the real places of the target in time-major order, None for all; the target ids there)."""
        N, T = self.target.shape
        target = self.target.T.ravel()
        if self.target_tokens == N * T:
            return None, target
        real = np.flatnonzero(np.arange(T)[:, None] < self.target_lengths)
        return real, target[real]


class Encoded(NamedTuple):
    """What decoding needs of the sources, made once."""

    memory: Array  # (S, N, H)
    keys: Array | None  # (S, N, A)
    lengths: Integers  # (N,)
    thought: Array | None  # (N, H), for a peeky decoder,
    gates: Array | None  # (N, gates * H), and its share of the first layer's gates
    state: State

    def pick(self, rows: npt.NDArray[np.intp]) -> Encoded:
        """The same for some of the sources, possibly repeated."""
        memory = self.memory[:, rows]
        return Encoded(
            memory,
            memory if self.keys is self.memory else _pick(self.keys, (slice(None), rows)),
            self.lengths[rows],
            _pick(self.thought, rows),
            _pick(self.gates, rows),
            pick_state(self.state, rows),
        )


class Seq2Seq(Layer):
    """An encoder-decoder; the equations stand at the head of this file."""

    def __init__(self, config: Seq2SeqConfig, *, rng: np.random.Generator, dropout_rng: np.random.Generator) -> None:
        cell = choose("cell", config.cell, CELLS)
        attention = choose("attention", config.attention, ATTENTIONS)
        E, H = config.embedding, config.hidden
        for what in ("layers", "embedding", "hidden"):
            if getattr(config, what) < 1:
                raise InputError(f"{what} is {getattr(config, what)}; expected at least 1")
        if config.bidirectional and H % 2:
            raise InputError(f"hidden is {H}; a bidirectional encoder needs an even number, half for each direction")
        self.config = config
        self.dropout = Dropout(config.dropout, rng=dropout_rng)

        def encoder_layer(D: int) -> Layer:
            if not config.bidirectional:
                return cell(D, H, rng=rng)
            return Bidirectional(cell(D, H // 2, rng=rng), cell(D, H // 2, rng=rng))

        sizes = range(config.layers)
        self.source_embedding = Embedding(config.source_vocabulary, E, rng=rng)
        self.encoder = Stack([encoder_layer(H if depth else E) for depth in sizes], dropout=self.dropout)
        peek = H if config.peeky else 0
        self.target_embedding = Embedding(config.target_vocabulary, E, rng=rng)
        self.decoder = Stack([cell(H if depth else E + peek, H, rng=rng) for depth in sizes], dropout=self.dropout)
        self.attention = attention(H, rng)
        self.combine = Dense(2 * H + peek, H, rng=rng, bias=False) if self.attention else None
        self.output = Dense(H if self.attention else H + peek, config.target_vocabulary, rng=rng)

    # ---- training --------------------------------------------------------------------------------------------

    def forward(self, batch: Batch) -> tuple[Array, Callable[[Array], None]]:
        """Teacher forcing: logits (R, V) for the R real target tokens in the order of `batch.real_rows()`."""
        N, T = batch.target.shape
        real, _ = batch.real_rows()

        source, embed_source_backward = self.source_embedding.forward(self._source(batch))
        source, drop_source_backward = self.dropout.forward(source)
        (memory, final), encoder_backward = self.encoder.scan(source, None, batch.source_lengths)
        initial = self._initial(final)
        thought = _thought(initial)

        x, embed_target_backward = self.target_embedding.forward(batch.decoder_input())
        x, drop_target_backward = self.dropout.forward(x)  # (T, N, E)
        E = x.shape[-1]
        if self.config.peeky:
            x = np.concatenate([x, _every_step(thought, T)], axis=-1)
        (y, _), decoder_backward = self.decoder.scan(x, initial)  # (T, N, H)

        parts = [y]
        if self.attention:
            (context, _), attention_backward = self.attention.forward(y, memory, batch.source_lengths)
            parts.insert(0, context)
        if self.config.peeky:
            parts.append(_every_step(thought, T))
        h = _take(rows(np.concatenate(parts, axis=-1)) if len(parts) > 1 else rows(y), real)  # (R, ...)
        if self.combine:
            combined, combine_backward = self.combine.forward(h)
            h = np.tanh(combined, out=combined)
        h, drop_output_backward = self.dropout.forward(h)
        logits, output_backward = self.output.forward(h)

        def backward(dlogits: Array) -> None:
            dh = drop_output_backward(output_backward(dlogits))
            if self.combine:
                dh = combine_backward(dh * (1 - combined * combined))
            dparts = _put(dh, real, T * N).reshape(T, N, dh.shape[-1])
            dthought = np.zeros_like(thought)
            dmemory = np.zeros_like(memory)
            if self.config.peeky:
                dparts, dpeek = np.split(dparts, [-thought.shape[-1]], axis=-1)
                dthought += dpeek.sum(axis=0)
            dy = dparts
            if self.attention:
                dcontext, dy = np.split(dparts, 2, axis=-1)
                dquery, dmemory = attention_backward(dcontext)
                dy = dy + dquery
            dx, dinitial = decoder_backward(dy)
            if self.config.peeky:
                dthought += dx[..., E:].sum(axis=0)
                _thought(dinitial)[...] += dthought
                dx = dx[..., :E]
            embed_target_backward(drop_target_backward(dx))
            dsource, _ = encoder_backward(dmemory, self._initial_backward(dinitial))
            embed_source_backward(drop_source_backward(dsource))

        return logits, backward

    def _source(self, batch: Batch) -> Integers:
        """Source ids (S, N), each row turned round inside its length when `reverse_source`."""
        source = batch.source.T
        if not self.config.reverse_source:
            return source
        S = len(source)
        places = batch.source_lengths - 1 - np.arange(S)[:, None]
        return np.where(places >= 0, np.take_along_axis(source, places % max(S, 1), axis=0), source)

    def _initial(self, final: State) -> State:
        """The decoder's initial state: the encoder's final one, its two directions side by side."""
        return tuple(_join(*state) for state in final) if self.config.bidirectional else final

    def _initial_backward(self, dinitial: State) -> State:
        return tuple(_split(d) for d in dinitial) if self.config.bidirectional else dinitial

    # ---- inference -------------------------------------------------------------------------------------------

    def __call__(self, batch: Batch) -> Array:
        """The logits of `forward`, without dropout."""
        real, _ = batch.real_rows()
        encoded = self.encode(batch.source, batch.source_lengths)
        return self.output(_take(rows(self._hidden(self._read(batch, encoded), encoded)), real))

    def attention_weights(self, batch: Batch) -> Array:
        """Where the decoder looks for each target token, (N, T, S)."""
        if not self.attention:
            raise InputError("this model has no attention, so there are no attention weights")
        encoded = self.encode(batch.source, batch.source_lengths)
        return self.attention(self._read(batch, encoded), encoded.memory, encoded.lengths)[1]

    def _read(self, batch: Batch, encoded: Encoded) -> Array:
        """The decoder's outputs (T, N, H) for a given target."""
        x = self.target_embedding(batch.decoder_input())
        if encoded.thought is not None:
            x = np.concatenate([x, _every_step(encoded.thought, len(x))], axis=-1)
        return self.decoder.read(x, encoded.state)[0]

    def _hidden(self, y: Array, encoded: Encoded) -> Array:
        """What the output layer sees, (T, N, ...), of the decoder's outputs y (T, N, H)."""
        parts = [y]
        if self.attention:
            assert encoded.keys is not None
            (context, _), _ = self.attention.attend(y, encoded.keys, encoded.memory, encoded.lengths)
            parts.insert(0, context)
        if encoded.thought is not None:
            parts.append(_every_step(encoded.thought, len(y)))
        h = np.concatenate(parts, axis=-1) if len(parts) > 1 else y
        return np.tanh(self.combine(h)) if self.combine else h

    def encode(self, source: Integers, lengths: Integers) -> Encoded:
        """Read sources (N, S) of these lengths (N,)."""
        batch = Batch(source, lengths, source, lengths)
        memory, final = self.encoder.read(self.source_embedding(self._source(batch)), None, lengths)
        state = self._initial(final)
        keys = self.attention.keys(memory)[0] if self.attention else None
        if not self.config.peeky:
            return Encoded(memory, keys, lengths, None, None, state)
        thought = _thought(state)
        gates = thought @ self.decoder.layers[0].weight_ih.value[self.config.embedding :]
        return Encoded(memory, keys, lengths, thought, gates, state)

    def token_gates(self, embedded: Array) -> Array:
        """The share of embedded target tokens (..., E) in the first decoder layer's gates, E_t W_ih + b."""
        first = self.decoder.layers[0]
        gates: Array = embedded @ first.weight_ih.value[: self.config.embedding]
        gates += first.bias.value
        return gates

    def prepare(self, steps: int) -> Prepared:
        """What pays for `steps` tokens of a row or of many."""
        table = self.target_embedding.weight.value
        return Prepared(self.token_gates(table) if steps >= len(table) else None, self.decoder.packed())

    def decode_step(self, tokens: Integers, encoded: Encoded, state: State, prepared: Prepared) -> tuple[Array, State]:
        """Logits (N, V) of the token after `tokens` (N,), and the state after them. PAD and BOS get -inf."""
        if prepared.table is None:
            gates = self.token_gates(self.target_embedding.weight.value[tokens])
        else:
            gates = prepared.table[tokens]
        if encoded.gates is not None:
            gates += encoded.gates
        y, state = self.decoder.advance(gates, state, prepared.weights)
        logits = self.output(self._hidden(y[None], encoded)[0])
        logits[:, PAD] = logits[:, BOS] = -np.inf
        return logits, state


def _thought(state: State) -> Array:
    """h of the uppermost layer."""
    top = state[-1]
    return top[0] if isinstance(top, tuple) else top


def _every_step(thought: Array, T: int) -> Array:
    """The thought vectors (N, H) as (T, N, H); no copy."""
    return np.broadcast_to(thought, (T, *thought.shape))


def _join(ahead: State, back: State) -> State:
    """Two directions' states side by side."""
    if isinstance(ahead, tuple):
        return tuple(_join(a, b) for a, b in zip(ahead, back, strict=True))
    return np.concatenate([ahead, back], axis=-1)


def _split(d: State) -> tuple[State, State]:
    if isinstance(d, tuple):
        halves = [_split(part) for part in d]
        return tuple(a for a, _ in halves), tuple(b for _, b in halves)
    ahead, back = np.split(d, 2, axis=-1)
    return ahead, back


def pick_state(state: State, rows: npt.NDArray[np.intp]) -> State:
    """Some rows of a state, whatever its nesting."""
    if isinstance(state, tuple):
        return tuple(pick_state(part, rows) for part in state)
    return state[rows]


def _pick(x: Array | None, where: Any) -> Array | None:
    return None if x is None else x[where]


def _take(x: Array, where: npt.NDArray[np.intp] | None) -> Array:
    return x if where is None else x[where]


def _put(x: Array, where: npt.NDArray[np.intp] | None, count: int) -> Array:
    """The inverse of `_take`, with zeros in the other rows."""
    if where is None:
        return x
    y = np.zeros((count, x.shape[1]), x.dtype)
    y[where] = x
    return y
