from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.attention import AdditiveAttention, DotAttention, GeneralAttention

Generator = np.random.Generator
KINDS: dict[str, Any] = {
    "dot": lambda rng: DotAttention(),
    "scaled dot": lambda rng: DotAttention(scaled=True),
    "general": lambda rng: GeneralAttention(4, 4, rng=rng),
    "additive": lambda rng: AdditiveAttention(4, 4, 3, rng=rng),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
LENGTHS = np.array([5, 1, 0])


def attend(lengths: Any) -> Any:
    def forward(layer: Any, query: Any, memory: Any) -> Any:
        (context, _), backward = layer.forward(query, memory, lengths)
        return context, backward

    return forward


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_gradients(make: Any, lengths: Any, rng: Generator) -> None:
    check_gradients(make(rng), rng.normal(size=(2, 3, 4)), rng.normal(size=(5, 3, 4)), forward=attend(lengths))


@pytest.mark.parametrize(
    "make", [lambda rng: GeneralAttention(4, 3, rng=rng), lambda rng: AdditiveAttention(4, 3, 5, rng=rng)]
)
def test_gradients_where_query_and_memory_differ_in_size(make: Any, rng: Generator) -> None:
    check_gradients(make(rng), rng.normal(size=(2, 3, 4)), rng.normal(size=(5, 3, 3)), forward=attend(LENGTHS))


@every_kind
def test_one_step_one_row_one_memory(make: Any, rng: Generator) -> None:
    """The only memory has all the weight, so the context is the memory, whatever the scores."""
    layer, memory = make(rng).astype(np.float64), rng.normal(size=(1, 1, 4))
    check_gradients(layer, rng.normal(size=(1, 1, 4)), memory, forward=attend(None))
    context, weights = layer(rng.normal(size=(1, 1, 4)), memory)
    close(context, memory)
    assert weights.tolist() == [[[1]]]


def test_scores_are_those_of_the_equations(rng: Generator) -> None:
    q, m = rng.normal(size=4), rng.normal(size=(2, 4))
    general = GeneralAttention(4, 4, rng=rng).astype(np.float64)
    additive = AdditiveAttention(4, 4, 3, rng=rng).astype(np.float64)
    W, U = additive.query.weight.value, additive.memory.weight.value
    for layer, scores in (
        (DotAttention(), [q @ m[s] for s in range(2)]),
        (DotAttention(scaled=True), [q @ m[s] / 2 for s in range(2)]),
        (general, [m[s] @ general.weight.value @ q for s in range(2)]),
        (additive, [additive.v.value @ np.tanh(q @ W + m[s] @ U) for s in range(2)]),
    ):
        context, weights = layer(q[None, None], m[:, None])
        expected = np.exp(scores) / np.exp(scores).sum()
        close(weights[0, 0], expected)
        close(context[0, 0], expected @ m)


@every_kind
def test_padding_has_no_weight_and_no_gradient_and_an_empty_memory_gives_nothing(make: Any, rng: Generator) -> None:
    layer = make(rng).astype(np.float64)
    query, memory = rng.normal(size=(2, 3, 4)), rng.normal(size=(5, 3, 4))
    (context, weights), backward = layer.forward(query, memory, LENGTHS)
    dquery, dmemory = backward(rng.normal(size=context.shape))
    real = np.arange(5) < LENGTHS[:, None]
    assert not weights[np.broadcast_to(~real[:, None], weights.shape)].any()
    assert not dmemory.transpose(1, 0, 2)[~real].any()
    close(weights.sum(axis=-1), np.array([[1, 1], [1, 1], [0, 0]]))
    assert not context[:, 2].any()
    assert not dquery[:, 2].any()


@every_kind
def test_no_memory_at_all(make: Any, rng: Generator) -> None:
    """A batch of empty sources."""
    (context, weights), backward = make(rng).forward(np.ones((2, 3, 4)), np.ones((0, 3, 4)), np.zeros(3, np.int64))
    assert weights.shape == (3, 2, 0)
    assert not context.any()
    dquery, dmemory = backward(np.ones_like(context))
    assert not dquery.any()
    assert dmemory.shape == (0, 3, 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_do_not_overflow(dtype: type) -> None:
    query, memory = np.full((1, 1, 2), 1e3, dtype), np.array([[[1e3, 0]], [[0, 1e3 + 1]]], dtype)
    _, weights = DotAttention()(query, memory)
    assert weights.tolist() == [[[0, 1]]]


@every_kind
def test_looking_with_keys_made_before_is_calling(make: Any, rng: Generator) -> None:
    layer = make(rng).astype(np.float64)
    query, memory = rng.normal(size=(2, 3, 4)), rng.normal(size=(5, 3, 4))
    keys, _ = layer.keys(memory)
    output, _ = layer.attend(query, keys, memory, np.full(3, 5))
    for actual, expected in zip(output, layer(query, memory), strict=True):
        close(actual, expected)


@every_kind
def test_queries_for_another_number_of_memories_are_refused(make: Any, rng: Generator) -> None:
    with pytest.raises(InputError, match="got 2 queries for 3 memories"):
        make(rng).forward(np.ones((1, 2, 4)), np.ones((5, 3, 4)))


def test_queries_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="DotAttention got queries of 4 features and keys of 3"):
        DotAttention()(np.ones((1, 2, 4)), np.ones((5, 2, 3)))
