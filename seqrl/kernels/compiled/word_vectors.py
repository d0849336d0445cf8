"""Compiled: word vectors by prediction. The readable form, with the equations, is reference/word_vectors.py.

A window is three products of matrices of some six rows each, which lie scattered over two tables: scores = h u^T,
dh = g u and du = g^T h. They are built from two functions, written in LLVM's vector types because no compiler finds
them in plain loops: `_dot_rows` (one row with up to BLOCK others) and `_combine_rows` (a row as a sum of others with
factors). Rows are given by their addresses.

Numba's cache does not notice a change in compiled/support.py: remove `__pycache__`, as `make clean` does.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from seqrl.kernels.compiled.products import VECTOR
from seqrl.kernels.compiled.support import half, jit, tanh
from seqrl.kernels.reference.word_vectors import DRAWS

BLOCK = 8  # rows whose products with one row are summed up side by side, at most; and vectors of a row side by side
AHEAD = 2  # places whose targets are fetched before they are needed
LINE = 64  # bytes of a cache's line

_I32, _I64, _BYTES = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()


def _block(size: int) -> int:
    return min(BLOCK, VECTOR // size)


def _shuffled(at: ir.IRBuilder, a: Any, b: Any, lanes: list[int]) -> Any:
    return at.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _sums(at: ir.IRBuilder, vectors: list[Any], lanes: int) -> Any:
    """One vector with the sum of each of `vectors`, by halves: as many lanes as vectors, a power of two."""
    length = lanes  # of what is left of each vector
    while len(vectors) > 1 or length > 1:
        if len(vectors) > 1:
            pairs, width = list(zip(vectors[::2], vectors[1::2], strict=True)), lanes
        else:
            pairs, width = [(vectors[0], vectors[0])], vectors[0].type.count
        parts = range(0, width, length)
        low = [p + k for p in parts for k in range(length // 2)]
        high = [k + length // 2 for k in low]
        if len(vectors) > 1:
            low, high = low + [width + k for k in low], high + [width + k for k in high]
        vectors = [at.fadd(_shuffled(at, a, b, low), _shuffled(at, a, b, high)) for a, b in pairs]
        length //= 2
    return vectors[0]


def _dots_function(module: ir.Module, real: ir.Type, size: int, rows: int) -> Any:
    """A function (vectors, x, rows, out): out[j] = x . row j for `rows` rows, and 0 up to the block's size."""
    name = f"seqrl_dots_{real}_{rows}"
    if name in module.globals:
        return module.globals[name]
    lanes = VECTOR // size
    vector = ir.VectorType(real, lanes)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * 4), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    count, x_at, rows_at, out_at = function.args
    entry, loop, end = (function.append_basic_block(block) for block in ("entry", "loop", "end"))
    zero = ir.Constant(vector, [ir.Constant(real, 0.0)] * lanes)

    at = ir.IRBuilder(entry)
    x, out = (at.inttoptr(address, vector.as_pointer()) for address in (x_at, out_at))
    table = at.inttoptr(rows_at, _I64.as_pointer())
    pointers = [at.inttoptr(at.load(at.gep(table, [_I64(j)])), vector.as_pointer()) for j in range(rows)]
    at.branch(loop)

    at.position_at_end(loop)
    k = at.phi(_I64)
    sums = [at.phi(vector) for _ in range(rows)]
    x_vector = at.load(at.gep(x, [k]), align=size)
    totals = []
    for pointer, sum_ in zip(pointers, sums, strict=True):
        product = at.fmul(x_vector, at.load(at.gep(pointer, [k]), align=size), flags=("contract",))
        totals.append(at.fadd(sum_, product, flags=("contract",)))
    following = at.add(k, _I64(1))
    k.add_incoming(_I64(0), entry)
    k.add_incoming(following, loop)
    for sum_, total in zip(sums, totals, strict=True):
        sum_.add_incoming(zero, entry)
        sum_.add_incoming(total, loop)
    at.cbranch(at.icmp_signed("<", following, count), loop, end)

    at.position_at_end(end)
    summed = _sums(at, totals + [zero] * (_block(size) - rows), lanes)
    at.store(summed, at.bitcast(out, summed.type.as_pointer()), align=size)
    at.ret_void()
    return function


def _combine_function(module: ir.Module, real: ir.Type, size: int, vectors: int) -> Any:
    """A function (count, factors, stride, rows, offset, adding, out): `vectors` vectors of
    out = sum_j factors[j * stride] * row j, or out + ... when `adding`; `offset` bytes into each row."""
    name = f"seqrl_combine_{real}_{vectors}"
    if name in module.globals:
        return module.globals[name]
    lanes = VECTOR // size
    vector = ir.VectorType(real, lanes)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * 7), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    count, factors_at, stride, rows_at, offset, adding, out_at = function.args
    entry, old, loop, end = (function.append_basic_block(block) for block in ("entry", "old", "loop", "end"))
    zero = ir.Constant(vector, [ir.Constant(real, 0.0)] * lanes)

    at = ir.IRBuilder(entry)
    out = at.inttoptr(out_at, vector.as_pointer())
    factors, table = at.inttoptr(factors_at, real.as_pointer()), at.inttoptr(rows_at, _I64.as_pointer())
    at.cbranch(at.icmp_signed("!=", adding, _I64(0)), old, loop)
    at.position_at_end(old)
    before = [at.load(at.gep(out, [_I64(v)]), align=size) for v in range(vectors)]
    at.branch(loop)

    at.position_at_end(loop)
    j = at.phi(_I64)
    sums = [at.phi(vector) for _ in range(vectors)]
    factor = at.load(at.gep(factors, [at.mul(j, stride)]))
    undefined = ir.Constant(vector, ir.Undefined)
    factor = _shuffled(at, at.insert_element(undefined, factor, _I32(0)), undefined, [0] * lanes)
    row = at.inttoptr(at.add(at.load(at.gep(table, [j])), offset), vector.as_pointer())
    totals = []
    for v, sum_ in enumerate(sums):
        product = at.fmul(factor, at.load(at.gep(row, [_I64(v)]), align=size), flags=("contract",))
        totals.append(at.fadd(sum_, product, flags=("contract",)))
    following = at.add(j, _I64(1))
    j.add_incoming(_I64(0), entry)
    j.add_incoming(_I64(0), old)
    j.add_incoming(following, loop)
    for sum_, was, total in zip(sums, before, totals, strict=True):
        sum_.add_incoming(zero, entry)
        sum_.add_incoming(was, old)
        sum_.add_incoming(total, loop)
    at.cbranch(at.icmp_signed("<", following, count), loop, end)

    at.position_at_end(end)
    for v, total in enumerate(totals):
        at.store(total, at.gep(out, [_I64(v)]), align=size)
    at.ret_void()
    return function


def _switched(make: Any, cases: int, builder: ir.IRBuilder, case: Any, arguments: list[Any]) -> None:
    """Call the one of `cases` functions that was made for `case`, from 1 up."""
    done = builder.append_basic_block("done")
    switch = builder.switch(case, done)
    for n in range(1, cases + 1):
        block = builder.append_basic_block()
        switch.add_case(_I64(n), block)
        with builder.goto_block(block):
            builder.call(make(n), arguments)
            builder.branch(done)
    builder.position_at_end(done)


@intrinsic
def _dot_block(typing_context, like, rows, vectors, x_at, rows_at, out_at):
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        real, size = context.get_value_type(signature.args[0]), signature.args[0].bitwidth // 8
        _, rows, *rest = arguments
        _switched(lambda n: _dots_function(builder.module, real, size, n), _block(size), builder, rows, rest)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 5), generate


@intrinsic
def _combine_block(typing_context, like, vectors, count, factors_at, stride, rows_at, offset, adding, out_at):
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        real, size = context.get_value_type(signature.args[0]), signature.args[0].bitwidth // 8
        _, vectors, *rest = arguments
        _switched(lambda n: _combine_function(builder.module, real, size, n), BLOCK, builder, vectors, rest)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 8), generate


@intrinsic
def _fetch(typing_context, address):
    """Bring the cache line at an address near, for writing."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        fetch_type = ir.FunctionType(ir.VoidType(), [_BYTES, _I32, _I32, _I32])
        name = "llvm.prefetch.p0"
        fetch = builder.module.globals.get(name) or ir.Function(builder.module, fetch_type, name)
        builder.call(fetch, [builder.inttoptr(arguments[0], _BYTES), _I32(1), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@jit
def _dot_rows(like, size, block, vectors, x_at, count, rows_at, out_at):
    """out[j] = x . row j for j < count, and what is left of the last block of `out` becomes 0."""
    for start in range(0, count, block):
        rows = min(block, count - start)
        _dot_block(like, rows, vectors, x_at, rows_at + start * 8, out_at + start * size)


@jit
def _combine_rows(like, vectors, count, factors_at, stride, rows_at, adding, out_at):
    """out = sum over j < count of factors[j * stride] * row j, added to what `out` holds when `adding`."""
    for start in range(0, vectors, BLOCK):
        offset = start * VECTOR
        width = min(BLOCK, vectors - start)
        _combine_block(like, width, count, factors_at, stride, rows_at, offset, adding, out_at + offset)


@jit
def _learn(ids, reach, first, last, targets, words, outputs, learning_rate, cbow, scores, changes, mean, places):
    """scores (C, R), changes (C, D) and mean (D,) hold numbers of one window, places (3, C or R) addresses of rows: of
    the window's words, of its targets, and of `changes`."""
    n, D, size = ids.size, words.shape[1], words.itemsize
    like = words[0, 0]
    lanes = VECTOR // size
    block = min(BLOCK, lanes)
    vectors, row = D // lanes, D * size
    width = scores.shape[1]
    words_at, outputs_at, mean_at, changes_at = (
        words.ctypes.data,
        outputs.ctypes.data,
        mean.ctypes.data,
        changes.ctypes.data,
    )
    scores_at, x_at, u_at, dh_at = (
        scores.ctypes.data,
        places[0].ctypes.data,
        places[1].ctypes.data,
        places[2].ctypes.data,
    )
    factor = np.ones(1, words.dtype)
    factor_at = factor.ctypes.data
    total, count, product = 0.0, 0, 1.0
    for i in range(n):
        if i + AHEAD < n and ids[i + AHEAD] >= 0:
            for j in range(first[i + AHEAD], last[i + AHEAD]):
                target = targets[j]
                place = outputs_at + (target if target >= 0 else ~target) * row
                for line in range(0, row, LINE):
                    _fetch(place + line)
        if ids[i] < 0:
            continue
        C = 0
        for k in range(i - 1, max(i - reach[i], 0) - 1, -1):
            if ids[k] < 0:
                break
            places[0, C] = words_at + ids[k] * row
            C += 1
        for k in range(i + 1, min(i + reach[i], n - 1) + 1):
            if ids[k] < 0:
                break
            places[0, C] = words_at + ids[k] * row
            C += 1
        R, start = last[i] - first[i], first[i]
        if C == 0 or R == 0:
            continue
        for j in range(R):
            target = targets[start + j]
            places[1, j] = outputs_at + (target if target >= 0 else ~target) * row
        if cbow:
            factor[0] = 1 / C
            _combine_rows(like, vectors, C, factor_at, 0, x_at, 0, mean_at)
            places[2, 0] = mean_at
            rows, rows_at = 1, dh_at
        else:
            rows, rows_at = C, x_at
        for c in range(rows):
            at, score_at = mean_at if cbow else places[0, c], scores_at + c * width * size
            _dot_rows(like, size, block, vectors, at, R, u_at, score_at)
            for j in range(width):
                scores[c, j] = half(like) * tanh(half(like) * scores[c, j]) + half(like)
            for j in range(R):
                p, label = scores[c, j], targets[start + j] >= 0
                product *= max(p if label else 1 - p, 1e-7)
                if product < 1e-290:
                    total -= math.log(product)
                    product = 1.0
                scores[c, j] = learning_rate * ((1 - p) if label else -p)
            _combine_rows(like, vectors, R, score_at, 1, u_at, 0, changes_at + c * row)
        for j in range(R):
            _combine_rows(like, vectors, rows, scores_at + j * size, width, rows_at, 1, places[1, j])
        factor[0] = 1
        for c in range(C):
            places[2, 0] = changes_at + (0 if cbow else c * row)
            _combine_rows(like, vectors, 1, factor_at, 0, dh_at, 1, places[0, c])
        count += rows * R
    return total - math.log(product), count


def learn_windows(ids, reach, first, last, targets, words, outputs, learning_rate, cbow):
    (_, D), real = words.shape, words.dtype
    if D % 16 or outputs.shape[1] != D or not (words.flags.c_contiguous and outputs.flags.c_contiguous):
        raise ValueError(f"tables of shapes {words.shape} and {outputs.shape}; expected rows of 16, 32, ... numbers")
    block = _block(real.itemsize)
    C = 2 * int(reach.max(initial=1))
    R = -(-int((last - first).max(initial=1)) // block) * block
    # Compiled code only sees the addresses of these: made there, they would be given back too early.
    scores, changes, mean = np.zeros((C, R), real), np.zeros((C, D), real), np.zeros(D, real)
    places = np.zeros((3, max(C, R)), np.int64)
    rate = real.type(learning_rate)
    return _learn(ids, reach, first, last, targets, words, outputs, rate, cbow, scores, changes, mean, places)


@jit
def _draw_targets(ids, draws, chances, others):
    (n, K), V = draws.shape, np.uint64(chances.size)
    targets = np.empty((n, 1 + K), np.int32)
    for i in range(n):
        word = ids[i]
        targets[i, 0] = word
        for k in range(K):
            bits, drawn = draws[i, k], word
            for _ in range(DRAWS):
                place = ((bits >> np.uint64(32)) * V) >> np.uint64(32)
                drawn = np.int32(place) if (bits & np.uint64(0xFFFFFFFF)) < chances[place] else others[place]
                if drawn != word:
                    break
                bits = bits * np.uint64(0x5851F42D4C957F2D) + np.uint64(0x14057B7EF767814F)
            if drawn == word:
                drawn = np.int32((word + 1) % chances.size)
            targets[i, 1 + k] = ~drawn
    return targets


def draw_targets(ids, draws, chances, others):
    return _draw_targets(ids, draws, chances, others)
