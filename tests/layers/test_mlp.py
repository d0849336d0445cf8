"""Perceptrons as a whole: where their parameters lie, and what they refuse. Their gradients are certified."""

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seqrl import architecture
from seqrl.activations import ReLU, Tanh
from seqrl.errors import InputError
from seqrl.layer import Chain, Layer
from seqrl.layers.dense import Dense
from seqrl.layers.mlp import MLP, SideBySide
from seqrl.optimizers import SGD
from seqrl.parameter import Packed


def make(*sizes: int, activation: str = "tanh", seed: int = 0) -> MLP:
    rng = np.random.default_rng(seed)
    network = MLP(*(Dense(n_in, n_out, rng=rng) for n_in, n_out in pairwise(sizes)), activation=activation)
    for _, parameter in network.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    return network


def chain(network: MLP) -> Chain:
    """The same parameters layer by layer."""
    between = {"relu": ReLU, "tanh": Tanh}[network.activation]
    return Chain(*[part for layer in network.layers[:-1] for part in (layer, between())], network.layers[-1])


def gradients(network: Layer, x: Any) -> list[Any]:
    network.zero_grad()
    y, backward = network.forward(x)
    dx = backward(np.cos(np.arange(y.size, dtype=y.dtype)).reshape(y.shape))
    return [y, dx, *(parameter.grad.copy() for _, parameter in network.parameters())]


def same(network: Layer, other: Layer, x: Any) -> None:
    for one, two in zip(gradients(network, x), gradients(other, x), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("sizes", [(3, 2), (3, 20, 2), (3, 7, 33, 1)])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (40, 3), (4, 5, 3)])
def test_it_is_the_chain_of_its_layers(activation: str, sizes: tuple[int, ...], shape: tuple[int, ...]) -> None:
    network = make(*sizes, activation=activation)
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    same(network, chain(network), x)  # the parameters are arrays of their own
    Packed(network.parameters())
    same(network, chain(network), x)  # and views of one vector


def test_it_follows_its_parameters_wherever_they_are_packed() -> None:
    network, x = make(3, 5, 2), np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    other = make(2, 2)
    Packed(network.parameters())
    before = network(x)
    for packed in (
        [*other.parameters(), *network.parameters()],  # behind another layer's
        list(network.parameters())[::-1],
        list(network.parameters())[:1],  # the others stay where they were
        list(network.parameters())[2:3],
    ):
        vectors = Packed(packed)
        np.testing.assert_array_equal(network(x), before)
        vectors.value[...] *= 2
        same(network, chain(network), x)
        vectors.value[...] /= 2
    moved = copy.deepcopy(network)
    SGD(network.parameters(), 1.0).packed.value[...] = 0
    assert not network(x).any()
    np.testing.assert_array_equal(moved(x), before)
    assert moved.astype(np.float64)(x).dtype == np.float64


def test_gradients_of_a_replica_go_to_the_replica() -> None:
    """It has values of its own, and gradients in another vector of the same order."""
    network, replica = make(3, 5, 2), make(3, 5, 2)
    x = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    packed = SGD(network.parameters(), 1.0).packed
    Packed(replica.parameters())
    grad = packed.view_gradients(replica.parameters())
    y, backward = replica.forward_data(x)
    backward(np.ones_like(y))
    assert not packed.grad.any()
    y, backward = network.forward_data(x)
    backward(np.ones_like(y))
    np.testing.assert_allclose(grad, packed.grad, rtol=1e-6)


def test_a_gradient_vector_taken_between_the_ways_is_the_one_that_gets_the_gradient() -> None:
    network, x = make(3, 5, 2), np.ones((4, 3), np.float32)
    Packed(network.parameters())
    y, backward = network.forward_data(x)
    packed = Packed(network.parameters())
    backward(np.ones_like(y))
    assert packed.grad.any()


def test_side_by_side_is_each_one_and_each_one_can_be_called_alone() -> None:
    policy, value = make(3, 8, 6, 2), make(3, 4, 1, seed=1)
    both = SideBySide(policy, value)
    optimizer = SGD(both.parameters(), 0.1)
    names = [name for name, _ in both.parameters()]
    assert names[:2] == ["networks.0.layers.0.weight", "networks.0.layers.0.bias"]
    assert len(names) == 10
    x = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    y, backward = both.forward(x)
    np.testing.assert_allclose(y, np.hstack([chain(policy)(x), chain(value)(x)]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y[:, 2:], value(x), rtol=1e-6)
    dx = backward(np.ones_like(y))
    (_, first), (_, second) = policy.forward(x), value.forward(x)
    np.testing.assert_allclose(dx, first(np.ones((7, 2))) + second(np.ones((7, 1))), rtol=1e-4, atol=1e-6)
    optimizer.step()
    assert not np.array_equal(both(x), y)


def test_inputs_come_in_any_order_and_type_and_stay_what_they_are() -> None:
    network = make(3, 5, 2, activation="relu")
    x = np.random.default_rng(1).normal(size=(6, 3))
    expected = network(x.astype(np.float32))
    kept = x.copy()
    for other in x, np.asfortranarray(x.astype(np.float32)), np.repeat(x.astype(np.float32), 2, axis=0)[::2]:
        found = network(other)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(network(np.arange(3)), network(np.arange(3.0)))


def test_it_can_be_described_and_made_again() -> None:
    both = SideBySide(make(3, 4, 2), make(3, 1))
    again = architecture.build(architecture.describe(both))
    again.load_state_dict(both.state_dict())
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(again(x), both(x))


def test_what_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="activation is 'rely' \\(did you mean 'relu'"):
        MLP(Dense(2, 3, rng=rng), activation="rely")
    with pytest.raises(InputError, match=r"weights \(2, 3\) and \(2, 3\)"):
        MLP(Dense(2, 3, rng=rng), Dense(2, 3, rng=rng), activation="tanh")
    with pytest.raises(InputError, match="has no bias"):
        MLP(Dense(2, 3, rng=rng, bias=False), activation="tanh")
    with pytest.raises(InputError, match="MLP without layers"):
        MLP(activation="tanh")
    with pytest.raises(InputError, match=r"MLP got input of shape \(5, 2\); expected \(..., 3\)"):
        make(3, 2)(np.ones((5, 2)))
    with pytest.raises(InputError, match=r"a gradient has the shape \(5,\); expected \(5, 1\)"):
        make(3, 1).forward(np.ones((5, 3)))[1](np.ones(5))
    with pytest.raises(InputError, match=r"activations \['tanh', 'relu'\]"):
        SideBySide(make(3, 1), make(3, 1, activation="relu"))
    with pytest.raises(InputError, match=r"inputs \[3, 2\]"):
        SideBySide(make(3, 1), make(2, 1))
    with pytest.raises(InputError, match="SideBySide without networks"):
        SideBySide()
