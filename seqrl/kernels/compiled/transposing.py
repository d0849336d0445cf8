"""The transpose of a small matrix, a square of vectors at a time in registers."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from seqrl.kernels.compiled.products import VECTOR
from seqrl.kernels.compiled.support import jit

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _square_function(module: ir.Module, real: ir.Type, size: int) -> Any:
    """A function (a, lda, b, ldb, rows, columns): b = a^T for at most as many rows and columns as a vector has lanes.

    In each stage rows whose numbers differ in one bit exchange the lanes whose numbers differ in it.
    """
    lanes = VECTOR // size
    name = f"seqrl_transpose_{real}"
    if name in module.globals:
        return module.globals[name]
    vector, pointer = ir.VectorType(real, lanes), real.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * 6), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    a_at, lda, b_at, ldb, rows, columns = function.args
    at = ir.IRBuilder(function.append_basic_block())
    zero = ir.Constant(vector, [ir.Constant(real, 0.0)] * lanes)
    numbers = ir.Constant(ir.VectorType(_I64, lanes), list(range(lanes)))

    def first_lanes(count: Any) -> Any:
        undefined = ir.Constant(ir.VectorType(_I64, lanes), ir.Undefined)
        first = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
        return at.icmp_signed(
            "<", numbers, at.shuffle_vector(at.insert_element(undefined, count, _I32(0)), undefined, first)
        )

    def intrinsic_of(kind: str, result: ir.Type, arguments: list[ir.Type]) -> Any:
        known = f"llvm.masked.{kind}.v{lanes}f{8 * size}.p0"
        return module.globals.get(known) or ir.Function(module, ir.FunctionType(result, arguments), known)

    bits = ir.VectorType(ir.IntType(1), lanes)
    load = intrinsic_of("load", vector, [vector.as_pointer(), _I32, bits, vector])
    store = intrinsic_of("store", ir.VoidType(), [vector, vector.as_pointer(), _I32, bits])

    def row_of(base: Any, ld: Any, row: Any) -> Any:
        return at.bitcast(at.gep(at.inttoptr(base, pointer), [at.mul(ld, row)]), vector.as_pointer())

    across, down, nowhere = first_lanes(columns), first_lanes(rows), ir.Constant(bits, [0] * lanes)
    v = []
    for r in range(lanes):
        row = at.select(at.icmp_signed("<", _I64(r), rows), _I64(r), _I64(0))  # what is beyond is not stored
        v.append(at.call(load, [row_of(a_at, lda, row), _I32(size), across, zero]))
    half = lanes // 2
    while half:
        for r in range(lanes):
            if r & half:
                continue
            upper = [lane if not lane & half else lanes + lane - half for lane in range(lanes)]
            lower = [lane + half if not lane & half else lanes + lane for lane in range(lanes)]
            pair = v[r], v[r + half]
            v[r], v[r + half] = (
                at.shuffle_vector(*pair, ir.Constant(ir.VectorType(_I32, lanes), which)) for which in (upper, lower)
            )
        half //= 2
    for r in range(lanes):
        mask = at.select(at.icmp_signed("<", _I64(r), columns), down, nowhere)
        at.call(store, [v[r], row_of(b_at, ldb, _I64(r)), _I32(size), mask])
    at.ret_void()
    return function


@intrinsic
def _transpose_square(typing_context, like, a_at, lda, b_at, ldb, rows, columns):
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        real, size = context.get_value_type(signature.args[0]), signature.args[0].bitwidth // 8
        builder.call(_square_function(builder.module, real, size), arguments[1:])
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 6), generate


@jit
def transpose(like, size, rows, columns, a_at, b_at):
    """b (columns, rows) = a^T, both contiguous, of numbers of the type of `like`, at these addresses."""
    lanes = VECTOR // size
    for top in range(0, rows, lanes):
        for left in range(0, columns, lanes):
            a_square, b_square = a_at + (top * columns + left) * size, b_at + (left * rows + top) * size
            height, width = min(lanes, rows - top), min(lanes, columns - left)
            _transpose_square(like, a_square, columns, b_square, rows, height, width)
