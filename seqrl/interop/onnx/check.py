"""Whether ONNX Runtime computes what seqrl does: each graph on an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, require
from seqrl.interop.onnx.graph import Axes
from seqrl.interop.onnx.models import attention_sizes, has_keys, input_axes, input_size, reads_ids
from seqrl.interop.onnx.recurrent import SCANS, Part, State, part_values, state_parts
from seqrl.layer import Chain, Concatenate, Layer
from seqrl.layers.attention import Attention
from seqrl.layers.recurrent import Stack
from seqrl.models.language_model import LanguageModel
from seqrl.models.seq2seq import Seq2Seq
from seqrl.parameter import Array

Arrays = dict[str, npt.NDArray[Any]]
Example = tuple[Arrays, Arrays]  # the inputs and outputs of a graph

TOLERANCE = 1e-5
SIZES = {"N": 3, "T": 5, "S": 4}  # of the axes that may vary; any other has 2
LENGTHS = np.array([4, 1, 3])


def largest_difference(model: Layer, graphs: Mapping[str, Any], axes: Axes | None = None) -> float:
    """Over the outputs of all graphs on an example; relative to the largest entry of an output where that is above 1.

    Raises InputError, which names the graph, where it is above TOLERANCE.
    """
    found = {name: difference(run(graphs[name], example[0]), example[1]) for name, example in examples(model, axes)}
    for name, error in found.items():
        if not error <= TOLERANCE:
            raise InputError(
                f"the graph '{name}': ONNX Runtime's numbers are {error:.1e} from seqrl's; nothing is written"
            )
    return max(found.values())


def run(graph: Any, inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """What ONNX Runtime computes."""
    runtime = require("onnxruntime", "onnx")
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def difference(found: Arrays, expected: Arrays) -> float:
    return max(_difference(found[name], array) for name, array in expected.items())


def _difference(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    if a.shape != b.shape:
        return np.inf
    different = a != b  # infinities may be equal
    scale = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
    return float(np.max(np.abs(a[different] - b[different]), initial=0.0) / scale)


# ---- examples ------------------------------------------------------------------------------------------------


def examples(model: Layer, axes: Axes | None = None) -> Iterator[tuple[str, Example]]:
    """(name of the graph, what goes in and what seqrl makes of it) for every graph of a model."""
    rng = np.random.default_rng(0)
    if isinstance(model, Seq2Seq):
        yield from _seq2seq(model, rng)
    elif isinstance(model, LanguageModel):
        yield "model", _language_model(model, rng)
    elif isinstance(model, tuple(SCANS)):
        yield "model", _recurrent(model, rng)
    elif isinstance(model, Attention):
        yield "model", _attention(model, rng)
    else:
        yield "model", _plain(model, input_axes(model, axes), rng)


def _numbers(model: Layer, axes: Axes, rng: np.random.Generator) -> Array:
    return rng.normal(size=[SIZES.get(size, 2) if isinstance(size, str) else size for size in axes]).astype(model.dtype)


def _state(state: State, model: Layer, rng: np.random.Generator) -> State:
    if isinstance(state, Part):
        return _numbers(model, ["N", state.size], rng)
    return tuple(_state(part, model, rng) for part in state)


def _plain(model: Layer, axes: Axes, rng: np.random.Generator) -> Example:
    x = _numbers(model, axes, rng)
    if reads_ids(model):
        ids = rng.integers(0, vocabulary(model), x.shape)
        return {"ids": ids}, {"y": model(ids)}
    return {"x": x}, {"y": model(x)}


def vocabulary(layer: Any) -> int:
    """The smallest of the tables that read the ids."""
    if isinstance(layer, Concatenate):
        return min(vocabulary(branch) for branch in layer.layers)
    return vocabulary(layer.layers[0]) if isinstance(layer, Chain) else layer.weight.shape[0]


def _recurrent(layer: Any, rng: np.random.Generator) -> Example:
    x, states = _numbers(layer, ["T", "N", input_size(layer)], rng), state_parts(layer, "state")
    initial = _state(states, layer, rng)
    y, final = layer.read(x, initial, LENGTHS) if isinstance(layer, Stack) else layer.scan(x, initial, LENGTHS)[0]
    inputs = {"x": x, "lengths": LENGTHS, **part_values(states, initial)}
    return inputs, {"y": y, **part_values(state_parts(layer, "final"), final)}


def _attention(attention: Attention, rng: np.random.Generator) -> Example:
    query_size, memory_size = attention_sizes(attention)
    query = _numbers(attention, ["T", "N", query_size], rng)
    memory = _numbers(attention, ["S", "N", memory_size], rng)
    context, weights = attention(query, memory, LENGTHS)
    return {"query": query, "memory": memory, "lengths": LENGTHS}, {"context": context, "weights": weights}


def _language_model(model: LanguageModel, rng: np.random.Generator) -> Example:
    ids = rng.integers(0, model.config.vocabulary, (SIZES["T"], SIZES["N"]))
    states = state_parts(model.stack, "state")
    initial = _state(states, model, rng)
    logits, final = model(ids, initial)
    inputs = {"ids": ids, **part_values(states, initial)}
    return inputs, {"logits": logits, **part_values(state_parts(model.stack, "final"), final)}


def _seq2seq(model: Seq2Seq, rng: np.random.Generator) -> Iterator[tuple[str, Example]]:
    source = rng.integers(0, model.config.source_vocabulary, (SIZES["N"], SIZES["S"]))
    encoded = model.encode(source, LENGTHS)
    thought = {} if encoded.thought is None else {"thought": encoded.thought}
    memory = {"memory": encoded.memory} if model.attention else {}
    if encoded.keys is not None and has_keys(model):
        memory["keys"] = encoded.keys
    outputs = {**memory, **thought, **part_values(state_parts(model.decoder, "state"), encoded.state)}
    yield "encoder", ({"source": source, "lengths": LENGTHS}, outputs)

    tokens = rng.integers(0, model.config.target_vocabulary, SIZES["N"])
    lengths = {"lengths": LENGTHS} if model.attention else {}
    logits, final = model.decode_step(tokens, encoded, encoded.state, None)
    results = {"logits": logits, **part_values(state_parts(model.decoder, "final"), final)}
    yield "decoder", ({"tokens": tokens, **lengths, **outputs}, results)
