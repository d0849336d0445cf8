"""Advantage actor-critic: one step of the policy gradient for each short rollout (Mnih et al. 2016, synchronous).

    L_policy  = -mean A log pi(a|s)
    L_value   = mean (v(s) - R)^2
    L         = L_policy + value_coefficient L_value - entropy_coefficient mean H(pi)

A = R - v(s) and R are those of `returns.gae`, with lam = 1 the n-step returns of the paper. They are numbers through
which no gradient flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqrl.errors import InputError
from seqrl.losses import mean_squared_error
from seqrl.parameter import Array

from .distributions import Actions, Categorical, Distribution, weighted_log_prob
from .on_policy import Experience, OnPolicy, Pass, explained_variance


@dataclass(frozen=True)
class Settings:
    """Hyperparameters. Without tuned ones these do well for most tasks with a few observed numbers."""

    environments: int = 8  # side by side
    rollout_steps: int = 5  # of each environment before each update
    gamma: float = 0.99  # discount
    gae_lambda: float = 1.0  # 0: one-step errors, 1: returns less values
    learning_rate: float = 7e-4
    schedule: str = "constant"  # of the learning rate: constant, linear or cosine, over a call of learn
    entropy_coefficient: float = 0.0
    value_coefficient: float = 0.5
    max_norm: float = 0.5  # of the gradient of all parameters together; 0 leaves it unbounded
    normalise_observations: bool = False  # by their running mean and deviation
    normalise_rewards: bool = False  # by the deviation of their running discounted sum
    hidden: tuple[int, ...] = (64, 64)  # sizes of hidden layers, of the policy and of the value
    activation: str = "tanh"
    log_sigma: float = 0.0  # of continuous actions at first: the logarithm of their deviation
    optimizer: str = "rmsprop"  # adam or rmsprop
    epsilon: float = 1e-5  # of the optimizer


def policy_loss(
    outputs: Array,
    actions: Actions,
    advantages: Array,
    *,
    entropy: float = 0.0,
    distribution: type[Distribution] = Categorical,
) -> tuple[float, Array]:
    """L_policy - entropy mean H(pi), with the gradient of the policy's outputs; that of L_policy by log pi is -A.

    outputs: (B, A) logits, or (B, 2A) means beside log deviations for a DiagonalGaussian; actions: (B,) or (B, A);
    advantages: (B,).
    """
    B = len(outputs)
    if np.shape(advantages) != (B,):  # NumPy would broadcast (B,) against (B, 1)
        raise InputError(f"advantages of shape {np.shape(advantages)} for {B} rows; expected {(B,)}")
    return weighted_log_prob(distribution, outputs, actions, advantages, count=B, entropy=entropy)


class ActorCritic(OnPolicy):
    """Advantage actor-critic, for discrete and continuous actions."""

    name = "actor_critic"
    Settings: ClassVar[type[Any]] = Settings

    def learn_from(self, experience: Experience, first: Pass | None = None) -> dict[str, float]:
        settings = self.settings
        outputs, values, backward = first or self.pass_over(experience.x)
        loss, doutputs = policy_loss(
            outputs,
            experience.actions,
            experience.advantages,
            entropy=settings.entropy_coefficient,
            distribution=self.distribution,
        )
        value_loss, dvalues = mean_squared_error(values, experience.returns)
        backward(doutputs, settings.value_coefficient * dvalues)
        self.optimizer.step()
        return {
            "losses/policy_loss": loss,
            "losses/value_loss": value_loss,
            "losses/explained_variance": explained_variance(experience.values, experience.returns),
        }
