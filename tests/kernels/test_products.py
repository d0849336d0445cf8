"""The products and the transpose at the edges of their tiles."""

import os
import subprocess
import sys
import textwrap
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from seqrl.kernels.blas import blas

if blas is None:
    pytest.skip("NumPy's BLAS can't be called here, so there are no compiled kernels", allow_module_level=True)

from numba import njit

from seqrl.kernels.compiled import products
from seqrl.kernels.compiled.products import multiply
from seqrl.kernels.compiled.transposing import transpose

Array = np.ndarray
GUARD = 64


def guarded(rows: int, columns: int, dtype: Any) -> tuple[Array, Array]:
    """(an array, a view of it with NaNs all around)."""
    whole = np.full((rows + 2, columns + 2 * GUARD), np.nan, dtype)
    return whole, whole[1:-1, GUARD:-GUARD]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("depth", [1, products.DEPTH - 1, products.DEPTH, products.DEPTH + 1, 2 * products.DEPTH + 1])
def test_the_product_is_that_of_numpy_and_nothing_beyond_is_read_or_written(
    depth: int, dtype: Any, transposed: bool
) -> None:
    rng = np.random.default_rng(0)
    lanes = products.VECTOR // np.dtype(dtype).itemsize
    widths = [1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1, 3 * lanes, 4 * lanes + 1]
    for rows, columns in product([1, 2, products.ROWS - 1, products.ROWS, products.ROWS + 1, 25], widths):
        _, a = guarded(rows, depth, dtype)
        _, b = guarded(*((columns, depth) if transposed else (depth, columns)), dtype)
        whole, c = guarded(rows, columns, dtype)
        a[:], b[:], c[:] = (rng.normal(size=x.shape) for x in (a, b, c))
        expected = c + a.astype(np.float64) @ (b.T if transposed else b)
        packed = products.pack(b, transposed)
        assert packed.size == depth * -(-columns // lanes) * lanes
        products.multiply_add(a, b, transposed, packed, c)
        np.testing.assert_allclose(c, expected, rtol=0, atol=40 * depth**0.5 * np.finfo(dtype).eps)
        assert np.isnan(whole).sum() == whole.size - c.size


@njit
def multiplied(by: int, a: Array, turned: bool, b: Array, start: Array, ld_start: int, c: Array, ending: int, f: Array):
    """`multiply` by the addresses of arrays with contiguous rows; a, or its transpose, is (M, K)."""
    (K, N), M, size = b.shape, c.shape[0], c.itemsize
    lda, ldb, ldc, ld_f = a.strides[0] // size, b.strides[0] // size, c.strides[0] // size, f.strides[0] // size
    a_row, a_column = (1, lda) if turned else (lda, 1)
    a_at, b_at, start_at, c_at, f_at = a.ctypes.data, b.ctypes.data, start.ctypes.data, c.ctypes.data, f.ctypes.data
    multiply(by, M, N, K, a_at, a_row, a_column, b_at, ldb, start_at, ld_start, c_at, ldc, ending, f_at, ld_f)


@pytest.mark.parametrize("ending", range(4))
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_small_product_is_that_of_numpy_and_nothing_beyond_is_read_or_written(
    dtype: Any, turned: bool, ending: int
) -> None:
    rng = np.random.default_rng(0)
    lanes = products.VECTOR // np.dtype(dtype).itemsize
    widths = [1, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 1, 8 * lanes + 3]
    for rows, columns, depth in product([1, 2, 3, 4, products.ROWS, products.ROWS + 1, 25], widths, [1, 7]):
        _, a = guarded(*((depth, rows) if turned else (rows, depth)), dtype)
        _, b = guarded(depth, columns, dtype)
        _, start = guarded(1, columns, dtype)
        _, f = guarded(rows, columns, dtype)
        whole, c = guarded(rows, columns, dtype)
        for x in a, b, start, f:
            x[:] = rng.normal(size=x.shape)
        multiplied(products.multiplier(c.itemsize), a, turned, b, start, 0, c, ending, f)
        plain = start + (a.T if turned else a).astype(np.float64) @ b
        expected = [plain, np.maximum(plain, 0), plain * (f > 0), plain * (1 - f * f)][ending]
        np.testing.assert_allclose(c, expected, rtol=0, atol=100 * depth**0.5 * np.finfo(dtype).eps)
        assert np.isnan(whole).sum() == whole.size - c.size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transposes_are_exact_and_nothing_beyond_is_written(dtype: Any) -> None:
    for shape in product([1, 3, 8, 15, 16, 17, 40], repeat=2):
        a = np.random.default_rng(0).normal(size=shape).astype(dtype)
        b = np.full(a.size + 2 * GUARD, np.nan, dtype)
        transposed(dtype(0), a, b[GUARD:-GUARD])
        np.testing.assert_array_equal(b[GUARD:-GUARD].reshape(shape[::-1]), a.T)
        assert np.isnan(b).sum() == 2 * GUARD


@njit
def transposed(like: Any, a: Array, b: Array) -> None:
    transpose(like, a.itemsize, a.shape[0], a.shape[1], a.ctypes.data, b.ctypes.data)


@pytest.mark.slow
@pytest.mark.parametrize("cpu", [("generic", ""), ("haswell", "+avx,+avx2,+fma")])
def test_tiles_are_of_the_processor_that_numba_compiles_for(cpu: tuple[str, str], tmp_path: Path) -> None:
    """A cache that machines share by one processor's name would mix kernels for tiles of several sizes."""
    name, features = cpu
    code = """
        import numpy as np
        from seqrl.kernels.compiled import products
        rng = np.random.default_rng(0)
        a, b, c = rng.normal(size=(7, 30)), rng.normal(size=(30, 21)), np.zeros((7, 21))
        products.multiply_add(a, b, False, products.pack(b, False), c)
        np.testing.assert_allclose(c, a @ b, rtol=1e-12)
        print(products.VECTOR)
    """
    set_for = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | set_for, capture_output=True, text=True
    )
    assert (process.stdout, process.stderr) == ("32\n" if features else "16\n", "")
