"""The matrix product that NumPy itself was linked with, callable from compiled kernels, and its thread count.

A recurrent kernel needs one small product per time step. Calling NumPy's BLAS through its C interface keeps
one BLAS in the process and costs no Python between the steps.
"""

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

# (symbol, bits of an integer argument): the names under which NumPy's builds carry CBLAS.
_SYMBOLS = [
    ("scipy_cblas_{}gemm64_", 64),
    ("scipy_cblas_{}gemm", 32),
    ("cblas_{}gemm64_", 64),
    ("cblas_{}gemm", 32),
]
_THREAD_SYMBOLS = [
    "scipy_openblas_{}_num_threads64_",
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
]


@dataclass(frozen=True)
class Blas:
    sgemm: int  # address
    dgemm: int  # address
    integer_bits: int
    get_threads: Any
    set_threads: Any


def find() -> Blas | None:
    """NumPy's BLAS, or None where its symbols or its thread control can't be found."""
    import numpy._core._multiarray_umath as extension

    library = ctypes.CDLL(extension.__file__)  # looks up symbols in everything that it is linked with
    threads = next((s for s in _THREAD_SYMBOLS if hasattr(library, s.format("set"))), None)
    for symbol, bits in _SYMBOLS:
        if threads and hasattr(library, symbol.format("s")):
            sgemm, dgemm = (getattr(library, symbol.format(kind)) for kind in "sd")
            return Blas(
                ctypes.cast(sgemm, ctypes.c_void_p).value or 0,
                ctypes.cast(dgemm, ctypes.c_void_p).value or 0,
                bits,
                getattr(library, threads.format("get")),
                getattr(library, threads.format("set")),
            )
    return None


np.dot(np.ones(2), np.ones(2))  # NumPy loads its BLAS before anything asks for it
blas = find()
_lock = threading.Lock()
_users = 0
_threads_before = 1


def _leave_all() -> None:
    """In a forked child the other threads are gone; one may have been inside, or have held the lock."""
    global _lock, _users
    _lock = threading.Lock()
    if _users and blas is not None:
        blas.set_threads(_threads_before)
    _users = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """BLAS calls inside run on the calling thread, where that can be had.

    The first to enter sets it, the last to leave restores what was.
    """
    global _users, _threads_before
    if blas is None:
        yield
        return
    with _lock:
        _users += 1
        if _users == 1:
            _threads_before = blas.get_threads()
            blas.set_threads(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                blas.set_threads(_threads_before)
