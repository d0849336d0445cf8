"""Multilayer perceptrons: see `seqrl.kernels.reference.mlp`.

The matrices of small networks stay in the caches, so each product takes them as they lie; a bias is where a product's
sums begin and ReLU what they end with. The rows of a batch are independent of each other on the way forward and on the
way back; gradients of weights are sums over all rows, each of which one thread makes. So bits depend neither on
threads nor, on the way forward, on how many rows there are.
"""

import numpy as np

from seqrl.kernels.compiled import support
from seqrl.kernels.compiled.products import (
    PLAIN,
    RECTIFIED,
    RELU_SLOPE,
    TANH_SLOPE,
    is_narrow,
    multiplier,
    multiply,
    multiply_narrow,
)
from seqrl.kernels.compiled.support import in_parallel, jit, tanh_row
from seqrl.kernels.compiled.transposing import transpose
from seqrl.parameter import Array, Integers


@jit
def _ends(table, i):
    """Whether map i is the last one of a network."""
    return i + 1 == len(table) or table[i + 1, 4] < 0


@jit
def _turned(table, like):
    """Room for the transpose of any map's weight."""
    largest = 0
    for i in range(len(table)):
        largest = max(largest, table[i, 0] * table[i, 1])
    return np.empty(largest, like.dtype)


@jit
def _forward(start, stop, multiplier, x, values, table, rectified, hidden, y):
    """Rows start to stop of those of all agents."""
    _, B, D = x.shape
    if start == stop:
        return
    size, P, W, Y = x.itemsize, values.shape[1], hidden.shape[2], y.shape[2]
    x_at, values_at, hidden_at, y_at = x.ctypes.data, values.ctypes.data, hidden.ctypes.data, y.ctypes.data
    turned = _turned(table, x)
    for k in range(start // B, (stop + B - 1) // B):
        top, bottom = max(start - k * B, 0), min(stop - k * B, B)
        first, own = k * B + top, values_at + k * P * size
        for i in range(len(table)):
            n_in, n_out, weight, bias, source, target = table[i]
            last = _ends(table, i)
            a, lda = (x_at + first * D * size, D) if source < 0 else (hidden_at + (first * W + source) * size, W)
            if last and is_narrow(n_out, size):
                flat, outputs = values[k, weight : weight + n_in * n_out], y[k, top:bottom, target : target + n_out]
                multiply_narrow(n_in, a, lda, flat, values[k, bias : bias + n_out], turned, outputs)
                continue
            c, ldc = (y_at + (first * Y + target) * size, Y) if last else (hidden_at + (first * W + target) * size, W)
            ending = RECTIFIED if rectified and not last else PLAIN
            multiply(
                *(multiplier, bottom - top, n_out, n_in, a, lda, 1, own + weight * size, n_out),
                *(own + bias * size, 0, c, ldc, ending, 0, 0),
            )
            if not (rectified or last):
                for row in range(top, bottom):
                    tanh_row(hidden[k, row, target : target + n_out])


def mlp_forward(x: Array, values: Array, table: Integers, rectified: bool, hidden: Array, y: Array) -> None:
    K, B, _ = x.shape
    work, by = 2.0 * B * values.size, multiplier(x.itemsize)
    if work <= support.WORTH_SPLITTING:
        _forward(0, K * B, by, x, values, table, rectified, hidden, y)
    else:
        in_parallel(_forward, K * B, work, by, x, values, table, rectified, hidden, y)


@jit
def _backward_rows(start, stop, multiplier, x, values, table, rectified, hidden, dy, dhidden, dx):
    """The gradients of all maps' outputs below an activation, and that of x; rows as in `_forward`."""
    _, B, D = x.shape
    size, P, W, Y, like = x.itemsize, values.shape[1], hidden.shape[2], dy.shape[2], x.dtype.type(0)
    values_at, dy_at, dx_at = values.ctypes.data, dy.ctypes.data, dx.ctypes.data
    hidden_at, dhidden_at = hidden.ctypes.data, dhidden.ctypes.data
    turned, zeros = _turned(table, x), np.zeros(table[:, 0].max(), x.dtype)
    turned_at, zeros_at = turned.ctypes.data, zeros.ctypes.data
    for k in range(start // B, (stop + B - 1) // B):
        top, bottom = max(start - k * B, 0), min(stop - k * B, B)
        first, own, begun = k * B + top, values_at + k * P * size, False
        for i in range(len(table) - 1, -1, -1):
            n_in, n_out, weight, _, source, target = table[i]
            if source < 0 and not dx.size:
                continue
            last = _ends(table, i)
            dz, lddz = (
                (dy_at + (first * Y + target) * size, Y) if last else (dhidden_at + (first * W + target) * size, W)
            )
            transpose(like, size, n_in, n_out, own + weight * size, turned_at)
            before, ld_before, f, ending = zeros_at, 0, 0, PLAIN
            if source < 0:
                c, ldc = dx_at + first * D * size, D
                if begun:  # another network's part is there
                    before, ld_before = c, ldc
                begun = True
            else:
                c, ldc, f = dhidden_at + (first * W + source) * size, W, hidden_at + (first * W + source) * size
                ending = RELU_SLOPE if rectified else TANH_SLOPE
            height = bottom - top
            multiply(
                *(multiplier, height, n_in, n_out, dz, lddz, 1, turned_at, n_in, before, ld_before, c, ldc),
                *(ending, f, W),
            )


@jit
def _backward_weights(start, stop, multiplier, x, table, hidden, dy, dhidden, grads):
    """Rows start to stop of the weights of all maps of all agents, and the biases of maps whose first row is there."""
    K, B, D = x.shape
    size, P, W, Y = x.itemsize, grads.shape[1], hidden.shape[2], dy.shape[2]
    x_at, hidden_at, dy_at, dhidden_at = x.ctypes.data, hidden.ctypes.data, dy.ctypes.data, dhidden.ctypes.data
    ones, zeros, turned, done = np.ones(1, x.dtype), np.zeros(table[:, 0].max(), x.dtype), _turned(table, x), 0
    for k in range(K):
        for i in range(len(table)):
            n_in, n_out, weight, bias, source, target = table[i]
            top, bottom = max(start - done, 0), min(stop - done, n_in)
            done += n_in
            if top >= bottom:
                continue
            a, lda = (x_at + k * B * D * size, D) if source < 0 else (hidden_at + (k * B * W + source) * size, W)
            dz, lddz = (dhidden_at + (k * B * W + target) * size, W)
            if _ends(table, i):
                dz, lddz = dy_at + (k * B * Y + target) * size, Y
            own, height, a = grads.ctypes.data + k * P * size, bottom - top, a + top * size
            c = own + (weight + top * n_out) * size
            if is_narrow(n_out, size):  # the transpose is wide
                multiply(
                    *(multiplier, n_out, height, B, dz, 1, lddz, a, lda),
                    *(zeros.ctypes.data, 0, turned.ctypes.data, height, PLAIN, 0, 0),
                )
                gradient = grads[k, weight + top * n_out : weight + bottom * n_out]
                for j in range(n_out):
                    for r in range(height):
                        gradient[r * n_out + j] += turned[j * height + r]
            else:
                multiply(multiplier, height, n_out, B, a, 1, lda, dz, lddz, c, n_out, c, n_out, PLAIN, 0, 0)
            if top == 0:
                c = own + bias * size
                multiply(multiplier, 1, n_out, B, ones.ctypes.data, 0, 0, dz, lddz, c, n_out, c, n_out, PLAIN, 0, 0)


@jit
def _backward(multiplier, x, values, table, rectified, hidden, dy, dhidden, grads, dx):
    K, B, _ = x.shape
    _backward_rows(0, K * B, multiplier, x, values, table, rectified, hidden, dy, dhidden, dx)
    _backward_weights(0, K * table[:, 0].sum(), multiplier, x, table, hidden, dy, dhidden, grads)


def mlp_backward(
    x: Array, values: Array, table: Integers, rectified: bool, hidden: Array, dy: Array, grads: Array, dx: Array
) -> None:
    K, B, _ = x.shape
    if not B:
        return
    work, dhidden, by = 2.0 * B * values.size, np.empty_like(hidden), multiplier(x.itemsize)
    if work <= support.WORTH_SPLITTING:  # one call costs less than two
        _backward(by, x, values, table, rectified, hidden, dy, dhidden, grads, dx)
    else:
        in_parallel(_backward_rows, K * B, work, by, x, values, table, rectified, hidden, dy, dhidden, dx)
        rows = K * int(table[:, 0].sum())
        in_parallel(_backward_weights, rows, work, by, x, table, hidden, dy, dhidden, grads)
