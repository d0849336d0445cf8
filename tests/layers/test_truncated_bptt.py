"""A sequence in chunks: the state goes on from chunk to chunk, its gradient back, or, in truncated BPTT, nowhere."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.recurrent import CELLS, GRU, LSTM, RNN, Stack

Generator = np.random.Generator
T, N, D, H = 9, 3, 2, 4
LENGTHS = np.array([9, 1, 6])  # rows that end at the last step, in the first chunk, at the end of one
CHUNKS = {"unequal": (0, 1, 4, 6, 9), "one step each": tuple(range(T + 1)), "the whole": (0, T)}

LAYERS: dict[str, Callable[[Generator], Any]] = {
    **{name: lambda rng, cell=cell: cell(D, H, rng=rng) for name, cell in CELLS.items()},  # type: ignore[misc]
    "stack": lambda rng: Stack([RNN(D, 3, rng=rng), LSTM(3, 3, rng=rng, peephole=True), GRU(3, H, rng=rng)]),
}

each_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
each_cut = pytest.mark.parametrize("ends", CHUNKS.values(), ids=CHUNKS)
padded = pytest.mark.parametrize("lengths", [np.full(N, T), LENGTHS], ids=["full", "padded"])


def randomised(layer: Any) -> Any:
    layer = layer.astype(np.float64)
    rng = np.random.default_rng(2)
    for _, parameter in layer.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    return layer


def leaves(tree: Any) -> list[Any]:
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, tuple) else [tree]


def random_like(state: Any, rng: Generator) -> Any:
    if isinstance(state, tuple):
        return tuple(random_like(part, rng) for part in state)
    return rng.normal(size=state.shape)


def close(actual: Any, expected: Any) -> None:
    for a, e in zip(leaves(actual), leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-12)


def close_gradients(a: Any, b: Any) -> None:
    for (name, one), (_, other) in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_allclose(one.grad, other.grad, rtol=1e-11, atol=1e-12, err_msg=name)


def scan_chunks(layer: Any, x: Any, state: Any, lengths: Any, ends: Any) -> tuple[list[Any], Any, list[Any]]:
    """(the outputs, the final state, the backward functions), each chunk starting from the state before it."""
    outputs, backwards = [], []
    for first, last in pairwise(ends):
        here = np.clip(lengths - first, 0, last - first)
        (y, state), backward = layer.scan(x[first:last], state, here)
        outputs.append(y)
        backwards.append(backward)
    return outputs, state, backwards


@each_layer
@each_cut
@padded
def test_chunks_with_the_state_and_its_gradient_handed_on_are_the_whole(
    make: Any, ends: Any, lengths: Any, rng: Generator
) -> None:
    whole, chunked = randomised(make(rng)), randomised(make(rng))
    x = rng.normal(size=(T, N, D))
    initial = random_like(whole.scan(x)[0][1], rng)
    (y, final), backward = whole.scan(x, initial, lengths)
    outputs, chunked_final, backwards = scan_chunks(chunked, x, initial, lengths, ends)
    close(np.concatenate(outputs), y)
    close(chunked_final, final)

    dy, dstate = rng.normal(size=y.shape), random_like(final, rng)
    dx, dinitial = backward(dy, dstate)
    parts = []
    for (first, last), chunk_backward in reversed(list(zip(pairwise(ends), backwards, strict=True))):
        part, dstate = chunk_backward(dy[first:last], dstate)
        parts.append(part)
    close(np.concatenate(parts[::-1]), dx)
    close(dstate, dinitial)
    close_gradients(chunked, whole)


@each_layer
def test_without_the_gradient_of_the_state_a_chunk_learns_as_if_it_stood_alone(make: Any, rng: Generator) -> None:
    """Truncated BPTT: the carried state is what the chunk reads, and no more than an input of it."""
    truncated, alone = randomised(make(rng)), randomised(make(rng))
    x, dy = rng.normal(size=(T, N, D)), rng.normal(size=(T, N, H))
    ends = CHUNKS["unequal"]
    _, _, backwards = scan_chunks(truncated, x, None, np.full(N, T), ends)
    for (first, last), backward in zip(pairwise(ends), backwards, strict=True):
        dx, _ = backward(dy[first:last])
        (_, state), _ = alone.scan(x[:first])
        _, alone_backward = alone.scan(x[first:last], state)
        close(dx, alone_backward(dy[first:last])[0])
    close_gradients(truncated, alone)


@each_layer
def test_truncation_loses_just_the_gradient_that_crosses_the_cuts(make: Any, rng: Generator) -> None:
    """A loss on the last step reaches the inputs of the last chunk, as in the whole sequence, and none before it."""
    layer = randomised(make(rng))
    x, dy = rng.normal(size=(T, N, D)), np.zeros((T, N, H))
    dy[-1] = rng.normal(size=(N, H))
    full, _ = layer.scan(x)[1](dy)
    assert np.abs(full[:6]).max() > 1e-3  # there is something to lose
    *_, backwards = scan_chunks(layer, x, None, np.full(N, T), (0, 6, T))
    before, last = (backward(dy[part])[0] for backward, part in zip(backwards, (slice(6), slice(6, T)), strict=True))
    close(last, full[6:])
    assert not before.any()


def test_the_half_that_reads_ahead_of_a_bidirectional_layer_goes_on_from_chunk_to_chunk(rng: Generator) -> None:
    """The half that reads back begins at the end of each chunk: what comes later is not known yet."""
    layer = randomised(Bidirectional(LSTM(D, H, rng=rng), GRU(D, 3, rng=rng)))
    x = rng.normal(size=(T, N, D))
    whole, ahead = layer(x), None
    for first, last in pairwise(CHUNKS["unequal"]):
        (y, (ahead, _)), _ = layer.scan(x[first:last], (ahead, None))
        close(y[..., :H], whole[first:last, :, :H])
        close(y[..., H:], layer.back.scan(x[first:last], reverse=True)[0][0])


def test_a_bidirectional_layer_reads_chunks_as_the_whole_where_each_half_has_the_state_of_its_side(
    rng: Generator,
) -> None:
    layer, chunked = (randomised(Bidirectional(RNN(D, H, rng=rng), LSTM(D, 3, rng=rng))) for _ in range(2))
    x, cut = rng.normal(size=(T, N, D)), 4
    (y, final), backward = layer.scan(x)
    _, behind = chunked.back.scan(x[cut:], reverse=True)[0]
    (left, (ahead, back_final)), left_backward = chunked.scan(x[:cut], (None, behind))
    (right, (ahead_final, behind_again)), right_backward = chunked.scan(x[cut:], (ahead, None))
    close(np.concatenate([left, right]), y)
    close(((ahead_final, back_final), behind_again), (final, behind))

    # Each half's gradient travels against its direction: first the outputs' own, then what crosses the cut.
    dy = rng.normal(size=y.shape)
    dx, _ = backward(dy)
    right_dx, (dahead, _) = right_backward(dy[cut:])
    left_dx, (_, dbehind) = left_backward(dy[:cut], (dahead, None))
    crossing, _ = right_backward(None, (None, dbehind))
    close(np.concatenate([left_dx, right_dx + crossing]), dx)
    close_gradients(chunked, layer)
