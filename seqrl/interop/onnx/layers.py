"""Layers of one input as ONNX operators: a function a layer, or the operator's name, in RULES."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from seqrl.activations import Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Step, Tanh
from seqrl.interop.onnx.graph import Graph, rule
from seqrl.interop.onnx.recurrent import SCANS, scan
from seqrl.layer import Chain, Concatenate, Layer, Residual
from seqrl.layers.augmentation import RandomShift
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout, VariationalDropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.gaussian import GaussianSample
from seqrl.layers.maxout import Maxout
from seqrl.layers.mlp import MLP, SideBySide
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.pooling import AvgPool2D, Flatten, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D
from seqrl.training.sequential import Sequential


def convert(graph: Graph, layer: Layer, x: str) -> str:
    """Add a layer at inference to the graph: the name of its output for the input `x`."""
    return rule(graph, layer, RULES)(graph, layer, x)


def _operator(name: str, **attributes: Any) -> Callable[[Graph, Layer, str], str]:
    return lambda graph, layer, x: graph.add(name, x, **attributes)


def _same(graph: Graph, layer: Layer, x: str) -> str:
    return x


def _chain(graph: Graph, chain: Chain, x: str) -> str:
    for layer in chain.layers:
        x = convert(graph, layer, x)
    return x


def _residual(graph: Graph, residual: Residual, x: str) -> str:
    return graph.add("Add", x, convert(graph, residual.layer, x))


def _concatenate(graph: Graph, branches: Concatenate, x: str) -> str:
    return graph.add("Concat", *(convert(graph, layer, x) for layer in branches.layers), axis=-1)


def _dense(graph: Graph, dense: Dense, x: str) -> str:
    y = graph.add("MatMul", x, graph.parameter(dense.weight))
    return y if dense.bias is None else graph.add("Add", y, graph.parameter(dense.bias))


def _mlp(graph: Graph, mlp: MLP, x: str) -> str:
    for k, layer in enumerate(mlp.layers):
        x = _dense(graph, layer, graph.add(MLP_OPERATORS[mlp.activation], x) if k else x)
    return x


MLP_OPERATORS = {"relu": "Relu", "tanh": "Tanh"}


def _side_by_side(graph: Graph, both: SideBySide, x: str) -> str:
    return graph.add("Concat", *(_mlp(graph, network, x) for network in both.networks), axis=-1)


def _tied_dense(graph: Graph, dense: TiedDense, x: str) -> str:
    y = graph.add("MatMul", x, graph.add("Transpose", graph.parameter(dense.weight), perm=[1, 0]))
    return y if dense.bias is None else graph.add("Add", y, graph.parameter(dense.bias))


def _embedding(graph: Graph, embedding: Embedding, ids: str) -> str:
    return graph.add("Gather", graph.parameter(embedding.weight), ids, axis=0)


def _maxout(graph: Graph, maxout: Maxout, x: str) -> str:
    z = _dense(graph, maxout.dense, x)
    return graph.add("Max", *graph.add_many("Split", z, outputs=maxout.pieces, axis=-1))


def _convolution(graph: Graph, conv: Conv2D, x: str) -> str:
    pads = [0 if isinstance(conv.padding, str) else int(conv.padding)] * 4
    if conv.padding == "same" and conv.stride == (1, 1):
        before = [(f - 1) // 2 for f in conv.kernel_size]
        pads = before + [f - 1 - p for f, p in zip(conv.kernel_size, before, strict=True)]
    elif conv.padding == "same":
        x = _padded(graph, conv, x)
    weights = [graph.parameter(parameter) for parameter in (conv.weight, conv.bias) if parameter is not None]
    return graph.add("Conv", x, *weights, kernel_shape=conv.kernel_size, strides=conv.stride, pads=pads)


def _padded(graph: Graph, conv: Conv2D, x: str) -> str:
    """The images in their frame for "same", which depends on their size.

    Conv's own SAME_UPPER is deprecated, and wrong in ONNX Runtime 1.19 where a stride is larger than the kernel.
    """
    f, s, zero = graph.integers(*conv.kernel_size), graph.integers(*conv.stride), graph.integers(0, 0)
    n = graph.add("Shape", x, start=2, end=4)
    last = graph.add("Div", graph.add("Sub", n, graph.integers(1, 1)), s)  # ceil(n / s) - 1
    frame = graph.add("Sub", graph.add("Add", graph.add("Mul", last, s), f), n)
    frame = graph.add("Max", frame, zero)
    before = graph.add("Div", frame, graph.integers(2))
    return graph.add("Pad", x, graph.add("Concat", zero, before, zero, graph.add("Sub", frame, before), axis=0))


def _pool(name: str, graph: Graph, pool: MaxPool2D | AvgPool2D, x: str) -> str:
    return graph.add(name, x, kernel_shape=pool.size, strides=pool.stride)


def _global_pool(name: str, graph: Graph, pool: Layer, x: str) -> str:
    return graph.add("Flatten", graph.add(name, x))


def _batch_norm(graph: Graph, norm: BatchNorm, x: str) -> str:
    weights = graph.parameter(norm.weight), graph.parameter(norm.bias)
    running = graph.constant(norm.running_mean), graph.constant(norm.running_var)
    return graph.add("BatchNormalization", x, *weights, *running, epsilon=norm.eps)


def _layer_norm(graph: Graph, norm: LayerNorm, x: str) -> str:
    weights = graph.parameter(norm.weight), graph.parameter(norm.bias)
    return graph.add("LayerNormalization", x, *weights, axis=-1, epsilon=norm.eps)


def _step(graph: Graph, step: Step, x: str) -> str:
    y = graph.cast(graph.add("Greater", x, graph.constant(0)))
    return graph.add("Where", graph.add("IsNaN", x), x, y)


def _leaky_relu(graph: Graph, activation: LeakyReLU, x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=activation.negative_slope)


def _gaussian_mean(graph: Graph, sample: GaussianSample, x: str) -> str:
    return graph.add_many("Split", x, outputs=2, axis=-1)[0]


def _sequence(graph: Graph, layer: Layer, x: str) -> str:
    return scan(graph, layer, x)[0]


# A layer of one's own is exported once it has a line here.
RULES: dict[type[Layer], Callable[[Graph, Any, str], str]] = {
    Chain: _chain,
    Sequential: _chain,
    Residual: _residual,
    Concatenate: _concatenate,
    Dense: _dense,
    TiedDense: _tied_dense,
    MLP: _mlp,
    SideBySide: _side_by_side,
    Embedding: _embedding,
    Maxout: _maxout,
    Conv2D: _convolution,
    MaxPool2D: partial(_pool, "MaxPool"),
    AvgPool2D: partial(_pool, "AveragePool"),
    GlobalMaxPool2D: partial(_global_pool, "GlobalMaxPool"),
    GlobalAvgPool2D: partial(_global_pool, "GlobalAveragePool"),
    Flatten: _operator("Flatten"),
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    Dropout: _same,
    VariationalDropout: _same,
    RandomShift: _same,
    GaussianSample: _gaussian_mean,
    Identity: _same,
    Step: _step,
    Sigmoid: _operator("Sigmoid"),
    Tanh: _operator("Tanh"),
    ReLU: _operator("Relu"),
    LeakyReLU: _leaky_relu,
    Softmax: _operator("Softmax", axis=-1),
    LogSoftmax: _operator("LogSoftmax", axis=-1),
    **dict.fromkeys(SCANS, _sequence),
}
