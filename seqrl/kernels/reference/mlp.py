"""Multilayer perceptrons: affine maps with an activation between them, and none after the last.

    a_0 = x,  a_i = f(a_(i-1) W_i + b_i),  y = a_(L-1) W_L + b_L         f: ReLU where `rectified`, else tanh

There are K agents, each with one vector of all its parameters. An agent may have several networks of any sizes that see
the same x and whose outputs stand side by side in y, such as a policy and a value.

A row of `table` (L, 6) is a map, network after network, in the order in which they are computed: n_in, n_out, where its
weight (n_in, n_out) begins in the vector and where its bias does, in which column of `hidden` its input begins (-1: it
is x), and in which one its output does (of y for the last map of a network, where nothing or a -1 follows).

x: (K, B, D), values and grads: (K, P), hidden: (K, B, all hidden units), y and dy: (K, B, all outputs). Each agent's
results are of the same bits alone and among others.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqrl.parameter import Array, Integers


def mlp_forward(x: Array, values: Array, table: Integers, rectified: bool, hidden: Array, y: Array) -> None:
    """Write the activations a_i into `hidden` and the outputs into `y`."""
    for weight, bias, inputs, outputs, last in _maps(table, hidden):
        a = x if inputs is None else hidden[..., inputs]
        z = a @ values[:, weight].reshape(len(x), a.shape[-1], -1) + values[:, None, bias]
        if last:
            y[..., outputs] = z
        else:
            hidden[..., outputs] = np.maximum(z, 0) if rectified else np.tanh(z)


def mlp_backward(
    x: Array, values: Array, table: Integers, rectified: bool, hidden: Array, dy: Array, grads: Array, dx: Array
) -> None:
    """Add the gradients of the parameters to `grads`, and write the gradient of x into `dx`, unless that is empty.

    With dz the gradient of a map's output: dW = a^T dz, db = sum dz, da = dz W^T, and below an activation dz = da f',
    where f' = 1 - a^2 for tanh and 1 or 0 for ReLU.
    """
    dhidden = np.empty_like(hidden)
    dx[...] = 0
    for weight, bias, inputs, outputs, last in reversed(list(_maps(table, hidden))):
        a = x if inputs is None else hidden[..., inputs]
        dz = dy[..., outputs] if last else dhidden[..., outputs]
        w = values[:, weight].reshape(len(x), a.shape[-1], -1)
        grads[:, weight] += (a.swapaxes(1, 2) @ dz).reshape(len(x), -1)
        grads[:, bias] += dz.sum(axis=1)
        if inputs is not None:
            dhidden[..., inputs] = dz @ w.swapaxes(1, 2) * ((a > 0) if rectified else 1 - a * a)
        elif dx.size:
            dx += dz @ w.swapaxes(1, 2)


def _maps(table: Integers, hidden: Array) -> Iterator[tuple[slice, slice, slice | None, slice, bool]]:
    """Of each map: its weight and bias in the vector, its inputs (None: x) and outputs, whether it is a last one."""
    rows = table.tolist()
    for i, (n_in, n_out, weight, bias, source, target) in enumerate(rows):
        last = i + 1 == len(rows) or rows[i + 1][4] < 0
        inputs = None if source < 0 else slice(source, source + n_in)
        yield (
            slice(weight, weight + n_in * n_out),
            slice(bias, bias + n_out),
            inputs,
            slice(target, target + n_out),
            last,
        )
