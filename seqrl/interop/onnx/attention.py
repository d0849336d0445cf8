"""Attention as ONNX operators. The shapes are those of `seqrl.layers.attention`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrl.interop.onnx.graph import Graph, rule
from seqrl.interop.onnx.layers import convert
from seqrl.layer import Layer
from seqrl.layers.attention import AdditiveAttention, Attention, DotAttention, GeneralAttention


def keys(graph: Graph, attention: Attention, memory: str) -> str:
    """What a query is compared with; the memory itself in `DotAttention`."""
    rule(graph, attention, SCORES)
    if isinstance(attention, AdditiveAttention):
        return convert(graph, attention.memory, memory)
    if isinstance(attention, GeneralAttention):
        return graph.add("MatMul", memory, graph.parameter(attention.weight))
    return memory


def attend(graph: Graph, attention: Attention, query: str, keys: str, memory: str, lengths: str) -> tuple[str, str]:
    """(context, weights) for lengths (N,) of int64."""
    scores = rule(graph, attention, SCORES)(graph, attention, query, keys)  # (N, T, S)
    real = _real(graph, memory, lengths)
    lowest = graph.constant(np.finfo(np.float32).min)
    weights = graph.add("Softmax", graph.add("Where", real, scores, lowest), axis=-1)
    weights = graph.add("Mul", weights, graph.cast(real))  # all zero where the memory is empty
    context = graph.add("MatMul", weights, _batch_first(graph, memory))
    return _batch_first(graph, context), weights


def _real(graph: Graph, memory: str, lengths: str) -> str:
    """Which places of the memories are real, (N, 1, S)."""
    S = graph.add("Squeeze", graph.add("Shape", memory, start=0, end=1))
    places = graph.add("Range", graph.constant(0, np.int64), S, graph.constant(1, np.int64))
    return graph.add("Less", places, graph.add("Unsqueeze", lengths, graph.integers(1, 2)))


def _batch_first(graph: Graph, x: str) -> str:
    """(T, N, H) as (N, T, H), and back."""
    return graph.add("Transpose", x, perm=[1, 0, 2])


def _dot_scores(graph: Graph, attention: DotAttention, query: str, keys: str) -> str:
    scores = graph.add("MatMul", _batch_first(graph, query), graph.add("Transpose", keys, perm=[1, 2, 0]))
    if not attention.scaled:
        return scores
    A = graph.cast(graph.add("Shape", keys, start=2, end=3))
    return graph.add("Div", scores, graph.add("Sqrt", A))


def _additive_scores(graph: Graph, attention: AdditiveAttention, query: str, keys: str) -> str:
    q = graph.add("Unsqueeze", _batch_first(graph, convert(graph, attention.query, query)), graph.integers(2))
    k = graph.add("Unsqueeze", _batch_first(graph, keys), graph.integers(1))
    hidden = graph.add("Tanh", graph.add("Add", q, k))  # (N, T, S, A)
    return graph.add("MatMul", hidden, graph.parameter(attention.v))


SCORES: dict[type[Layer], Callable[[Graph, Any, str, str], str]] = {
    DotAttention: _dot_scores,
    GeneralAttention: _dot_scores,
    AdditiveAttention: _additive_scores,
}
