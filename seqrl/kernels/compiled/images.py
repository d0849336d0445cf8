"""Convolution and pooling. Images are independent, so threads take some each.

A convolution unfolds a block of images, small enough for the cache, into the matrix of its windows and multiplies once;
the backward pass unfolds again, which costs less than keeping the matrices of a whole batch in memory.
"""

import numpy as np
import numpy.typing as npt

from seqrl.kernels.blas import one_thread
from seqrl.kernels.compiled.support import gemm, in_parallel, jit
from seqrl.parameter import Array

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]

COLUMNS = 256  # of the matrix of windows, at least: a product of fewer is slow


@jit
def _inside(offset, stride, outputs, n):
    """The outputs [first, last) whose input offset + stride * output lies in range(n)."""
    first = (-offset + stride - 1) // stride if offset < 0 else 0
    last = (n - 1 - offset) // stride + 1 if offset < n else 0
    return min(first, outputs), max(min(last, outputs), min(first, outputs))


@jit
def _unfold(image, k, k_stride, top, left, Ho, Wo, columns, column):
    """Write the windows of an image (C, height, width) into columns[:, column:column + Ho * Wo]."""
    C, height, width = image.shape
    (kh, kw), (sh, sw) = k, k_stride
    for c in range(C):
        for u in range(kh):
            first_row, last_row = _inside(u - top, sh, Ho, height)
            for v in range(kw):
                line = columns[(c * kh + u) * kw + v, column : column + Ho * Wo]
                first, last = _inside(v - left, sw, Wo, width)
                for i in range(Ho):
                    part = line[i * Wo : (i + 1) * Wo]
                    if i < first_row or i >= last_row:
                        part[:] = 0
                        continue
                    row = image[c, i * sh + u - top]
                    part[:first] = 0
                    part[last:] = 0
                    inner, source = part[first:last], row[first * sw + v - left :]
                    if sw == 1:
                        for j in range(inner.size):
                            inner[j] = source[j]
                    else:
                        for j in range(inner.size):
                            inner[j] = source[j * sw]


@jit
def _fold(columns, column, k, k_stride, top, left, Ho, Wo, image):
    """Add the gradients of the windows in columns[:, column:column + Ho * Wo] to an image's."""
    C, height, width = image.shape
    (kh, kw), (sh, sw) = k, k_stride
    for c in range(C):
        for u in range(kh):
            first_row, last_row = _inside(u - top, sh, Ho, height)
            for v in range(kw):
                line = columns[(c * kh + u) * kw + v, column : column + Ho * Wo]
                first, last = _inside(v - left, sw, Wo, width)
                for i in range(first_row, last_row):
                    row = image[c, i * sh + u - top]
                    inner, target = line[i * Wo + first : i * Wo + last], row[first * sw + v - left :]
                    if sw == 1:
                        for j in range(inner.size):
                            target[j] += inner[j]
                    else:
                        for j in range(inner.size):
                            target[j * sw] += inner[j]


@jit
def _block(N, P):
    """How many images are unfolded together."""
    return max(1, min(N, COLUMNS // max(P, 1)))


@jit
def _conv2d_forward(start, stop, x, weight, bias, k, k_stride, top, left, y):
    F, K = weight.shape
    _, _, Ho, Wo = y.shape
    P = Ho * Wo
    block = _block(stop - start, P)
    columns = np.empty((K, block * P), x.dtype)
    together = np.empty((F, block * P), x.dtype)
    for n in range(start, stop, block):
        images = min(block, stop - n)
        for b in range(images):
            _unfold(x[n + b], k, k_stride, top, left, Ho, Wo, columns, b * P)
        at, size, width = columns.ctypes.data, columns.itemsize, block * P
        out = y[n].reshape(F, P) if block == 1 else together
        gemm(False, False, F, images * P, K, 1.0, weight.ctypes.data, K, at, width, 0.0, out.ctypes.data, width, size)
        for b in range(images):
            for o in range(F):
                plane, source = y[n + b, o].reshape(P), out[o, b * P : (b + 1) * P]
                shift = bias[o] if bias.size else bias.dtype.type(0)
                for p in range(P):
                    plane[p] = source[p] + shift


def conv2d_forward(x: Array, weight: Array, bias: Array, stride: Pair, pads: Pads) -> Array:
    F, C, kh, kw = weight.shape
    x, N = np.ascontiguousarray(x, weight.dtype), len(x)
    Ho, Wo = _output(x, (kh, kw), stride, pads)
    y = np.empty((N, F, Ho, Wo), weight.dtype)
    if y.size:
        matrix = weight.reshape(F, C * kh * kw)
        with one_thread():
            arrays = (x, matrix, bias, (kh, kw), stride, pads[0], pads[2], y)
            in_parallel(_conv2d_forward, N, 2.0 * y.size * matrix.shape[1], *arrays)
    return y


def _output(x: Array, size: Pair, stride: Pair, pads: Pads) -> Pair:
    top, bottom, left, right = pads
    height, width = x.shape[2] + top + bottom, x.shape[3] + left + right
    return (height - size[0]) // stride[0] + 1, (width - size[1]) // stride[1] + 1


@jit
def _conv2d_backward(start, stop, dy, x, weight, k, k_stride, top, left, with_dx, dx):
    """Returns this part's gradients of weight and bias."""
    F, K = weight.shape
    _, _, Ho, Wo = dy.shape
    P = Ho * Wo
    block = _block(stop - start, P)
    columns = np.empty((K, block * P), x.dtype)
    together = np.empty((F, block * P), x.dtype)
    dweight, dbias = np.zeros((F, K), x.dtype), np.zeros(F, x.dtype)
    width, size = block * P, columns.itemsize
    w_at, col_at, dw_at = weight.ctypes.data, columns.ctypes.data, dweight.ctypes.data
    for n in range(start, stop, block):
        images = min(block, stop - n)
        for b in range(images):
            _unfold(x[n + b], k, k_stride, top, left, Ho, Wo, columns, b * P)
        for b in range(images):
            for o in range(F):
                plane, target = dy[n + b, o].reshape(P), together[o, b * P : (b + 1) * P]
                total = dbias.dtype.type(0)
                for p in range(P):
                    target[p] = plane[p]
                    total += plane[p]
                dbias[o] += total
        d_at, R = together.ctypes.data, images * P
        gemm(False, True, F, K, R, 1.0, d_at, width, col_at, width, 1.0, dw_at, K, size)
        if with_dx:
            gemm(True, False, K, R, F, 1.0, w_at, K, d_at, width, 0.0, col_at, width, size)
            for b in range(images):
                _fold(columns, b * P, k, k_stride, top, left, Ho, Wo, dx[n + b])
    return dweight, dbias


def conv2d_backward(
    dy: Array, x: Array, weight: Array, stride: Pair, pads: Pads, dweight: Array, dbias: Array, with_dx: bool
) -> Array:
    F, C, kh, kw = weight.shape
    dy, x = (np.ascontiguousarray(a, weight.dtype) for a in (dy, x))
    dx = np.zeros(x.shape if with_dx else (0, 0, 0, 0), x.dtype)
    if dy.size:
        matrix = weight.reshape(F, C * kh * kw)
        with one_thread():
            arrays = (dy, x, matrix, (kh, kw), stride, pads[0], pads[2], with_dx, dx)
            for part, bias_part in in_parallel(_conv2d_backward, len(x), 4.0 * dy.size * matrix.shape[1], *arrays):
                dweight += part.reshape(weight.shape)
                if len(dbias):
                    dbias += bias_part
    return dx if with_dx else np.empty(0, x.dtype)


@jit
def _max_pool_forward(start, stop, x, size, stride, y, where):
    """x: (planes, height, width)."""
    (kh, kw), (sh, sw) = size, stride
    _, Ho, Wo = y.shape
    for c in range(start, stop):
        plane = x[c]
        for i in range(Ho):
            out, at = y[c, i], where[c, i]
            for u in range(kh):
                row = plane[i * sh + u]
                for v in range(kw):
                    k = np.int16(u * kw + v)
                    if k == 0:
                        for j in range(Wo):
                            out[j] = row[j * sw]
                            at[j] = 0
                    else:
                        shifted = row[v:]
                        for j in range(Wo):
                            value = shifted[j * sw]
                            larger = value > out[j] or (value != value and out[j] == out[j])
                            out[j] = value if larger else out[j]
                            at[j] = k if larger else at[j]


def max_pool_forward(x: Array, size: Pair, stride: Pair) -> tuple[Array, npt.NDArray[np.int16]]:
    N, C, height, width = x.shape
    Ho, Wo = _output(x, size, stride, (0, 0, 0, 0))
    y, where = np.empty((N * C, Ho, Wo), x.dtype), np.empty((N * C, Ho, Wo), np.int16)
    if y.size:
        planes = np.ascontiguousarray(x).reshape(N * C, height, width)
        in_parallel(_max_pool_forward, N * C, 5.0 * y.size * size[0] * size[1], planes, size, stride, y, where)
    return y.reshape(N, C, Ho, Wo), where.reshape(N, C, Ho, Wo)


@jit
def _max_pool_backward(start, stop, dy, where, size, stride, dx):
    kw, (sh, sw) = size[1], stride
    _, Ho, Wo = dy.shape
    for c in range(start, stop):
        for i in range(Ho):
            row, at = dy[c, i], where[c, i]
            for j in range(Wo):
                k = at[j]
                dx[c, i * sh + k // kw, j * sw + k % kw] += row[j]


def max_pool_backward(
    dy: Array, where: npt.NDArray[np.int16], size: Pair, stride: Pair, height: int, width: int
) -> Array:
    N, C, Ho, Wo = dy.shape
    dx = np.zeros((N * C, height, width), dy.dtype)
    if dy.size:
        rows = np.ascontiguousarray(dy).reshape(N * C, Ho, Wo), where.reshape(N * C, Ho, Wo)
        in_parallel(_max_pool_backward, N * C, 10.0 * dy.size, *rows, size, stride, dx)
    return dx.reshape(N, C, height, width)


@jit
def _average_pool_forward(start, stop, x, size, stride, y):
    (kh, kw), (sh, sw) = size, stride
    _, Ho, Wo = y.shape
    share = x.dtype.type(1 / (kh * kw))
    for c in range(start, stop):
        for i in range(Ho):
            out = y[c, i]
            out[:] = 0
            for u in range(kh):
                row = x[c, i * sh + u]
                for v in range(kw):
                    shifted = row[v:]
                    for j in range(Wo):
                        out[j] += shifted[j * sw]
            for j in range(Wo):
                out[j] *= share


def average_pool_forward(x: Array, size: Pair, stride: Pair) -> Array:
    N, C, height, width = x.shape
    Ho, Wo = _output(x, size, stride, (0, 0, 0, 0))
    y = np.empty((N * C, Ho, Wo), x.dtype)
    if y.size:
        planes = np.ascontiguousarray(x).reshape(N * C, height, width)
        in_parallel(_average_pool_forward, N * C, 5.0 * y.size * size[0] * size[1], planes, size, stride, y)
    return y.reshape(N, C, Ho, Wo)


@jit
def _average_pool_backward(start, stop, dy, size, stride, dx):
    (kh, kw), (sh, sw) = size, stride
    _, Ho, Wo = dy.shape
    share = dy.dtype.type(1 / (kh * kw))
    for c in range(start, stop):
        for i in range(Ho):
            row = dy[c, i]
            for u in range(kh):
                for v in range(kw):
                    target = dx[c, i * sh + u, v:]
                    for j in range(Wo):
                        target[j * sw] += row[j] * share


def average_pool_backward(dy: Array, size: Pair, stride: Pair, height: int, width: int) -> Array:
    N, C, Ho, Wo = dy.shape
    dx = np.zeros((N * C, height, width), dy.dtype)
    if dy.size:
        planes = np.ascontiguousarray(dy).reshape(N * C, Ho, Wo)
        in_parallel(_average_pool_backward, N * C, 5.0 * dy.size * size[0] * size[1], planes, size, stride, dx)
    return dx.reshape(N, C, height, width)
