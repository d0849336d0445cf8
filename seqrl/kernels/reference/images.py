"""Convolution and pooling in NumPy. Images are (N, C, height, width); a window of (kh, kw) moves by (sh, sw).

`pads` is (top, bottom, left, right); the padding is zeros. F counts filters; Ho and Wo are the size of the output.
"""

import numpy as np

from seqrl.parameter import Array

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


def _padded(x: Array, pads: Pads) -> Array:
    top, bottom, left, right = pads
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right))) if any(pads) else x


def _windows(x: Array, size: Pair, stride: Pair) -> Array:
    """A view (N, C, Ho, Wo, kh, kw) of every window."""
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    return windows[:, :, :: stride[0], :: stride[1]]


def conv2d_forward(x: Array, weight: Array, bias: Array, stride: Pair, pads: Pads) -> Array:
    """y[n, o, i, j] = b[o] + sum_{c, u, v} W[o, c, u, v] x[n, c, sh i + u, sw j + v], a cross-correlation.

    x: (N, C, height, width), weight: (F, C, kh, kw), bias: (F,) or (0,) for none -> (N, F, Ho, Wo).
    """
    windows = _windows(_padded(x, pads), weight.shape[2:], stride)
    y = np.tensordot(windows, weight, axes=([1, 4, 5], [1, 2, 3]))  # (N, Ho, Wo, F)
    if len(bias):
        y += bias
    return np.ascontiguousarray(y.transpose(0, 3, 1, 2))


def conv2d_backward(
    dy: Array, x: Array, weight: Array, stride: Pair, pads: Pads, dweight: Array, dbias: Array, with_dx: bool
) -> Array:
    """Adds the gradients of weight and bias to `dweight` and `dbias`; returns that of x, or an empty array."""
    _, _, kh, kw = weight.shape
    padded = _padded(x, pads)
    dweight += np.tensordot(dy, _windows(padded, (kh, kw), stride), axes=([0, 2, 3], [0, 2, 3]))
    if len(dbias):
        dbias += dy.sum(axis=(0, 2, 3))
    if not with_dx:
        return np.empty(0, x.dtype)
    dwindows = np.tensordot(dy, weight, axes=([1], [0]))  # (N, Ho, Wo, C, kh, kw)
    dpadded = np.zeros_like(padded)
    for u in range(kh):
        for v in range(kw):
            _shifted(dpadded, u, v, dy.shape, stride)[...] += dwindows[..., u, v].transpose(0, 3, 1, 2)
    top, _, left, _ = pads
    return np.ascontiguousarray(dpadded[:, :, top : top + x.shape[2], left : left + x.shape[3]])


def _shifted(x: Array, u: int, v: int, outputs: tuple[int, ...], stride: Pair) -> Array:
    """A view of the element (u, v) of every window."""
    (Ho, Wo), (sh, sw) = outputs[2:], stride
    return x[:, :, u : u + sh * (Ho - 1) + 1 : sh, v : v + sw * (Wo - 1) + 1 : sw]


def max_pool_forward(x: Array, size: Pair, stride: Pair) -> Array:
    """y = the largest of each window."""
    return _windows(x, size, stride).max(axis=(4, 5))


def max_pool_backward(dy: Array, x: Array, y: Array, size: Pair, stride: Pair) -> Array:
    """The gradient of a window's output goes to its largest element, the first of equals."""
    dx = np.zeros_like(x, dtype=dy.dtype)
    rest = dy.copy()
    for u in range(size[0]):
        for v in range(size[1]):
            value = _shifted(x, u, v, dy.shape, stride)
            here = (value == y) | np.isnan(value)
            _shifted(dx, u, v, dy.shape, stride)[...] += np.where(here, rest, 0)
            rest[here] = 0
    return dx


def average_pool_forward(x: Array, size: Pair, stride: Pair) -> Array:
    """y = the mean of each window."""
    return _windows(x, size, stride).mean(axis=(4, 5), dtype=x.dtype)


def average_pool_backward(dy: Array, size: Pair, stride: Pair, height: int, width: int) -> Array:
    """Each element of a window receives an equal share. Returns (N, C, height, width)."""
    dx = np.zeros((*dy.shape[:2], height, width), dy.dtype)
    share = dy / dy.dtype.type(size[0] * size[1])
    for u in range(size[0]):
        for v in range(size[1]):
            _shifted(dx, u, v, dy.shape, stride)[...] += share
    return dx
