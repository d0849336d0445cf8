"""Matrix products that a BLAS is slow at: the same b again and again, and small ones.

A BLAS brings b into the order of its inner loop at every call, which for few rows takes as long as the product. In the
steps of a recurrent layer b stays the same, so `pack` does it once: b in panels of PANEL vectors' width, each row of a
panel contiguous, for `multiply_add`. The matrices of a small network stay in the caches in whatever order they are, so
`multiply` takes them as they lie.

The inner loop keeps a tile of c, ROWS rows by PANEL vectors, in registers (Goto and van de Geijn 2008); it is written
in LLVM's vector types, because no compiler finds it in a plain loop.

Numba's cache does not notice a change here in the kernels that use it: remove `__pycache__`, as `make clean` does.
"""

import functools
from collections.abc import Callable
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
PANELS = 8, 4, 3, PANEL  # vectors of a tile of 1, 2, 3 or more rows: fewer sums than 8 would wait for each other
AHEAD = 24  # rows of a panel that are fetched before they are needed; 8 % where b is too large for the caches
WORTH_PACKING = 4  # products by the same b
DEPTH = 512  # rows of b at a time, so that a panel's part and the rows of a beside it stay in the first-level cache

TILE_ARGUMENTS = 14
PLAIN, RECTIFIED, RELU_SLOPE, TANH_SLOPE = range(4)  # endings of a tile: x, max(x, 0), x or 0, x (1 - f^2)

_I32, _I64, _BYTES = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()


def _named(module: ir.Module, name: str, result: ir.Type, arguments: list[ir.Type]) -> Any:
    return module.globals.get(name) or ir.Function(module, ir.FunctionType(result, arguments), name)


def _tile_function(module: ir.Module, real: ir.Type, size: int, rows: int, vectors: int, packed: bool) -> Any:
    """A function of a tile: c = start + a b, with an ending.

    Its arguments are (depth, a, from row to row of a, from column to column, b, ldb, start, ld of start, c, ldc, last,
    ending, f, ld of f). Pointers are integers, distances count elements; `last` is how many lanes of the last vectors
    are columns of c. Where b is packed its last vectors are whole, and there are no endings.
    """
    lanes = VECTOR // size
    name = f"seqrl_tile_{real}_{rows}_{vectors}{'_packed' * packed}"
    if name in module.globals:
        return module.globals[name]
    vector, pointer = ir.VectorType(real, lanes), real.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * TILE_ARGUMENTS), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    depth, a_at, a_row, a_column, b_at, ldb, start_at, ld_start, c_at, ldc, last, ending, f_at, ld_f = function.args
    entry, loop, end = (function.append_basic_block(block) for block in ("entry", "loop", "end"))
    zero = ir.Constant(vector, [ir.Constant(real, 0.0)] * lanes)
    first_lane = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
    lane_numbers = ir.Constant(ir.VectorType(_I64, lanes), list(range(lanes)))

    def splat(at: ir.IRBuilder, value: Any) -> Any:
        undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
        return at.shuffle_vector(at.insert_element(undefined, value, _I32(0)), undefined, first_lane)

    at = ir.IRBuilder(entry)
    mask = at.icmp_signed("<", lane_numbers, splat(at, last))
    suffix = f"v{lanes}f{8 * size}.p0"
    taken = [vector.as_pointer(), _I32, mask.type]
    masked_load = _named(module, f"llvm.masked.load.{suffix}", vector, [*taken, vector])
    masked_store = _named(module, f"llvm.masked.store.{suffix}", ir.VoidType(), [vector, *taken])

    def place(at: ir.IRBuilder, base: Any, element: Any) -> Any:
        return at.bitcast(at.gep(base, [element]), vector.as_pointer())

    def load(at: ir.IRBuilder, base: Any, v: int, whole: bool) -> Any:
        where = place(at, base, _I64(v * lanes))
        if whole or v < vectors - 1:
            return at.load(where, align=size)
        return at.call(masked_load, [where, _I32(size), mask, zero])

    a, b, start, c = (at.inttoptr(address, pointer) for address in (a_at, b_at, start_at, c_at))
    a_rows = [at.gep(a, [at.mul(a_row, _I64(r))]) for r in range(rows)]
    start_rows = [at.gep(start, [at.mul(ld_start, _I64(r))]) for r in range(rows)]
    starts = [[load(at, start_row, v, False) for v in range(vectors)] for start_row in start_rows]
    at.branch(loop)

    at.position_at_end(loop)
    k = at.phi(_I64)
    sums = [[at.phi(vector) for _ in range(vectors)] for _ in range(rows)]
    b_row = at.gep(b, [at.mul(k, ldb)])
    if packed:
        prefetch = _named(module, "llvm.prefetch.p0", ir.VoidType(), [_BYTES, _I32, _I32, _I32])
        for v in range(vectors):
            ahead = at.gep(b_row, [_I64((v + AHEAD * vectors) * lanes)])
            at.call(prefetch, [at.bitcast(ahead, _BYTES), _I32(0), _I32(3), _I32(1)])
    b_vectors = [load(at, b_row, v, packed) for v in range(vectors)]
    column = at.mul(k, a_column)
    totals = []
    for r in range(rows):
        factor = splat(at, at.load(at.gep(a_rows[r], [column])))
        products = [at.fmul(factor, b_vector, flags=("contract",)) for b_vector in b_vectors]
        totals.append(
            [at.fadd(sum_, product, flags=("contract",)) for sum_, product in zip(sums[r], products, strict=True)]
        )
    following = at.add(k, _I64(1))
    k.add_incoming(_I64(0), entry)
    k.add_incoming(following, loop)
    for r in range(rows):
        for v in range(vectors):
            sums[r][v].add_incoming(starts[r][v], entry)
            sums[r][v].add_incoming(totals[r][v], loop)
    at.cbranch(at.icmp_signed("<", following, depth), loop, end)

    one = ir.Constant(vector, [real(1.0)] * lanes)

    def store(at: ir.IRBuilder, finish: Callable[..., Any] | None) -> None:
        f = at.inttoptr(f_at, pointer)
        for r in range(rows):
            c_row, f_row = at.gep(c, [at.mul(ldc, _I64(r))]), at.gep(f, [at.mul(ld_f, _I64(r))])
            for v in range(vectors):
                total, where = totals[r][v], place(at, c_row, _I64(v * lanes))
                if finish is not None:
                    total = finish(total, f_row, v)
                if v < vectors - 1:
                    at.store(total, where, align=size)
                else:
                    at.call(masked_store, [total, where, _I32(size), mask])
        at.ret_void()

    at.position_at_end(end)
    if packed:
        store(at, None)
        return function
    plain = function.append_basic_block()
    switch = at.switch(ending, plain)
    store(ir.IRBuilder(plain), None)

    def case(number: int, finish: Callable[..., Any]) -> None:
        block = function.append_basic_block()
        switch.add_case(_I64(number), block)
        at = ir.IRBuilder(block)
        store(at, functools.partial(finish, at))

    def rectify(at: ir.IRBuilder, total: Any, f_row: Any, v: int) -> Any:
        return at.select(at.fcmp_ordered("<", total, zero), zero, total)  # a NaN stays

    def relu_slope(at: ir.IRBuilder, total: Any, f_row: Any, v: int) -> Any:
        return at.select(at.fcmp_ordered(">", load(at, f_row, v, False), zero), total, zero)

    def tanh_slope(at: ir.IRBuilder, total: Any, f_row: Any, v: int) -> Any:
        f = load(at, f_row, v, False)
        return at.fmul(total, at.fsub(one, at.fmul(f, f, flags=("contract",)), flags=("contract",)))

    for number, finish in (RECTIFIED, rectify), (RELU_SLOPE, relu_slope), (TANH_SLOPE, tanh_slope):
        case(number, finish)
    return function


def _tiles(packed: bool) -> Any:
    """A call of the tile function for `rows` rows and `vectors` vectors of columns of numbers of the type of `like`."""
    widest = {row: PANEL if packed else PANELS[min(row, len(PANELS)) - 1] for row in range(1, ROWS + 1)}
    cases = [(rows, vectors) for rows in widest for vectors in range(1, widest[rows] + 1)]

    @intrinsic
    def multiply_tile(
        typing_context,
        like,
        rows,
        vectors,
        depth,
        a_at,
        a_row,
        a_column,
        b_at,
        ldb,
        start_at,
        ld_start,
        c_at,
        ldc,
        last,
        ending,
        f_at,
        ld_f,
    ):
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            real, size = context.get_value_type(signature.args[0]), signature.args[0].bitwidth // 8
            _, rows, vectors, *rest = arguments
            done, case = builder.append_basic_block("done"), builder.add(builder.mul(vectors, _I64(ROWS + 1)), rows)
            switch = builder.switch(case, done)
            for r, v in cases:
                block = builder.append_basic_block()
                switch.add_case(_I64(v * (ROWS + 1) + r), block)
                with builder.goto_block(block):
                    builder.call(_tile_function(builder.module, real, size, r, v, packed), rest)
                    builder.branch(done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(like, *[types.int64] * (2 + TILE_ARGUMENTS)), generate

    return multiply_tile


_multiply_packed_tile, _multiply_tile = _tiles(packed=True), _tiles(packed=False)


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
        width, last = vectors * lanes, min(lanes, N - start - (vectors - 1) * lanes)
        for first in range(0, K, DEPTH):
            depth = min(DEPTH, K - first)
            for tile in range(tiles):
                top, bottom = M * tile // tiles, M * (tile + 1) // tiles
                rows, a_tile, c_tile = (
                    bottom - top,
                    a_at + (top * lda + first) * size,
                    c_at + (top * ldc + start) * size,
                )
                _multiply_packed_tile(
                    like,
                    rows,
                    vectors,
                    depth,
                    a_tile,
                    lda,
                    1,
                    packed_at,
                    width,
                    c_tile,
                    ldc,
                    c_tile,
                    ldc,
                    last,
                    PLAIN,
                    0,
                    0,
                )
            packed_at += depth * width * size


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


# ---- small products ------------------------------------------------------------------------------------------


@jit
def _multiply(like, size, M, N, K, a, a_row, a_column, b, ldb, start, ld_start, c, ldc, ending, f, ld_f):
    lanes, panel = VECTOR // size, PANELS[min(M, len(PANELS)) - 1]
    tiles = (M + ROWS - 1) // ROWS
    for left in range(0, N, panel * lanes):
        vectors = min(panel, (N - left + lanes - 1) // lanes)
        last = min(lanes, N - left - (vectors - 1) * lanes)
        for tile in range(tiles):
            top, bottom = M * tile // tiles, M * (tile + 1) // tiles
            rows, a_tile, b_panel = bottom - top, a + top * a_row * size, b + left * size
            start_tile, c_tile = start + (top * ld_start + left) * size, c + (top * ldc + left) * size
            f_tile = f + (top * ld_f + left) * size
            _multiply_tile(
                *(like, rows, vectors, K, a_tile, a_row, a_column, b_panel, ldb, start_tile, ld_start, c_tile, ldc),
                *(last, ending, f_tile, ld_f),
            )


_MULTIPLY = types.void(*[types.int64] * 15)


def _multiply_float32(M, N, K, a, a_row, a_column, b, ldb, start, ld_start, c, ldc, ending, f, ld_f):
    like = np.float32(0)
    _multiply(like, 4, M, N, K, a, a_row, a_column, b, ldb, start, ld_start, c, ldc, ending, f, ld_f)


def _multiply_float64(M, N, K, a, a_row, a_column, b, ldb, start, ld_start, c, ldc, ending, f, ld_f):
    like = np.float64(0)
    _multiply(like, 8, M, N, K, a, a_row, a_column, b, ldb, start, ld_start, c, ldc, ending, f, ld_f)


@functools.cache
def multiplier(size: int) -> int:
    """The address of what `multiply` calls for numbers of so many bytes, which is compiled when it is first wanted."""
    compiled = numba.cfunc(_MULTIPLY, cache=True)(_multiply_float32 if size == 4 else _multiply_float64)
    _kept.append(compiled)
    address: int = compiled.address
    return address


_kept: list[Any] = []  # that whose addresses were given away


@intrinsic
def multiply(typing_context, multiplier, M, N, K, a, a_row, a_column, b, ldb, start, ld_start, c, ldc, ending, f, ld_f):
    """c = start + a b for a (M, K), b (K, N), with an ending, for which f (M, N) is; M, N and K are at least 1.

    Matrices are given by their addresses and distances in elements: from row to row, and for a from column to column,
    so that it may be transposed. With ld_start 0 one row is added to all; start may be c. An element's sum is of the
    same bits whatever M is and N.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        address, *rest = arguments
        kind = ir.FunctionType(ir.VoidType(), [_I64] * len(rest)).as_pointer()
        builder.call(builder.inttoptr(address, kind), rest)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 16), generate


# ---- products of few columns ---------------------------------------------------------------------------------


def _dot_function(module: ir.Module, real: ir.Type, size: int) -> Any:
    """A function (n, a, b): the dot product of n numbers each at these addresses."""
    lanes = VECTOR // size
    name = f"seqrl_dot_{real}"
    if name in module.globals:
        return module.globals[name]
    vector, pointer = ir.VectorType(real, lanes), real.as_pointer()
    function = ir.Function(module, ir.FunctionType(real, [_I64] * 3), name)
    function.linkage = "internal"
    n, a_at, b_at = function.args
    entry, loop, end = (function.append_basic_block(block) for block in ("entry", "loop", "end"))
    zero = ir.Constant(vector, [ir.Constant(real, 0.0)] * lanes)
    at = ir.IRBuilder(entry)
    a, b = (at.inttoptr(address, pointer) for address in (a_at, b_at))
    whole = at.and_(n, _I64(-lanes))
    at.cbranch(at.icmp_signed(">", whole, _I64(0)), loop, end)

    def place(at: ir.IRBuilder, base: Any, k: Any) -> Any:
        return at.bitcast(at.gep(base, [k]), vector.as_pointer())

    at.position_at_end(loop)
    k, sums = at.phi(_I64), at.phi(vector)
    pair = [at.load(place(at, x, k), align=size) for x in (a, b)]
    total = at.fadd(sums, at.fmul(*pair, flags=("contract",)), flags=("contract",))
    following = at.add(k, _I64(lanes))
    k.add_incoming(_I64(0), entry)
    k.add_incoming(following, loop)
    sums.add_incoming(zero, entry)
    sums.add_incoming(total, loop)
    at.cbranch(at.icmp_signed("<", following, whole), loop, end)

    at.position_at_end(end)
    so_far = at.phi(vector)
    so_far.add_incoming(zero, entry)
    so_far.add_incoming(total, loop)
    left = at.insert_element(ir.Constant(ir.VectorType(_I64, lanes), ir.Undefined), at.sub(n, whole), _I32(0))
    first_lane = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
    lane_numbers = ir.Constant(ir.VectorType(_I64, lanes), list(range(lanes)))
    mask = at.icmp_signed("<", lane_numbers, at.shuffle_vector(left, left, first_lane))
    load_type = [vector.as_pointer(), _I32, mask.type, vector]
    load = _named(module, f"llvm.masked.load.v{lanes}f{8 * size}.p0", vector, load_type)
    pair = [at.call(load, [place(at, x, whole), _I32(size), mask, zero]) for x in (a, b)]
    sum_ = at.fadd(so_far, at.fmul(*pair, flags=("contract",)), flags=("contract",))
    reduce = _named(module, f"llvm.vector.reduce.fadd.v{lanes}f{8 * size}", real, [real, vector])
    at.ret(at.call(reduce, [ir.Constant(real, -0.0), sum_], fastmath=("reassoc",)))
    return function


@intrinsic
def _dot(typing_context, like, n, a, b):
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        real, size = context.get_value_type(signature.args[0]), signature.args[0].bitwidth // 8
        return builder.call(_dot_function(builder.module, real, size), arguments[1:])

    return like(like, types.int64, types.int64, types.int64), generate


@jit
def is_narrow(columns, size):
    """Whether a product of so many columns is rather made of dot products: a tile is a vector wide at least."""
    return 5 * columns * size <= VECTOR


@jit
def multiply_narrow(K, a_at, lda, b, start, turned, c):
    """c = start + a b for a (len(c), K) with contiguous rows, b (K, columns of c) flat, start (columns of c,).

    turned: room for b.
    """
    size, columns = c.itemsize, c.shape[1]
    for k in range(K):
        for column in range(columns):
            turned[column * K + k] = b[k * columns + column]
    for row in range(c.shape[0]):
        for column in range(columns):
            product = _dot(start[column], K, a_at + row * lda * size, turned.ctypes.data + column * K * size)
            c[row, column] = start[column] + product
