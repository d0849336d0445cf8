"""The ONNX graphs of a model, by the names of their files.

| model | graph | inputs | outputs |
|---|---|---|---|
| `Seq2Seq` | encoder | source (N, S), lengths (N,) | what the decoder reads: memory, keys, thought, state... |
| | decoder | tokens (N,), lengths, what the encoder gave | logits (N, V), attention (N, S), final... |
| `LanguageModel` | model | ids (T, N), state... | logits (T, N, V), final... |
| RNN, LSTM, GRU, `Bidirectional`, `Stack` | model | x (T, N, D), lengths (N,), state... | y (T, N, H), final... |
| attention | model | query (T, N, Hq), memory (S, N, Hm), lengths (N,) | context (T, N, Hm), weights (N, T, S) |
| any other layer | model | x, or ids where an Embedding comes first | y |

A state is an input for each of its parts: "state.0.h" and "state.0.c" of a first LSTM, "state.1" of a GRU above it. The
outputs are named alike: "final.0.h" goes into "state.0.h" at the next step. Zeros begin a sequence, but for a decoder
the encoder gives its first state. What a model has no use for, such as memory without attention, is neither input nor
output.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.interop.onnx.attention import attend, keys
from seqrl.interop.onnx.graph import Axes, Graph, rule
from seqrl.interop.onnx.layers import RULES, convert
from seqrl.interop.onnx.recurrent import SCANS, State, scan, state_inputs, state_outputs, state_parts
from seqrl.layer import Chain, Concatenate, Layer
from seqrl.layers.attention import AdditiveAttention, Attention, GeneralAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import Stack
from seqrl.models.language_model import LanguageModel
from seqrl.models.seq2seq import Seq2Seq
from seqrl.text.specials import BOS, EOS, PAD, UNKNOWN
from seqrl.training.sequential import Sequential

IDS = {"pad": str(PAD), "unknown": str(UNKNOWN), "bos": str(BOS), "eos": str(EOS)}  # in the metadata


def graphs(model: Layer, axes: Axes | None = None) -> dict[str, Any]:
    """Every graph of a model, an onnx.ModelProto, by its name.

    axes: of the input of a layer that is none of the first four kinds above, such as ("N", 3, 28, 28): a name where the
        size may vary. A Sequential that has seen data knows them.
    Raises InputError that says which part of the model ONNX can't express.
    """
    if isinstance(model, Seq2Seq):
        metadata = _metadata(model.config) | IDS
        return {"encoder": _encoder(model).proto(metadata), "decoder": _decoder(model).proto(metadata)}
    if isinstance(model, LanguageModel):
        return {"model": _language_model(model).proto(_metadata(model.config) | IDS)}
    if isinstance(model, tuple(SCANS)):
        return {"model": _recurrent(model).proto({})}
    if isinstance(model, Attention):
        return {"model": _attention(model).proto({})}
    return {"model": _plain(model, axes).proto({})}


def _metadata(config: Any) -> dict[str, str]:
    return {"model": type(config).__name__.removesuffix("Config"), "config": json.dumps(dataclasses.asdict(config))}


# ---- single layers -------------------------------------------------------------------------------------------


def input_axes(model: Layer, axes: Axes | None) -> Axes:
    """Those given, or those of the rows that a Sequential has seen."""
    if axes is not None:
        return axes
    if isinstance(model, Sequential) and model.input_shape is not None:
        return "N", *model.input_shape
    raise InputError(
        f"the axes of the input of a {type(model).__name__} are not known; expected such as ('N', 3, 28, 28), "
        "with a name where the size may vary"
    )


def reads_ids(layer: Layer) -> bool:
    """Whether its input are ids, because an Embedding comes first."""
    if isinstance(layer, (Chain, Concatenate)) and layer.layers:
        return reads_ids(layer.layers[0])
    return isinstance(layer, Embedding)


def _plain(model: Layer, axes: Axes | None) -> Graph:
    graph = Graph(model)
    rule(graph, model, RULES)  # a layer without any needs no axes
    axes = input_axes(model, axes)
    x = graph.input("ids", axes, np.int64) if reads_ids(model) else graph.input("x", axes)
    graph.output("y", convert(graph, model, x))
    return graph


def _recurrent(layer: Layer) -> Graph:
    graph = Graph(layer)
    x, lengths = graph.input("x", ["T", "N", input_size(layer)]), graph.input("lengths", ["N"], np.int64)
    initial = state_inputs(graph, state_parts(layer, "state"))
    y, final = scan(graph, layer, x, initial, graph.cast(lengths, np.int32))
    graph.output("y", y)
    state_outputs(graph, state_parts(layer, "final"), final)
    return graph


def input_size(layer: Any) -> int:
    """The features D that a recurrent layer reads."""
    if isinstance(layer, Stack):
        return input_size(layer.layers[0])
    return input_size(layer.ahead) if isinstance(layer, Bidirectional) else layer.weight_ih.shape[0]


def _attention(attention: Attention) -> Graph:
    graph = Graph(attention)
    query_size, memory_size = attention_sizes(attention)
    query = graph.input("query", ["T", "N", query_size])
    memory = graph.input("memory", ["S", "N", memory_size])
    lengths = graph.input("lengths", ["N"], np.int64)
    context, weights = attend(graph, attention, query, keys(graph, attention, memory), memory, lengths)
    graph.output("context", context)
    graph.output("weights", weights, ["N", "T", "S"])
    return graph


def attention_sizes(attention: Attention) -> tuple[int | str, int | str]:
    """The features of query and memory; any, but the same, where the scores are products of the two themselves."""
    if isinstance(attention, AdditiveAttention):
        return attention.query.weight.shape[0], attention.memory.weight.shape[0]
    if isinstance(attention, GeneralAttention):
        return attention.weight.shape[1], attention.weight.shape[0]
    return "H", "H"


# ---- language model ------------------------------------------------------------------------------------------


def _language_model(model: LanguageModel) -> Graph:
    graph = Graph(model)
    ids = graph.input("ids", ["T", "N"], np.int64)
    initial = state_inputs(graph, state_parts(model.stack, "state"))
    y, final = scan(graph, model.stack, convert(graph, model.embedding, ids), initial)
    graph.output("logits", convert(graph, model.output, y))
    state_outputs(graph, state_parts(model.stack, "final"), final)
    return graph


# ---- sequence to sequence ------------------------------------------------------------------------------------


def _encoder(model: Seq2Seq) -> Graph:
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


def _decoder(model: Seq2Seq) -> Graph:
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
    never = np.zeros(model.config.target_vocabulary)
    never[[PAD, BOS]] = -np.inf
    graph.output("logits", graph.add("Add", convert(graph, model.output, h), graph.constant(never)))
    if model.attention:
        graph.output("attention", graph.add("Squeeze", weights, graph.integers(1)), ["N", "S"])
    state_outputs(graph, state_parts(model.decoder, "final"), final)
    return graph
