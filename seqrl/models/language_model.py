"""Recurrent language model: the probability of each token after those before it.

    x_t = E[token_t]
    y_t, state_t = stack(x_t, state_{t-1})
    p(token_{t+1} | token_1 ... token_t) = softmax(y_t W_o + b_o)        (Mikolov et al. 2010)

Dropout is on what enters a layer and on what leaves the last one, never on what goes from step to step (Zaremba et
al. 2014, equation 3). `variational` draws one mask for all steps of a chunk in these places (Gal and Ghahramani 2016,
without their mask on the recurrent connections). With `tied` W_o is the transpose of E (Press and Wolf 2017; Inan et
al. 2017): the last layer then has the size of the embedding, whatever that of the others (Merity et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError, check_sizes, choose
from seqrl.layer import Layer, rows
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout, VariationalDropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import CELLS, NOTHING, Prepared, Stack, State, parts
from seqrl.models.sampling import check_sampling
from seqrl.parameter import Array, Integers


@dataclass(frozen=True)
class LanguageModelConfig:
    """Everything that a LanguageModel is built from."""

    vocabulary: int
    cell: str = "lstm"  # a name in CELLS
    layers: int = 1
    embedding: int = 128  # size of a token's vector
    hidden: int = 256  # size of the state
    tied: bool = False  # the output's weight is the embedding's; one layer then needs hidden equal to embedding
    dropout: float = 0.0
    variational: bool = False


class LanguageModel(Layer):
    """A language model; the equations stand at the head of this file.

    ids: (T, N) -> logits of the token after each: (T, N, V)

    A state is that of `Stack`, a tuple with one for each layer; None is zero. Text in chunks, each with the final
    state of the one before it, gives the logits of the whole.
    """

    def __init__(
        self, config: LanguageModelConfig, *, rng: np.random.Generator, dropout_rng: np.random.Generator
    ) -> None:
        cell = choose("cell", config.cell, CELLS)
        V, E, H = config.vocabulary, config.embedding, config.hidden
        check_sizes("LanguageModel", vocabulary=V, embedding=E, hidden=H, layers=config.layers)
        if config.tied and config.layers == 1 and H != E:
            raise InputError(
                f"hidden is {H} and embedding {E}; expected the same of a tied model with one layer, whose output "
                "weight is the embedding's"
            )
        self.config = config
        self.dropout = (VariationalDropout if config.variational else Dropout)(config.dropout, rng=dropout_rng)
        sizes = [E, *[H] * (config.layers - 1), E if config.tied else H]
        self.embedding = Embedding(V, E, rng=rng)
        cells = [cell(D, size, rng=rng) for D, size in pairwise(sizes)]
        self.stack = Stack(cells, dropout=self.dropout)
        self.output: Dense | TiedDense = TiedDense(self.embedding) if config.tied else Dense(sizes[-1], V, rng=rng)

    def forward(self, ids: Integers, state: State = None) -> tuple[tuple[Array, State], Callable[..., State]]:
        """((logits, final state), backward); backward(dlogits, dfinal_state) gives the initial state's gradient."""
        (y, final), stack_backward = self._scan(ids, state)  # (T, N, H)
        y, drop_backward = self.dropout.forward(y)
        logits, output_backward = self.output.forward(y)

        def backward(dlogits: Array, dfinal: State = None) -> State:
            return stack_backward(drop_backward(output_backward(dlogits)), dfinal)

        return (logits, final), backward

    def _scan(self, ids: Integers, state: State) -> tuple[tuple[Array, State], Callable[..., State]]:
        """The stack over the embedded ids."""
        if self.dropout.p == 0 and self.config.vocabulary < ids.size:
            return self._scan_by_table(ids, state)
        x, embed_backward = self.embedding.forward(ids)  # (T, N, E)
        x, drop_backward = self.dropout.forward(x)
        output, stack_backward = self.stack.scan(x, state)

        def backward(dy: Array, dfinal: State) -> State:
            dx, dstate = stack_backward(dy, dfinal)
            embed_backward(drop_backward(dx))
            return dstate

        return output, backward

    def _scan_by_table(self, ids: Integers, state: State) -> tuple[tuple[Array, State], Callable[..., State]]:
        """The same where there are more ids than tokens: products over V rows in place of T N."""
        self.embedding.check(ids)
        table, first = self.gate_table(), self.stack.layers[0]
        output, stack_backward = self.stack.run(table.take(ids, axis=0), state)

        def backward(dy: Array, dfinal: State) -> State:
            dgates, dstate = stack_backward(dy, dfinal)
            dtable = np.zeros_like(table)
            kernels.add_rows(dtable, ids.ravel(), rows(dgates))
            self.embedding.weight.grad += first.project_backward(self.embedding.weight.value, dtable)
            return dstate

        return output, backward

    def __call__(self, ids: Integers, state: State = None) -> tuple[Array, State]:
        """(logits, final state) at inference."""
        y, final = self.read(ids, state)
        return self.output(y), final

    def read(self, ids: Integers, state: State = None) -> tuple[Array, State]:
        """(what the output layer sees (T, N, H), final state) at inference."""
        first, *others = self.stack.layers
        initial, *states = parts(state, 1 + len(others))
        if self.config.vocabulary < ids.size:
            self.embedding.check(ids)
            (y, after), _ = first.run(self.gate_table().take(ids, axis=0), initial, None)
        else:
            (y, after), _ = first.scan(self.embedding(ids), initial)
        finals = [after]
        for layer, before in zip(others, states, strict=True):
            (y, after), _ = layer.scan(y, before)
            finals.append(after)
        return y, tuple(finals)

    def zero_state(self, N: int) -> State:
        """The state before a text, as arrays."""
        _, final = self.stack.step(np.zeros((N, self.config.embedding), self.dtype))
        return _zeros_like(final)

    def gate_table(self) -> Array:
        """The share of every token in the first layer's gates, E W_ih + b, (V, gates * H), to look up."""
        return self.stack.layers[0].project(self.embedding.weight.value)

    def prepare(self, steps: int) -> Prepared:
        """What pays for `steps` tokens of a row or of many."""
        return Prepared(self.gate_table() if steps >= self.config.vocabulary else None, self.stack.packed())

    def step(self, ids: Integers, state: State = None, prepared: Prepared = NOTHING) -> tuple[Array, State]:
        """One step at inference. ids: (N,) -> logits (N, V), and the state after them."""
        if prepared.table is None:
            y, final = self.stack.step(self.embedding(ids), state, prepared.weights)
        else:
            y, final = self.stack.advance(prepared.table[ids], state, prepared.weights)
        return self.output(y), final

    def write(
        self,
        ids: Integers,
        state: State,
        draws: Array,
        prepared: Prepared,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        never: Sequence[int] = (),
        end: int = -1,
    ) -> tuple[Integers, State]:
        """(what follows `ids` (N,), the state after it): a token a step, chosen as `sampling.sample` does it.

        draws: uniform, 0 <= draw < 1, (steps, N) -> (steps, N), or fewer steps when every row has had the id `end`.
        prepared: what `prepare` gave. never: ids that are not chosen. Raises InputError as `sampling.sample` does, and
        for what is of another shape or out of range.
        """
        check_sampling(temperature, top_k, top_p)
        _check_draws(ids, draws)
        forbidden = np.array(never, np.int64)
        for given in ids, forbidden:
            self.embedding.check(given)
        zero, table = self.zero_state(len(ids)), prepared.table
        if state is not None and _shapes(state) != _shapes(zero):
            raise InputError(f"write got a state of the shapes {_shapes(state)}; expected {_shapes(zero)}")
        expected = self.config.vocabulary, self.stack.layers[0].weight_ih.shape[1]
        if table is not None and table.shape != expected:
            raise InputError(f"write got a table of shape {table.shape}; expected {expected}")
        layers, V, bias = self.stack.layers, self.config.vocabulary, self.output.bias
        assert bias is not None
        written, after = kernels.generate(
            layers[0].kind,
            self.embedding.weight.value,
            np.empty((0, 0), self.dtype) if table is None else table,
            [
                (layer.weight_ih.value, layer.bias.value, weights, layer.extra())
                for layer, weights in zip(layers, prepared.weights or self.stack.packed(), strict=True)
            ],
            zero if state is None else state,
            self.output.weight.value.T if self.config.tied else self.output.weight.value,
            bias.value,
            ids,
            draws,
            temperature,
            top_k or V,
            top_p or 1.0,
            forbidden,
            end,
        )
        if len(draws) and not len(written):
            raise InputError("the largest logit of a row is not finite; the model's weights may hold a NaN")
        return written, after


def _zeros_like(state: State) -> State:
    return tuple(map(_zeros_like, state)) if isinstance(state, tuple) else np.zeros_like(state)


def _shapes(state: State) -> tuple[Any, ...]:
    return tuple(map(_shapes, state)) if isinstance(state, (tuple, list)) else np.shape(state)


def _check_draws(ids: Integers, draws: Array) -> None:
    if ids.ndim != 1 or draws.ndim != 2 or draws.shape[1] != len(ids):
        raise InputError(
            f"write got ids of shape {ids.shape} and draws of shape {draws.shape}; expected (N,) and (steps, N)"
        )
    if not ((draws >= 0) & (draws < 1)).all():
        wrong = draws[~((draws >= 0) & (draws < 1))].flat[0]
        raise InputError(f"a draw is {wrong}; expected 0 <= draw < 1")
