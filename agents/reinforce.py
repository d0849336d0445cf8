"""REINFORCE: Monte Carlo policy gradient, over whole episodes (Williams 1992; Sutton and Barto 2018, section 13.3-4).

The policy-gradient theorem: with J(theta) the value of the start under the policy pi,

    grad J = E[ sum_t  psi_t  grad ln pi(A_t | S_t) ]

where psi_t may be

    G_0                        what the whole episode brought
    gamma^t G_t                the reward to go: what came before an action is not its doing, and only adds noise
    gamma^t (G_t - v(S_t))     less a baseline, learned beside, which tells good from bad rather than much from little

G_t = R_(t+1) + gamma R_(t+2) + ... All three have the same expectation, the gradient itself, and ever less variance.
The factor gamma^t belongs to the theorem, but makes an agent forget how to end what it began well; like nearly every
program this one leaves it out unless `discount_steps` is set. Without it psi is that of every state of an episode
alike, and what is climbed is no longer exactly J.

An update takes whole episodes that one policy played, the same number from each environment: taking those of many
environments that end first would favour short ones. Episodes that a change of the policy falls into are left out.

An episode that a time limit cuts off (truncated) would have gone on. With a baseline, v of its last observation stands
for what is missing. Without one nothing can: its return counts as if it had ended there, and the gradient is biased; a
warning says so, once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from seqrl.errors import InputError, choose
from seqrl.layer import Chain, Layer
from seqrl.losses import mean_squared_error
from seqrl.optimizers import Adam
from seqrl.parameter import Array, Integers
from seqrl.training.settings import SCHEDULES, check_counts, check_positive

from .agent import Agent, AgentState
from .distributions import Actions, Categorical, DiagonalGaussian, Distribution, weighted_log_prob
from .networks import Deviation, encoder, mlp, policy_gains
from .returns import Flags, discounted_returns
from .rollouts import Steps

ROUND = 1_000  # steps, after which learning may be saved or ended within an episode

# ---- the loss ------------------------------------------------------------------------------------------------


def policy_gradient_loss(
    outputs: Array,
    actions: Actions,
    weights: Array,
    *,
    episodes: int,
    entropy: float = 0.0,
    distribution: type[Distribution] = Categorical,
) -> tuple[float, Array]:
    """-1/episodes sum_t [psi_t ln pi(a_t) + entropy H(pi)], and its gradient with respect to the policy's outputs.

    outputs: (B, A) logits, or (B, 2A) means beside log deviations for a DiagonalGaussian; actions: (B,) or (B, A);
    weights: psi, (B,), numbers through which no gradient flows.
    """
    B = len(outputs)
    if np.shape(weights) != (B,):  # NumPy would broadcast (B,) against (B, 1)
        raise InputError(f"weights of shape {np.shape(weights)} for {B} steps; expected {(B,)}")
    return weighted_log_prob(distribution, outputs, actions, weights, count=episodes, entropy=entropy)


# ---- whole episodes ------------------------------------------------------------------------------------------


class Episodes(NamedTuple):
    """Whole episodes of one policy, one after another, B steps in all."""

    observations: Array  # (B, ...)
    actions: Actions  # (B,) or (B, A), as they were chosen
    rewards: Array  # (B,)
    times: Integers  # (B,) the number of the step in its episode, from 0
    ends: Flags  # (B,) the last step of an episode
    cut: Flags  # (B,) a last step that truncation alone made the last
    last_observations: Array  # (cuts, ...) what followed those

    @property
    def number(self) -> int:
        return int(np.count_nonzero(self.ends))

    def returns(self, gamma: float, after_cut: Array | float = 0.0) -> Array:
        """G_t of every step, (B,) in float64, with `after_cut` (cuts,) for what truncation has hidden."""
        following = np.zeros(len(self.rewards))
        following[self.cut] = after_cut
        terminated = self.ends & ~self.cut
        return discounted_returns(self.rewards, following, terminated, self.cut, np.ones_like(self.ends), gamma)

    def of_first_steps(self, values: Array) -> Array:
        """For every step the value that the first step of its episode has."""
        return values[np.arange(len(values)) - self.times]


def whole_episodes(steps: Sequence[Steps], running: Flags, quota: int) -> Episodes:
    """The first `quota` episodes that each environment began and ended in these steps.

    running: (N,), the environments that were in the midst of an episode before the first step. What is left of that
    episode, and what comes after the quota, is not taken.
    """
    terminated, truncated, valid = (
        np.stack([getattr(step, name) for step in steps]) for name in ("terminated", "truncated", "valid")
    )
    ends = (terminated | truncated) & valid
    number = np.cumsum(ends, axis=0) - ends - running  # of the episode that a step is in; -1 is that of before
    taken = (valid & (number >= 0) & (number < quota)).T  # environment by environment, each in the order of time

    def rows(name: str) -> Array:
        column = np.stack([getattr(step, name) for step in steps])
        return column.swapaxes(0, 1)[taken]

    last = ends.T[taken]
    cut = last & ~terminated.T[taken]
    starts = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    times = np.arange(len(last)) - np.repeat(starts, np.diff(starts, append=len(last)))
    following = rows("next_observation")[cut]
    return Episodes(rows("observation"), rows("action"), rows("reward"), times, last, cut, following)


# ---- the agent -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReinforceSettings:
    environments: int = 1
    """How many run side by side."""
    episodes: int = 8
    """Whole episodes of an update; at least this many, the same number from each environment."""
    gamma: float = 0.99
    """Discount of rewards."""
    reward_to_go: bool = True
    """Weigh an action by what came after it, rather than by what the whole episode brought."""
    baseline: bool = True
    """Learn a value of states and weigh an action by how much better than that it went. Without reward_to_go it is that
    of the episode's first state."""
    discount_steps: bool = False
    """Weigh step t by gamma^t, which the gradient of the discounted return has and most programs leave out."""
    scale: bool = True
    """Divide an update's weights by the root of the mean of their squares, whatever the size of rewards."""
    entropy_coefficient: float = 0.0
    """What a nat of the policy's entropy is worth at each step."""
    hidden: tuple[int, ...] = (64, 64)
    """Units of the hidden layers of policy and baseline."""
    activation: str = "tanh"
    learning_rate: float = 3e-3
    """Of the policy (Adam)."""
    baseline_learning_rate: float = 3e-3
    """Of the baseline (Adam)."""
    schedule: str = "constant"
    """Of both learning rates over a call of learn: constant, linear or cosine, the latter two down to 0."""
    baseline_updates: int = 10
    """Steps that the baseline takes towards the returns of each update."""
    max_norm: float | None = None
    """The norm to which the policy's gradient is clipped."""
    log_sigma: float = 0.0
    """The logarithm of a Gaussian policy's deviation at first."""


def _check(settings: ReinforceSettings) -> None:
    """Raise InputError for the first of the settings that is unknown or out of range."""
    check_counts(settings, "environments", "episodes", "baseline_updates")
    check_positive(settings, "learning_rate", "baseline_learning_rate", "max_norm")
    choose("schedule", settings.schedule, SCHEDULES)
    if not 0 <= settings.gamma <= 1:
        raise InputError(f"gamma is {settings.gamma}; expected 0 to 1")
    if not 0 <= settings.entropy_coefficient < math.inf:
        raise InputError(f"entropy_coefficient is {settings.entropy_coefficient}; expected 0 or more")


class Reinforce(Agent):
    """REINFORCE, for discrete actions (softmax) and boxes of them (Gaussian, with deviations that are learned)."""

    name = "reinforce"
    Settings = ReinforceSettings
    action_spaces = spaces.Discrete, spaces.Box

    def build(self) -> None:
        settings, space = self.settings, self.action_space
        _check(settings)
        inputs, self.encode = encoder(self.observation_space)
        self.distribution: type[Distribution]
        if isinstance(space, spaces.Discrete):
            self.distribution, n_actions = Categorical, int(space.n)
        else:
            self.distribution, n_actions = DiagonalGaussian, math.prod(space.shape or ())
        self.policy = self._network(inputs, n_actions, 0.01)
        if self.distribution is DiagonalGaussian:
            self.policy = Chain(self.policy, Deviation(n_actions, settings.log_sigma))
        self.policy_optimizer = Adam(self.policy.parameters(), settings.learning_rate, clip=settings.max_norm)
        self.networks = {"policy": self.policy}
        self.optimizers = {"policy": self.policy_optimizer}
        if settings.baseline:
            self.baseline = self._network(inputs, 1, 1.0)
            self.baseline_optimizer = Adam(self.baseline.parameters(), settings.baseline_learning_rate)
            self.networks["baseline"] = self.baseline
            self.optimizers["baseline"] = self.baseline_optimizer
        self.quota = -(-settings.episodes // self.environments.count)
        self._warned = False
        self._span = 0, 0  # of steps, over which the schedule runs
        self._begin(np.zeros(self.environments.count, np.bool_))

    def _network(self, inputs: int, outputs: int, last: float) -> Layer:
        hidden = self.settings.hidden
        gains = policy_gains(len(hidden), last)
        return mlp([inputs, *hidden, outputs], self.settings.activation, rng=self.streams.network, gains=gains)

    def _begin(self, running: Flags) -> None:
        """Gather episodes anew; running: (N,), the environments that are in the midst of one."""
        self.gathered: list[Steps] = []
        self.running = running
        self.ended = -running.astype(np.int64)  # (N,) episodes that were gathered whole

    def actions(self, observations: Array, rng: np.random.Generator, explore: bool) -> Array:
        pi = self.distribution(self.policy(self.encode(observations)))
        chosen: Actions = pi.sample(rng) if explore else pi.mode(rng)
        return chosen.reshape(len(observations), *(self.action_space.shape or ()))

    def advance(self, remaining: int) -> None:
        """Gather episodes until there are enough to learn from, or for `ROUND` steps or `remaining` ones; the next
        round goes on."""
        goal = self.steps + remaining
        if goal != self._span[1]:
            self._span = self.steps, goal
        end = min(goal, self.steps + ROUND)
        while self.steps < end:
            steps = self.environments.step(self.actions(self.environments.observations, self.streams.exploration, True))
            self.gathered.append(steps)
            done = steps.terminated | steps.truncated
            if done.any():
                self.ended += done
                if self.ended.min() >= self.quota:
                    self.learn_from(whole_episodes(self.gathered, self.running, self.quota))
                    self._begin(steps.valid & ~done)
                    return

    def learn_from(self, episodes: Episodes) -> None:
        """One update of the policy, then the baseline's towards the same returns."""
        settings, (start, end) = self.settings, self._span
        factor = SCHEDULES[settings.schedule](max(end - start, 1))(self.steps - start)
        self.policy_optimizer.lr = settings.learning_rate * factor
        returns = self.returns(episodes)
        loss = self.policy_gradient(episodes, returns)
        norm = self.policy_optimizer.step()
        self.metrics = {
            "losses/policy_loss": loss,
            "losses/gradient_norm": norm,
            "charts/learning_rate": self.policy_optimizer.lr,
        }
        if settings.baseline:
            self.baseline_optimizer.lr = settings.baseline_learning_rate * factor
            self.metrics["losses/value_loss"] = self._fit_baseline(episodes, returns)

    def returns(self, episodes: Episodes) -> Array:
        """G_t of every step, (B,); v stands for what truncation has hidden, where there is a v."""
        after_cut: Array | float = 0.0
        if episodes.cut.any():
            if self.settings.baseline:
                after_cut = self.values(episodes.last_observations)
            else:
                self._warn_of_bias()
        return episodes.returns(self.settings.gamma, after_cut)

    def values(self, observations: Array) -> Array:
        """v, (B,) in float64."""
        return self.baseline(self.encode(observations))[:, 0].astype(np.float64)

    def policy_gradient(self, episodes: Episodes, returns: Array) -> float:
        """Add the gradient of the policy's loss to that of its parameters; the loss."""
        outputs, backward = self.policy.forward_data(self.encode(episodes.observations))
        actions = episodes.actions if self.distribution is Categorical else episodes.actions.reshape(len(outputs), -1)
        loss, gradient = policy_gradient_loss(
            outputs,
            actions,
            self.weights(episodes, returns),
            episodes=episodes.number,
            entropy=self.settings.entropy_coefficient,
            distribution=self.distribution,
        )
        backward(gradient)
        return loss

    def weights(self, episodes: Episodes, returns: Array) -> Array:
        """psi of every step, (B,): numbers, through which no gradient flows."""
        settings = self.settings
        psi = returns - self.values(episodes.observations) if settings.baseline else returns
        if not settings.reward_to_go:
            psi = episodes.of_first_steps(psi)
        elif settings.discount_steps:
            psi = psi * settings.gamma**episodes.times
        if settings.scale:
            psi = psi / max(math.sqrt(np.mean(psi * psi)), 1e-8)
        return psi

    def _fit_baseline(self, episodes: Episodes, returns: Array) -> float:
        """Steps towards returns that stay what they are; the mean squared error before the first."""
        x, targets = self.encode(episodes.observations), returns.astype(np.float32)[:, None]
        errors = []
        for _ in range(self.settings.baseline_updates):
            values, backward = self.baseline.forward_data(x)
            error, gradient = mean_squared_error(values, targets)
            backward(gradient)
            self.baseline_optimizer.step()
            errors.append(error)
        return errors[0]

    def _warn_of_bias(self) -> None:
        if not self._warned:
            warnings.warn(
                f"episodes of {self.environments.name} are truncated, and without a baseline nothing stands for what "
                "would have followed: their returns count as if they had ended there, which biases the gradient",
                stacklevel=2,
            )
        self._warned = True

    def state(self) -> AgentState:
        """With the steps of the episodes that the next update waits for."""
        arrays, numbers = super().state()
        for name, column in zip(Steps._fields, zip(*self.gathered, strict=True), strict=False):
            arrays[f"gathered.{name}"] = np.stack(column)
        gathered = {"running": self.running.tolist(), "ended": self.ended.tolist(), "span": list(self._span)}
        return AgentState(arrays, {**numbers, **gathered})

    def load_state(self, state: AgentState) -> None:
        super().load_state(state)
        arrays, numbers = state
        start, end = numbers["span"]
        self._span = start, end
        if not self.environments.resumable:  # all begin new episodes; those that were under way are lost
            self._begin(np.zeros(self.environments.count, np.bool_))
            return
        self.running, self.ended = np.array(numbers["running"], np.bool_), np.array(numbers["ended"], np.int64)
        if "gathered.valid" in arrays:
            columns = [arrays[f"gathered.{name}"] for name in Steps._fields]
            self.gathered = [Steps(*rows) for rows in zip(*columns, strict=True)]
