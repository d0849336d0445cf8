"""What networks in one call of a kernel could get wrong that the comparison with the readable form does not show."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrl import kernels
from seqrl.certify.kernel_cases import TOLERANCE

Array = np.ndarray


def table_of(networks: list[list[int]]) -> tuple[Array, int, int, int]:
    """The table of networks by their sizes, and how many parameters, hidden units and outputs they have."""
    rows, P, hidden, outputs = [], 0, 0, 0
    for sizes in networks:
        source = -1
        for k, (n_in, n_out) in enumerate(pairwise(sizes), start=2):
            last = k == len(sizes)
            rows.append([n_in, n_out, P, P + n_in * n_out, source, outputs if last else hidden])
            P, source = P + (n_in + 1) * n_out, hidden
            hidden, outputs = (hidden, outputs + n_out) if last else (hidden + n_out, outputs)
    return np.array(rows), P, hidden, outputs


def both_ways(x: Array, values: Array, networks: list[list[int]], rectified: bool, dy: Array) -> tuple[Array, ...]:
    table, _, units, outputs = table_of(networks)
    K, B, _ = x.shape
    hidden, y = np.full((K, B, units), np.nan, x.dtype), np.full((K, B, outputs), np.nan, x.dtype)
    grads, dx = np.zeros_like(values), np.full_like(x, np.nan)
    kernels.mlp_forward(x, values, table, rectified, hidden, y)
    kernels.mlp_backward(x, values, table, rectified, hidden, dy, grads, dx)
    return y, hidden, dx, grads


sizes = st.integers(1, 40)


@st.composite
def several(draw: Any) -> tuple[list[list[int]], int, int, bool, str, int]:
    n_in = draw(sizes)
    networks = draw(st.lists(st.lists(sizes, min_size=1, max_size=3), min_size=1, max_size=3))
    K, B, seed = draw(st.integers(1, 4)), draw(st.integers(1, 30)), draw(st.integers(0, 2**32))
    return [[n_in, *rest] for rest in networks], K, B, draw(st.booleans()), draw(st.sampled_from(list(TOLERANCE))), seed


@settings(deadline=None, max_examples=60)
@given(several())
def test_agents_are_of_the_same_bits_together_and_alone(case: Any) -> None:
    """And so are rows on the way forward, of which acting wants one and learning many."""
    networks, K, B, rectified, dtype, seed = case
    rng = np.random.default_rng(seed)
    _, P, _, outputs = table_of(networks)
    shapes = (K, B, networks[0][0]), (K, P), (K, B, outputs)
    x, values, dy = (rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes)
    together = both_ways(x, values, networks, rectified, dy)
    for k in range(K):
        one = slice(k, k + 1)
        for whole, alone in zip(together, both_ways(x[one], values[one], networks, rectified, dy[one]), strict=True):
            assert np.array_equal(whole[one], alone)
    if kernels.implementation == "compiled":
        for b in range(0, B, 7):
            row = slice(b, b + 1)
            found = both_ways(np.ascontiguousarray(x[:, row]), values, networks, rectified, dy[:, row].copy())
            for whole, alone in zip(together[:3], found, strict=False):
                assert np.array_equal(whole[:, row], alone)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_bits_do_not_depend_on_threads(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    networks = [[5, 33, 7, 2], [5, 12, 1]]
    _, P, _, outputs = table_of(networks)
    x, values, dy = (rng.normal(0, 0.5, s).astype(dtype) for s in ((2, 45, 5), (2, P), (2, 45, outputs)))
    found = []
    for threads in 1, 2, 3:
        monkeypatch.setattr("seqrl.kernels.threads.COUNT", threads)
        if kernels.implementation == "compiled":
            monkeypatch.setattr("seqrl.kernels.compiled.support.WORTH_SPLITTING", 0.0)
        found.append(both_ways(x, values, networks, False, dy))
    for other in found[1:]:
        for one, array in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(array, one)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_tanh_is_as_accurate_as_numpys(rows: int, dtype: str) -> None:
    """Relative to its value, where it is near 0 too; and it never exceeds 1."""
    inputs = np.concatenate([np.linspace(-12, 12, 4001), np.logspace(-30, 1, 400), [0, -0.0, 1e30, -np.inf, np.inf]])
    x = np.resize(inputs, (1, rows, 64 * (len(inputs) // 64))).astype(dtype)
    n = x.shape[2]
    table = np.array([[1, 1, 0, 1, -1, k] for k in range(1)])
    for start in range(0, n, 977):
        column = x[:, :, start : start + 1].copy()
        hidden, y = np.empty((1, rows, 1), dtype), np.empty((1, rows, 1), dtype)
        table = np.array([[1, 1, 0, 1, -1, 0], [1, 1, 0, 1, 0, 0]])
        kernels.mlp_forward(column, np.array([[1, 0]], dtype), table, False, hidden, y)
        np.testing.assert_allclose(y, np.tanh(column.astype(np.float64)), rtol=1e-6 if dtype == "float32" else 1e-14)
        assert np.abs(y).max() <= 1


@pytest.mark.parametrize("rectified", [False, True])
def test_a_nan_stays_a_nan_and_stays_in_its_row(rectified: bool) -> None:
    rng = np.random.default_rng(0)
    networks = [[3, 20, 7, 2]]
    _, P, _, _ = table_of(networks)
    x, values, dy = (rng.normal(size=s).astype(np.float32) for s in ((1, 6, 3), (1, P), (1, 6, 2)))
    expected = both_ways(x, values, networks, rectified, dy)
    x[0, 2, 1] = np.nan
    y, _, dx, grads = both_ways(x, values, networks, rectified, dy)
    assert np.isnan(y[0, 2]).all()
    assert np.isnan(grads).any()
    for found, one in ((y, expected[0]), (dx, expected[2])):
        np.testing.assert_array_equal(np.delete(found, 2, axis=1), np.delete(one, 2, axis=1))


def test_no_rows_change_nothing() -> None:
    networks = [[3, 4, 2]]
    values = np.ones((2, table_of(networks)[1]), np.float32)
    y, _, dx, grads = both_ways(np.ones((2, 0, 3), np.float32), values, networks, True, np.ones((2, 0, 2), np.float32))
    assert y.shape == (2, 0, 2)
    assert dx.size == 0
    assert not grads.any()
