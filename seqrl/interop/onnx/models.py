"""The ONNX graphs of a model, by the names of their files.

    Seq2Seq      encoder: source (N, S), lengths (N,) -> what the decoder reads: memory, keys, thought, state...
                 decoder: tokens (N,), lengths, what the encoder gave -> logits (N, V), attention (N, S), final...
    HRED, VHRED  encoder: utterance (N, S), lengths (N,), context.state..., noise (N, Z) for a VHRED
                          -> condition (N, D), state..., context.final...
                 decoder: tokens (N,), condition, state... -> logits (N, V), final...
    LanguageModel  model: ids (T, N), state... -> logits (T, N, V), final...
    recurrent layers:     x (T, N, D), lengths (N,), state... -> y (T, N, H), final...
    attention:            query (T, N, Hq), memory (S, N, Hm), lengths (N,) -> context (T, N, Hm), weights (N, T, S)
    any other layer:      x, or ids where an Embedding comes first -> y

A state is an input for each of its parts: "state.0.h" and "state.0.c" of a first LSTM, "state.1" of a GRU above it. The
outputs are named alike: "final.0.h" goes into "state.0.h" at the next step. Zeros begin a sequence, but for a decoder
the encoder gives its first state. What a model has no use for, such as memory without attention, is neither input nor
output. The encoder of dialogues reads one utterance, EOS at its end, and has what was said before in context.state; the
z of a VHRED is drawn by normal noise, and the mean of its prior by zeros.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.interop.onnx import dialogue, seq2seq
from seqrl.interop.onnx.attention import attend, keys
from seqrl.interop.onnx.graph import Axes, Graph, rule
from seqrl.interop.onnx.layers import RULES, convert
from seqrl.interop.onnx.recurrent import SCANS, scan, state_inputs, state_outputs, state_parts
from seqrl.layer import Chain, Concatenate, Layer
from seqrl.layers.attention import AdditiveAttention, Attention, GeneralAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import Stack
from seqrl.models.hred import HRED
from seqrl.models.language_model import LanguageModel
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.seq2seq import Seq2Seq
from seqrl.text.specials import BOS, EOS, PAD, UNKNOWN
from seqrl.training.sequential import Sequential

IDS = {"pad": str(PAD), "unknown": str(UNKNOWN), "bos": str(BOS), "eos": str(EOS)}  # in the metadata


def graphs(model: Layer, axes: Axes | None = None) -> dict[str, Any]:
    """Every graph of a model, an onnx.ModelProto, by its name.

    axes: of the input of a layer of the last kind above, such as ("N", 3, 28, 28): a name where the
        size may vary. A Sequential that has seen data knows them.
    Raises InputError that says which part of the model ONNX can't express.
    """
    if isinstance(model, Seq2Seq):
        metadata = _metadata(model.config) | IDS
        return {"encoder": seq2seq.encoder(model).proto(metadata), "decoder": seq2seq.decoder(model).proto(metadata)}
    if isinstance(model, LastUtterance):
        return graphs(model.seq2seq)
    if isinstance(model, HRED):
        metadata = _metadata(model.config) | IDS
        return {"encoder": dialogue.encoder(model).proto(metadata), "decoder": dialogue.decoder(model).proto(metadata)}
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
