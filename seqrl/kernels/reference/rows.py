"""What runs over the rows of a matrix: the loss, dropout, gradients of weights and of embeddings. V: vocabulary."""

import numpy as np
import numpy.typing as npt

from seqrl.parameter import Array, Integers


def softmax_cross_entropy(logits: Array, target: Integers, smoothing: float, scale: float) -> float:
    """The summed cross-entropy of softmax(logits) (R, V) with the classes `target` (R,).

    Leaves in `logits` the gradient of `scale` times that sum, scale * (p - t). With label smoothing s the
    target distribution t is 1 - s on the class plus s / V everywhere (Szegedy et al. 2016, section 7).
    """
    R, V = logits.shape
    logits -= logits.max(axis=1, keepdims=True)
    log_z = np.log(np.exp(logits).sum(axis=1, keepdims=True))
    logits -= log_z
    at = np.arange(R)
    total = -(1 - smoothing) * logits[at, target].sum(dtype=np.float64)
    if smoothing:
        total -= smoothing / V * logits.sum(dtype=np.float64)
    np.exp(logits, out=logits)
    logits -= smoothing / V
    logits[at, target] -= 1 - smoothing
    logits *= scale
    return float(total)


def dropout(x: Array, draws: npt.NDArray[np.uint16], dropped: int) -> Array:
    """x / (1 - p) where the draw is at least `dropped`, else 0; p = dropped / 65536. x and draws: the same shape."""
    return x * (draws >= dropped).astype(x.dtype) * x.dtype.type(65536 / (65536 - dropped))


def relu_backward(dy: Array, y: Array) -> Array:
    """dy where y > 0, else 0. dy and y: the same shape."""
    return dy * (y > 0)


def affine(x: Array, weight: Array, bias: Array) -> Array:
    """y = x W + b. x: (R, D), weight: (D, H), bias: (H,) -> y: (R, H)."""
    y: Array = x @ weight
    y += bias
    return y


def turn_back(dy: Array, weight: Array) -> Array:
    """dx = dy W^T, the way back through x W. dy: (R, H), weight: (D, H) -> dx: (R, D)."""
    return dy @ weight.T


def affine_backward(dweight: Array, dbias: Array, x: Array, dy: Array) -> None:
    """dweight += x^T dy,  dbias += the sum of the rows of dy. x: (R, D), dy: (R, H)."""
    dweight += x.T @ dy
    dbias += dy.sum(axis=0)


def add_product(total: Array, x: Array, dy: Array) -> None:
    """total += x^T dy, the gradient of a weight. x: (R, D), dy: (R, H), total: (D, H)."""
    total += x.T @ dy


def add_rows(table: Array, ids: Integers, values: Array) -> None:
    """table[ids[k]] += values[k] for every k, repeated ids included. table: (V, E), ids: (K,), values: (K, E)."""
    np.add.at(table, ids, values)
