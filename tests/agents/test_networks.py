"""Networks of agents and the rows that they take."""

import math

import numpy as np
import pytest
from gymnasium import spaces

from seqrl.activations import ReLU, Tanh
from seqrl.agents.networks import Deviation, encoder, mlp, policy_gains, side_by_side
from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error
from seqrl.layer import Chain


def test_the_last_layer_has_no_activation_and_the_others_have():
    network = mlp([3, 8, 4, 2], "sigmoid", rng=np.random.default_rng(0))
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Dense", "Sigmoid", "Dense", "Sigmoid", "Dense"]
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    for activation, function in (("relu", ReLU()), ("tanh", Tanh())):
        whole = mlp([3, 8, 4, 2], activation, rng=np.random.default_rng(0))
        first, second, third = whole.layers
        np.testing.assert_allclose(whole(x), Chain(first, function, second, function, third)(x), rtol=1e-5, atol=1e-7)


def test_gains_scale_orthogonal_weights():
    network = mlp([6, 4, 2], rng=np.random.default_rng(1), gains=policy_gains(1, 0.01))
    first, last = network.layers[0].weight.value, network.layers[1].weight.value
    np.testing.assert_allclose(first.T @ first, 2 * np.eye(4), atol=1e-5)
    np.testing.assert_allclose(last.T @ last, 1e-4 * np.eye(2), atol=1e-9)
    assert policy_gains(2, 1.0) == [math.sqrt(2), math.sqrt(2), 1.0]


def test_one_generator_gives_one_network():
    def weights(seed):
        return mlp([3, 4, 2], rng=np.random.default_rng(seed)).layers[0].weight.value

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_the_deviation_learns_from_all_rows():
    rng = np.random.default_rng(2)
    layer = Deviation(2, -0.5).astype(np.float64)
    x, weights = rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    y, backward = layer.forward(x)
    np.testing.assert_array_equal(y, np.hstack([x, np.full((3, 2), -0.5)]))
    dx = backward(weights)

    def value():
        return float((layer(x) * weights).sum())

    assert relative_error(dx, numerical_gradient(value, x)) < 1e-8
    log_sigma = layer.log_sigma
    assert relative_error(log_sigma.grad, numerical_gradient(value, log_sigma.value)) < 1e-8


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_networks_side_by_side_are_each_alone(activation):
    rng = np.random.default_rng(3)
    networks = [mlp([3, 4, size], activation, rng=rng) for size in (2, 1)]
    x = rng.normal(size=(5, 3)).astype(np.float32)
    y, backward = side_by_side(*networks).forward_data(x)
    np.testing.assert_allclose(y, np.hstack([network(x) for network in networks]), rtol=1e-5, atol=1e-8)
    backward(np.ones_like(y))
    together = [parameter.grad.copy() for network in networks for _, parameter in network.parameters()]
    for network in networks:
        network.zero_grad()
        y, backward_one = network.forward_data(x)
        backward_one(np.ones_like(y))
    alone = [parameter.grad for network in networks for _, parameter in network.parameters()]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize(
    ("space", "observations", "rows"),
    [
        (spaces.Box(-1, 1, (2, 2)), np.arange(4.0).reshape(1, 2, 2), [[0, 1, 2, 3]]),
        (spaces.Discrete(3), np.array([2, 0]), [[0, 0, 1], [1, 0, 0]]),
        (spaces.Discrete(3, start=-1), np.array([-1, 1]), [[1, 0, 0], [0, 0, 1]]),
        (spaces.MultiDiscrete([2, 3]), np.array([[1, 0], [0, 2]]), [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]),
        (spaces.MultiBinary(3), np.array([[1, 0, 1]], np.int8), [[1, 0, 1]]),
    ],
)
def test_observations_become_rows(space, observations, rows):
    size, encode = encoder(space)
    encoded = encode(observations)
    np.testing.assert_array_equal(encoded, rows)
    assert encoded.dtype == np.float32
    assert size == encoded.shape[1]


def test_what_cannot_be_a_network_or_a_row_is_refused():
    with pytest.raises(InputError, match=r"has the sizes \[3\]"):
        mlp([3], rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="activation is 'tan'"):
        mlp([3, 2], "tan", rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="1 gains for 2 layers"):
        mlp([3, 2, 2], rng=np.random.default_rng(0), gains=[1.0])
    with pytest.raises(InputError, match="the space Dict; expected Box, Discrete"):
        encoder(spaces.Dict({"a": spaces.Discrete(2)}))
    with pytest.raises(InputError, match=r"means of shape \(5, 3\); expected \(..., 2\)"):
        Deviation(2)(np.zeros((5, 3)))


def test_pixels_reach_networks_between_0_and_1():
    size, encode = encoder(spaces.Box(0, 255, (2, 2, 3), np.uint8))
    x = encode(np.full((1, 2, 2, 3), 255, np.uint8))
    assert size == 12 and x.dtype == np.float32 and (x == 1).all()
    _, encode = encoder(spaces.Box(0, 3, (2,), np.uint8))  # bytes, but no pixels
    assert encode(np.full((1, 2), 3, np.uint8)).tolist() == [[3, 3]]
