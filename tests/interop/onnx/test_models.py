"""Whole models run by ONNX Runtime: networks, language models, translators."""

import itertools
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.interop.onnx import graphs
from seqrl.interop.onnx.check import difference, run
from seqrl.layer import Layer
from seqrl.layers.dense import Dense
from seqrl.layers.embedding import Embedding
from seqrl.layers.pooling import Flatten
from seqrl.layers.recurrent import CELLS
from seqrl.models.alexnet import small_alexnet
from seqrl.models.autoencoder import autoencoder, sigmoid_encoder
from seqrl.models.convnet import convnet, dense_network
from seqrl.models.decoding import greedy
from seqrl.models.hred import HRED, HREDConfig, pad_dialogues
from seqrl.models.language_model import LanguageModel, LanguageModelConfig
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.seq2seq import ATTENTIONS, Seq2Seq, Seq2SeqConfig
from seqrl.models.vhred import VHRED, VHREDConfig
from seqrl.text.batching import pad
from seqrl.text.specials import BOS, EOS
from seqrl.training.sequential import Sequential

from .conftest import largest_difference, randomised

pytest.importorskip("onnxruntime")

Generator = np.random.Generator


def language_model(rng: Generator, **options: Any) -> LanguageModel:
    config = LanguageModelConfig(11, embedding=4, hidden=4, dropout=0.3, **options)
    return randomised(LanguageModel(config, rng=rng, dropout_rng=rng))


def seq2seq(rng: Generator, **options: Any) -> Seq2Seq:
    config = Seq2SeqConfig(11, 9, embedding=3, hidden=4, dropout=0.3, **options)
    return randomised(Seq2Seq(config, rng=rng, dropout_rng=rng))


@pytest.mark.parametrize("make", [convnet, dense_network, small_alexnet])
def test_networks_for_images(make: Any, rng: Generator) -> None:
    network = make((1, 17, 15), 3, rng=rng, dropout_rng=rng)
    built = graphs(network, ["N", 1, 17, 15])["model"]
    for N in 1, 4:
        x = rng.normal(size=(N, 1, 17, 15)).astype(np.float32)
        assert difference(run(built, {"x": x}), {"y": network(x)}) <= 1e-5


def test_a_tied_autoencoder(rng: Generator) -> None:
    assert largest_difference(autoencoder(sigmoid_encoder([5, 4, 2], rng=rng)), ["N", 5])["model"] <= 1e-6


def test_a_sequential_knows_the_axes_of_the_rows_it_has_seen(rng: Generator) -> None:
    model = Sequential([Flatten(), Dense(6, 2, rng=rng)])
    with pytest.raises(
        InputError, match=r"^the axes of the input of a Sequential are not known; expected such as \('N'"
    ):
        graphs(model)
    model.predict(np.zeros((3, 2, 3)))
    [x] = graphs(model)["model"].graph.input
    assert [axis.dim_param or axis.dim_value for axis in x.type.tensor_type.shape.dim] == ["N", 2, 3]
    assert largest_difference(model)["model"] <= 1e-6


def test_a_sequential_of_ids(rng: Generator) -> None:
    model = Sequential([Embedding(7, 3, rng=rng), Flatten(), Dense(12, 2, rng=rng)])
    model.predict(np.zeros((2, 4), np.int64))
    assert largest_difference(model)["model"] <= 1e-6


# ---- language models -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", [{}, {"layers": 2, "tied": True}, {"variational": True}])
def test_language_models(cell: str, options: dict[str, Any], rng: Generator) -> None:
    model = language_model(rng, cell=cell, **options)
    for T, N in (5, 3), (1, 1):
        assert largest_difference(model, T=T, lengths=[T] * N)["model"] <= 1e-6


def test_the_graph_of_a_language_model_takes_one_step_too(rng: Generator) -> None:
    model = language_model(rng, layers=2)
    graph = graphs(model)["model"]
    state = {entry.name: np.zeros((2, 4), np.float32) for entry in graph.graph.input if entry.name != "ids"}
    ids = rng.integers(0, 11, (6, 2))
    expected, _ = model(ids)
    for t, row in enumerate(ids):
        found = run(graph, {"ids": row[None], **state})
        assert difference({"logits": found["logits"][0]}, {"logits": expected[t]}) <= 1e-6
        state = {name.replace("final", "state"): array for name, array in found.items() if name != "logits"}


# ---- sequence to sequence ------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_and_attention_of_a_translator(cell: str, attention: str, rng: Generator) -> None:
    for T, lengths in (5, (5, 1, 3)), (1, (1,)):
        model = seq2seq(rng, cell=cell, attention=attention)
        assert max(largest_difference(model, T=T, lengths=lengths).values()) <= 1e-6


@pytest.mark.parametrize(
    "options", [{"bidirectional": False}, {"peeky": True}, {"reverse_source": True}, {"layers": 2}]
)
@pytest.mark.parametrize("attention", ["none", "general"])
def test_every_option_of_a_translator(options: dict[str, Any], attention: str, rng: Generator) -> None:
    found = largest_difference(seq2seq(rng, attention=attention, **options))
    assert found.keys() == {"encoder", "decoder"}
    assert max(found.values()) <= 1e-6


@pytest.mark.parametrize("options", [{}, {"attention": "none", "peeky": True, "cell": "gru"}])
def test_decoding_with_onnx_runtime_gives_the_same_words(options: dict[str, Any], rng: Generator) -> None:
    model = seq2seq(rng, layers=2, **options)
    for _, parameter in model.parameters():
        parameter.value *= 4  # so that its words depend on the source
    built = graphs(model)
    source, lengths, limit = rng.integers(4, 11, (8, 6)), np.array([6, 1, 3, 5, 2, 4, 6, 1]), 12
    values = {"source": source, "lengths": lengths, "tokens": np.full(8, BOS)}
    values |= run(built["encoder"], {name: values[name] for name in ("source", "lengths")})
    rows = []
    for _ in range(limit):
        found = run(built["decoder"], {entry.name: values[entry.name] for entry in built["decoder"].graph.input})
        values |= {name.replace("final", "state"): array for name, array in found.items()}
        values["tokens"] = found["logits"].argmax(axis=1)
        rows.append(values["tokens"])
    written = [list(itertools.takewhile(lambda i: i != EOS, row)) for row in np.stack(rows, axis=1).tolist()]
    assert written == greedy(model, source, lengths, limit)
    assert len({tuple(row) for row in written}) > 1


def test_the_attention_of_a_step_is_that_of_the_model(rng: Generator) -> None:
    model = seq2seq(rng, attention="additive")
    built, source, lengths = graphs(model), rng.integers(4, 11, (2, 3)), np.array([3, 2])
    encoded = run(built["encoder"], {"source": source, "lengths": lengths})
    found = run(built["decoder"], {**encoded, "lengths": lengths, "tokens": np.array([BOS, BOS])})
    assert found["attention"].shape == (2, 3)
    assert np.allclose(found["attention"].sum(axis=1), 1) and found["attention"][1, 2] == 0


# ---- dialogues -----------------------------------------------------------------------------------------------


def hred(rng: Generator, **options: Any) -> HRED:
    config = HREDConfig(11, embedding=3, hidden=4, context=5, dropout=0.3, **options)
    return randomised(HRED(config, rng=rng, dropout_rng=rng))


def vhred(rng: Generator, **options: Any) -> VHRED:
    config = VHREDConfig(11, embedding=3, hidden=4, context=5, latent=2, **options)
    return randomised(VHRED(config, rng=rng, dropout_rng=rng))


@pytest.mark.parametrize("make", [hred, vhred])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", [{}, {"layers": 2, "tied": True}, {"bidirectional": False}])
def test_dialogue_models(make: Any, cell: str, options: dict[str, Any], rng: Generator) -> None:
    for T, lengths in (5, (5, 1, 3)), (1, (1,)):
        found = largest_difference(make(rng, cell=cell, **options), T=T, lengths=lengths)
        assert found.keys() == {"encoder", "decoder"}
        assert max(found.values()) <= 1e-6


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_dialogue_is_read_an_utterance_at_a_time(cell: str, rng: Generator) -> None:
    """The context's state goes from one to the next; the noise makes the z that seqrl draws with it."""
    model = vhred(rng, cell=cell)
    encoder = graphs(model)["encoder"]
    said = [[[5, 6, 3], [4, 3], [7, 8, 9, 3]], [[6, 3], [5, 10, 4, 3], [9, 3]]]
    expected = model.encode(pad_dialogues(said), np.random.default_rng(5))
    names = [entry.name for entry in encoder.graph.input]
    state = {name: np.zeros((2, 5), np.float32) for name in names if name.startswith("context.state")}
    assert len(state) == (2 if cell == "lstm" else 1)
    noise = {"noise": np.random.default_rng(5).standard_normal((2, 2)).astype(np.float32)}
    for utterances in zip(*said, strict=True):
        ids, lengths = pad(utterances)
        found = run(encoder, {"utterance": ids, "lengths": lengths, **state, **noise})
        state = {name.replace("final", "state"): a for name, a in found.items() if name.startswith("context.")}
    assert difference({"condition": found["condition"]}, {"condition": expected.condition}) <= 1e-6
    first = expected.state[0]
    wanted = {"state.0.h": first[0], "state.0.c": first[1]} if cell == "lstm" else {"state.0": first}
    assert difference(found, wanted) <= 1e-6


def test_a_model_of_the_last_utterance_is_that_of_a_translator(rng: Generator) -> None:
    model = LastUtterance(Seq2SeqConfig(9, 9, embedding=3, hidden=4), rng=rng, dropout_rng=rng)
    assert max(largest_difference(model).values()) <= 1e-6


# ---- any model -----------------------------------------------------------------------------------------------


def test_the_metadata_say_what_made_a_graph_and_from_what(rng: Generator) -> None:
    import seqrl

    model = seq2seq(rng)
    for graph in graphs(model).values():
        found = {entry.key: entry.value for entry in graph.metadata_props}
        assert (graph.producer_name, graph.producer_version) == ("seqrl", seqrl.__version__)
        assert [entry.version for entry in graph.opset_import] == [17]
        assert found["seqrl_version"] == seqrl.__version__
        assert (found["model"], json.loads(found["config"])) == ("Seq2Seq", asdict(model.config))
        assert [found[name] for name in ("pad", "unknown", "bos", "eos")] == ["0", "1", "2", "3"]


def test_another_type_than_float32_is_refused(rng: Generator) -> None:
    model: Layer = Dense(2, 3, rng=rng).astype(np.float64)
    with pytest.raises(InputError, match=r"^the model is in float64; expected one in float32, as model\.astype"):
        graphs(model, ["N", 2])


def test_a_model_larger_than_a_file_of_onnx_is_refused(rng: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqrl.interop.onnx.graph.MOST_BYTES", 30)
    with pytest.raises(InputError, match=r"^the model has 36 bytes of weights; a file of ONNX holds 30"):
        graphs(Dense(2, 3, rng=rng), ["N", 2])
