"""The values of a policy from episodes of it: semi-gradient n-step TD, of which gradient Monte Carlo is the longest.

    G_t = r_t + gamma r_{t+1} + ... + gamma^(n-1) r_{t+n-1} + gamma^n v(x_{t+n})
    w += alpha rate (G_t - v(x_t)) phi(x_t)

which is a step down the gradient of (G_t - v(x_t))^2 / 2, for which G_t is a constant. The sum ends with the episode,
and past a true end nothing is bootstrapped. Sutton and Barto 2018, sections 7.1 and 9.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError

from .features import Array, Features


def td_loss(values: Array, targets: Array) -> tuple[float, Array]:
    """sum_k (target_k - v_k)^2 / 2, and its gradient in v, for which the targets are constants. All are (K,).

    Raises InputError where shapes don't fit.
    """
    if values.ndim != 1 or targets.shape != values.shape:  # NumPy would broadcast
        raise InputError(f"targets {targets.shape} for values {values.shape}; expected (K,) each")
    gradient = values - targets
    return float(gradient @ gradient) / 2, gradient


def n_step_td(
    features: Features,
    weights: Array,
    observations: npt.NDArray[Any],
    rewards: npt.NDArray[Any],
    *,
    n: int,
    learning_rate: Array | float,
    gamma: float = 1.0,
    terminated: bool = True,
) -> None:
    """Learn from one episode, step by step; `weights` (size, K) change in place.

    Columns learn side by side, each at its own of the `learning_rate` (K,). observations: (T + 1, D), the last of them
    after the last of the rewards (T,); it is bootstrapped from unless the episode `terminated` there.
    """
    T, K = len(rewards), weights.shape[1]
    if len(observations) != T + 1 or n < 1:
        raise InputError(f"{len(observations)} observations, {T} rewards, n {n}; expected one more, and n of 1 or more")
    codes = features.encode(observations)
    n = min(n, T)
    sums = np.convolve(np.asarray(rewards, np.float64)[::-1], gamma ** np.arange(n))[:T][::-1]
    for t in range(T):
        end = min(t + n, T)
        targets = np.full(K, sums[t])
        if end < T or not terminated:
            targets += gamma ** (end - t) * features.values(codes[end], weights)
        _, gradient = td_loss(features.values(codes[t], weights), targets)
        features.add(weights, codes[t : t + 1], (-learning_rate * gradient)[None])
