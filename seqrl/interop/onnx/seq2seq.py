"""The graphs of a sequence-to-sequence model: one reads the sources, one writes the targets a token at a time."""

from __future__ import annotations

import numpy as np

from seqrl.interop.onnx.attention import attend, keys
from seqrl.interop.onnx.graph import Graph
from seqrl.interop.onnx.layers import convert
from seqrl.interop.onnx.recurrent import State, scan, state_inputs, state_outputs, state_parts
from seqrl.layers.attention import AdditiveAttention, GeneralAttention
from seqrl.models.seq2seq import Seq2Seq
from seqrl.text.specials import BOS, PAD


def encoder(model: Seq2Seq) -> Graph:
    """Sources in, and out what the decoder reads."""
    graph = Graph(model)
    source, lengths = graph.input("source", ["N", "S"], np.int64), graph.input("lengths", ["N"], np.int64)
    ids = graph.add("Transpose", source, perm=[1, 0])
    if model.config.reverse_source:
        ids = graph.add("ReverseSequence", ids, lengths, time_axis=0, batch_axis=1)
    x = convert(graph, model.source_embedding, ids)
    memory, final = scan(graph, model.encoder, x, None, graph.cast(lengths, np.int32))
    state = tuple(_side_by_side(graph, *layer) for layer in final) if model.config.bidirectional else final
    if model.attention:
        graph.output("memory", memory)
        if has_keys(model):
            graph.output("keys", keys(graph, model.attention, memory))
    if model.config.peeky:
        top = state[-1]
        graph.output("thought", top[0] if isinstance(top, tuple) else top)
    state_outputs(graph, state_parts(model.decoder, "state"), state)
    return graph


def has_keys(model: Seq2Seq) -> bool:
    """Whether the keys of its attention are others than the memory."""
    return isinstance(model.attention, (GeneralAttention, AdditiveAttention))


def _side_by_side(graph: Graph, ahead: State, back: State) -> State:
    if isinstance(ahead, tuple):
        return tuple(_side_by_side(graph, *both) for both in zip(ahead, back, strict=True))
    return graph.add("Concat", ahead, back, axis=-1)


def decoder(model: Seq2Seq) -> Graph:
    """One step: the logits of the token after `tokens`. PAD and BOS get -inf, as in `Seq2Seq.decode_step`."""
    graph, H = Graph(model), model.config.hidden
    x = convert(graph, model.target_embedding, graph.input("tokens", ["N"], np.int64))
    initial = state_inputs(graph, state_parts(model.decoder, "state"))
    thought = [graph.input("thought", ["N", H])] if model.config.peeky else []
    if thought:
        x = graph.add("Concat", x, *thought, axis=-1)
    first = graph.integers(0)
    y, final = scan(graph, model.decoder, graph.add("Unsqueeze", x, first), initial)
    hidden = [graph.add("Squeeze", y, first), *thought]
    if model.attention:
        memory, lengths = graph.input("memory", ["S", "N", H]), graph.input("lengths", ["N"], np.int64)
        by = graph.input("keys", ["S", "N", H]) if has_keys(model) else memory
        context, weights = attend(graph, model.attention, y, by, memory, lengths)
        hidden.insert(0, graph.add("Squeeze", context, first))
    h = graph.add("Concat", *hidden, axis=-1) if len(hidden) > 1 else hidden[0]
    if model.combine:
        h = graph.add("Tanh", convert(graph, model.combine, h))
    graph.output("logits", never_special(graph, convert(graph, model.output, h), model.config.target_vocabulary))
    if model.attention:
        graph.output("attention", graph.add("Squeeze", weights, graph.integers(1)), ["N", "S"])
    state_outputs(graph, state_parts(model.decoder, "final"), final)
    return graph


def never_special(graph: Graph, logits: str, V: int) -> str:
    """Logits (N, V) with -inf for PAD and BOS."""
    never = np.zeros(V)
    never[[PAD, BOS]] = -np.inf
    return graph.add("Add", logits, graph.constant(never))
