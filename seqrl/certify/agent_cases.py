"""What of the agents is certified: their losses and their layers, a line each.

The agents stand above this package, so they are imported when the certificate is made and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seqrl.certify.cases import Generator, Inputs, LayerCase, feature_rows
from seqrl.layer import Chain, Layer
from seqrl.layers.dense import Dense
from seqrl.parameter import Array, Integers


class ObjectiveCase(NamedTuple):
    """`loss(outputs, *constants) -> (loss, gradient of the outputs, ...)`; `inputs(rng, N)` gives all of its arrays.

    Each holds N rows. No gradient flows to the constants: targets, advantages, old log-probabilities.
    """

    loss: Callable[..., tuple[Any, ...]]
    inputs: Callable[[Generator, int], Inputs]
    options: dict[str, Any] = {}
    mean: bool = True  # over the rows; else their sum


def objective_name(case: ObjectiveCase) -> str:
    """The module of agents and the function in it."""
    return f"{case.loss.__module__.rpartition('.')[2]}.{case.loss.__name__}"


def objectives() -> dict[str, ObjectiveCase]:
    """Every loss of the agents; the rest of them is `seqrl.losses`."""
    from seqrl.agents import actor_critic, dqn, linear, ppo, prediction, reinforce
    from seqrl.agents.distributions import Categorical, DiagonalGaussian

    def actions_of(outputs: Array, rng: Generator) -> Any:
        kind = Categorical if outputs.shape[1] == 5 else DiagonalGaussian
        distribution = kind(outputs)
        actions: Any = distribution.sample(rng)
        return actions, distribution.log_prob(actions)

    def discrete(rng: Generator, N: int) -> Inputs:
        """Logits, actions, advantages."""
        logits = 2 * rng.normal(size=(N, 5))
        return logits, actions_of(logits, rng)[0], rng.normal(size=N)

    def gaussian(rng: Generator, N: int) -> Inputs:
        """Means beside log deviations, actions, advantages."""
        outputs = 0.5 * rng.normal(size=(N, 6))
        return outputs, actions_of(outputs, rng)[0], rng.normal(size=N)

    def moved(inputs: Callable[[Generator, int], Inputs]) -> Callable[[Generator, int], Inputs]:
        """The policy has moved from the one that acted, by more and by less than the clip allows."""

        def with_old(rng: Generator, N: int) -> Inputs:
            outputs, _, advantages = inputs(rng, N)
            actions, log_prob = actions_of(outputs, rng)
            return outputs, actions, log_prob + np.resize([0.5, -0.1, -0.5, 0.1], N), advantages

        return with_old

    def values(rng: Generator, N: int) -> Inputs:
        """Values, returns, and what the values were."""
        new = rng.normal(size=N)
        return new, rng.normal(size=N), new + np.resize([0.5, -0.1, -0.5, 0.1], N)

    def action_values(rng: Generator, N: int) -> Inputs:
        """Values of 4 actions, actions, targets."""
        q = 2 * rng.normal(size=(N, 4))
        return q, rng.integers(0, 4, N), rng.normal(size=N)

    def weighted(rng: Generator, N: int) -> Inputs:
        return *action_values(rng, N), 0.5 + rng.random(N)

    continuous = {"distribution": DiagonalGaussian}
    return {
        "q_loss": ObjectiveCase(dqn.q_loss, action_values),
        "q_loss, squared": ObjectiveCase(dqn.q_loss, action_values, {"loss": "squared"}),
        "q_loss, weighted": ObjectiveCase(dqn.q_loss, weighted),
        "td_loss": ObjectiveCase(linear.td_loss, action_values),
        "td_loss, prediction": ObjectiveCase(prediction.td_loss, lambda rng, N: values(rng, N)[:2], mean=False),
        "REINFORCE": ObjectiveCase(reinforce.policy_gradient_loss, discrete, {"episodes": 2, "entropy": 0.1}, False),
        "REINFORCE, Gaussian": ObjectiveCase(
            reinforce.policy_gradient_loss, gaussian, {"episodes": 3, "entropy": 0.1, **continuous}, False
        ),
        "actor-critic": ObjectiveCase(actor_critic.policy_loss, discrete, {"entropy": 0.1}),
        "actor-critic, Gaussian": ObjectiveCase(actor_critic.policy_loss, gaussian, {"entropy": 0.1, **continuous}),
        "PPO": ObjectiveCase(ppo.policy_loss, moved(discrete), {"clip": 0.2}),
        "PPO, entropy": ObjectiveCase(ppo.policy_loss, moved(discrete), {"clip": 0.2, "entropy": 0.1}),
        "PPO, Gaussian": ObjectiveCase(ppo.policy_loss, moved(gaussian), {"clip": 0.2, "entropy": 0.1, **continuous}),
        "PPO, value": ObjectiveCase(ppo.value_loss, lambda rng, N: values(rng, N)[:2]),
        "PPO, clipped value": ObjectiveCase(ppo.value_loss, values, {"clip": 0.2}),
    }


def agent_layers() -> dict[str, LayerCase]:
    """Every layer that stands in the agents."""
    from seqrl.agents.dqn import Dueling
    from seqrl.agents.networks import Deviation
    from seqrl.agents.on_policy import PolicyAndValue

    def policy_and_value(activation: str = "tanh", **options: Any) -> Callable[[Generator], Layer]:
        return lambda rng: OutputsAndValues(PolicyAndValue(4, (5, 3), 2, activation, rng=rng, **options))

    return {
        "Dueling": LayerCase(
            lambda rng: Dueling(Dense(3, 1, rng=rng), Dense(3, 4, rng=rng)), feature_rows, batch_axis=0
        ),
        "Deviation": LayerCase(
            lambda rng: Chain(Dense(3, 2, rng=rng), Deviation(2)), feature_rows, batch_axis=0, of="Deviation"
        ),
        "PolicyAndValue": LayerCase(policy_and_value(), observations, batch_axis=0, of="PolicyAndValue"),
        "PolicyAndValue, sigmoid": LayerCase(
            policy_and_value("sigmoid"), observations, batch_axis=0, of="PolicyAndValue"
        ),
        "PolicyAndValue, Gaussian": LayerCase(
            policy_and_value(log_sigma=0.5), observations, batch_axis=0, of="PolicyAndValue"
        ),
    }


def observations(rng: Generator, T: int, N: int) -> Inputs:
    """Whole numbers, so that no gradient of them is asked for."""
    return (rng.integers(-2, 3, (N, 4)),)


class OutputsAndValues(Layer):
    """A policy and a value as a layer of one output: x (N, D) whole numbers -> (N, O + 1), the values last."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def forward(self, x: Integers) -> tuple[Array, Callable[[Array], None]]:
        (outputs, values), backward = self.model.forward_data(x.astype(self.dtype))

        def backward_both(dy: Array) -> None:
            backward(dy[:, :-1], dy[:, -1])

        return np.concatenate([outputs, values[:, None]], axis=1), backward_both

    def __call__(self, x: Integers) -> Array:
        outputs, values = self.model(x.astype(self.dtype))
        return np.concatenate([outputs, values[:, None]], axis=1)
