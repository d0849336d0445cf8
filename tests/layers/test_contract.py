"""The contract of every layer. All layers of the library are found; each must stand in the table below."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import seqrl
from seqrl.activations import ReLU, Sigmoid, Tanh
from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layer import Chain, Concatenate, Layer, Residual
from seqrl.layers.attention import AdditiveAttention, Attention, DotAttention, GeneralAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import GRU, LSTM, RNN, Recurrent, Stack
from seqrl.models.seq2seq import Batch, Seq2Seq, Seq2SeqConfig

Generator = np.random.Generator
ABSTRACT = {Layer, Recurrent, Attention}


def features(rng: Generator, T: int, N: int) -> tuple[Any, ...]:
    return (rng.normal(size=(T, N, 2)),)


def ids(rng: Generator, T: int, N: int) -> tuple[Any, ...]:
    return (rng.integers(0, 6, (T, N)),)


def query_and_memory(rng: Generator, T: int, N: int) -> tuple[Any, ...]:
    """The memories have 5 steps, of which 5, 1, none, 5, ... are real."""
    return rng.normal(size=(T, N, 4)), rng.normal(size=(5, N, 4)), np.resize([5, 1, 0], N)


def pairs(rng: Generator, T: int, N: int) -> tuple[Any, ...]:
    source, target = rng.integers(4, 9, (N, 5)), rng.integers(3, 7, (N, T))
    return (Batch(source, np.resize([5, 1, 3], N), target, np.resize([T, 1], N)),)


def plain(layer: Any, *inputs: Any) -> tuple[Any, Any]:
    return layer.forward(*inputs)


def context_only(layer: Any, *inputs: Any) -> tuple[Any, Any]:
    """Attention's weights have no gradient of their own."""
    (context, _), backward = layer.forward(*inputs)
    return context, backward


class Case(NamedTuple):
    make: Callable[[Generator], Layer]
    inputs: Callable[[Generator, int, int], tuple[Any, ...]] = features
    forward: Callable[..., tuple[Any, Any]] = plain


def seq2seq(rng: Generator, **options: Any) -> Seq2Seq:
    config = Seq2SeqConfig(9, 7, embedding=3, hidden=4, dropout=0.3, **options)
    return Seq2Seq(config, rng=rng, dropout_rng=np.random.default_rng(1))


CASES = {
    "Dense": Case(lambda rng: Dense(2, 3, rng=rng)),
    "Dense without bias": Case(lambda rng: Dense(2, 3, rng=rng, bias=False)),
    "Embedding": Case(lambda rng: Embedding(6, 3, rng=rng), ids),
    "Dropout": Case(lambda rng: Dropout(0.4, rng=rng)),
    "no Dropout": Case(lambda rng: Dropout(0.0, rng=rng)),
    "Tanh": Case(lambda rng: Tanh()),
    "Sigmoid": Case(lambda rng: Sigmoid()),
    "ReLU": Case(lambda rng: ReLU()),
    "Chain": Case(lambda rng: Chain(Dense(2, 3, rng=rng), Tanh(), LSTM(3, 2, rng=rng))),
    "Residual": Case(lambda rng: Residual(Dense(2, 2, rng=rng))),
    "Concatenate": Case(lambda rng: Concatenate(Tanh(), Dense(2, 3, rng=rng), RNN(2, 1, rng=rng))),
    "RNN": Case(lambda rng: RNN(2, 5, rng=rng)),
    "RNN of relu": Case(lambda rng: RNN(2, 5, rng=rng, nonlinearity="relu")),
    "LSTM": Case(lambda rng: LSTM(2, 5, rng=rng)),
    "LSTM with peepholes": Case(lambda rng: LSTM(2, 5, rng=rng, peephole=True)),
    "LSTM of one unit": Case(lambda rng: LSTM(2, 1, rng=rng, peephole=True)),
    "GRU": Case(lambda rng: GRU(2, 5, rng=rng)),
    "Bidirectional": Case(lambda rng: Bidirectional(LSTM(2, 3, rng=rng), GRU(2, 4, rng=rng))),
    "Stack": Case(lambda rng: Stack([LSTM(2, 3, rng=rng), GRU(3, 4, rng=rng)])),
    "Stack with dropout": Case(
        lambda rng: Stack([RNN(2, 3, rng=rng), LSTM(3, 4, rng=rng)], dropout=Dropout(0.3, rng=rng)),
    ),
    "DotAttention": Case(lambda rng: DotAttention(), query_and_memory, context_only),
    "DotAttention, scaled": Case(lambda rng: DotAttention(scaled=True), query_and_memory, context_only),
    "GeneralAttention": Case(lambda rng: GeneralAttention(4, 4, rng=rng), query_and_memory, context_only),
    "AdditiveAttention": Case(lambda rng: AdditiveAttention(4, 4, 3, rng=rng), query_and_memory, context_only),
    "Seq2Seq": Case(seq2seq, pairs),
    "Seq2Seq, peeky": Case(lambda rng: seq2seq(rng, cell="gru", attention="none", peeky=True), pairs),
}

every_layer = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
SIZES = pytest.mark.parametrize(("T", "N"), [(4, 3), (1, 1)])


def subclasses(of: type) -> Iterator[type]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_layer_of_the_library_stands_in_the_table() -> None:
    for module in pkgutil.walk_packages(seqrl.__path__, "seqrl."):
        if not module.name.startswith("seqrl.kernels."):  # of which one implementation needs an extra
            importlib.import_module(module.name)
    library = {layer for layer in subclasses(Layer) if layer.__module__.startswith("seqrl.")} - ABSTRACT
    tested = {type(case.make(np.random.default_rng(0))) for case in CASES.values()}
    assert {layer.__name__ for layer in library - tested} == set()


# ---- helpers -------------------------------------------------------------------------------------------------


def built(case: Case, dtype: str = "float64") -> Layer:
    """The layer with all parameters at random; the same at every call, its sources of randomness too."""
    layer = case.make(np.random.default_rng(1)).astype(dtype)
    rng = np.random.default_rng(2)
    for _, parameter in layer.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    return layer


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, (tuple, list)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [] if tree is None else [tree]


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    if isinstance(tree, Batch):
        return Batch(*(f(leaf) for leaf in tree))
    return tuple(map_leaves(f, branch) for branch in tree) if isinstance(tree, tuple) else f(tree)


def floating_as(dtype: str) -> Callable[[Any], Any]:
    return lambda x: x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x


def gradients(layer: Layer) -> dict[str, Any]:
    return {name: parameter.grad.copy() for name, parameter in layer.parameters()}


def assert_same(actual: Any, expected: Any, tolerance: float = 1e-12) -> None:
    for a, e in zip(leaves(actual), leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)


def assert_same_gradients(actual: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-12) -> None:
    assert actual.keys() == expected.keys()
    for name in actual:
        np.testing.assert_allclose(actual[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


# ---- the contract --------------------------------------------------------------------------------------------


@every_layer
@SIZES
def test_gradients_are_those_of_central_differences(case: Case, T: int, N: int, rng: Generator) -> None:
    layer, inputs = built(case), case.inputs(rng, T, N)
    errors = check_gradients(layer, *inputs, forward=case.forward)
    assert errors.keys() >= dict(layer.parameters()).keys()


@every_layer
def test_a_batch_gives_what_its_rows_give_one_by_one(case: Case, rng: Generator) -> None:
    if list(built(case).generators()) or case.inputs is pairs:
        pytest.skip("draws of its own for each batch, or rows of its own: see its own tests")
    inputs = case.inputs(rng, 4, 3)
    layer = built(case)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    dx = backward(dy)
    one_by_one = built(case)
    for n in range(3):
        row = tuple(x[:, n : n + 1] if x.ndim > 1 else x[n : n + 1] for x in inputs)
        y_n, backward_n = case.forward(one_by_one, *row)
        assert_same(y_n, y[:, n : n + 1])
        dx_n = backward_n(dy[:, n : n + 1])
        assert_same(dx_n, [part[:, n : n + 1] for part in leaves(dx)])
    assert_same_gradients(gradients(layer), gradients(one_by_one))


@every_layer
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_uses_of_one_layer_do_not_disturb_each_other(case: Case, order: tuple[int, int], rng: Generator) -> None:
    uses = [case.inputs(rng, 4, 3), case.inputs(rng, 2, 3)]
    together, alone = built(case), built(case)
    forwards = [case.forward(together, *inputs) for inputs in uses]
    forwards_alone = [case.forward(alone, *inputs) for inputs in uses]
    dys = [rng.normal(size=y.shape) for y, _ in forwards]
    expected = []
    for (_, backward), dy in zip(forwards_alone, dys, strict=True):
        alone.zero_grad()
        expected.append((backward(dy), gradients(alone)))
    for use in order:
        assert_same(forwards[use][1](dys[use]), expected[use][0])
    total = {name: expected[0][1][name] + expected[1][1][name] for name in expected[0][1]}
    assert_same_gradients(gradients(together), total)


@every_layer
def test_gradients_accumulate_over_two_backward_calls(case: Case, rng: Generator) -> None:
    layer, inputs = built(case), case.inputs(rng, 4, 3)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    first, once = backward(dy), gradients(layer)
    assert_same(backward(dy), first)
    assert_same_gradients(gradients(layer), {name: 2 * gradient for name, gradient in once.items()})


@every_layer
def test_inference_changes_nothing(case: Case, rng: Generator) -> None:
    layer, inputs = built(case), case.inputs(rng, 4, 3)
    values = layer.state_dict()
    draws = [generator.bit_generator.state for _, generator in layer.generators()]
    assert_same(layer(*inputs), layer(*inputs))
    assert [generator.bit_generator.state for _, generator in layer.generators()] == draws
    assert_same_gradients(layer.state_dict(), values)
    assert all((gradient == 0).all() for gradient in gradients(layer).values())


@every_layer
def test_inference_gives_what_training_gives_where_nothing_is_drawn(case: Case, rng: Generator) -> None:
    layer, inputs = built(case), case.inputs(rng, 4, 3)
    if list(layer.generators()):
        pytest.skip("draws in training")
    assert_same(layer(*inputs), layer.forward(*inputs)[0])


@every_layer
def test_inputs_and_their_gradients_are_left_as_they_were(case: Case, rng: Generator) -> None:
    layer, inputs = built(case), case.inputs(rng, 4, 3)
    kept = map_leaves(np.copy, inputs)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    kept_dy = dy.copy()
    backward(dy)
    for x, before in zip([*leaves(inputs), dy], [*leaves(kept), kept_dy], strict=True):
        np.testing.assert_array_equal(x, before)


@every_layer
def test_float32_stays_float32(case: Case, rng: Generator) -> None:
    inputs = case.inputs(rng, 4, 3)
    wide = built(case)
    layer = wide.astype(np.float32)
    narrow_inputs = map_leaves(floating_as("float32"), inputs)
    y, backward = case.forward(layer, *narrow_inputs)
    dy = rng.normal(size=y.shape)
    dx = backward(dy.astype(np.float32))
    assert {a.dtype for a in [*leaves(y), *leaves(dx), *gradients(layer).values()]} <= {np.dtype(np.float32)}
    if not list(layer.generators()):
        assert {a.dtype for a in leaves(layer(*narrow_inputs))} == {np.dtype(np.float32)}
    # The copy by `astype` drew what the original draws, so that the two agree to the precision of float32.
    y_wide, backward_wide = case.forward(wide, *inputs)
    assert_same(y, y_wide, 1e-5)
    assert_same(dx, backward_wide(dy), 1e-5)
    assert_same_gradients(gradients(layer), gradients(wide), 1e-4)


@every_layer
def test_strided_and_read_only_arrays_give_what_contiguous_ones_give(case: Case, rng: Generator) -> None:
    def strided(x: Any) -> Any:
        wide = np.zeros((2 * len(x), *x.shape[1:]), x.dtype)
        wide[::2] = x
        view = wide[::2]
        view.flags.writeable = False
        return view

    inputs = case.inputs(rng, 4, 3)
    layer, other = built(case), built(case)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    y_strided, backward_strided = case.forward(other, *map_leaves(strided, inputs))
    assert_same(y_strided, y)
    assert_same(backward_strided(strided(dy)), backward(dy))
    assert_same_gradients(gradients(other), gradients(layer))


@every_layer
def test_float64_into_a_float32_layer_is_refused_or_right(case: Case, rng: Generator) -> None:
    inputs = case.inputs(rng, 4, 3)
    layer, other = built(case, "float32"), built(case, "float32")
    y, _ = case.forward(layer, *map_leaves(floating_as("float32"), inputs))
    try:
        y_wide, _ = case.forward(other, *inputs)
    except InputError:
        return
    assert_same(y_wide, y, 1e-5)


@every_layer
def test_a_float64_gradient_into_a_float32_layer_is_refused_or_right(case: Case, rng: Generator) -> None:
    inputs = map_leaves(floating_as("float32"), case.inputs(rng, 4, 3))
    layer, other = built(case, "float32"), built(case, "float32")
    y, backward = case.forward(layer, *inputs)
    _, other_backward = case.forward(other, *inputs)
    dy = rng.normal(size=y.shape)
    dx = backward(dy.astype(np.float32))
    try:
        other_dx = other_backward(dy)
    except InputError:
        return
    assert_same(other_dx, dx, 1e-5)
    assert_same_gradients(gradients(other), gradients(layer), 1e-4)


@every_layer
def test_int32_ids_and_lengths_give_what_int64_gives(case: Case, rng: Generator) -> None:
    inputs = case.inputs(rng, 4, 3)
    narrow = map_leaves(lambda x: x.astype(np.int32) if np.issubdtype(x.dtype, np.integer) else x, inputs)
    layer, other = built(case), built(case)
    y, backward = case.forward(layer, *inputs)
    y_narrow, backward_narrow = case.forward(other, *narrow)
    assert_same(y_narrow, y, 0)
    dy = rng.normal(size=y.shape)
    assert_same(backward_narrow(dy), backward(dy), 0)
    assert_same_gradients(gradients(other), gradients(layer), 0)


@every_layer
@pytest.mark.parametrize(("T", "N"), [(0, 3), (4, 0)])
def test_no_steps_and_no_rows_are_no_special_case(case: Case, T: int, N: int, rng: Generator) -> None:
    layer, inputs = built(case), case.inputs(rng, T, N)
    y, backward = case.forward(layer, *inputs)
    assert y.size == 0
    dx = leaves(backward(np.zeros_like(y)))
    assert [d.shape for d in dx] == [x.shape for x in leaves(inputs) if np.issubdtype(x.dtype, np.floating)]
    assert all((gradient == 0).all() for gradient in gradients(layer).values())


@every_layer
def test_weights_survive_saving_and_loading(case: Case) -> None:
    layer, other = built(case), case.make(np.random.default_rng(3)).astype(np.float64)
    other.load_state_dict(layer.state_dict())
    assert_same_gradients(other.state_dict(), layer.state_dict(), 0)
