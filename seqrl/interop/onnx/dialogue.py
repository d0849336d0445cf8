"""The graphs of dialogue models: one reads an utterance into its context, one writes the answer a token at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqrl.interop.onnx.graph import Graph
from seqrl.interop.onnx.layers import convert
from seqrl.interop.onnx.recurrent import State, leaves, scan, state_inputs, state_outputs, state_parts
from seqrl.interop.onnx.seq2seq import never_special
from seqrl.models.hred import HRED
from seqrl.models.vhred import VHRED


def encoder(model: HRED) -> Graph:
    """What was said before and the next utterance: what has been said now, and what the decoder answers from."""
    graph = Graph(model)
    ids = graph.add("Transpose", graph.input("utterance", ["N", "S"], np.int64), perm=[1, 0])
    lengths = graph.cast(graph.input("lengths", ["N"], np.int64), np.int32)
    before = state_inputs(graph, state_parts(model.context, "context.state"))
    _, final = scan(graph, model.encoder, convert(graph, model.embedding, ids), None, lengths)
    ends = [_h(end) for end in final[-1]] if model.config.bidirectional else [_h(final[-1])]
    vector = graph.add("Concat", *ends, axis=-1)
    _, after = scan(graph, model.context, graph.add("Unsqueeze", vector, graph.integers(0)), before)
    condition = _h(after)
    if isinstance(model, VHRED):
        condition = graph.add("Concat", condition, _latent(graph, model, condition), axis=-1)
    graph.output("condition", condition)
    parts = leaves(state_parts(model.decoder, "state"))
    initial = graph.add("Tanh", convert(graph, model.initial, condition))
    for part, value in zip(parts, graph.add_many("Split", initial, outputs=len(parts), axis=-1), strict=True):
        graph.output(part.name, value)
    state_outputs(graph, state_parts(model.context, "context.final"), after)
    return graph


def _latent(graph: Graph, model: VHRED, context: str) -> str:
    """z = mean + exp(log variance / 2) * noise of the prior."""
    mean, log_variance = graph.add_many("Split", convert(graph, model.prior, context), outputs=2, axis=-1)
    deviation = graph.add("Exp", graph.add("Mul", log_variance, graph.constant(0.5)))
    noise = graph.input("noise", ["N", model.config.latent])
    return graph.add("Add", mean, graph.add("Mul", deviation, noise))


def decoder(model: HRED) -> Graph:
    """One step: the logits of the token after `tokens`. PAD and BOS get -inf."""
    graph = Graph(model)
    x = convert(graph, model.embedding, graph.input("tokens", ["N"], np.int64))
    initial = state_inputs(graph, state_parts(model.decoder, "state"))
    x = graph.add("Concat", x, graph.input("condition", ["N", model.condition_size]), axis=-1)
    y, final = scan(graph, model.decoder, graph.add("Unsqueeze", x, graph.integers(0)), initial)
    h = graph.add("Squeeze", y, graph.integers(0))
    logits = convert(graph, model.output, convert(graph, model.narrow, h) if model.narrow else h)
    graph.output("logits", never_special(graph, logits, model.config.vocabulary))
    state_outputs(graph, state_parts(model.decoder, "final"), final)
    return graph


def _h(state: State) -> Any:
    return state[0] if isinstance(state, tuple) else state
