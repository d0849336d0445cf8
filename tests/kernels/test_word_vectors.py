"""The kernels of word vectors, with the vectors of other processors and arrays that do not fit."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from seqrl import kernels

if kernels.implementation != "compiled":
    pytest.skip("no compiled kernels here", allow_module_level=True)


def test_tables_that_are_not_padded_are_refused_before_anything_is_written() -> None:
    ids, ends = np.array([0, 1], np.int32), np.array([1, 1])
    for words, outputs in [((2, 10), (2, 10)), ((2, 16), (2, 32))]:
        arguments = ids, np.ones(2, np.uint16), ends - 1, ends, ids, np.ones(words), np.ones(outputs)
        with pytest.raises(ValueError, match="expected rows of 16"):
            kernels.load("compiled")["learn_windows"](*arguments, 0.1, False)


@pytest.mark.slow
@pytest.mark.parametrize("cpu", [("generic", ""), ("haswell", "+avx,+avx2,+fma")])
def test_the_readable_kernel_is_met_with_the_vectors_of_other_processors(cpu: tuple[str, str], tmp_path: Path) -> None:
    code = """
        import numpy as np
        from seqrl import kernels
        from seqrl.certify.kernel_cases import KERNELS, TOLERANCE, differences
        compiled = kernels.load("compiled")["learn_windows"]
        for case in KERNELS["learn_windows"]:
            for dtype in TOLERANCE:
                for large in (False, True):
                    for d in differences("learn_windows", case(np.random.default_rng(0), dtype, large), compiled):
                        assert d.error <= TOLERANCE[dtype], d
        print("met")
    """
    set_for = {"NUMBA_CPU_NAME": cpu[0], "NUMBA_CPU_FEATURES": cpu[1], "NUMBA_CACHE_DIR": str(tmp_path)}
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | set_for, capture_output=True, text=True
    )
    assert (process.stdout, process.stderr) == ("met\n", "")
