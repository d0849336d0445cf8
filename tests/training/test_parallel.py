from functools import partial
from typing import Any

import numpy as np
import pytest

from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.recurrent import LSTM
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import SGD
from seqrl.parameter import Packed
from seqrl.training.parallel import Replicas

Generator = np.random.Generator


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqrl.kernels.threads.COUNT", 3)
    monkeypatch.setattr("seqrl.kernels.threads._pool", None)


def model(dropout: float = 0.0) -> Chain:
    rng = np.random.default_rng(1)
    return Chain(LSTM(3, 4, rng=rng), Dropout(dropout, rng=np.random.default_rng(2)), Dense(4, 5, rng=rng))


def learn(model: Chain, x: Any, target: Any, count: int) -> float:
    logits, backward = model.forward(x)
    loss, dlogits = softmax_cross_entropy(logits, target, count=count)
    backward(dlogits)
    return loss


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_batch_in_parts_on_replicas_is_the_whole_batch_on_the_model(parts: int, rng: Generator) -> None:
    """Even where the parts differ in size."""
    x, target = rng.normal(size=(6, 7, 3)), rng.integers(0, 5, (6, 7))
    whole = model().astype(np.float64)
    expected_loss = learn(whole, x, target, target.size)
    split = model().astype(np.float64)
    packed = Packed(split.parameters())
    replicas = Replicas(split, packed, 3)
    for _ in range(2):  # the gradients of the replicas are zero again afterwards
        packed.grad[...] = 0
        pieces = zip(np.array_split(x, parts, axis=1), np.array_split(target, parts, axis=1), strict=True)
        tasks = [partial(learn, m, *piece, target.size) for m, piece in zip(replicas.models, pieces, strict=False)]
        assert sum(replicas.run(tasks)) == pytest.approx(expected_loss, rel=1e-12)
        for (name, parameter), (_, other) in zip(split.parameters(), whole.parameters(), strict=True):
            np.testing.assert_allclose(parameter.grad, other.grad, rtol=1e-10, atol=1e-12, err_msg=name)


def test_replicas_see_an_update_and_have_gradients_and_draws_of_their_own(rng: Generator) -> None:
    first = model(dropout=0.5)
    optimizer = SGD(first.parameters(), 0.1)
    replicas = Replicas(first, optimizer.packed, 2)
    a, b = (dict(m.parameters())["layers.2.weight"] for m in replicas.models)
    a.grad += 1
    assert not b.grad.any()
    optimizer.step()
    np.testing.assert_array_equal(a.value, b.value)
    x = np.ones((2, 8, 3), np.float32)
    assert (replicas.models[0].forward(x)[0] != replicas.models[1].forward(x)[0]).any()
    assert list(replicas.generators()) == ["0.layers.1.rng", "1.layers.1.rng"]


def test_the_same_seed_gives_the_same_draws_in_every_replica() -> None:
    pairs = [Replicas(m, Packed(m.parameters()), 3) for m in (model(0.5), model(0.5))]
    x = np.ones((2, 8, 3), np.float32)
    for one, other in zip(*(replicas.models for replicas in pairs), strict=True):
        np.testing.assert_array_equal(one.forward(x)[0], other.forward(x)[0])
