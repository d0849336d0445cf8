import numpy as np
import pytest

from seqrl.activations import ReLU, Sigmoid, Tanh
from seqrl.agents.acting import acting
from seqrl.agents.dqn import q_network
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.optimizers import SGD


def networks():
    rng = np.random.default_rng(0)
    yield q_network(4, 2, (120, 84), dueling=False, rng=rng)
    yield q_network(4, 3, (16, 8), dueling=True, rng=rng)
    yield Chain(ReLU(), Chain(Dense(4, 5, rng=rng), Tanh(), Tanh()), Dense(5, 2, rng=rng, bias=False), Sigmoid())
    yield Dense(4, 3, rng=rng)


@pytest.mark.parametrize("network", list(networks()))
def test_acting_is_the_network_and_leaves_the_observation_alone(network):
    act, rng = acting(network), np.random.default_rng(1)
    for B in 1, 7:
        x = rng.normal(size=(B, 4)).astype(np.float32)
        kept = x.copy()
        found = act(x)
        assert found == pytest.approx(network(x), abs=1e-6)
        assert found.shape == network(x).shape
        np.testing.assert_array_equal(x, kept)
        assert found.dtype == np.float32


def test_it_sees_what_is_learned_later():
    network = q_network(4, 2, (8,), dueling=False, rng=np.random.default_rng(0))
    optimizer = SGD(network.parameters(), 0.1)
    act, x = acting(network), np.ones((1, 4), np.float32)
    before = act(x)
    q, backward = network.forward(x)
    backward(np.ones_like(q))
    optimizer.step()
    assert act(x) == pytest.approx(network(x), abs=1e-6)
    assert not (act(x) == before).any()
