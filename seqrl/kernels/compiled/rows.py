"""What runs over the rows of a matrix: the loss, dropout, gradients of weights and of embeddings."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from seqrl.kernels.blas import one_thread
from seqrl.kernels.compiled.support import gemm, helpers, in_parallel, jit, jit_sums, row_length
from seqrl.parameter import Array, Integers


@jit_sums
def _exp_row(x, exponents, powers):
    """x <- exp(x) for x <= 0, and the sum. In float32 as 2^k exp(r), |r| <= ln 2 / 2, which vectorises.

    `exponents` and `powers` are one scratch array of int32, seen as int32 and as float32.
    """
    total = 0.0
    if x.itemsize == 8:
        for j in range(x.size):
            x[j] = math.exp(x[j])
            total += x[j]
        return total
    for j in range(x.size):
        v = x[j] if x[j] > np.float32(-87) or x[j] != x[j] else np.float32(-87)
        k = np.floor(v * np.float32(1.44269504) + np.float32(0.5))
        r = v - k * np.float32(0.693359375) + k * np.float32(2.12194440e-4)
        exponents[j] = (np.int32(k) + np.int32(127)) << np.int32(23)
        p = np.float32(1 / 720)
        p = p * r + np.float32(1 / 120)
        p = p * r + np.float32(1 / 24)
        p = p * r + np.float32(1 / 6)
        p = p * r + np.float32(0.5)
        p = p * r + np.float32(1)
        x[j] = p * r + np.float32(1)
    for j in range(x.size):
        x[j] *= powers[j]
    for j in range(x.size):
        total += x[j]
    return total


SHORT = 64  # rows in which the search for the largest need not be NumPy's, which vectorises but is slow to start


@jit_sums
def _softmax_cross_entropy(start, stop, logits, highest, target, smoothing, scale):
    V = logits.shape[1]
    exponents = np.empty(V, np.int32)
    powers = exponents.view(np.float32)
    loss = 0.0
    for r in range(start, stop):
        row, c = logits[r], target[r]
        if highest.size:
            top = highest[r]
        else:
            top = row[0]
            for j in range(1, V):
                top = row[j] if row[j] > top else top
        spread = 0.0
        if smoothing > 0:
            for j in range(V):
                spread += row[j] - top
        at_target = row[c] - top
        for j in range(V):
            row[j] -= top
        total = _exp_row(row, exponents, powers)
        log_z = math.log(total)
        loss += (1 - smoothing) * (log_z - at_target) + smoothing * (log_z - spread / V)
        factor = row.dtype.type(scale / total)
        off = row.dtype.type(scale * smoothing / V)
        for j in range(V):
            row[j] = row[j] * factor - off
        row[c] -= scale * (1 - smoothing)
    return loss


def softmax_cross_entropy(logits: Array, target: Integers, smoothing: float, scale: float) -> float:
    R, V = logits.shape
    highest = logits.max(axis=1) if V > SHORT else np.empty(0, logits.dtype)
    arrays = (logits, highest, target, float(smoothing), float(scale))
    return sum(in_parallel(_softmax_cross_entropy, R, 20.0 * logits.size, *arrays))


@jit
def _dropout(x, draws, dropped, scale, y):
    for j in range(x.size):
        y[j] = x[j] * scale if draws[j] >= dropped else x[j] * 0


def dropout(x: Array, draws: npt.NDArray[np.uint16], dropped: int) -> Array:
    y = np.empty_like(x, order="C")
    scale = x.dtype.type(65536 / (65536 - dropped))
    _dropout(x.reshape(-1), draws.reshape(-1), np.uint16(dropped), scale, y.reshape(-1))
    return y


@jit
def _relu_backward(dy, y, dx):
    nothing = dy.dtype.type(0)
    for j in range(dy.size):
        dx[j] = dy[j] if y[j] > 0 else nothing


def relu_backward(dy: Array, y: Array) -> Array:
    dx = np.empty_like(dy, order="C")
    _relu_backward(dy.reshape(-1), y.reshape(-1), dx.reshape(-1))
    return dx


def _shared_out(kernel: Callable[..., None], size: int, work: float, *arguments: object) -> None:
    """`in_parallel` for products. The BLAS's own threads would spin when they are done, and slow what comes next."""
    if helpers(work) == 1:
        kernel(0, size, *arguments)
    else:
        with one_thread():
            in_parallel(kernel, size, work, *arguments)


def _fit_for_blas(*arrays: Array) -> bool:
    dtype = arrays[0].dtype
    for a in arrays:
        if a.dtype != dtype or not a.flags.c_contiguous:
            return False
    return dtype.char in "fd"


@jit
def _affine(start, stop, x, weight, bias, y):
    D, H = weight.shape
    for r in range(start, stop):
        row = y[r]
        for j in range(H):
            row[j] = bias[j]
    at = x.ctypes.data + start * D * x.itemsize, weight.ctypes.data, y.ctypes.data + start * H * y.itemsize
    gemm(False, False, stop - start, H, D, 1.0, at[0], D, at[1], H, 1.0, at[2], H, y.itemsize)


def affine(x: Array, weight: Array, bias: Array) -> Array:
    if x.shape[1:] + bias.shape != weight.shape:
        raise ValueError(f"shapes {x.shape}, {weight.shape} and {bias.shape} don't fit each other")
    if len(x) < 2 or not weight.size or not _fit_for_blas(weight, bias, x):  # for a single row NumPy is faster
        y: Array = x @ weight
        y += bias
        return y
    y = np.empty((len(x), weight.shape[1]), weight.dtype)
    _shared_out(_affine, len(x), 2.0 * len(x) * weight.size, x, weight, bias, y)
    return y


@jit
def _turn_back(start, stop, dy, weight, dx):
    (D, H), size = weight.shape, dy.itemsize
    at = dy.ctypes.data + start * H * size, weight.ctypes.data, dx.ctypes.data + start * D * size
    gemm(False, True, stop - start, D, H, 1.0, at[0], H, at[1], H, 0.0, at[2], D, size)


def turn_back(dy: Array, weight: Array) -> Array:
    if not len(dy) or not weight.size or not _fit_for_blas(weight, dy) or dy.shape[1] != weight.shape[1]:
        return dy @ weight.T
    dx = np.empty((len(dy), weight.shape[0]), dy.dtype)
    _shared_out(_turn_back, len(dy), 2.0 * len(dy) * weight.size, dy, weight, dx)
    return dx


@jit
def _affine_backward(dweight, dbias, x, dy):
    (R, D), H = x.shape, dy.shape[1]
    at = x.ctypes.data, dy.ctypes.data, dweight.ctypes.data
    gemm(True, False, D, H, R, 1.0, at[0], D, at[1], H, 1.0, at[2], H, dweight.itemsize)
    for r in range(R):
        row = dy[r]
        for j in range(H):
            dbias[j] += row[j]


def affine_backward(dweight: Array, dbias: Array, x: Array, dy: Array) -> None:
    if x.shape[1:] + dy.shape[1:] != dweight.shape or dy.shape[1:] != dbias.shape or len(x) != len(dy):
        raise ValueError(f"shapes {x.shape} and {dy.shape} don't give {dweight.shape} and {dbias.shape}")
    if dweight.size and _fit_for_blas(dweight, dbias, x, dy):
        _affine_backward(dweight, dbias, x, dy)
    else:
        dweight += x.T @ dy
        dbias += dy.sum(axis=0)


@jit
def _add_product_of_rows(start, stop, total, x, dy):
    """The columns of the total from start to stop."""
    R, D, size = x.shape[0], x.shape[1], total.itemsize
    at = x.ctypes.data, dy.ctypes.data + start * size, total.ctypes.data + start * size
    ld = row_length(x), row_length(dy), row_length(total)
    gemm(True, False, D, stop - start, R, 1.0, at[0], ld[0], at[1], ld[1], 1.0, at[2], ld[2], size)


def _rows_contiguous(a: Array) -> bool:
    return a.strides[1] == a.itemsize and a.strides[0] >= a.shape[1] * a.itemsize


def add_product(total: Array, x: Array, dy: Array) -> None:
    if not _rows_contiguous(total):  # a copy would take the sum
        total += x.T @ dy
    elif total.size and len(x):
        x, dy = (a if _rows_contiguous(a) else np.ascontiguousarray(a) for a in (x, dy))
        x, dy = (np.asarray(a, total.dtype) for a in (x, dy))
        if x.shape[1:] + dy.shape[1:] != total.shape or len(x) != len(dy):
            raise ValueError(f"shapes {x.shape} and {dy.shape} don't give {total.shape}")
        _shared_out(_add_product_of_rows, total.shape[1], 2.0 * len(x) * total.size, total, x, dy)


@jit
def _add_rows(table, ids, values):
    for k in range(ids.size):
        row, value = table[ids[k]], values[k]
        for j in range(row.size):
            row[j] += value[j]


def add_rows(table: Array, ids: Integers, values: Array) -> None:
    _add_rows(table, ids, values)
