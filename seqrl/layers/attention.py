"""Attention: a weighted mean of a memory, for every step of a query.

    scores (N, T, S): the query compared with the memory's keys, additive, dot, scaled dot or general
    weights = softmax(scores) over the real part of the memory
    context_t = sum_s weights_ts memory_s

query: (T, N, Hq), memory: (S, N, Hm) -> context: (T, N, Hm), weights: (N, T, S)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrl import kernels
from seqrl.activations import softmax
from seqrl.errors import InputError, check_sizes
from seqrl.initializers import glorot_uniform
from seqrl.layer import Backward, Layer, apply, check_gradient, rows
from seqrl.layers.dense import Dense
from seqrl.parameter import Array, Integers, Parameter

AttendBackward = Callable[[Array], tuple[Array, Array, Array]]


class Attention(Layer):
    """What all share; they differ in `keys` and `attend`.

    A row whose memory is empty (length 0) has weights and context of zero.
    """

    def keys(self, memory: Array) -> tuple[Array, Backward]:
        """What a query is compared with, (S, N, A); depends on the memory alone, so decoding makes it once."""
        return memory, lambda dkeys: dkeys

    def attend(
        self, query: Array, keys: Array, memory: Array, lengths: Integers
    ) -> tuple[tuple[Array, Array], AttendBackward]:
        """(context, weights), and backward: dcontext -> (dquery, dkeys, dmemory)."""
        raise NotImplementedError

    def forward(  # type: ignore[override]  # two inputs, not one
        self, query: Array, memory: Array, lengths: Integers | None = None
    ) -> tuple[tuple[Array, Array], Callable[[Array], tuple[Array, Array]]]:
        lengths = self._checked(query, memory, lengths)
        keys, keys_backward = self.keys(memory)
        output, attend_backward = self.attend(query, keys, memory, lengths)

        def backward(dcontext: Array) -> tuple[Array, Array]:
            dquery, dkeys, dmemory = attend_backward(dcontext)
            return dquery, keys_backward(dkeys) + dmemory

        return output, backward

    def __call__(  # type: ignore[override]
        self, query: Array, memory: Array, lengths: Integers | None = None
    ) -> tuple[Array, Array]:
        lengths = self._checked(query, memory, lengths)
        return self.attend(query, self.keys(memory)[0], memory, lengths)[0]

    def _checked(self, query: Array, memory: Array, lengths: Integers | None) -> Integers:
        S, N, _ = memory.shape
        if query.shape[1] != N:
            raise InputError(f"{type(self).__name__} got {query.shape[1]} queries for {N} memories")
        lengths = np.full(N, S, np.int64) if lengths is None else np.asarray(lengths, np.int64)
        if lengths.shape != (N,) or (N and (lengths.min() < 0 or lengths.max() > S)):
            raise InputError(f"lengths are {lengths.tolist()}; expected {N} numbers from 0 to {S}")
        return lengths


class DotAttention(Attention):
    """score = q . m (Luong et al. 2015, equation 8), over sqrt(H) when `scaled` (Vaswani et al. 2017, equation 1).

    The equations of both passes stand at `kernels.reference.sequences.dot_attention_forward`.
    """

    def __init__(self, *, scaled: bool = False) -> None:
        self.scaled = scaled

    def attend(
        self, query: Array, keys: Array, memory: Array, lengths: Integers
    ) -> tuple[tuple[Array, Array], AttendBackward]:
        A = keys.shape[-1]
        if query.shape[-1] != A:
            raise InputError(f"{type(self).__name__} got queries of {query.shape[-1]} features and keys of {A}")
        scale = A**-0.5 if self.scaled else 1.0
        keys, memory = np.asarray(keys, query.dtype), np.asarray(memory, query.dtype)
        context, weights = kernels.dot_attention_forward(query, keys, memory, lengths, scale)

        def backward(dcontext: Array) -> tuple[Array, Array, Array]:
            check_gradient(dcontext, context.shape)
            dcontext = np.asarray(dcontext, context.dtype)
            return kernels.dot_attention_backward(dcontext, query, keys, memory, weights, scale)

        return (context, weights), backward


class GeneralAttention(DotAttention):
    """score = q W m (Luong et al. 2015, equation 8). weight: (Hm, Hq), the transpose of the paper's."""

    def __init__(self, query_size: int, memory_size: int, *, rng: np.random.Generator) -> None:
        super().__init__()
        check_sizes("GeneralAttention", query_size=query_size, memory_size=memory_size)
        self.weight = Parameter(glorot_uniform(rng, (memory_size, query_size)))

    def keys(self, memory: Array) -> tuple[Array, Backward]:
        def backward(dkeys: Array) -> Array:
            kernels.add_product(self.weight.grad, rows(memory), rows(dkeys))
            return apply(dkeys, self.weight.value.T)

        return apply(memory, self.weight.value), backward


class AdditiveAttention(Attention):
    """score = v . tanh(q W + m U) (Bahdanau et al. 2015, appendix A.1.2). v: (A,)."""

    def __init__(self, query_size: int, memory_size: int, A: int, *, rng: np.random.Generator) -> None:
        check_sizes("AdditiveAttention", query_size=query_size, memory_size=memory_size, A=A)
        self.query = Dense(query_size, A, rng=rng, bias=False)
        self.memory = Dense(memory_size, A, rng=rng, bias=False)
        self.v = Parameter(glorot_uniform(rng, (A, 1))[:, 0])

    def keys(self, memory: Array) -> tuple[Array, Backward]:
        return self.memory.forward(memory)

    def attend(
        self, query: Array, keys: Array, memory: Array, lengths: Integers
    ) -> tuple[tuple[Array, Array], AttendBackward]:
        q, query_backward = self.query.forward(query)
        m = _batch_first(memory)
        hidden = np.tanh(_batch_first(q)[:, :, None] + _batch_first(keys)[:, None])  # (N, T, S, A)
        real = (np.arange(len(memory)) < lengths[:, None])[:, None]  # (N, 1, S)
        weights = softmax(np.where(real, hidden @ self.v.value, -np.inf))

        def backward(dcontext: Array) -> tuple[Array, Array, Array]:
            check_gradient(dcontext, query.shape[:2] + memory.shape[2:])
            dc = _batch_first(dcontext)
            dweights = dc @ m.transpose(0, 2, 1)
            dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
            self.v.grad += rows(hidden).T @ dscores.ravel()
            dsum = dscores[..., None] * self.v.value * (1 - hidden * hidden)
            dquery = query_backward(_batch_first(dsum.sum(axis=2)))
            return dquery, _batch_first(dsum.sum(axis=1)), _batch_first(weights.transpose(0, 2, 1) @ dc)

        return (_batch_first(weights @ m), weights), backward


def _batch_first(x: Array) -> Array:
    """(T, N, H) as (N, T, H), and back; no copy."""
    return x.transpose(1, 0, 2)
