"""Whether ONNX Runtime computes what seqrl does: each graph on an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, require
from seqrl.interop.onnx.graph import Axes
from seqrl.interop.onnx.models import attention_sizes, input_axes, input_size, reads_ids
from seqrl.interop.onnx.recurrent import SCANS, Part, State, leaves, part_values, state_parts
from seqrl.interop.onnx.seq2seq import has_keys
from seqrl.layer import Chain, Concatenate, Layer
from seqrl.layers.attention import Attention
from seqrl.layers.recurrent import Prepared, Stack
from seqrl.models.hred import HRED, DialogueBatch
from seqrl.models.language_model import LanguageModel
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.seq2seq import Seq2Seq
from seqrl.models.vhred import VHRED
from seqrl.parameter import Array, Integers

Arrays = dict[str, npt.NDArray[Any]]
Example = tuple[Arrays, Arrays]  # the inputs and outputs of a graph

TOLERANCE = 1e-5
OTHER = 2  # the size of an axis that may vary and is none of N, T, S


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


class Draws:
    """Numbers for inputs of N sequences of T steps (and S steps of memory), of which these lengths are real."""

    def __init__(self, T: int, lengths: Sequence[int]) -> None:
        self.rng = np.random.default_rng(0)
        self.lengths = np.array(lengths)
        self._sizes = {"N": len(lengths), "T": T, "S": T}

    def shape(self, axes: Axes) -> list[int]:
        return [self._sizes.get(size, OTHER) if isinstance(size, str) else size for size in axes]

    def numbers(self, *axes: int | str) -> Array:
        return self.rng.normal(size=self.shape(axes)).astype(np.float32)

    def ids(self, below: int, *axes: int | str) -> Integers:
        return self.rng.integers(0, below, self.shape(axes))

    def state(self, state: State) -> State:
        return self.numbers("N", state.size) if isinstance(state, Part) else tuple(map(self.state, state))


def examples(
    model: Layer, axes: Axes | None = None, T: int = 5, lengths: Sequence[int] = (5, 1, 3)
) -> Iterator[tuple[str, Example]]:
    """(name of the graph, what goes in and what seqrl makes of it) for every graph of a model."""
    draws = Draws(T, lengths)
    if isinstance(model, Seq2Seq):
        yield from _seq2seq(model, draws)
    elif isinstance(model, LastUtterance):
        yield from _seq2seq(model.seq2seq, draws)
    elif isinstance(model, HRED):
        yield from _dialogue(model, draws)
    elif isinstance(model, LanguageModel):
        yield "model", _language_model(model, draws)
    elif isinstance(model, tuple(SCANS)):
        yield "model", _recurrent(model, draws)
    elif isinstance(model, Attention):
        yield "model", _attention(model, draws)
    else:
        yield "model", _plain(model, input_axes(model, axes), draws)


def _plain(model: Layer, axes: Axes, draws: Draws) -> Example:
    if reads_ids(model):
        ids = draws.ids(_vocabulary(model), *axes)
        return {"ids": ids}, {"y": model(ids)}
    x = draws.numbers(*axes)
    return {"x": x}, {"y": model(x)}


def _vocabulary(layer: Any) -> int:
    """The size of the smallest table that reads the ids."""
    if isinstance(layer, Concatenate):
        return min(_vocabulary(branch) for branch in layer.layers)
    return _vocabulary(layer.layers[0]) if isinstance(layer, Chain) else layer.weight.shape[0]


def _recurrent(layer: Any, draws: Draws) -> Example:
    x, states = draws.numbers("T", "N", input_size(layer)), state_parts(layer, "state")
    initial = draws.state(states)
    read = layer.read if isinstance(layer, Stack) else lambda *inputs: layer.scan(*inputs)[0]
    y, final = read(x, initial, draws.lengths)
    inputs = {"x": x, "lengths": draws.lengths, **part_values(states, initial)}
    return inputs, {"y": y, **part_values(state_parts(layer, "final"), final)}


def _attention(attention: Attention, draws: Draws) -> Example:
    query_size, memory_size = attention_sizes(attention)
    query, memory = draws.numbers("T", "N", query_size), draws.numbers("S", "N", memory_size)
    context, weights = attention(query, memory, draws.lengths)
    return {"query": query, "memory": memory, "lengths": draws.lengths}, {"context": context, "weights": weights}


def _language_model(model: LanguageModel, draws: Draws) -> Example:
    ids, states = draws.ids(model.config.vocabulary, "T", "N"), state_parts(model.stack, "state")
    initial = draws.state(states)
    logits, final = model(ids, initial)
    inputs = {"ids": ids, **part_values(states, initial)}
    return inputs, {"logits": logits, **part_values(state_parts(model.stack, "final"), final)}


def _seq2seq(model: Seq2Seq, draws: Draws) -> Iterator[tuple[str, Example]]:
    source = draws.ids(model.config.source_vocabulary, "N", "S")
    encoded = model.encode(source, draws.lengths)
    outputs = part_values(state_parts(model.decoder, "state"), encoded.state)
    if model.attention:
        outputs["memory"] = encoded.memory
    if encoded.keys is not None and has_keys(model):
        outputs["keys"] = encoded.keys
    if encoded.thought is not None:
        outputs["thought"] = encoded.thought
    yield "encoder", ({"source": source, "lengths": draws.lengths}, outputs)

    tokens = draws.ids(model.config.target_vocabulary, "N")
    logits, final = model.decode_step(tokens, encoded, encoded.state, Prepared())
    inputs = {"tokens": tokens, **({"lengths": draws.lengths} if model.attention else {}), **outputs}
    yield "decoder", (inputs, {"logits": logits, **part_values(state_parts(model.decoder, "final"), final)})


def _dialogue(model: HRED, draws: Draws) -> Iterator[tuple[str, Example]]:
    """Of one utterance, the first; a VHRED without noise."""
    ids, N = draws.ids(model.config.vocabulary, "N", "S"), len(draws.lengths)
    batch = DialogueBatch(ids[:, None], draws.lengths[:, None], np.ones(N, np.int64))
    encoded = model.encode(batch)
    state = part_values(state_parts(model.decoder, "state"), encoded.state)
    inputs: Arrays = {"utterance": ids, "lengths": draws.lengths}
    inputs |= {
        name: np.zeros((N, size), np.float32) for name, size in leaves(state_parts(model.context, "context.state"))
    }
    if isinstance(model, VHRED):
        inputs["noise"] = np.zeros((N, model.config.latent), np.float32)
    h, *_ = leaves(state_parts(model.context, "context.final"))
    yield "encoder", (inputs, {"condition": encoded.condition, h.name: model.contexts(batch), **state})

    tokens = draws.ids(model.config.vocabulary, "N")
    logits, final = model.decode_step(tokens, encoded, encoded.state, Prepared())
    results = {"logits": logits, **part_values(state_parts(model.decoder, "final"), final)}
    yield "decoder", ({"tokens": tokens, "condition": encoded.condition, **state}, results)
