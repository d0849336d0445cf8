"""What compiled kernels share: the matrix product, threads, activations of a row.

Inner loops run over one row and few arrays: LLVM can't prove that many arrays don't overlap, and would not vectorise.
They index from 0, because an index that might be negative costs a test each, and the vectors.

Numba's cache does not notice a change in a function from another file: after a change here, remove
`__pycache__`, as `make clean` does.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numba.np import arrayobj

from seqrl.kernels import threads
from seqrl.kernels.blas import blas

if blas is None:
    raise ImportError("NumPy's BLAS can't be called from compiled kernels on this machine")


R = TypeVar("R")

jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


jit_sums = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})


def _external_gemm(name: str, address: int, real: types.Type) -> types.ExternalFunction:
    llvmlite.binding.add_symbol(name, address)
    # Integers are passed as 64 bits to 32-bit builds too: the calling conventions ignore the upper half.
    flag, size, pointer = types.int32, types.int64, types.intp
    signature = types.void(flag, flag, flag, size, size, size, real, pointer, size, pointer, size, real, pointer, size)
    return types.ExternalFunction(name, signature)


_sgemm = _external_gemm("seqrl_sgemm", blas.sgemm, types.float32)


_dgemm = _external_gemm("seqrl_dgemm", blas.dgemm, types.float64)


_ROW_MAJOR, _PLAIN, _TRANSPOSED = 101, 111, 112


@jit
def gemm(transpose_a, transpose_b, m, n, k, alpha, a_at, lda, b_at, ldb, beta, c_at, ldc, itemsize):
    """c = alpha op(a) op(b) + beta c, row-major; op(a) (m, k), op(b) (k, n), c (m, n), each with its row length."""
    ta = _TRANSPOSED if transpose_a else _PLAIN
    tb = _TRANSPOSED if transpose_b else _PLAIN
    if itemsize == 4:
        _sgemm(_ROW_MAJOR, ta, tb, m, n, k, alpha, a_at, lda, b_at, ldb, beta, c_at, ldc)
    else:
        _dgemm(_ROW_MAJOR, ta, tb, m, n, k, alpha, a_at, lda, b_at, ldb, beta, c_at, ldc)


@jit
def row_length(a):
    """Elements from row to row of a (rows, columns), at least `columns` as BLAS wants it: the stride of a single row
    may be anything, as in x[None]."""
    return max(a.strides[0] // a.itemsize, a.shape[1])


WORTH_SPLITTING = 3e7


def in_parallel(kernel: Callable[..., R], size: int, work: float, *arguments: object) -> list[R]:
    """What kernel(start, stop, *arguments) returns for the parts of range(size), in threads when `work` (in
    floating-point operations) pays for starting them: waking a thread costs about 0.1 ms."""
    parts = min(threads.COUNT, size) if work > WORTH_SPLITTING and not threads.inside() else 1
    if parts <= 1:
        return [kernel(0, size, *arguments)]
    edges = [size * part // parts for part in range(parts + 1)]
    return threads.run([partial(kernel, start, stop, *arguments) for start, stop in pairwise(edges)])


def helpers(work: float) -> int:
    """How many threads `together` calls a kernel on, with the calling one."""
    return threads.COUNT if work > WORTH_SPLITTING and not threads.inside() else 1


def together(kernel: Callable[..., R], work: float, *arguments: object) -> R:
    """kernel(*arguments) on this thread, and where `work` pays for it on the others too as soon as they are awake.

    The kernel shares out what is to be done by counters, so that whoever comes late finds nothing left.
    """
    if helpers(work) == 1:
        return kernel(*arguments)
    return threads.share(partial(kernel, *arguments))


def _counter(codegen: Callable[..., Any]) -> Any:
    """A function of (counters, index), int64 (n,) and an integer, which threads may call at the same time."""

    @intrinsic
    def function(typing_context, counters, index):
        def generate(context, builder, signature, arguments):
            array = arrayobj.make_array(signature.args[0])(context, builder, arguments[0])
            return codegen(builder, builder.gep(array.data, [arguments[1]]))

        return types.int64(counters, types.intp), generate

    return function


_ONE = ir.IntType(64)(1)
count_up = _counter(lambda builder, at: builder.atomic_rmw("add", at, _ONE, "seq_cst"))  # returns what it was
read_count = _counter(lambda builder, at: builder.load_atomic(at, "seq_cst", 8))


def tanh(x):
    """tanh; in float32 a rational approximation that vectorises, absolute error below 3e-7.

    Its coefficients are those of Eigen's `generic_fast_tanh_float` (degrees 13 and 6, clamped at 7.905).
    """


@overload(tanh, inline="always")
def _tanh_for(x):
    if x != types.float32:
        return lambda x: math.tanh(x)

    def rational(x):
        x = np.float32(7.90531110763549805) if x > np.float32(7.90531110763549805) else x
        x = np.float32(-7.90531110763549805) if x < np.float32(-7.90531110763549805) else x
        s = x * x
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        return x * p / q

    return rational


def half(x):
    """One half in the type of x, so that float32 arithmetic stays float32."""


@overload(half, inline="always")
def _half_for(x):
    if x == types.float32:
        return lambda x: np.float32(0.5)
    return lambda x: 0.5


@jit
def tanh_row(x):
    for j in range(x.size):
        x[j] = tanh(x[j])


@jit
def sigmoid_row(x):
    for j in range(x.size):
        h = half(x[j])
        x[j] = h * tanh(h * x[j]) + h
