"""Attention: a weighted mean of a memory, for every step of a query.

    scores (N, T, S): the query compared with the memory's keys, additive, dot, scaled dot or general
    weights = softmax(scores) over the real part of the memory
    context_t = sum_s weights_ts memory_s

query: (T, N, Hq), memory: (S, N, Hm) -> context: (T, N, Hm), weights: (N, T, S)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.activations import softmax
from seqrl.errors import InputError
from seqrl.initializers import glorot_uniform
from seqrl.kernels.reference import Integers
from seqrl.layer import Backward, Layer, rows
from seqrl.layers.dense import Dense
from seqrl.parameter import Array, Parameter

PairBackward = Callable[[Array], tuple[Array, Array]]


def batch_first(x: Array) -> Array:
    """(T, N, H) as (N, T, H), and back; no copy."""
    return x.transpose(1, 0, 2)


class Attention(Layer):
    """What all share; they differ in `keys` and `compare`.

    A row whose memory is empty (length 0) has weights and context of zero.
    """

    def keys(self, memory: Array) -> tuple[Array, Backward]:
        """What a query is compared with, (S, N, A); depends on the memory alone, so decoding makes it once."""
        return memory, lambda dkeys: dkeys

    def compare(self, query: Array, keys: Array) -> tuple[Array, PairBackward]:
        """Scores (N, T, S) of query (T, N, Hq) against keys (S, N, A)."""
        raise NotImplementedError

    def forward(
        self, query: Array, memory: Array, lengths: Integers | None = None
    ) -> tuple[tuple[Array, Array], PairBackward]:
        S, N, _ = memory.shape
        if query.shape[1] != N:
            raise InputError(f"{type(self).__name__} got {query.shape[1]} queries for {N} memories")
        keys, keys_backward = self.keys(memory)
        scores, compare_backward = self.compare(query, keys)
        weights = softmax(_masked(scores, memory_mask(lengths, S)))
        m = batch_first(memory)

        def backward(dcontext: Array) -> tuple[Array, Array]:
            dc = batch_first(dcontext)
            dweights = dc @ m.transpose(0, 2, 1)
            dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
            dquery, dkeys = compare_backward(dscores)
            return dquery, keys_backward(dkeys) + batch_first(weights.transpose(0, 2, 1) @ dc)

        return (batch_first(weights @ m), weights), backward

    def __call__(self, query: Array, memory: Array, lengths: Integers | None = None) -> tuple[Array, Array]:
        keys, _ = self.keys(memory)
        return self.look(query, keys, memory, memory_mask(lengths, len(memory)))

    def look(
        self, query: Array, keys: Array, memory: Array, mask: npt.NDArray[np.bool_] | None
    ) -> tuple[Array, Array]:
        """(context, weights) from keys and mask made before."""
        weights = softmax(_masked(self.compare(query, keys)[0], mask))
        return batch_first(weights @ batch_first(memory)), weights


def memory_mask(lengths: Integers | None, S: int) -> npt.NDArray[np.bool_] | None:
    """(N, 1, S), true where the memory is real; None where all of it is."""
    if lengths is None or (lengths.size and lengths.min() == S):
        return None
    return (np.arange(S) < lengths[:, None])[:, None, :]


def _masked(scores: Array, mask: Any) -> Array:
    return scores if mask is None else np.where(mask, scores, -np.inf)


class DotAttention(Attention):
    """score = q . m (Luong et al. 2015, equation 8), over sqrt(H) when `scaled` (Vaswani et al. 2017, equation 1)."""

    def __init__(self, *, scaled: bool = False) -> None:
        self.scaled = scaled

    def compare(self, query: Array, keys: Array) -> tuple[Array, PairBackward]:
        H = query.shape[-1]
        if keys.shape[-1] != H:
            raise InputError(f"{type(self).__name__} got queries of {H} features and keys of {keys.shape[-1]}")
        q, k = batch_first(query), batch_first(keys)
        if self.scaled:
            q = q * H**-0.5

        def backward(dscores: Array) -> tuple[Array, Array]:
            dq = dscores @ k
            if self.scaled:
                dq *= H**-0.5
            return batch_first(dq), batch_first(dscores.transpose(0, 2, 1) @ q)

        return q @ k.transpose(0, 2, 1), backward


class GeneralAttention(DotAttention):
    """score = q W m (Luong et al. 2015, equation 8). weight: (Hm, Hq), the transpose of the paper's."""

    def __init__(self, query_size: int, memory_size: int, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.weight = Parameter(glorot_uniform(rng, (memory_size, query_size)))

    def keys(self, memory: Array) -> tuple[Array, Backward]:
        def backward(dkeys: Array) -> Array:
            self.weight.grad += rows(memory).T @ rows(dkeys)
            return dkeys @ self.weight.value.T

        return memory @ self.weight.value, backward


class AdditiveAttention(Attention):
    """score = v . tanh(q W + m U) (Bahdanau et al. 2015, appendix A.1.2). v: (A,)."""

    def __init__(self, query_size: int, memory_size: int, A: int, *, rng: np.random.Generator) -> None:
        self.query = Dense(query_size, A, rng=rng, bias=False)
        self.memory = Dense(memory_size, A, rng=rng, bias=False)
        self.v = Parameter(glorot_uniform(rng, (A, 1))[:, 0])

    def keys(self, memory: Array) -> tuple[Array, Backward]:
        return self.memory.forward(memory)

    def compare(self, query: Array, keys: Array) -> tuple[Array, PairBackward]:
        q, query_backward = self.query.forward(query)
        hidden = np.tanh(batch_first(q)[:, :, None] + batch_first(keys)[:, None])  # (N, T, S, A)

        def backward(dscores: Array) -> tuple[Array, Array]:
            self.v.grad += rows(hidden).T @ dscores.ravel()
            dsum = dscores[..., None] * self.v.value * (1 - hidden * hidden)
            return query_backward(batch_first(dsum.sum(axis=2))), batch_first(dsum.sum(axis=1))

        return hidden @ self.v.value, backward
