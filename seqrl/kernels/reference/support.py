"""What the readable kernels share."""

import numpy as np

from seqrl.parameter import Array


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), written so that it can't overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5
