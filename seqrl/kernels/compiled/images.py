"""Convolution and pooling. Images are independent, so threads take some each.

A convolution unfolds a block of images, small enough for the cache, into the matrix of its windows and multiplies once;
the backward pass unfolds again, which costs less than keeping the matrices of a whole batch in memory.
"""

import numpy as np

from seqrl.kernels.blas import one_thread
from seqrl.kernels.compiled.support import gemm, in_parallel, jit, jit_sums
from seqrl.parameter import Array

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]

COLUMNS = 600  # of the matrix of windows, about so many: fewer make a product slow, more leave the cache


@jit
def _pad(image, top, left, Hp, Wp, flat):
    """Write an image (C, height, width) into `flat` (C * Hp * Wp), whose other places stay zero."""
    C, height, width = image.shape
    for c in range(C):
        for i in range(height):
            at = (c * Hp + top + i) * Wp + left
            row, source = flat[at : at + width], image[c, i]
            for j in range(width):
                row[j] = source[j]


@jit
def _unfold(flat, Hp, Wp, k, stride, Ho, line, columns, column):
    """Write the windows of a padded image, `flat`, into columns[:, column : column + Ho * line].

    With a stride of 1 whole planes are copied, shifted: a line then is a row of the padded image, Wp long, and
    its last places, which are no outputs, hold whatever stands there.
    """
    (kh, kw), (sh, sw) = k, stride
    for r in range(columns.shape[0]):
        c, u, v = r // (kh * kw), r // kw % kh, r % kw
        target = columns[r, column : column + Ho * line]
        source = flat[(c * Hp + u) * Wp + v :]
        if sh == 1 and sw == 1:
            for p in range(target.size):
                target[p] = source[p]
        else:
            for i in range(Ho):
                row, part = source[i * sh * Wp :], target[i * line : (i + 1) * line]
                for j in range(line):
                    part[j] = row[j * sw]


@jit
def _fold(columns, column, Hp, Wp, k, stride, Ho, line, flat):
    """Add the gradients of the windows in columns[:, column : column + Ho * line] to the padded image's, `flat`."""
    (kh, kw), (sh, sw) = k, stride
    for r in range(columns.shape[0]):
        c, u, v = r // (kh * kw), r // kw % kh, r % kw
        source = columns[r, column : column + Ho * line]
        target = flat[(c * Hp + u) * Wp + v :]
        if sh == 1 and sw == 1:
            for p in range(source.size):
                target[p] += source[p]
        else:
            for i in range(Ho):
                row, part = target[i * sh * Wp :], source[i * line : (i + 1) * line]
                for j in range(line):
                    row[j * sw] += part[j]


@jit
def _plan(N, image, k, stride, pads, Ho, Wo):
    """How images (C, height, width) are unfolded: (Hp, Wp, places of a padded one, of a line of outputs, how many).

    The margin on the right of a row is that on the left of the next.
    """
    (C, height, width), (top, bottom, left, right), kw, (sh, sw) = image, pads, k[1], stride
    Hp, Wp = top + height + bottom, max(width + max(left, right), Wo)
    line = Wp if sh == 1 and sw == 1 else Wo
    return Hp, Wp, (C * Hp + 1) * Wp + kw, line, max(1, min(N, COLUMNS // (Ho * line)))


@jit
def _conv2d_forward(start, stop, x, weight, bias, k, stride, pads, y):
    (F, K), (_, _, Ho, Wo) = weight.shape, y.shape
    Hp, Wp, places, line, block = _plan(stop - start, x.shape[1:], k, stride, pads, Ho, Wo)
    top, left, P = pads[0], pads[2], Ho * line
    flat = np.zeros(places, x.dtype)
    columns = np.empty((K, block * P), x.dtype)
    out = np.empty((F, block * P), x.dtype)
    row, size = block * P, columns.itemsize
    w_at, col_at, out_at = weight.ctypes.data, columns.ctypes.data, out.ctypes.data
    for n in range(start, stop, block):
        images = min(block, stop - n)
        for b in range(images):
            _pad(x[n + b], top, left, Hp, Wp, flat)
            _unfold(flat, Hp, Wp, k, stride, Ho, line, columns, b * P)
        gemm(False, False, F, images * P, K, 1.0, w_at, K, col_at, row, 0.0, out_at, row, size)
        for b in range(images):
            for f in range(F):
                shift = bias[f] if bias.size else bias.dtype.type(0)
                for i in range(Ho):
                    target, source = y[n + b, f, i], out[f, b * P + i * line : b * P + i * line + Wo]
                    for j in range(Wo):
                        target[j] = source[j] + shift


def conv2d_forward(x: Array, weight: Array, bias: Array, stride: Pair, pads: Pads) -> Array:
    F, C, kh, kw = weight.shape
    x, N = np.ascontiguousarray(x, weight.dtype), len(x)
    Ho, Wo = _output(x, (kh, kw), stride, pads)
    y = np.empty((N, F, Ho, Wo), weight.dtype)
    if y.size:
        matrix = weight.reshape(F, C * kh * kw)
        with one_thread():
            arrays = (x, matrix, bias, (kh, kw), stride, pads, y)
            in_parallel(_conv2d_forward, N, 2.0 * y.size * matrix.shape[1], *arrays)
    return y


def _output(x: Array, size: Pair, stride: Pair, pads: Pads) -> Pair:
    top, bottom, left, right = pads
    height, width = x.shape[2] + top + bottom, x.shape[3] + left + right
    return (height - size[0]) // stride[0] + 1, (width - size[1]) // stride[1] + 1


@jit
def _conv2d_backward(start, stop, dy, x, weight, k, stride, pads, with_dx, dx):
    """Returns this part's gradients of weight, (K, F), and bias."""
    (F, K), (_, C, height, width), (_, _, Ho, Wo) = weight.shape, x.shape, dy.shape
    Hp, Wp, places, line, block = _plan(stop - start, x.shape[1:], k, stride, pads, Ho, Wo)
    top, left, P = pads[0], pads[2], Ho * line
    flat = np.zeros(places, x.dtype)
    columns = np.empty((K, block * P), x.dtype)
    dout = np.zeros((F, block * P), x.dtype)  # zero where a line has no output
    dweight, dbias = np.zeros((K, F), x.dtype), np.zeros(F, x.dtype)  # transposed: a quarter faster
    row, size = block * P, columns.itemsize
    w_at, col_at, d_at, dw_at = weight.ctypes.data, columns.ctypes.data, dout.ctypes.data, dweight.ctypes.data
    dflat = np.empty(places, x.dtype)
    dpadded = dflat[: C * Hp * Wp].reshape(C, Hp, Wp)
    for n in range(start, stop, block):
        images = min(block, stop - n)
        for b in range(images):
            _pad(x[n + b], top, left, Hp, Wp, flat)
            _unfold(flat, Hp, Wp, k, stride, Ho, line, columns, b * P)
            for f in range(F):
                lines = dout[f, b * P : (b + 1) * P]
                for i in range(Ho):
                    source, target = dy[n + b, f, i], lines[i * line : i * line + Wo]
                    for j in range(Wo):
                        target[j] = source[j]
                dbias[f] += _sum(lines)
        gemm(False, True, K, F, images * P, 1.0, col_at, row, d_at, row, 1.0, dw_at, F, size)
        if with_dx:
            gemm(True, False, K, images * P, F, 1.0, w_at, K, d_at, row, 0.0, col_at, row, size)
            for b in range(images):
                dflat[:] = 0
                _fold(columns, b * P, Hp, Wp, k, stride, Ho, line, dflat)
                dx[n + b] = dpadded[:, top : top + height, left : left + width]
    return dweight, dbias


@jit_sums
def _sum(x):
    total = x.dtype.type(0)
    for j in range(x.size):
        total += x[j]
    return total


def conv2d_backward(
    dy: Array, x: Array, weight: Array, stride: Pair, pads: Pads, dweight: Array, dbias: Array, with_dx: bool
) -> Array:
    F, C, kh, kw = weight.shape
    dy, x = (np.ascontiguousarray(a, weight.dtype) for a in (dy, x))
    dx = (np.empty if dy.size else np.zeros)(x.shape if with_dx else (0, 0, 0, 0), x.dtype)
    if dy.size:
        matrix = weight.reshape(F, C * kh * kw)
        with one_thread():
            arrays = (dy, x, matrix, (kh, kw), stride, pads, with_dx, dx)
            for part, bias_part in in_parallel(_conv2d_backward, len(x), 4.0 * dy.size * matrix.shape[1], *arrays):
                dweight += part.T.reshape(weight.shape)
                if len(dbias):
                    dbias += bias_part
    return dx if with_dx else np.empty(0, x.dtype)


@jit
def _larger(a, b):
    """The larger one; a NaN is larger than any number."""
    return a if (a > b) | (a != a) else b


@jit
def _max_pool_forward(start, stop, x, size, stride, y):
    """x: (planes, height, width). The largest of each column of a window first, then of these."""
    (kh, kw), (sh, sw) = size, stride
    _, Ho, Wo = y.shape
    highest = np.empty(x.shape[2], x.dtype)
    for c in range(start, stop):
        for i in range(Ho):
            first, second, out = x[c, i * sh], x[c, i * sh + min(1, kh - 1)], y[c, i]
            for j in range(highest.size):
                highest[j] = _larger(second[j], first[j])
            for u in range(2, kh):
                row = x[c, i * sh + u]
                for j in range(row.size):
                    highest[j] = _larger(row[j], highest[j])
            if kw == 2 and sw == 2:  # a stride that is known vectorises
                for j in range(Wo):
                    out[j] = _larger(highest[2 * j + 1], highest[2 * j])
                continue
            for j in range(Wo):
                out[j] = highest[j * sw]
            for v in range(1, kw):
                shifted = highest[v:]
                for j in range(Wo):
                    out[j] = _larger(shifted[j * sw], out[j])


def max_pool_forward(x: Array, size: Pair, stride: Pair) -> Array:
    N, C, height, width = x.shape
    Ho, Wo = _output(x, size, stride, (0, 0, 0, 0))
    y = np.empty((N * C, Ho, Wo), x.dtype)
    if y.size:
        planes = np.ascontiguousarray(x).reshape(N * C, height, width)
        in_parallel(_max_pool_forward, N * C, 5.0 * y.size * size[0] * size[1], planes, size, stride, y)
    return y.reshape(N, C, Ho, Wo)


@jit
def _max_pool_backward(start, stop, dy, x, y, size, stride, dx):
    (kh, kw), (sh, sw) = size, stride
    _, Ho, Wo = dy.shape
    rest = np.empty(Wo, dy.dtype)
    nothing = dy.dtype.type(0)
    for c in range(start, stop):
        for i in range(Ho):
            if kh == 2 and kw == 2 and sh == 2 and sw == 2:
                above, below = x[c, 2 * i], x[c, 2 * i + 1]
                _max_pool_backward_2x2(dy[c, i], above, below, y[c, i], dx[c, 2 * i], dx[c, 2 * i + 1])
                continue
            rest[:] = dy[c, i]
            best = y[c, i]
            for u in range(kh):
                for v in range(kw):
                    row, drow = x[c, i * sh + u, v:], dx[c, i * sh + u, v:]
                    for j in range(Wo):
                        value, gradient = row[j * sw], rest[j]
                        here = (value == best[j]) | (value != value)
                        drow[j * sw] += gradient if here else nothing
                        rest[j] = nothing if here else gradient


@jit
def _max_pool_backward_2x2(dy, above, below, y, dabove, dbelow):
    """One row of windows, written so that it vectorises."""
    nothing = dy.dtype.type(0)
    for j in range(dy.size):
        a, b, c, best, gradient = above[2 * j], above[2 * j + 1], below[2 * j], y[j], dy[j]
        at_a = (a == best) | (a != a)
        at_b = ((b == best) | (b != b)) & ~at_a
        at_c = ((c == best) | (c != c)) & ~(at_a | at_b)
        dabove[2 * j] = gradient if at_a else nothing
        dabove[2 * j + 1] = gradient if at_b else nothing
        dbelow[2 * j] = gradient if at_c else nothing
        dbelow[2 * j + 1] = nothing if at_a | at_b | at_c else gradient


def max_pool_backward(dy: Array, x: Array, y: Array, size: Pair, stride: Pair) -> Array:
    N, C, height, width = x.shape
    tiled = size == stride == (2, 2) and height % 2 == 0 and width % 2 == 0  # then every place is written
    dx = (np.empty if tiled else np.zeros)((N * C, height, width), dy.dtype)
    if dy.size:
        small = [np.ascontiguousarray(a, dy.dtype).reshape(N * C, *dy.shape[2:]) for a in (dy, y)]
        planes = np.ascontiguousarray(x, dy.dtype).reshape(N * C, height, width)
        work = 10.0 * dy.size * size[0] * size[1]
        in_parallel(_max_pool_backward, N * C, work, small[0], planes, small[1], size, stride, dx)
    return dx.reshape(x.shape)


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
