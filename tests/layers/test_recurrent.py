"""What a recurrent layer promises beyond the contract of every layer: states, lengths, directions, steps."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layer import Layer
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.recurrent import CELLS, GRU, LSTM, RNN, Recurrent, Stack
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import Adam

Generator = np.random.Generator
T, N, D, H = 4, 4, 2, 5
LENGTHS = np.array([4, 1, 0, 3])

# A layer added later joins here with one line.
SINGLE: dict[str, Callable[[int, int, Generator], Recurrent]] = {
    "RNN": lambda D, H, rng: RNN(D, H, rng=rng),
    "RNN of relu": lambda D, H, rng: RNN(D, H, rng=rng, nonlinearity="relu"),
    "LSTM": lambda D, H, rng: LSTM(D, H, rng=rng),
    "LSTM with peepholes": lambda D, H, rng: LSTM(D, H, rng=rng, peephole=True),
    "GRU": lambda D, H, rng: GRU(D, H, rng=rng),
}
STEPPING: dict[str, Callable[[int, int, Generator], Any]] = {
    **SINGLE,
    "Stack": lambda D, H, rng: Stack([LSTM(D, 3, rng=rng), GRU(3, H, rng=rng)]),
}
SCANNING: dict[str, Callable[[int, int, Generator], Any]] = {
    **STEPPING,
    "Bidirectional": lambda D, H, rng: Bidirectional(LSTM(D, H, rng=rng, peephole=True), GRU(D, 2, rng=rng)),
    "Stack of Bidirectional": lambda D, H, rng: Stack(
        [
            Bidirectional(GRU(D, 2, rng=rng), RNN(D, 1, rng=rng)),
            Bidirectional(RNN(3, H, rng=rng), LSTM(3, H, rng=rng)),
        ]
    ),
}


def each(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("make", table.values(), ids=table)


both_directions = pytest.mark.parametrize("reverse", [False, True], ids=["ahead", "reverse"])


def randomised(layer: Any) -> Any:
    layer = layer.astype(np.float64)
    rng = np.random.default_rng(2)
    for _, parameter in layer.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    return layer


def tree_map(f: Callable[..., Any], *trees: Any) -> Any:
    if isinstance(trees[0], tuple):
        return tuple(tree_map(f, *branches) for branches in zip(*trees, strict=True))
    return f(*trees)


def leaves(tree: Any) -> list[Any]:
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, tuple) else [tree]


def random_state(layer: Any, rng: Generator, N: int = N) -> Any:
    """A state of the layer's own nesting."""
    first = next(layer.parameters())[1]
    (_, final), _ = layer.scan(np.zeros((0, N, first.shape[0])))
    return tree_map(lambda x: rng.normal(size=x.shape), final)


def gradients(layer: Layer) -> dict[str, Any]:
    return {name: parameter.grad.copy() for name, parameter in layer.parameters()}


def close(actual: Any, expected: Any) -> None:
    for a, e in zip(leaves(actual), leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-12)


def close_gradients(a: Layer, b: Layer) -> None:
    for (name, one), (_, other) in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_allclose(one.grad, other.grad, rtol=1e-11, atol=1e-12, err_msg=name)


# ---- gradients -----------------------------------------------------------------------------------------------


@each(SINGLE)
@both_directions
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_gradients_through_initial_and_final_states(make: Any, reverse: bool, lengths: Any, rng: Generator) -> None:
    layer = make(D, H, rng)
    x, state = rng.normal(size=(T, N, D)), random_state(layer, rng)
    check_gradients(layer, x, state, forward=lambda layer, x, s: layer.scan(x, s, lengths, reverse))


@each(SINGLE)
@both_directions
def test_gradients_of_one_step_of_one_row_of_one_unit(make: Any, reverse: bool, rng: Generator) -> None:
    layer = make(1, 1, rng)
    x, state = rng.normal(size=(1, 1, 1)), random_state(layer, rng, 1)
    check_gradients(layer, x, state, forward=lambda layer, x, s: layer.scan(x, s, None, reverse))


def test_gradients_through_dropout_between_layers(rng: Generator) -> None:
    layer = Stack([LSTM(D, 3, rng=rng), GRU(3, 3, rng=rng), RNN(3, 2, rng=rng)], dropout=Dropout(0.4, rng=rng))
    x, state = rng.normal(size=(T, N, D)), random_state(layer, rng)
    check_gradients(layer, x, state, forward=lambda layer, x, s: layer.scan(x, s, LENGTHS))


# ---- values --------------------------------------------------------------------------------------------------


def naive_lstm(layer: LSTM, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """One gate of one unit of one row at a time, from the equations."""

    def sigmoid(z: float) -> float:
        return 1 / (1 + np.exp(-z))

    W, U, b, p = layer.weight_ih.value, layer.weight_hh.value, layer.bias.value, layer.extra()
    p = p if len(p) else np.zeros((3, layer.H))
    T, N, _ = x.shape
    y, h, c = np.empty((T, N, layer.H)), h.copy(), c.copy()
    for n in range(N):
        for t in range(T):
            before, cell = h[n].copy(), c[n].copy()
            for j in range(layer.H):
                i, f, g, o = (
                    x[t, n] @ W[:, k * layer.H + j] + before @ U[:, k * layer.H + j] + b[k * layer.H + j]
                    for k in range(4)
                )
                c[n, j] = sigmoid(f + p[1, j] * cell[j]) * cell[j] + sigmoid(i + p[0, j] * cell[j]) * np.tanh(g)
                h[n, j] = sigmoid(o + p[2, j] * c[n, j]) * np.tanh(c[n, j])
            y[t, n] = h[n]
    return y, (h, c)


@pytest.mark.parametrize("peephole", [False, True])
def test_the_lstm_is_that_of_its_equations(peephole: bool, rng: Generator) -> None:
    layer = randomised(LSTM(D, H, rng=rng, peephole=peephole))
    x, (h, c) = rng.normal(size=(T, N, D)), random_state(layer, rng)
    (y, final), _ = layer.scan(x, (h, c))
    expected, expected_final = naive_lstm(layer, x, h, c)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(final, expected_final, rtol=0, atol=1e-10)


def test_the_relu_network_by_hand(rng: Generator) -> None:
    layer = RNN(1, 1, rng=rng, nonlinearity="relu").astype(np.float64)
    layer.load_state_dict({"weight_ih": [[2.0]], "weight_hh": [[-1.0]], "bias": [0.5]})
    y = layer(np.array([1.0, 1.0, -1.0, 1.0]).reshape(4, 1, 1))
    assert y.ravel().tolist() == [2.5, 0, 0, 2.5]


# ---- lengths, chunks, directions, steps ----------------------------------------------------------------------


@each(SINGLE)
def test_a_padded_batch_read_backwards_gives_what_its_rows_give_alone(make: Any, rng: Generator) -> None:
    padded, alone = randomised(make(D, H, rng)), randomised(make(D, H, rng))
    x = rng.normal(size=(T, N, D))
    (y, final), backward = padded.scan(x, None, LENGTHS, reverse=True)
    dy = rng.normal(size=y.shape)
    dx, _ = backward(dy)
    for n, length in enumerate(LENGTHS):
        row = slice(n, n + 1)
        (flipped, final_n), backward_n = alone.scan(x[:length, row][::-1])
        close(y[:length, row], flipped[::-1])
        close(tree_map(lambda s, row=row: s[row], final), final_n)
        close(dx[:length, row], backward_n(dy[:length, row][::-1])[0][::-1])
    close_gradients(padded, alone)


@each(SCANNING)
def test_what_stands_in_the_padding_does_not_matter(make: Any, rng: Generator) -> None:
    layer, other = randomised(make(D, H, rng)), randomised(make(D, H, rng))
    x = rng.normal(size=(T, N, D))
    changed = np.where((np.arange(T)[:, None] < LENGTHS)[..., None], x, 1e3)
    (y, final), backward = layer.scan(x, None, LENGTHS)
    (y_changed, final_changed), backward_changed = other.scan(changed, None, LENGTHS)
    dy = rng.normal(size=y.shape)
    dy_changed = np.where((np.arange(T)[:, None] < LENGTHS)[..., None], dy, 1e3)
    close((y_changed, final_changed), (y, final))
    close(backward_changed(dy_changed), backward(dy))
    close_gradients(other, layer)


@each(STEPPING)
def test_a_scan_is_a_repeated_step(make: Any, rng: Generator) -> None:
    layer = randomised(make(D, H, rng))
    x, state = rng.normal(size=(T, N, D)), random_state(layer, rng)
    for initial in (state, None):
        (y, final), _ = layer.scan(x, initial)
        carried = initial
        for t in range(T):
            y_t, carried = layer.step(x[t], carried)
            close(y_t, y[t])
        close(carried, final)


@each(STEPPING)
def test_a_step_leaves_its_input_and_state_as_they_were(make: Any, rng: Generator) -> None:
    layer = randomised(make(D, H, rng))
    x, state = rng.normal(size=(N, D)), random_state(layer, rng)
    kept_x, kept = x.copy(), tree_map(np.copy, state)
    layer.step(x, state)
    layer.scan(x[None], state)[1](np.ones((1, N, H)), state)
    np.testing.assert_array_equal(x, kept_x)
    for a, b in zip(leaves(state), leaves(kept), strict=True):
        np.testing.assert_array_equal(a, b)


@each(SINGLE)
def test_reading_backwards_is_reading_the_flipped_sequence(make: Any, rng: Generator) -> None:
    layer, flipped = randomised(make(D, H, rng)), randomised(make(D, H, rng))
    x, state = rng.normal(size=(T, N, D)), random_state(layer, rng)
    (y, final), backward = layer.scan(x, state, None, True)
    (y_flipped, final_flipped), backward_flipped = flipped.scan(x[::-1], state)
    close(y, y_flipped[::-1])
    close(final, final_flipped)
    dy, dfinal = rng.normal(size=y.shape), random_state(layer, rng)
    dx, dstate = backward(dy, dfinal)
    dx_flipped, dstate_flipped = backward_flipped(dy[::-1], dfinal)
    close(dx, dx_flipped[::-1])
    close(dstate, dstate_flipped)
    close_gradients(layer, flipped)


def test_bidirectional_is_two_layers_side_by_side(rng: Generator) -> None:
    layer = randomised(Bidirectional(LSTM(D, 3, rng=rng), GRU(D, 2, rng=rng)))
    x = rng.normal(size=(T, N, D))
    (y, final), _ = layer.scan(x, None, LENGTHS)
    (ahead, ahead_final), _ = layer.ahead.scan(x, None, LENGTHS)
    (back, back_final), _ = layer.back.scan(x, None, LENGTHS, reverse=True)
    close(y, np.concatenate([ahead, back], axis=-1))
    close(final, (ahead_final, back_final))


@each(SCANNING)
def test_none_is_zero(make: Any, rng: Generator) -> None:
    layer, other = randomised(make(D, H, rng)), randomised(make(D, H, rng))
    x = rng.normal(size=(T, N, D))
    zero = tree_map(np.zeros_like, random_state(layer, rng))
    (y, final), backward = layer.scan(x)
    (y_zero, final_zero), backward_zero = other.scan(x, zero, np.full(N, T))
    close((y, final), (y_zero, final_zero))
    dy, dfinal = rng.normal(size=y.shape), random_state(layer, rng)
    close(backward(dy), backward_zero(dy, zero))
    close(backward(None, dfinal), backward_zero(np.zeros_like(dy), dfinal))
    close(backward(None), backward_zero(np.zeros_like(dy), zero))
    close_gradients(layer, other)


@each(SCANNING)
def test_the_final_state_is_the_callers_own(make: Any, rng: Generator) -> None:
    layer, other = randomised(make(D, H, rng)), randomised(make(D, H, rng))
    x, state = rng.normal(size=(T, N, D)), random_state(layer, rng)
    (y, final), backward = layer.scan(x, state)
    _, other_backward = other.scan(x, state)
    for leaf in leaves(final):
        leaf[...] = np.nan
    for leaf in leaves(state):  # what was given may be reused as well
        leaf[...] = np.nan
    dy = rng.normal(size=y.shape)
    close(backward(dy), other_backward(dy))
    close_gradients(layer, other)


@each(SINGLE)
@both_directions
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_an_edit_of_the_output_is_refused_or_without_effect(
    make: Any, reverse: bool, lengths: Any, rng: Generator
) -> None:
    layer, other = randomised(make(D, H, rng)), randomised(make(D, H, rng))
    x = rng.normal(size=(T, N, D))
    (y, _), backward = layer.scan(x, None, lengths, reverse)
    _, other_backward = other.scan(x, None, lengths, reverse)
    with contextlib.suppress(ValueError):
        y[...] = np.nan
    dy = rng.normal(size=y.shape)
    close(backward(dy), other_backward(dy))
    close_gradients(layer, other)


@each(SINGLE)
def test_an_edit_of_a_steps_output_leaves_the_state(make: Any, rng: Generator) -> None:
    layer = make(D, H, rng)
    y, state = layer.step(rng.normal(size=(N, D)))
    with contextlib.suppress(ValueError):
        y[...] = np.nan
    assert not any(np.isnan(leaf).any() for leaf in leaves(state))


# ---- stacks --------------------------------------------------------------------------------------------------


def test_dropout_stands_between_the_layers_only(rng: Generator) -> None:
    first, second = LSTM(D, 3, rng=rng), LSTM(3, 3, rng=rng)
    x = rng.normal(size=(T, N, D)).astype(np.float32)
    stack = Stack([first, second], dropout=Dropout(0.5, rng=np.random.default_rng(3)))
    between, _ = Dropout(0.5, rng=np.random.default_rng(3)).forward(first(x))
    (y, _), _ = stack.scan(x)
    np.testing.assert_allclose(y, second(between), rtol=1e-6)
    np.testing.assert_array_equal(Stack([first], dropout=stack.dropout).scan(x)[0][0], first(x))


def test_reading_and_stepping_drop_nothing(rng: Generator) -> None:
    layers = [LSTM(D, 3, rng=rng), GRU(3, 2, rng=rng)]
    x = rng.normal(size=(T, N, D)).astype(np.float32)
    wet, dry = Stack(layers, dropout=Dropout(0.5, rng=rng)), Stack(layers)
    close(wet.read(x, None, LENGTHS), dry.scan(x, None, LENGTHS)[0])
    close(wet.step(x[0]), dry.step(x[0]))
    close(wet(x), dry.forward(x)[0])
    top = RNN(2, 2, rng=rng)
    wet, dry = Stack([wet, top]), Stack([dry, top])
    close(wet.read(x, None, LENGTHS), dry.scan(x, None, LENGTHS)[0])
    close(wet(x), dry.forward(x)[0])


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("N", [1, 3, 17])
def test_steps_with_packed_weights_are_steps(cell: Any, N: int, rng: Generator) -> None:
    layer = cell(D, 37, rng=rng).astype(np.float64)
    packed, state, packed_state = layer.packed(), None, None
    for x_t in rng.normal(size=(3, N, D)):
        y, state = layer.step(x_t, state)
        packed_y, packed_state = layer.step(x_t, packed_state, packed)
        close(packed_y, y)
    close(packed_state, state)


# ---- starting values and bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_starting_weights(cell: Any, rng: Generator) -> None:
    layer = cell(D, H, rng=rng)
    for block in np.split(layer.weight_hh.value, layer.gates, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-6)
    for block in np.split(layer.weight_ih.value, layer.gates, axis=1):
        assert np.abs(block).max() <= np.sqrt(6 / (D + H))
    forget = np.r_[np.zeros(H), np.ones(H), np.zeros(2 * H)] if isinstance(layer, LSTM) else np.zeros(layer.gates * H)
    np.testing.assert_array_equal(layer.bias.value, forget)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1, 2, 3], "lengths are [1, 2, 3]; expected 4 numbers from 0 to 4"),
        ([1, 2, 3, 5], "lengths are [1, 2, 3, 5]; expected 4 numbers from 0 to 4"),
        ([1, 2, 3, -1], "lengths are [1, 2, 3, -1]; expected 4 numbers from 0 to 4"),
    ],
)
@each(SCANNING)
def test_wrong_lengths_are_refused(make: Any, lengths: list[int], message: str, rng: Generator) -> None:
    with pytest.raises(InputError) as error:
        make(D, H, rng).scan(np.zeros((T, N, D), np.float32), None, np.array(lengths))
    assert str(error.value) == message


@each(SINGLE)
def test_input_of_another_size_is_refused(make: Any, rng: Generator) -> None:
    layer = make(D, H, rng)
    name = type(layer).__name__
    with pytest.raises(InputError) as error:
        layer(np.zeros((T, N, 3), np.float32))
    assert str(error.value) == f"{name} got input of shape (4, 4, 3); expected (T, N, 2)"
    for wrong in [(D,), (N, D), (1, T, N, D)]:
        with pytest.raises(InputError):
            layer(np.zeros(wrong, np.float32))
    with pytest.raises(InputError) as error:
        layer.step(np.zeros((N, 3), np.float32))
    assert str(error.value) == f"{name} got input of shape (4, 3); expected (N, 2)"
    for wrong in [(D,), (T, N, D)]:
        with pytest.raises(InputError):
            layer.step(np.zeros(wrong, np.float32))


@each(SINGLE)
@pytest.mark.parametrize("wrong", [(H,), (1, H), (N, 1)])
def test_a_state_of_another_shape_is_refused(make: Any, wrong: tuple[int, ...], rng: Generator) -> None:
    layer, state = make(D, H, rng), np.zeros(wrong, np.float32)
    with pytest.raises(InputError):
        layer.scan(np.zeros((T, N, D), np.float32), (state, state) if isinstance(layer, LSTM) else state)
    with pytest.raises(InputError):
        layer.step(np.zeros((N, D), np.float32), (state, state) if isinstance(layer, LSTM) else state)


@pytest.mark.parametrize("name", ["LSTM", "Stack", "Bidirectional"])
def test_a_state_of_other_parts_is_refused(name: str, rng: Generator) -> None:
    layer, part = SCANNING[name](D, H, rng), np.zeros((N, H), np.float32)
    x = np.zeros((T, N, D), np.float32)
    _, backward = layer.scan(x)
    for wrong in (part, (part,), (part, part, part)):
        with pytest.raises(InputError, match="expected a tuple of 2"):
            layer.scan(x, wrong)
        with pytest.raises(InputError, match="expected a tuple of 2"):
            backward(None, wrong)
        if name != "Bidirectional":
            with pytest.raises(InputError, match="expected a tuple of 2"):
                layer.step(x[0], wrong)


@each(SINGLE)
@pytest.mark.parametrize("wrong", [(1, N, H), (T, 1, H), (T, N, 1)])
def test_a_gradient_of_another_shape_is_refused(make: Any, wrong: tuple[int, ...], rng: Generator) -> None:
    _, backward = make(D, H, rng).forward(np.zeros((T, N, D), np.float32))
    with pytest.raises(InputError):
        backward(np.zeros(wrong, np.float32))


@each(SINGLE)
@pytest.mark.parametrize("wrong", [(H,), (1, H), (N, 1)])
def test_a_gradient_of_the_final_state_of_another_shape_is_refused(
    make: Any, wrong: tuple[int, ...], rng: Generator
) -> None:
    layer, d = make(D, H, rng), np.zeros(wrong, np.float32)
    _, backward = layer.scan(np.zeros((T, N, D), np.float32))
    with pytest.raises(InputError):
        backward(None, (d, d) if isinstance(layer, LSTM) else d)


@pytest.mark.parametrize(("D", "H"), [(0, 3), (3, 0), (-1, 3)])
def test_sizes_below_one_are_refused(D: int, H: int, rng: Generator) -> None:
    with pytest.raises(InputError, match=r"^[DH] of GRU is (0|-1); expected a whole number of 1 or more$"):
        GRU(D, H, rng=rng)


def test_an_unknown_nonlinearity_is_refused(rng: Generator) -> None:
    with pytest.raises(InputError) as error:
        RNN(2, 3, rng=rng, nonlinearity="rellu")
    assert str(error.value) == "nonlinearity is 'rellu' (did you mean 'relu'?); expected one of tanh, relu"


# ---- learning ------------------------------------------------------------------------------------------------


@each(SINGLE)
def test_it_learns_to_remember_the_first_of_five_inputs(make: Any, rng: Generator) -> None:
    """A constant predictor of one of four classes loses ln 4 = 1.39."""
    layer, output = make(4, 16, rng), Dense(16, 4, rng=rng)
    optimizer = Adam([*layer.parameters(), *((f"output.{n}", p) for n, p in output.parameters())], 0.02, clip=1.0)
    for _ in range(150):
        classes = rng.integers(0, 4, (5, 32))
        x = np.eye(4, dtype=np.float32)[classes]
        (_, final), backward = layer.scan(x)
        h = final[0] if isinstance(final, tuple) else final
        logits, output_backward = output.forward(h)
        loss, dlogits = softmax_cross_entropy(logits, classes[0])
        dh = output_backward(dlogits)
        backward(None, (dh, None) if isinstance(final, tuple) else dh)
        optimizer.step()
    assert loss < 0.2
