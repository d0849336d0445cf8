"""The product by packed weights, at the edges of its tiles."""

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

from seqrl.kernels.compiled import products

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
