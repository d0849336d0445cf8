"""c += a b for a few rows of a and the same b again and again, as in the steps of a recurrent layer.

A BLAS brings b into the order of its inner loop at every call, which for few rows takes as long as the product. Here
`pack` does it once: b in panels of PANEL vectors' width, each row of a panel contiguous. The inner loop keeps a tile
of c, ROWS rows by PANEL vectors, in registers (Goto and van de Geijn 2008); it is written in LLVM's vector types,
because no compiler finds it in a plain loop.

Numba's cache does not notice a change here in the kernels that use it: remove `__pycache__`, as `make clean` does.
"""

from typing import Any, NamedTuple

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from seqrl.kernels.compiled.support import gemm, jit, row_length
from seqrl.parameter import Array


class Registers(NamedTuple):
    """How a tile of c lies in a processor's vector registers."""

    bytes: int  # of a vector
    rows: int
    panel: int  # vectors


def _registers() -> Registers:
    """Tiles that leave registers for a row of a panel and an element of a, by the features that Numba compiles for.

    They are part of the key of Numba's cache, so that kernels compiled for tiles of another size are never mixed in.
    """
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    if "+avx512f" in features.split(","):
        return Registers(64, 12, 2)  # 32 registers
    if "+avx" in features.split(","):
        return Registers(32, 6, 2)  # 16 registers
    return Registers(16, 6, 2)


VECTOR, ROWS, PANEL = _registers()
AHEAD = 24  # rows of a panel that are fetched before they are needed; 8 % where b is too large for the caches
WORTH_PACKING = 4  # products by the same b
DEPTH = 512  # rows of b at a time, so that a panel's part and the rows of a beside it stay in the first-level cache

_I32, _I64, _BYTES = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()


def _named(module: ir.Module, name: str, result: ir.Type, arguments: list[ir.Type]) -> Any:
    return module.globals.get(name) or ir.Function(module, ir.FunctionType(result, arguments), name)


def _tile_function(module: ir.Module, real: ir.Type, size: int, rows: int, vectors: int) -> Any:
    """A function (depth, a, lda, b, c, ldc, last): c += a b for a tile; `last` is how many lanes of its last
    vectors are columns of c. Pointers are integers, row lengths count elements."""
    lanes = VECTOR // size
    name = f"seqrl_tile_{real}_{rows}_{vectors}"
    if name in module.globals:
        return module.globals[name]
    vector, pointer = ir.VectorType(real, lanes), real.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * 7), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    depth, a_at, lda, b_at, c_at, ldc, last = function.args
    entry, loop, end = (function.append_basic_block(block) for block in ("entry", "loop", "end"))
    zero = ir.Constant(vector, [ir.Constant(real, 0.0)] * lanes)
    first_lane = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)

    def splat(at: ir.IRBuilder, value: Any) -> Any:
        undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
        return at.shuffle_vector(at.insert_element(undefined, value, _I32(0)), undefined, first_lane)

    def vector_at(at: ir.IRBuilder, base: Any, element: Any) -> Any:
        return at.bitcast(at.gep(base, [element]), vector.as_pointer())

    at = ir.IRBuilder(entry)
    a, b, c = (at.inttoptr(address, pointer) for address in (a_at, b_at, c_at))
    a_rows = [at.gep(a, [at.mul(lda, _I64(r))]) for r in range(rows)]
    at.branch(loop)

    at.position_at_end(loop)
    k = at.phi(_I64)
    sums = [[at.phi(vector) for _ in range(vectors)] for _ in range(rows)]
    b_row = at.mul(k, _I64(vectors * lanes))
    prefetch = _named(module, "llvm.prefetch.p0", ir.VoidType(), [_BYTES, _I32, _I32, _I32])
    for v in range(vectors):
        place = at.gep(b, [at.add(b_row, _I64((v + AHEAD * vectors) * lanes))])
        at.call(prefetch, [at.bitcast(place, _BYTES), _I32(0), _I32(3), _I32(1)])
    b_vectors = [at.load(vector_at(at, b, at.add(b_row, _I64(v * lanes))), align=size) for v in range(vectors)]
    totals = []
    for r in range(rows):
        factor = splat(at, at.load(at.gep(a_rows[r], [k])))
        products = [at.fmul(factor, b_vector, flags=("contract",)) for b_vector in b_vectors]
        totals.append(
            [at.fadd(sum_, product, flags=("contract",)) for sum_, product in zip(sums[r], products, strict=True)]
        )
    following = at.add(k, _I64(1))
    k.add_incoming(_I64(0), entry)
    k.add_incoming(following, loop)
    for r in range(rows):
        for v in range(vectors):
            sums[r][v].add_incoming(zero, entry)
            sums[r][v].add_incoming(totals[r][v], loop)
    at.cbranch(at.icmp_signed("<", following, depth), loop, end)

    at.position_at_end(end)
    lane_numbers = ir.Constant(ir.VectorType(_I64, lanes), list(range(lanes)))
    mask = at.icmp_signed("<", lane_numbers, splat(at, last))
    suffix = f"v{lanes}f{8 * size}.p0"
    taken = [vector.as_pointer(), _I32, mask.type]
    load = _named(module, f"llvm.masked.load.{suffix}", vector, [*taken, vector])
    store = _named(module, f"llvm.masked.store.{suffix}", ir.VoidType(), [vector, *taken])
    for r in range(rows):
        c_row = at.gep(c, [at.mul(ldc, _I64(r))])
        for v in range(vectors):
            place = vector_at(at, c_row, _I64(v * lanes))
            if v < vectors - 1:
                at.store(at.fadd(at.load(place, align=size), totals[r][v]), place, align=size)
            else:
                before = at.call(load, [place, _I32(size), mask, zero])
                at.call(store, [at.fadd(before, totals[r][v]), place, _I32(size), mask])
    at.ret_void()
    return function


@intrinsic
def _multiply_tile(typing_context, like, rows, vectors, depth, a_at, lda, b_at, c_at, ldc, last):
    """c += a b for `rows` rows and `vectors` vectors of columns of numbers of the type of `like`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        real, size = context.get_value_type(signature.args[0]), signature.args[0].bitwidth // 8
        _, rows, vectors, *rest = arguments
        done, case = builder.append_basic_block("done"), builder.add(builder.mul(vectors, _I64(ROWS + 1)), rows)
        switch = builder.switch(case, done)
        for v in range(1, PANEL + 1):
            for r in range(1, ROWS + 1):
                block = builder.append_basic_block()
                switch.add_case(_I64(v * (ROWS + 1) + r), block)
                with builder.goto_block(block):
                    builder.call(_tile_function(builder.module, real, size, r, v), rest)
                    builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 9), generate


@jit
def _pack(b, transposed, packed):
    """Panels one after the other, of b or of its transpose; columns beyond the last are zeros."""
    lanes = VECTOR // b.itemsize
    K, N = b.shape[::-1] if transposed else b.shape
    at = 0
    for start in range(0, N, PANEL * lanes):
        width = min(PANEL, (N - start + lanes - 1) // lanes) * lanes
        real = min(width, N - start)
        panel = packed[at : at + K * width].reshape(K, width)
        if transposed:
            for first in range(0, K, 16):  # a block of both arrays at a time, which stays in the cache
                for j in range(real):
                    for k in range(first, min(first + 16, K)):
                        panel[k, j] = b[start + j, k]
            panel[:, real:] = 0
        else:
            for k in range(K):
                row, columns = panel[k], b[k, start : start + real]
                for j in range(real):
                    row[j] = columns[j]
                row[real:] = 0
        at += K * width


def pack(b: Array, transposed: bool) -> Array:
    """b (K, N), or of an array (N, K) its transpose, for `multiply_add`."""
    K, N = b.shape[::-1] if transposed else b.shape
    lanes = VECTOR // b.itemsize
    packed = np.empty(K * -(-N // lanes) * lanes, b.dtype)
    _pack(b, transposed, packed)
    return packed


@jit
def _multiply_packed(like, size, M, N, K, a_at, lda, packed_at, c_at, ldc):
    lanes = VECTOR // size
    tiles = (M + ROWS - 1) // ROWS
    for start in range(0, N, PANEL * lanes):
        vectors = min(PANEL, (N - start + lanes - 1) // lanes)
        last = min(lanes, N - start - (vectors - 1) * lanes)
        for first in range(0, K, DEPTH):
            depth = min(DEPTH, K - first)
            for tile in range(tiles):
                top, bottom = M * tile // tiles, M * (tile + 1) // tiles
                a_tile, c_tile = a_at + (top * lda + first) * size, c_at + (top * ldc + start) * size
                _multiply_tile(like, bottom - top, vectors, depth, a_tile, lda, packed_at, c_tile, ldc, last)
            packed_at += depth * vectors * lanes * size


# Called by address, like a BLAS: compiled into every kernel that multiplies it would take seconds each.
_SIGNATURE = types.void(*[types.int64] * 8)


@numba.cfunc(_SIGNATURE, cache=True)
def _multiply_packed_float32(M, N, K, a_at, lda, packed_at, c_at, ldc):
    _multiply_packed(np.float32(0), 4, M, N, K, a_at, lda, packed_at, c_at, ldc)


@numba.cfunc(_SIGNATURE, cache=True)
def _multiply_packed_float64(M, N, K, a_at, lda, packed_at, c_at, ldc):
    _multiply_packed(np.float64(0), 8, M, N, K, a_at, lda, packed_at, c_at, ldc)


llvmlite.binding.add_symbol("seqrl_multiply_float32", _multiply_packed_float32.address)
llvmlite.binding.add_symbol("seqrl_multiply_float64", _multiply_packed_float64.address)
_float32 = types.ExternalFunction("seqrl_multiply_float32", _SIGNATURE)
_float64 = types.ExternalFunction("seqrl_multiply_float64", _SIGNATURE)


@jit
def multiply_add(a, b, transposed, packed, c):
    """c += a b, or a b^T when `transposed`; `packed` is what `pack` made of it, or empty; rows are contiguous."""
    (M, K), N, size = a.shape, c.shape[1], a.itemsize
    a_at, c_at = a.ctypes.data, c.ctypes.data
    lda, ldc = row_length(a), row_length(c)
    if packed.size == 0:
        gemm(False, transposed, M, N, K, 1.0, a_at, lda, b.ctypes.data, row_length(b), 1.0, c_at, ldc, size)
    elif size == 4:
        _float32(M, N, K, a_at, lda, packed.ctypes.data, c_at, ldc)
    else:
        _float64(M, N, K, a_at, lda, packed.ctypes.data, c_at, ldc)
