"""Every layer, run by ONNX Runtime."""

import itertools
from typing import Any

import numpy as np
import pytest

from seqrl.activations import ReLU, Step, Tanh
from seqrl.certify.cases import LAYERS
from seqrl.errors import InputError
from seqrl.interop.onnx import graphs
from seqrl.interop.onnx.check import difference, run
from seqrl.interop.onnx.graph import Graph
from seqrl.interop.onnx.layers import RULES
from seqrl.layer import Chain, Concatenate, Layer, Residual
from seqrl.layers.augmentation import RandomShift
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.normalization import BatchNorm
from seqrl.layers.pooling import AvgPool2D, MaxPool2D

from .conftest import largest_difference, randomised

pytest.importorskip("onnxruntime")

# The axes of the inputs that the certificate's cases draw; the other layers know their own.
AXES: dict[str, list[str | int]] = {
    "sequences": ["T", "N", 2],
    "wide_sequences": ["T", "N", 7],
    "ids": ["T", "N"],
    "feature_rows": ["N", 3],
    "images": ["N", 2, 7, 5],
    "one_gaussian": ["T", "N", 6],
}
# What stands in seqrl.models is compared in test_models.py; the divergence of two Gaussians belongs to training.
CASES = [
    name
    for name, case in LAYERS.items()
    if type(case.make(np.random.default_rng(0))).__module__.startswith(("seqrl.layer", "seqrl.activations"))
    if name != "GaussianKL"
]


@pytest.mark.parametrize("T, lengths", [(5, (5, 1, 3)), (1, (1,)), (6, (0, 6))])
@pytest.mark.parametrize("name", CASES)
def test_every_certified_layer_computes_the_same(name: str, T: int, lengths: tuple[int, ...]) -> None:
    case = LAYERS[name]
    model = case.make(np.random.default_rng(0))
    found = largest_difference(model, AXES.get(case.inputs.__name__), T, lengths)
    assert max(found.values()) <= 1e-6


@pytest.mark.parametrize("padding", ["valid", "same", 0, 1, 2])
@pytest.mark.parametrize("kernel_size", [1, 2, (3, 2)])
@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
def test_one_graph_of_a_convolution_fits_images_of_any_size(
    padding: Any, kernel_size: Any, stride: Any, rng: np.random.Generator
) -> None:
    conv = randomised(Conv2D(2, 3, kernel_size, rng=rng, stride=stride, padding=padding))
    graph = graphs(conv, ["N", 2, "height", "width"])["model"]
    for N, (height, width) in itertools.product((1, 3), ((3, 3), (4, 7), (8, 5))):
        x = rng.normal(size=(N, 2, height, width)).astype(np.float32)
        assert difference(run(graph, {"x": x}), {"y": conv(x)}) <= 1e-6


@pytest.mark.parametrize("pool", [MaxPool2D((2, 3)), MaxPool2D(3, 2), MaxPool2D(2, (1, 3)), AvgPool2D(3, (2, 1))])
def test_one_graph_of_a_pool_fits_images_of_any_size(pool: Layer, rng: np.random.Generator) -> None:
    graph = graphs(pool, ["N", 2, "height", "width"])["model"]
    for height, width in (3, 3), (4, 7), (8, 5):
        x = rng.normal(size=(2, 2, height, width)).astype(np.float32)
        assert difference(run(graph, {"x": x}), {"y": pool(x)}) <= 1e-6


def test_a_step_is_0_at_0_and_passes_on_what_is_no_number() -> None:
    x = np.array([[-1, -0.0, 0, 1e-30, 2, np.nan]], np.float32)
    assert np.array_equal(run(graphs(Step(), ["N", 6])["model"], {"x": x})["y"], Step()(x), equal_nan=True)


def test_batch_norm_has_its_running_statistics(rng: np.random.Generator) -> None:
    norm = BatchNorm(2, eps=0.1)
    norm.running_mean[...], norm.running_var[...] = [1, -2], [4, 0.25]
    x = rng.normal(size=(3, 2)).astype(np.float32)
    expected = (x - [1, -2]) / np.sqrt(np.array([4, 0.25]) + 0.1)
    assert difference(run(graphs(norm, ["N", 2])["model"], {"x": x}), {"y": expected}) <= 1e-6


def test_what_acts_in_training_alone_leaves_no_node(rng: np.random.Generator) -> None:
    model = Chain(RandomShift(1, rng=rng), Dropout(0.5, rng=rng), ReLU())
    assert [node.op_type for node in graphs(model, ["N", 1, 3, 3])["model"].graph.node] == ["Relu", "Identity"]


def test_parameters_keep_their_names_and_a_tied_one_is_stored_once(rng: np.random.Generator) -> None:
    embedding = Embedding(6, 3, rng=rng)
    model = randomised(Chain(embedding, Residual(Dense(3, 3, rng=rng)), TiedDense(embedding)))
    graph = graphs(model, ["T", "N"])["model"].graph
    assert {entry.name for entry in graph.initializer} == {name for name, _ in model.parameters()}
    assert [entry.name for entry in graph.input] == ["ids"]


def test_branches_that_read_ids_read_the_same_ids(rng: np.random.Generator) -> None:
    model = Concatenate(Embedding(6, 3, rng=rng), Chain(Embedding(4, 2, rng=rng), Tanh()))
    assert largest_difference(model, ["N"])["model"] <= 1e-6


# ---- layers of one's own -------------------------------------------------------------------------------------


class Net(Chain):
    """Made otherwise, computed as a Chain."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(Dense(2, 3, rng=rng), ReLU())


class Square(Layer):
    def forward(self, x: Any) -> Any:
        return x * x, lambda dy: 2 * x * dy


class Doubled(Dense):
    def __call__(self, x: Any) -> Any:
        return 2 * super().__call__(x)


def test_a_subclass_that_computes_as_its_base_is_exported(rng: np.random.Generator) -> None:
    assert largest_difference(Net(rng), ["N", 2])["model"] <= 1e-6


def test_a_layer_without_a_rule_is_named_with_its_place(rng: np.random.Generator) -> None:
    model = Chain(ReLU(), Residual(Chain(Tanh(), Square())))
    with pytest.raises(
        InputError, match=r"^layers\.1\.layer\.layers\.1, a Square, can't be exported to ONNX; expected"
    ):
        graphs(model, ["N", 2])
    with pytest.raises(InputError, match=r"^a Square can't be exported to ONNX; expected one of AvgPool2D, "):
        graphs(Square())


def test_a_subclass_that_computes_something_else_is_not_taken_for_its_base(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match=r"^layers\.0, a Doubled, can't be exported"):
        graphs(Chain(Doubled(2, 2, rng=rng)), ["N", 2])


def test_a_rule_of_ones_own_is_followed(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    def doubled(graph: Graph, layer: Doubled, x: str) -> str:
        return graph.add("Mul", graph.constant(2), RULES[Dense](graph, layer, x))

    monkeypatch.setitem(RULES, Square, lambda graph, layer, x: graph.add("Mul", x, x))
    monkeypatch.setitem(RULES, Doubled, doubled)
    assert largest_difference(Chain(Square(), Doubled(2, 2, rng=rng)), ["N", 2])["model"] <= 1e-6
