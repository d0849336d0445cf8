"""Hierarchical recurrent encoder-decoder: the next utterance of a dialogue after all utterances before it.

    v_u = encoder(E[utterance_u])                   final state; both directions side by side if bidirectional
    c_u = context(v_u, c_{u-1})                     what has been said up to utterance u
    d_0 = tanh(c_u W_0 + b_0)
    d_t = decoder([E[w_{t-1}], c_u], d_{t-1})       w: the words of utterance u + 1
    p(w_t) = softmax(d_t W_e E^T + b_o)             or, not tied, softmax(d_t W_o + b_o)

Sordoni et al. 2015 (A hierarchical recurrent encoder-decoder for generative context-aware query suggestion);
Serban et al. 2016 (Building end-to-end dialogue systems using generative hierarchical neural network models), whose
decoder sees the context at every step.

Words are drawn with a standard deviation of 1, and the output shares them (Press and Wolf 2017): then a word that was
said utterances ago can be said again, which a model learns in hundreds of steps and otherwise not in thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, check_sizes, choose
from seqrl.initializers import normal
from seqrl.layer import Layer, rows
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import CELLS, LSTM, Prepared, Stack, State
from seqrl.models.seq2seq import Batch, pick_state
from seqrl.parameter import Array, Integers
from seqrl.text.specials import BOS, PAD, UNKNOWN

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class HREDConfig:
    """Everything that an HRED is built from."""

    vocabulary: int
    cell: str = "gru"  # a name in CELLS
    layers: int = 1  # of the encoder and the decoder each; the context has one
    embedding: int = 64  # size of a word's vector
    hidden: int = 128  # size of the states of encoder and decoder; a bidirectional encoder has half each way
    context: int = 128  # size of the state of the context
    bidirectional: bool = True
    tied: bool = True  # the output's weight is the embedding's, behind a map to the embedding's size
    dropout: float = 0.0
    word_dropout: float = 0.0  # share of the words that the decoder reads as unknown in training


class DialogueBatch(NamedTuple):
    """Dialogues, batch first as people hold them, padded at the end; every utterance ends with EOS."""

    ids: Integers  # (N, U, S)
    lengths: Integers  # (N, U), tokens of each utterance with its EOS; 0 past the last one
    utterances: Integers  # (N,)

    @property
    def target_tokens(self) -> int:
        """How many tokens are predicted: those of all utterances but the first of each dialogue."""
        return int(self.lengths[:, 1:].sum())

    def said(self) -> Places:
        """Where there is an utterance: indices into the grid (U, N), in its order."""
        U = self.ids.shape[1]
        return np.flatnonzero(np.arange(U)[:, None] < self.utterances)

    def answered(self) -> Places:
        """Where there is one that is followed by another, which is N places on."""
        U = self.ids.shape[1]
        return np.flatnonzero(np.arange(1, U + 1)[:, None] < self.utterances)

    def texts(self, places: Places) -> tuple[Integers, Integers]:
        """(ids (P, S), lengths (P,)) of the utterances at these places, cut to the longest of them."""
        N, U, S = self.ids.shape
        lengths = self.lengths.T.reshape(-1)[places]
        return self.ids.swapaxes(0, 1).reshape(U * N, S)[places, : lengths.max(initial=0)], lengths

    def pairs(self) -> Batch:
        """Each utterance that is answered beside its answer, in the order of `answered`."""
        answered = self.answered()
        return Batch(*self.texts(answered), *self.texts(answered + len(self.ids)))

    def split(self, parts: int) -> list[DialogueBatch]:
        """At most `parts` batches of neighbouring dialogues, none empty, each cut to its own longest."""
        N = len(self.ids)
        edges = [N * part // parts for part in range(parts + 1)]
        return [self._rows(start, stop) for start, stop in pairwise(edges) if start < stop]

    def _rows(self, start: int, stop: int) -> DialogueBatch:
        ids, lengths, utterances = (field[start:stop] for field in self)
        U, S = utterances.max(), lengths.max()
        return DialogueBatch(ids[:, :U, :S], lengths[:, :U], utterances)


def pad_dialogues(dialogues: Sequence[Sequence[Sequence[int]]]) -> DialogueBatch:
    """Dialogues, each a list of utterances, each a list of token ids that ends with EOS, as one batch.

    Raises InputError for a dialogue without utterances and for an utterance without tokens.
    """
    utterances = np.array([len(dialogue) for dialogue in dialogues], np.int64)
    lengths = np.zeros((len(dialogues), utterances.max(initial=0)), np.int64)
    for n, dialogue in enumerate(dialogues):
        lengths[n, : len(dialogue)] = [len(utterance) for utterance in dialogue]
        if not len(dialogue) or not lengths[n, : len(dialogue)].all():
            what = f"an empty utterance: {dialogue}" if len(dialogue) else "no utterance"
            raise InputError(f"dialogue {n + 1} has {what}; expected at least one, with a token in each")
    ids = np.full((*lengths.shape, lengths.max(initial=0)), PAD, np.int64)
    ids[np.arange(ids.shape[2]) < lengths[:, :, None]] = [i for d in dialogues for utterance in d for i in utterance]
    return DialogueBatch(ids, lengths, utterances)


class Encoded(NamedTuple):
    """What decoding needs of the contexts, made once."""

    condition: Array  # (N, D), what every step of the decoder sees of the context,
    gates: Array  # (N, gates * H), and its share of the first layer's gates
    state: State

    def pick(self, rows: Places) -> Encoded:
        """The same for some of the contexts, possibly repeated."""
        return Encoded(self.condition[rows], self.gates[rows], pick_state(self.state, rows))


class HRED(Layer):
    """A hierarchical encoder-decoder; the equations stand at the head of this file.

    rng: draws the weights; dropout_rng: what training draws at random.
    """

    def __init__(self, config: HREDConfig, *, rng: np.random.Generator, dropout_rng: np.random.Generator) -> None:
        cell = choose("cell", config.cell, CELLS)
        V, E, H, C = config.vocabulary, config.embedding, config.hidden, config.context
        check_sizes("HRED", vocabulary=V, layers=config.layers, embedding=E, hidden=H, context=C)
        if config.bidirectional and H % 2:
            raise InputError(f"hidden is {H}; a bidirectional encoder needs an even number, half for each direction")
        if not 0 <= config.word_dropout <= 1:
            raise InputError(f"the word dropout is {config.word_dropout}; expected a share from 0 to 1")
        self.config = config
        self.dropout = Dropout(config.dropout, rng=dropout_rng)
        self.dropout_rng = dropout_rng

        def encoder_layer(D: int) -> Layer:
            if not config.bidirectional:
                return cell(D, H, rng=rng)
            return Bidirectional(cell(D, H // 2, rng=rng), cell(D, H // 2, rng=rng))

        D = self.condition_size
        sizes = range(config.layers)
        self.embedding = Embedding(V, E, rng=rng, initializer=normal(1.0))
        self.encoder = Stack([encoder_layer(H if depth else E) for depth in sizes], dropout=self.dropout)
        self.context = cell(H, C, rng=rng)
        self.decoder = Stack([cell(H if depth else E + D, H, rng=rng) for depth in sizes], dropout=self.dropout)
        self.initial = Dense(D, H * config.layers * self._parts, rng=rng)
        self.narrow = Dense(H, E, rng=rng, bias=False) if config.tied else None
        self.output: Dense | TiedDense = TiedDense(self.embedding) if config.tied else Dense(H, V, rng=rng)

    @property
    def condition_size(self) -> int:
        """Size of what the decoder sees of the context at every step, D."""
        return self.config.context

    @property
    def _parts(self) -> int:
        """Parts of a layer's state: h, or h and c."""
        return 2 if isinstance(self.context, LSTM) else 1

    # ---- training --------------------------------------------------------------------------------------------

    def forward(self, batch: DialogueBatch) -> tuple[Array, Callable[[Array], None]]:
        """Teacher forcing: logits (R, V) of the R real tokens of `batch.pairs().real_rows()`."""
        pairs = batch.pairs()
        vectors, encode_backward = self._encode(pairs.source, pairs.source_lengths)
        contexts, follow_backward = self._follow(vectors, batch.answered(), batch)
        logits, decode_backward = self._decode(contexts, pairs)

        def backward(dlogits: Array) -> None:
            encode_backward(follow_backward(decode_backward(dlogits)))

        return logits, backward

    def _encode(self, ids: Integers, lengths: Integers) -> tuple[Array, Callable[[Array], None]]:
        """Vectors (P, H) of utterances (P, S)."""
        x, embed_backward = self.embedding.forward(ids.T)
        x, drop_input_backward = self.dropout.forward(x)  # (S, P, E)
        (_, final), encoder_backward = self.encoder.scan(x, None, lengths)
        vectors, drop_output_backward = self.dropout.forward(self._vector(final))

        def backward(dvectors: Array) -> None:
            dx, _ = encoder_backward(None, self._vector_backward(drop_output_backward(dvectors)))
            embed_backward(drop_input_backward(dx))

        return vectors, backward

    def _vector(self, final: State) -> Array:
        """The final h of the uppermost layer, its two directions side by side."""
        if self.config.bidirectional:
            return np.concatenate([_h(state) for state in final[-1]], axis=-1)
        return _h(final[-1])

    def _vector_backward(self, dvector: Array) -> State:
        halves = np.split(dvector, 2, axis=-1) if self.config.bidirectional else [dvector]
        dtop = tuple((half, None) if self._parts == 2 else half for half in halves)
        below = (None,) * (self.config.layers - 1)
        return (*below, dtop if self.config.bidirectional else dtop[0])

    def _follow(self, vectors: Array, places: Places, batch: DialogueBatch) -> tuple[Array, Callable[[Array], Array]]:
        """Contexts (P, C) after the utterances at these places of the grid (U, N), of their vectors (P, H)."""
        N = len(batch.ids)
        U = int(places.max(initial=-1)) // max(N, 1) + 1

        def scatter(x: Array) -> Array:
            flat = np.zeros((U * N, x.shape[1]), x.dtype)
            flat[places] = x
            return flat.reshape(U, N, x.shape[1])

        def gather(grid: Array) -> Array:
            x: Array = grid.reshape(U * N, grid.shape[2])[places]
            return x

        (y, _), scan_backward = self.context.scan(scatter(vectors), None, np.minimum(batch.utterances, U))

        def backward(dcontexts: Array) -> Array:
            return gather(scan_backward(scatter(dcontexts))[0])

        return gather(y), backward

    def _decode(self, condition: Array, pairs: Batch) -> tuple[Array, Callable[[Array], Array]]:
        """Logits (R, V) of the real tokens of the targets, of what the decoder is to see at every step (P, D)."""
        P, T = pairs.target.shape
        real, _ = pairs.real_rows()
        flat, initial_backward = self.initial.forward(condition)
        flat = np.tanh(flat, out=flat)
        x, embed_backward = self.embedding.forward(self._drop_words(pairs.decoder_input()))
        x, drop_input_backward = self.dropout.forward(x)  # (T, P, E)
        E = x.shape[-1]
        x = np.concatenate([x, np.broadcast_to(condition, (T, *condition.shape))], axis=-1)
        (y, _), decoder_backward = self.decoder.scan(x, self._states(flat))  # (T, P, H)
        h, drop_output_backward = self.dropout.forward(rows(y) if real is None else rows(y)[real])
        if self.narrow:
            h, narrow_backward = self.narrow.forward(h)
        logits, output_backward = self.output.forward(h)

        def backward(dlogits: Array) -> Array:
            dh = output_backward(dlogits)
            if self.narrow:
                dh = narrow_backward(dh)
            dh = drop_output_backward(dh)
            dy = dh
            if real is not None:
                dy = np.zeros((T * P, dh.shape[1]), dh.dtype)
                dy[real] = dh
            dx, dinitial = decoder_backward(dy.reshape(T, P, dh.shape[1]))
            embed_backward(drop_input_backward(dx[..., :E]))
            dflat = np.concatenate(_leaves(dinitial), axis=-1) * (1 - flat * flat)
            return dx[..., E:].sum(axis=0) + initial_backward(dflat)

        return logits, backward

    def _states(self, flat: Array) -> State:
        """The decoder's initial states, which lie side by side in `flat` (P, H * layers * parts)."""
        parts = np.split(flat, self.config.layers * self._parts, axis=-1)
        return tuple(parts) if self._parts == 1 else tuple(zip(parts[::2], parts[1::2], strict=True))

    def _drop_words(self, ids: Integers) -> Integers:
        """Some of the words (T, P) that the decoder reads become unknown (Bowman et al. 2016, section 3.1)."""
        if not self.config.word_dropout:
            return ids
        dropped = self.dropout_rng.random(ids.shape) < self.config.word_dropout
        return np.where(dropped & (ids != BOS), UNKNOWN, ids)

    # ---- inference -------------------------------------------------------------------------------------------

    def __call__(self, batch: DialogueBatch) -> Array:
        """The logits of `forward`, without dropout."""
        pairs = batch.pairs()
        contexts, _ = self._follow(self._read(pairs.source, pairs.source_lengths), batch.answered(), batch)
        return self.logits(contexts, pairs)

    def logits(self, condition: Array, pairs: Batch) -> Array:
        """Logits (R, V) of the real tokens of the targets under given conditions (P, D), without dropout."""
        real, _ = pairs.real_rows()
        x = self.embedding(pairs.decoder_input())
        x = np.concatenate([x, np.broadcast_to(condition, (len(x), *condition.shape))], axis=-1)
        y, _ = self.decoder.read(x, self._initial_states(condition))
        return self._logits(rows(y) if real is None else rows(y)[real])

    def _read(self, ids: Integers, lengths: Integers) -> Array:
        """Vectors (P, H) of utterances (P, S), without dropout."""
        _, final = self.encoder.read(self.embedding(ids.T), None, lengths)
        return self._vector(final)

    def _initial_states(self, condition: Array) -> State:
        return self._states(np.tanh(self.initial(condition)))

    def _logits(self, h: Array) -> Array:
        logits: Array = self.output(self.narrow(h) if self.narrow else h)
        return logits

    def contexts(self, batch: DialogueBatch) -> Array:
        """What has been said in each dialogue up to its end, (N, C)."""
        said, N = batch.said(), len(batch.ids)
        contexts, _ = self._follow(self._read(*batch.texts(said)), said, batch)
        return contexts[np.searchsorted(said, (batch.utterances - 1) * N + np.arange(N))]

    def encode(self, batch: DialogueBatch, rng: np.random.Generator | None = None) -> Encoded:
        """Read dialogues, for the decoder to go on after their last utterances. rng: for models that draw a z."""
        return self.encoded(self.contexts(batch))

    def encoded(self, condition: Array) -> Encoded:
        """What decoding needs under given conditions (N, D)."""
        gates = condition @ self.decoder.layers[0].weight_ih.value[self.config.embedding :]
        return Encoded(condition, gates, self._initial_states(condition))

    def prepare(self, steps: int) -> Prepared:
        """What pays for `steps` tokens of a row or of many."""
        table = self.embedding.weight.value
        return Prepared(self._token_gates(table) if steps >= len(table) else None, self.decoder.packed())

    def _token_gates(self, embedded: Array) -> Array:
        first = self.decoder.layers[0]
        gates: Array = embedded @ first.weight_ih.value[: self.config.embedding]
        gates += first.bias.value
        return gates

    def decode_step(self, tokens: Integers, encoded: Encoded, state: State, prepared: Prepared) -> tuple[Array, State]:
        """Logits (N, V) of the token after `tokens` (N,), and the state after them. PAD and BOS get -inf."""
        if prepared.table is None:
            gates = self._token_gates(self.embedding.weight.value[tokens])
        else:
            gates = prepared.table[tokens]
        gates += encoded.gates
        y, state = self.decoder.advance(gates, state, prepared.weights)
        logits = self._logits(y)
        logits[:, PAD] = logits[:, BOS] = -np.inf
        return logits, state


def _h(state: State) -> Array:
    return state[0] if isinstance(state, tuple) else state


def _leaves(state: State) -> list[Any]:
    return [leaf for part in state for leaf in _leaves(part)] if isinstance(state, tuple) else [state]
