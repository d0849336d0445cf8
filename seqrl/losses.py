"""Losses: loss(prediction, target, mask=None) -> (mean loss, gradient of the prediction)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.layer import rows
from seqrl.parameter import Array, Integers


def softmax_cross_entropy(
    logits: Array,
    target: Integers,
    mask: npt.NDArray[np.bool_] | None = None,
    *,
    label_smoothing: float = 0.0,
    count: int | None = None,
    overwrite: bool = False,
) -> tuple[float, Array]:
    """-log softmax(logits)[target], averaged over the places where `mask` is true; the gradient is (p - t) / count.

    logits: (..., V), target: (...) integers in [0, V), mask: (...) booleans. With label smoothing s the target
    distribution is (1 - s) on the target plus s / V everywhere (Szegedy et al. 2016). `count` is what to divide by when
    these are a part of a larger batch, whose parts then add up. `overwrite` lets the gradient take the logits' place.
    """
    V = logits.shape[-1]
    if target.shape != logits.shape[:-1]:
        raise InputError(f"targets of shape {target.shape} don't fit logits of shape {logits.shape}")
    if mask is not None and (mask.shape != target.shape or mask.dtype != np.bool_):
        raise InputError(f"the mask is {mask.dtype} of shape {mask.shape}; expected booleans of shape {target.shape}")
    if not 0 <= label_smoothing < 1:
        raise InputError(f"label smoothing is {label_smoothing}; expected 0 <= s < 1")
    if target.size and not (target.min() >= 0 and target.max() < V):
        raise InputError(f"targets run from {target.min()} to {target.max()}; expected 0 <= target < {V}")
    logits2, target1 = rows(logits), target.ravel()
    if mask is None:
        count = target1.size if count is None else count
        gradient = logits2 if overwrite else logits2.copy()
        total = kernels.softmax_cross_entropy(gradient, target1, label_smoothing, 1 / max(count, 1))
    else:
        real = mask.ravel()
        count = int(real.sum()) if count is None else count
        picked = logits2[real]
        total = kernels.softmax_cross_entropy(picked, target1[real], label_smoothing, 1 / max(count, 1))
        gradient = np.zeros_like(logits2)
        gradient[real] = picked
    return total / max(count, 1), gradient.reshape(logits.shape)
