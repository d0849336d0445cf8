"""What actor-critic and PPO share: a policy beside a value, and rollouts that are learned from and forgotten."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces

from seqrl.errors import InputError, choose
from seqrl.layer import Layer
from seqrl.optimizers import Adam, Optimizer, RMSprop
from seqrl.parameter import Array, Integers
from seqrl.training.settings import SCHEDULES, check_counts, check_positive

from .agent import Agent, AgentState
from .distributions import Actions, Categorical, DiagonalGaussian, Distribution
from .networks import Deviation, encoder, mlp, policy_gains, side_by_side
from .normalization import ObservationNormalizer, RewardNormalizer
from .returns import gae
from .rollouts import Rollout, collect

OPTIMIZERS: dict[str, type[Adam] | type[RMSprop]] = {"adam": Adam, "rmsprop": RMSprop}


class PolicyAndValue(Layer):
    """Two networks of the same hidden sizes: x (B, D) -> the policy's outputs (B, O) and values (B,).

    Both are computed in one pass. Weights are orthogonal times sqrt(2) at first, those of the policy's last layer times
    0.01, so that all actions are about as likely (Andrychowicz et al. 2021, section 3.2).
    log_sigma: of continuous actions, O = 2A; None for discrete ones, O = A.
    """

    def __init__(
        self,
        n_in: int,
        hidden: Sequence[int],
        n_actions: int,
        activation: str,
        *,
        rng: np.random.Generator,
        log_sigma: float | None = None,
    ) -> None:
        if not hidden:
            raise InputError("hidden is empty; expected the size of one hidden layer at least")
        self.policy_network, self.value_network = (
            mlp([n_in, *hidden, size], activation, rng=rng, gains=policy_gains(len(hidden), last))
            for size, last in ((n_actions, 0.01), (1, 1.0))
        )
        self.both = side_by_side(self.policy_network, self.value_network)
        self.deviation = None if log_sigma is None else Deviation(n_actions, log_sigma)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        outputs, values = self._apart(self.both(x))
        return outputs if self.deviation is None else self.deviation(outputs), values

    def policy(self, x: Array) -> Array:
        """The policy's outputs alone."""
        outputs: Array = self.policy_network(x)
        return outputs if self.deviation is None else self.deviation(outputs)

    def value(self, x: Array) -> Array:
        """The values alone, (B,)."""
        return self.value_network(x)[:, 0]

    def forward_data(self, x: Array) -> tuple[tuple[Array, Array], Callable[[Array, Array], None]]:
        y, backward_both = self.both.forward_data(x)
        outputs, values = self._apart(y)
        backward_deviation = None
        if self.deviation is not None:
            outputs, backward_deviation = self.deviation.forward(outputs)

        def backward(doutputs: Array, dvalues: Array) -> None:
            dy = np.empty_like(y)
            dy[:, :-1] = doutputs if backward_deviation is None else backward_deviation(doutputs)
            dy[:, -1] = dvalues
            backward_both(dy)

        return (outputs, values), backward

    @staticmethod
    def _apart(y: Array) -> tuple[Array, Array]:
        """Outputs (B, A) and values (B,)."""
        return y[:, :-1], y[:, -1]


class Experience(NamedTuple):
    """The M real steps of a rollout. What was computed before learning is a constant of the losses."""

    x: Array  # (M, D) what the networks saw
    actions: Actions  # (M,) or (M, A)
    log_prob: Array  # (M,) of the policy that acted
    values: Array  # (M,) as they were
    advantages: Array  # (M,)
    returns: Array  # (M,) targets of the value

    def take(self, rows: Integers) -> Experience:
        return Experience(*[column.take(rows, axis=0) for column in self])


class Pass(NamedTuple):
    """What the networks gave for an experience's x, and the way back. Later updates of the weights make it stale."""

    outputs: Array
    values: Array
    backward: Callable[[Array, Array], None]


class OnPolicy(Agent):
    """An agent that plays a rollout, learns from it in `learn_from`, and plays the next one by what it has learned.

    An episode that a rollout's end or a time limit cuts off is continued by the value of its last observation. Rows
    that are no real steps are left out of all that is learned from.
    """

    action_spaces: ClassVar[tuple[type[spaces.Space[Any]], ...]] = (spaces.Discrete, spaces.Box)

    def learn_from(self, experience: Experience, first: Pass | None = None) -> dict[str, float]:
        """Update the networks, and say what is worth watching. first: that of all of it, where it has been made."""
        raise NotImplementedError

    def build(self) -> None:
        settings, rng = self.settings, self.streams.network
        _check(settings)
        n_in, self._encode = encoder(self.observation_space)
        self.distribution: type[Distribution]
        if isinstance(self.action_space, spaces.Discrete):
            self.distribution, n_out = Categorical, int(self.action_space.n)
        else:
            self.distribution, n_out = DiagonalGaussian, math.prod(self.action_space.shape or ())
        self.network = PolicyAndValue(
            n_in,
            settings.hidden,
            n_out,
            settings.activation,
            rng=rng,
            log_sigma=settings.log_sigma if self.distribution is DiagonalGaussian else None,
        )
        self.networks["policy_and_value"] = self.network
        make = choose("the optimizer", settings.optimizer, OPTIMIZERS)
        self.optimizer: Optimizer = make(
            self.network.parameters(), settings.learning_rate, eps=settings.epsilon, clip=settings.max_norm or None
        )
        self.optimizers[settings.optimizer] = self.optimizer
        self.observation_normalizer = ObservationNormalizer(n_in) if settings.normalise_observations else None
        count = self.environments.count
        self.reward_normalizer = RewardNormalizer(count, settings.gamma) if settings.normalise_rewards else None
        self._span = 0, 1  # of steps, over which schedules run
        self._begun = 0  # at which step the round began

    # ---- acting ------------------------------------------------------------------------------------------------

    def actions(self, observations: Array, rng: np.random.Generator, explore: bool) -> Array:
        policy = self.distribution(self.network.policy(self.rows(observations)))
        return self._shaped(policy.sample(rng) if explore else policy.mode(rng))

    def rows(self, observations: Array) -> Array:
        """Observations (B, ...) as the networks see them, (B, D)."""
        x = self._encode(observations)
        return x if self.observation_normalizer is None else self.observation_normalizer(x)

    def _shaped(self, actions: Actions) -> Array:
        """Actions (B, A) in the shape of the space."""
        return actions if actions.ndim == 1 else actions.reshape(len(actions), *(self.action_space.shape or ()))

    # ---- learning ----------------------------------------------------------------------------------------------

    def advance(self, remaining: int) -> None:
        self._follow(remaining)
        rollout = collect(self.environments, self._choose, self.settings.rollout_steps)
        experience, first = self.experience(rollout)
        if len(experience.x):
            self.metrics = {**self.learn_from(experience, first), "charts/learning_rate": self.optimizer.lr}
        if self.observation_normalizer is not None:  # after learning: a rollout is seen as it was acted on
            self.observation_normalizer.update(self._encode(rollout.observation[rollout.valid]))

    def _choose(self, observations: Array) -> tuple[Array, Mapping[str, Array]]:
        x = self.rows(observations)
        actions = self.distribution(self.network.policy(x)).sample(self.streams.exploration)
        return self._shaped(actions), {"x": x}

    def pass_over(self, x: Array) -> Pass:
        (outputs, values), backward = self.network.forward_data(x)
        return Pass(outputs, values, backward)

    def experience(self, rollout: Rollout) -> tuple[Experience, Pass | None]:
        """The rollout with its advantages. Log-probabilities and values are of one pass over all of it, which costs
        less than keeping them at every step. The pass is handed on where all rows are real steps."""
        settings, x = self.settings, rollout.extras["x"]
        T, N, D = x.shape
        valid = rollout.valid
        x = x.reshape(T * N, D)
        made = self.pass_over(x)
        outputs, flat_values, _ = made
        values = flat_values.reshape(T, N).astype(np.float64)
        advantages, returns = gae(
            self._rewards(rollout),
            values,
            self._next_values(rollout, values),
            rollout.terminated,
            rollout.truncated,
            valid,
            settings.gamma,
            settings.gae_lambda,
        )
        actions = rollout.action.reshape(T * N, *((-1,) if self.distribution is DiagonalGaussian else ()))
        all_rows = Experience(
            x,
            actions,
            self.distribution(outputs).log_prob(actions),
            flat_values,
            advantages.reshape(-1).astype(x.dtype),
            returns.reshape(-1).astype(x.dtype),
        )
        return (all_rows, made) if valid.all() else (all_rows.take(np.flatnonzero(valid)), None)

    def _next_values(self, rollout: Rollout, values: Array) -> Array:
        """(T, N), of the observations that the actions led to: those of the next row while an episode goes on."""
        following = np.concatenate([values[1:], values[-1:]])  # the last ones are cut, or nothing follows them
        cut = rollout.truncated.copy()
        cut[-1] = True
        cut &= rollout.valid & ~rollout.terminated
        following[cut] = self.network.value(self.rows(rollout.next_observation[cut]))
        return following

    def _rewards(self, rollout: Rollout) -> Array:
        if self.reward_normalizer is None:
            return rollout.reward
        self.reward_normalizer.update(rollout.reward, rollout.terminated | rollout.truncated, rollout.valid)
        return self.reward_normalizer(rollout.reward)

    # ---- schedules ---------------------------------------------------------------------------------------------

    def _follow(self, remaining: int) -> None:
        """Set what follows a schedule, from the beginning of a call of `learn` (or of those that continue it, as a
        resumed run does) to its end."""
        end = self.steps + remaining
        if end != self._span[1]:
            self._span = self.steps, end
        self._begun = self.steps
        self.optimizer.lr = self.settings.learning_rate * self.progress_factor(self.settings.schedule)

    def progress_factor(self, schedule: str) -> float:
        """The schedule's factor in this round: that at its beginning, as at the end of the last one it is 0."""
        start, end = self._span
        return SCHEDULES[schedule](end - start)(self._begun - start)

    # ---- checkpoints -------------------------------------------------------------------------------------------

    def _normalizers(self) -> dict[str, ObservationNormalizer | RewardNormalizer]:
        named = {"observations": self.observation_normalizer, "rewards": self.reward_normalizer}
        return {name: normalizer for name, normalizer in named.items() if normalizer is not None}

    def state(self) -> AgentState:
        arrays, numbers = super().state()
        for name, normalizer in self._normalizers().items():
            arrays |= {f"normalizer.{name}.{key}": array for key, array in normalizer.state().items()}
        return AgentState(arrays, {**numbers, "span": list(self._span)})

    def load_state(self, state: AgentState) -> None:
        super().load_state(state)
        for name, normalizer in self._normalizers().items():
            prefix = f"normalizer.{name}."
            saved = {key.removeprefix(prefix): a for key, a in state.arrays.items() if key.startswith(prefix)}
            normalizer.load_state(saved)
        if self.reward_normalizer is not None and not self.environments.resumable:  # new episodes have begun
            self.reward_normalizer.running[...] = 0
        start, end = state.numbers["span"]
        self._span = start, end


def _check(settings: Any) -> None:
    """Raise InputError for the first of the settings that both algorithms have that is unknown or out of range."""
    check_counts(settings, "environments", "rollout_steps")
    check_positive(settings, "learning_rate", "epsilon")
    choose("schedule", settings.schedule, SCHEDULES)
    for name in "gamma", "gae_lambda":
        value = getattr(settings, name)
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value}; expected 0 to 1")
    for field in dataclasses.fields(settings):
        bounded = field.name.endswith("_coefficient") or field.name == "max_norm"
        if bounded and not 0 <= getattr(settings, field.name) < math.inf:
            raise InputError(f"{field.name} is {getattr(settings, field.name)}; expected 0 or more")


def explained_variance(values: Array, returns: Array) -> float:
    """1 - Var(R - v) / Var(R): 1 for a perfect value, 0 for one that says nothing, below that for a worse one."""
    variance = _variance(returns)
    return 1 - _variance(returns - values) / variance if variance > 0 else math.nan


def _variance(x: Array) -> float:
    """In a third of the time that `x.var()` takes for a few hundred numbers."""
    centred = x - np.add.reduce(x) / len(x)
    return float(np.dot(centred, centred)) / len(x)
