"""Proximal policy optimisation with the clipped objective (Schulman et al. 2017).

With r = pi(a|s) / pi_old(a|s), the ratio to the policy that acted, and the advantage A of what was done

    L_policy  = -mean min(r A, clip(r, 1 - c, 1 + c) A)                       equation 7
    L_value   = mean (v(s) - R)^2, or clipped beside the value that v had
    L         = L_policy + value_coefficient L_value - entropy_coefficient mean H(pi)

so that several passes over a rollout pay, but none moves the policy far: where r has left the interval on the side that
the advantage favours, the gradient is zero. A and R are those of `returns.gae`. They, pi_old and the old value are
numbers through which no gradient flows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError, choose
from seqrl.parameter import Array
from seqrl.training.settings import SCHEDULES, check_counts, check_positive

from .distributions import Actions, Categorical, Distribution
from .on_policy import Experience, OnPolicy, Pass, explained_variance


@dataclass(frozen=True)
class Settings:
    """Hyperparameters. Without tuned ones these do well for most tasks with a few observed numbers."""

    environments: int = 8  # side by side
    rollout_steps: int = 256  # of each environment between two rounds of learning
    epochs: int = 10  # passes over each rollout
    batch_size: int = 64  # of a minibatch, at most; they are made of one size
    gamma: float = 0.99  # discount
    gae_lambda: float = 0.95  # 0: one-step errors, 1: returns less values
    clip: float = 0.2  # how far from 1 the ratio to the old policy earns anything
    clip_schedule: str = "constant"  # constant, linear or cosine, over a call of learn
    learning_rate: float = 3e-4
    schedule: str = "constant"  # of the learning rate: constant, linear or cosine
    entropy_coefficient: float = 0.0
    value_coefficient: float = 0.5
    value_clip: float | None = None  # how far a value moves from what it was in one round
    max_norm: float = 0.5  # of the gradient of all parameters together; 0 leaves it unbounded
    target_kl: float | None = None  # ends a round when the policy is 1.5 times this far from the old one
    normalise_advantages: bool = True  # in each minibatch
    normalise_observations: bool = False  # by their running mean and deviation
    normalise_rewards: bool = False  # by the deviation of their running discounted sum
    hidden: tuple[int, ...] = (64, 64)  # sizes of hidden layers, of the policy and of the value
    activation: str = "tanh"
    log_sigma: float = 0.0  # of continuous actions at first: the logarithm of their deviation
    optimizer: str = "adam"  # adam or rmsprop
    epsilon: float = 1e-5  # of the optimizer


class PolicyLoss(NamedTuple):
    loss: float
    gradient: Array  # of the policy's outputs
    ratio: Array  # (B,), r


def policy_loss(
    outputs: Array,
    actions: Actions,
    old_log_prob: Array,
    advantages: Array,
    *,
    clip: float,
    entropy: float = 0.0,
    distribution: type[Distribution] = Categorical,
) -> PolicyLoss:
    """L_policy - entropy mean H(pi), with the gradient of the policy's outputs.

    The gradient of -min(r A, clip(r) A) with respect to log pi is -r A where r A is the smaller of the two (at the kink
    as well), and 0 where it is not.

    outputs: (B, A) logits, or (B, 2A) means beside log deviations for a DiagonalGaussian; actions: (B,) or (B, A);
    old_log_prob, advantages: (B,).
    """
    return PolicyLoss(*distribution(outputs).clipped_loss(actions, old_log_prob, advantages, clip, entropy))


def value_loss(
    values: Array, returns: Array, old_values: Array | None = None, *, clip: float | None = None
) -> tuple[float, Array]:
    """mean (v - R)^2; with `clip` the mean of the larger of it and (v_old + clip(v - v_old, -c, c) - R)^2.

    Clipped, a value that has moved by more than c away from what it was has the gradient zero, unless it is further
    from its target than the bound is (Engstrom et al. 2020, equation 3). All arrays are (B,).
    """
    if clip is None or old_values is None:
        old_values, clip = values, math.inf
    B = len(values)
    for name, array in ("returns", returns), ("old values", old_values):
        if array.shape != (B,) or values.shape != (B,):  # NumPy would broadcast (B,) against (B, 1)
            raise InputError(f"{name} of shape {array.shape} for values of shape {values.shape}; expected {(B,)}")
    dtype = values.dtype
    return kernels.clipped_squared_error(values, np.asarray(returns, dtype), np.asarray(old_values, dtype), clip)


def normalised(advantages: Array) -> Array:
    """(A - mean) / deviation; one alone stays what it is, as its deviation says nothing."""
    M = len(advantages)
    if M < 2:
        return advantages
    centred = advantages - np.add.reduce(advantages) / M
    return centred / (math.sqrt(np.dot(centred, centred) / M) + 1e-8)


class PPO(OnPolicy):
    """Proximal policy optimisation, for discrete and continuous actions."""

    name = "ppo"
    Settings: ClassVar[type[Any]] = Settings

    def build(self) -> None:
        settings = self.settings
        check_counts(settings, "epochs", "batch_size")
        check_positive(settings, "clip", "value_clip", "target_kl")
        choose("clip_schedule", settings.clip_schedule, SCHEDULES)
        super().build()

    def learn_from(self, experience: Experience, first: Pass | None = None) -> dict[str, float]:
        """`epochs` passes in minibatches; fewer where the policy has moved beyond `target_kl`."""
        settings = self.settings
        clip = settings.clip * self.progress_factor(settings.clip_schedule)
        loss = math.nan
        for batch in self._minibatches(experience):
            made = first if batch.x is experience.x else None
            outputs, values, backward = made or self.pass_over(batch.x)
            first = None  # the weights have moved on from it
            policy = policy_loss(
                outputs,
                batch.actions,
                batch.log_prob,
                batch.advantages,
                clip=clip,
                entropy=settings.entropy_coefficient,
                distribution=self.distribution,
            )
            if settings.target_kl is not None and divergence(policy.ratio) > 1.5 * settings.target_kl:
                break
            loss, dvalues = value_loss(values, batch.returns, batch.values, clip=settings.value_clip)
            backward(policy.gradient, settings.value_coefficient * dvalues)
            self.optimizer.step()
        return {  # of the last minibatch
            "losses/policy_loss": policy.loss,
            "losses/value_loss": loss,
            "losses/approx_kl": divergence(policy.ratio),
            "losses/clipfrac": float(np.count_nonzero(np.abs(policy.ratio - 1) > clip)) / len(policy.ratio),
            "losses/explained_variance": explained_variance(experience.values, experience.returns),
        }

    def _minibatches(self, experience: Experience) -> Iterator[Experience]:
        """Parts of one size (but for one row), `batch_size` at most, drawn anew at each pass."""
        settings = self.settings
        M = len(experience.x)
        parts = -(-M // settings.batch_size)
        if parts == 1:  # all of it, in whatever order
            batch = self._normalised(experience)
            for _ in range(settings.epochs):
                yield batch
            return
        edges = [M * k // parts for k in range(parts + 1)]
        for _ in range(settings.epochs):
            shuffled = experience.take(self.streams.learning.permutation(M))
            for start, stop in itertools.pairwise(edges):
                yield self._normalised(Experience(*[column[start:stop] for column in shuffled]))

    def _normalised(self, batch: Experience) -> Experience:
        if not self.settings.normalise_advantages:
            return batch
        return batch._replace(advantages=normalised(batch.advantages))


def divergence(ratio: Array) -> float:
    """KL(old || new) estimated by mean (r - 1) - log r, which is never negative (Schulman 2020)."""
    return float(np.add.reduce((ratio - 1) - np.log(ratio))) / len(ratio)
