from collections.abc import Callable

import numpy as np
import pytest

from seqrl.activations import Identity, Tanh
from seqrl.errors import InputError
from seqrl.layer import Chain, Concatenate, Layer, Residual, rows
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.optimizers import SGD
from seqrl.parameter import Packed, Parameter

Generator = np.random.Generator


class Tied(Layer):
    """y = x W W: one weight under two names, in a list too."""

    def __init__(self, rng: Generator) -> None:
        self.first = Dense(2, 2, rng=rng, bias=False)
        self.second = Dense(2, 2, rng=rng, bias=False)
        self.second.weight = self.first.weight
        self.both = [self.first, self.second]

    def forward(self, x):  # type: ignore[no-untyped-def]
        return Chain(*self.both).forward(x)


def test_parameters_come_by_dotted_name_in_definition_order(rng: Generator) -> None:
    chain = Chain(Dense(2, 3, rng=rng), Residual(Dense(3, 3, rng=rng, bias=False)))
    assert [name for name, _ in chain.parameters()] == ["layers.0.weight", "layers.0.bias", "layers.1.layer.weight"]
    assert chain.parameter_count == 2 * 3 + 3 + 3 * 3


def test_a_tied_parameter_is_counted_once_and_receives_both_gradients(rng: Generator) -> None:
    layer = Tied(rng).astype(np.float64)
    weight = layer.first.weight
    assert [name for name, _ in layer.parameters()] == ["first.weight"]
    assert layer.parameter_count == 4
    x, dy = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    _, backward = layer.forward(x)
    backward(dy)
    W = weight.value
    np.testing.assert_allclose(weight.grad, x.T @ (dy @ W.T) + (x @ W).T @ dy, rtol=1e-12)


@pytest.mark.parametrize("packed", [False, True])
def test_ties_outlive_copies_of_another_type(packed: bool, rng: Generator) -> None:
    layer = Tied(rng)
    if packed:
        Packed(layer.parameters())
    other = layer.astype(np.float64)
    assert other.first.weight is other.second.weight
    assert other.first.weight is not layer.first.weight


def test_packing_after_a_tie_moves_both_names(rng: Generator) -> None:
    layer = Tied(rng)
    packed = Packed(layer.parameters())
    packed.value[...] = [1, 0, 0, 1]
    assert packed.value.size == 4
    assert layer.second.weight.value.tolist() == [[1, 0], [0, 1]]


def test_sources_of_randomness_come_once_each(rng: Generator) -> None:
    chain = Chain(Dropout(0.5, rng=rng), Dropout(0.2, rng=rng), Dropout(0.1, rng=np.random.default_rng(1)))
    assert [name for name, _ in chain.generators()] == ["layers.0.rng", "layers.2.rng"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_astype_is_an_independent_copy(dtype: type, rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    layer.weight.grad += 1
    other = layer.astype(dtype)
    assert other.dtype == dtype
    assert other.weight.grad.dtype == dtype
    np.testing.assert_array_equal(other.weight.value, layer.weight.value)
    other.weight.value[...] = 0
    other.weight.grad[...] = 0
    assert (layer.weight.value != 0).all()
    assert (layer.weight.grad == 1).all()


def test_astype_leaves_integers_what_they_are() -> None:
    """They say where something lies, and can't be an index as another type."""
    layer = Layer()
    layer.order = np.array([2, 0, 1])  # type: ignore[attr-defined]
    layer.running = np.zeros(3, np.float32)  # type: ignore[attr-defined]
    other = layer.astype(np.float64)
    assert {name: buffer.dtype for name, buffer in other.buffers()} == {"order": np.int64, "running": np.float64}
    assert not any(np.shares_memory(a, b) for (_, a), (_, b) in zip(layer.buffers(), other.buffers(), strict=True))


def test_astype_copies_the_randomness_too(rng: Generator) -> None:
    layer = Dropout(0.5, rng=rng)
    before = rng.bit_generator.state
    layer.astype(np.float64).forward(np.ones((4, 4)))
    assert rng.bit_generator.state == before


def test_zero_grad_keeps_the_memory(rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    packed = Packed(layer.parameters())
    packed.grad[...] = 1
    layer.zero_grad()
    assert not packed.grad.any()


def test_a_state_dict_is_a_copy(rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    layer.state_dict()["weight"][...] = 0
    assert layer.weight.value.any()


def test_loading_writes_into_the_packed_vector(rng: Generator) -> None:
    layer = Dense(2, 1, rng=rng)
    optimizer = SGD(layer.parameters())
    layer.load_state_dict({"weight": [[1], [2]], "bias": [3]})
    assert optimizer.packed.value.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.pop("bias"), "the weights lack 'bias' of shape (3,)"),
        (
            lambda v: v.update(bais=v.pop("bias")),
            "the weights lack 'bias' of shape (3,) (did you mean 'bais'?)",
        ),
        (
            lambda v: v.update(weight=np.ones((3, 2))),
            "the weights hold 'weight' of shape (3, 2), the model has (2, 3)",
        ),
        (
            lambda v: v.update(weight_hh=np.ones(3)),
            "the weights hold 'weight_hh', which the model has not (did you mean 'weight'?)",
        ),
    ],
)
def test_foreign_weights_are_refused_by_name_and_nothing_is_written(change, message: str, rng: Generator) -> None:  # type: ignore[no-untyped-def]
    layer = Dense(2, 3, rng=rng)
    before = layer.state_dict()
    values = {"weight": np.zeros((2, 3)), "bias": np.ones(3)}
    change(values)
    with pytest.raises(InputError) as error:
        layer.load_state_dict(values)
    assert str(error.value) == message
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_residual_adds_its_input(rng: Generator) -> None:
    dense, x = Dense(3, 3, rng=rng), rng.normal(size=(2, 3)).astype(np.float32)
    np.testing.assert_array_equal(Residual(dense)(x), x + dense(x))


def test_residual_refuses_a_layer_that_changes_the_shape(rng: Generator) -> None:
    """(N, 1) would spread over (N, 3) without a word."""
    x = np.ones((2, 3), np.float32)
    for run in (Residual(Dense(3, 1, rng=rng)), Residual(Dense(3, 1, rng=rng)).forward):
        with pytest.raises(InputError, match=r"\(2, 1\).*\(2, 3\)"):
            run(x)


def test_branches_stand_side_by_side_in_order(rng: Generator) -> None:
    a, b, x = Dense(3, 2, rng=rng), Dense(3, 1, rng=rng), np.ones((4, 3), np.float32)
    y = Concatenate(a, b)(x)
    np.testing.assert_array_equal(y, np.concatenate([a(x), b(x)], axis=1))


def test_a_chain_of_nothing_is_the_identity() -> None:
    y, backward = Chain().forward(np.ones(3))
    assert y.tolist() == backward(np.ones(3)).tolist() == [1, 1, 1]


def test_rows_keeps_the_features() -> None:
    assert rows(np.ones((2, 3, 4))).shape == (6, 4)
    assert rows(np.ones(4)).shape == (1, 4)
    assert rows(np.ones((2, 0, 4))).shape == (0, 4)


def test_a_layer_without_parameters_has_the_default_type() -> None:
    assert Chain().dtype == np.float32
    assert Parameter(1.0).value.dtype == np.float32


def test_for_data_a_chain_learns_the_same_and_goes_back_no_further_than_it_learns(rng: Generator) -> None:
    def chain() -> Chain:
        start = np.random.default_rng(1)
        below = Residual(Chain(Dropout(0.5, rng=np.random.default_rng(2))))
        return Chain(below, Chain(Identity(), Dense(3, 4, rng=start)), Tanh(), Dense(4, 2, rng=start))

    x = rng.normal(size=(5, 3)).astype(np.float32)
    whole, of_data = chain(), chain()
    y, backward = whole.forward(x)
    y_of_data, backward_of_data = of_data.forward_data(x)
    np.testing.assert_array_equal(y_of_data, y)
    assert backward(y).shape == x.shape
    assert backward_of_data(y) is None
    for (name, parameter), (_, other) in zip(whole.parameters(), of_data.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.grad, other.grad, err_msg=name)


def test_for_data_a_chain_without_parameters_is_computed_too(rng: Generator) -> None:
    y, backward = Chain(Tanh(), Identity()).forward_data(np.ones((2, 2)))
    np.testing.assert_array_equal(y, np.tanh(np.ones((2, 2))))
    backward(y)
    assert Chain().forward_data(3)[0] == 3


@pytest.mark.parametrize("use", [Chain.__call__, Chain.forward, Chain.forward_data])
def test_a_chain_says_which_of_its_layers_an_input_does_not_fit(use: Callable[..., object], rng: Generator) -> None:
    chain = Chain(Tanh(), Dense(3, 4, rng=rng), Chain(Tanh(), Dense(5, 2, rng=rng)))
    message = r"^layer 3 of the Chain: layer 2 of the Chain: Dense got input of shape \(6, 4\); expected \(\.\.\., 5\)$"
    with pytest.raises(InputError, match=message):
        use(chain, np.zeros((6, 3), np.float32))
    with pytest.raises(InputError, match=r"^layer 2 of the Chain: Dense got input of shape \(6, 2\)"):
        use(chain, np.zeros((6, 2), np.float32))
