"""Arrays lie in memory as views leave them: transposed, reversed, with gaps, read-only. The numbers are the same."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl.certify.cases import LAYERS, LayerCase
from seqrl.errors import InputError
from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import CELLS

Array = np.ndarray
# Models of batches, not of arrays, are left out.
BATCHED = "Seq2Seq", "HRED", "LastUtterance"
CASES = {name: case for name, case in LAYERS.items() if not any(model in name for model in BATCHED)}


def with_gaps(x: Array) -> Array:
    return np.repeat(x, 2, axis=-1)[..., ::2]


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "transposed": np.asfortranarray,
    "reversed": lambda x: x[..., ::-1].copy()[..., ::-1],
    "with gaps": with_gaps,
    "read-only": read_only,
}


def both_ways(case: LayerCase, dtype: type[np.floating], layout: Callable[[Array], Array]) -> list[Array]:
    """Output, gradients of the inputs, gradients of the parameters; checks that what was given stays as it was."""
    rng = np.random.default_rng(0)
    layer = case.make(rng).astype(dtype)
    given = [x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x for x in case.inputs(rng, 6, 4)]
    inputs = [layout(x) if np.issubdtype(x.dtype, np.floating) else x for x in given]
    y, backward = case.forward(layer, *inputs)
    gradient = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    dy = layout(gradient)
    dx: Any = backward(dy)
    assert all(np.array_equal(now, before) for now, before in zip([*inputs, dy], [*given, gradient], strict=True))
    gradients = dx if isinstance(dx, tuple) else () if dx is None else (dx,)
    return [y, *gradients, *(p.grad for _, p in layer.parameters())]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_layout_in_memory_changes_nothing(case: LayerCase, layout: str, dtype: type[np.floating]) -> None:
    plain, other = both_ways(case, dtype, lambda x: x), both_ways(case, dtype, LAYOUTS[layout])
    for expected, found in zip(plain, other, strict=True):
        assert found.dtype == expected.dtype == dtype
        tolerance = np.finfo(dtype).eps * 50
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=1))


@pytest.mark.parametrize("bias", [True, False])
def test_a_row_with_a_new_axis_before_it_is_a_row(bias: bool) -> None:
    """Its row length in memory is 0, which a BLAS refuses with a line on the terminal and no result."""
    layer = Dense(5, 4, rng=np.random.default_rng(0), bias=bias)
    x, dy = np.arange(5, dtype=np.float32), np.arange(4, dtype=np.float32)
    layer.forward(x[None])[1](dy[None])
    np.testing.assert_array_equal(layer.weight.grad, np.outer(x, dy))


@pytest.mark.parametrize("cell", CELLS)
def test_a_recurrent_layer_takes_a_step_with_new_axes_before_it(cell: str) -> None:
    layer = CELLS[cell](5, 4, rng=np.random.default_rng(0))
    x, gates = np.arange(5, dtype=np.float32), np.arange(layer.weight_hh.shape[1], dtype=np.float32) / 8

    def results(x: Array, gates: Array) -> list[Array]:
        layer.zero_grad()
        state = layer.scan(np.ones((1, 1, 5), np.float32))[0][1]
        (y, _), backward = layer.scan(x, state)
        dx, _ = backward(x[..., :4])
        advanced, _ = layer.advance(gates, state)
        return [y, dx, advanced, *(p.grad.copy() for _, p in layer.parameters())]

    plain = results(x.reshape(1, 1, 5), gates.copy().reshape(1, -1))
    for expected, found in zip(plain, results(x[None, None], gates.copy()[None]), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), np.float64], ids=[*LAYOUTS, "another dtype"])
@pytest.mark.parametrize("T", [2, 6])
@pytest.mark.parametrize("cell", CELLS)
def test_gates_may_lie_in_memory_as_they_like(cell: str, T: int, layout: Callable[[Array], Array]) -> None:
    """Products write into them; of other rows than they expect they would write elsewhere."""
    rng = np.random.default_rng(0)
    layer = CELLS[cell](5, 4, rng=rng)
    gates = rng.normal(size=(T, 3, layer.weight_hh.shape[1])).astype(np.float32)
    (expected, state), _ = layer.run(gates.copy(), None, None)
    (y, _), _ = layer.run(layout(gates), None, None)
    np.testing.assert_array_equal(y, expected)
    expected, _ = layer.advance(gates[0].copy(), state)
    y, _ = layer.advance(layout(gates[0]), state)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_gates_of_another_size_are_refused(cell: str) -> None:
    layer = CELLS[cell](5, 4, rng=np.random.default_rng(0))
    columns = layer.weight_hh.shape[1]
    for shape in [(2, 3, columns - 1), (2, 3, columns + 1), (3, columns), (2, 3, columns, 1)]:
        with pytest.raises(InputError, match=re.escape(f"got gates of shape {shape}; expected (T, N, {columns})")):
            layer.run(np.zeros(shape, np.float32), None, None)
    with pytest.raises(InputError, match=re.escape(f"expected (N, {columns})")):
        layer.advance(np.zeros((3, columns - 1), np.float32), None)
