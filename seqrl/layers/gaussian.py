"""Diagonal Gaussians as a network gives them: [mean, log variance] side by side on the last axis, (..., 2Z)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrl.errors import InputError
from seqrl.layer import Backward, Layer, check_gradient
from seqrl.parameter import Array


class GaussianSample(Layer):
    """z = mean + exp(log variance / 2) * e with e ~ N(0, 1) in training, z = mean at inference.

    x: (..., 2Z) -> z: (..., Z). Gradients pass through the sample (Kingma and Welling 2014, section 2.4).
    """

    def __init__(self, *, rng: np.random.Generator) -> None:
        self.rng = rng

    def __call__(self, x: Array) -> Array:
        return _split(x)[0]

    def forward(self, x: Array) -> tuple[Array, Backward]:
        mean, log_variance = _split(x)
        noise = self.rng.standard_normal(mean.shape).astype(x.dtype)
        spread = np.exp(0.5 * log_variance) * noise

        def backward(dz: Array) -> Array:
            check_gradient(dz, spread.shape)
            return np.concatenate([dz, 0.5 * dz * spread], axis=-1)

        return mean + spread, backward


class GaussianKL(Layer):
    """KL(q || p) of each dimension in nats, 1/2 (log s_p - log s_q + (s_q + (m_q - m_p)^2) / s_p - 1), s the variances.

    q, p: (..., 2Z) -> (..., Z); the divergence of the whole is the sum. Kingma and Welling 2014, appendix B.
    """

    def forward(  # type: ignore[override]  # two inputs, not one
        self, q: Array, p: Array
    ) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
        if q.shape != p.shape:
            raise InputError(f"GaussianKL got a q of shape {q.shape} and a p of shape {p.shape}; expected the same")
        q_mean, q_log_variance = _split(q)
        p_mean, p_log_variance = _split(p)
        precision = np.exp(-p_log_variance)
        distance = (q_mean - p_mean) * precision
        ratio = np.exp(q_log_variance - p_log_variance)
        square = distance * (q_mean - p_mean)
        kl: Array = 0.5 * (p_log_variance - q_log_variance + ratio + square - 1)

        def backward(dkl: Array) -> tuple[Array, Array]:
            check_gradient(dkl, kl.shape)
            dmean = dkl * distance
            dq = np.concatenate([dmean, 0.5 * dkl * (ratio - 1)], axis=-1)
            return dq, np.concatenate([-dmean, 0.5 * dkl * (1 - ratio - square)], axis=-1)

        return kl, backward

    def __call__(self, q: Array, p: Array) -> Array:  # type: ignore[override]
        return self.forward(q, p)[0]


def _split(x: Array) -> tuple[Array, Array]:
    if x.shape[-1] % 2:
        raise InputError(f"a Gaussian has the shape {x.shape}; expected (..., 2Z), means beside log variances")
    Z = x.shape[-1] // 2
    return x[..., :Z], x[..., Z:]
