"""Deep Q-learning (Mnih et al. 2015), with the options that are known to help it.

A network Q learns the return of each action from transitions (s, a, r, s') of a replay, drawn at random:

    target = r + gamma max_a Q'(s', a)             Q' is the target network, an older copy of Q
    loss   = mean l(Q(s, a) - target)              l: Huber's loss or the square

The target is a constant of the loss. It is r alone where the episode terminated; where it was only cut short, s' has
a value as any other state. The options:

    double         target = r + gamma Q'(s', argmax_a Q(s', a)): one network chooses, the other one judges
                   (van Hasselt et al. 2016)
    dueling        Q(s, a) = V(s) + A(s, a) - mean_b A(s, b) (Wang et al. 2016, equation 9)
    n_step         r is the discounted sum of n rewards, and s' the state n steps on (`replay`)
    prioritised    transitions are drawn by how wrong Q was there (Schaul et al. 2016; `replay`)

All counts of steps are real steps of all environments together: with 8 of them and `train_frequency` 20 there is a
round of gradient steps after 24, 40, 64, 80, ... steps, one for each multiple of 20 that was passed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import kernels
from seqrl.activations import ReLU
from seqrl.errors import InputError, choose
from seqrl.layer import Backward, Chain, Layer, check_gradient
from seqrl.optimizers import Adam
from seqrl.parameter import Array, Integers, Packed

from .agent import Agent, AgentState
from .exploration import argmax, epsilon_greedy, linear
from .networks import encoder, mlp
from .replay import Batch, PrioritisedReplay, Replay

ROWS_AT_ONCE = 1024  # of targets that don't change in between; more don't stay in the cache

# ---- the network ---------------------------------------------------------------------------------------------


class Dueling(Layer):
    """Q = V + A - mean A, of two streams (Wang et al. 2016, equation 9).

    x: (B, D) -> q: (B, A); value: (B, D) -> (B, 1), advantage: (B, D) -> (B, A).
    """

    def __init__(self, value: Layer, advantage: Layer) -> None:
        self.value = value
        self.advantage = advantage

    def forward(self, x: Array) -> tuple[Array, Backward]:
        value, value_backward = self.value.forward(x)
        advantage, advantage_backward = self.advantage.forward(x)
        q = self._sum(value, advantage)

        def backward(dq: Array) -> Array:
            check_gradient(dq, q.shape)
            dvalue = dq.sum(axis=-1, keepdims=True)
            return value_backward(dvalue) + advantage_backward(dq - dvalue / dq.dtype.type(dq.shape[-1]))

        return q, backward

    def __call__(self, x: Array) -> Array:
        return self._sum(self.value(x), self.advantage(x))

    @staticmethod
    def _sum(value: Array, advantage: Array) -> Array:
        if value.shape != (*advantage.shape[:-1], 1):  # NumPy would broadcast
            raise InputError(f"Dueling got values of shape {value.shape} and advantages of {advantage.shape}")
        return value + (advantage - advantage.mean(axis=-1, keepdims=True))


# ---- the loss ------------------------------------------------------------------------------------------------


class QLoss(NamedTuple):
    loss: float
    gradient: Array  # (B, A), of q
    errors: Array  # (B,), q[a] - target


SQUARED = {"huber": False, "squared": True}


def q_loss(q: Array, action: Integers, target: Array, weight: Array | None = None, *, loss: str = "huber") -> QLoss:
    """mean_b w_b l(q_b[a_b] - target_b), and its gradient in q, which is 0 for the actions not taken.

    q: (B, A), action, target, weight: (B,). Huber's l(d) is d^2 / 2 to |d| = 1 and |d| - 1/2 beyond, squared is d^2.
    Raises InputError where shapes don't fit.
    """
    squared = choose("the loss", loss, SQUARED)
    B = len(q)
    if q.ndim != 2 or action.shape != (B,):
        raise InputError(f"actions of shape {action.shape} don't fit values of shape {q.shape}; expected (B,), (B, A)")
    if target.shape != (B,) or (weight is not None and weight.shape != (B,)):  # NumPy would broadcast
        shapes = target.shape if weight is None else (target.shape, weight.shape)
        raise InputError(f"targets and weights of shape {shapes} for {B} rows; expected {(B,)}")
    dq = np.empty_like(q)
    weight = np.empty(0, q.dtype) if weight is None else weight.astype(q.dtype, copy=False)
    mean, errors = kernels.q_learning_loss(q, action, target.astype(q.dtype, copy=False), weight, squared, dq)
    return QLoss(mean, dq, errors)


def q_target(reward: Array, discount: Array, next_q: Array, chooser: Array | None = None) -> Array:
    """r + discount * next_q[a], where a is the best action of `chooser`, or of next_q where there is none.

    reward, discount: (B,); next_q, of the target network, and chooser, of the other (double Q-learning): (B, A).
    In the type of next_q.
    """
    B = len(next_q)
    if reward.shape != (B,) or discount.shape != (B,):
        raise InputError(f"rewards {reward.shape} and discounts {discount.shape} don't fit values {next_q.shape}")
    if chooser is not None and chooser.shape != next_q.shape:
        raise InputError(f"values {chooser.shape} that choose don't fit values {next_q.shape}")
    return kernels.q_learning_target(reward, discount, next_q, next_q if chooser is None else chooser)


# ---- the agent -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """Counts of steps are real steps of all environments together."""

    environments: int = 1  # how many run side by side
    hidden: tuple[int, ...] = (64, 64)  # units of each hidden layer
    double: bool = True  # the network chooses the action of the target, and the target network judges it
    dueling: bool = False  # value and advantages have a last hidden layer each
    n_step: int = 1  # rewards in a target
    gamma: float = 0.99  # discount of a step
    loss: str = "huber"  # or squared
    learning_rate: float = 1e-3  # of Adam, at first
    learning_rate_end: float | None = None  # what it falls to in a straight line; without it, it stays
    learning_rate_steps: int = 50_000  # steps from the one to the other
    max_norm: float = 10.0  # of the gradient of all parameters together
    batch_size: int = 64  # transitions in a gradient step
    capacity: int = 100_000  # transitions in the replay
    learning_starts: int = 1_000  # steps before the first gradient step
    train_frequency: int = 4  # steps from one round of gradient steps to the next
    gradient_steps: int = 1  # in a round
    target_frequency: int = 500  # steps from one update of the target network to the next
    tau: float = 1.0  # how far an update takes the target network to the other, 1 makes it a copy
    epsilon_start: float = 1.0  # chance of any action instead of the best, at first
    epsilon_end: float = 0.05  # and at last
    epsilon_steps: int = 10_000  # steps from the one to the other
    prioritised: bool = False  # draw transitions by their errors
    alpha: float = 0.6  # how much errors matter for that, from 0 to 1
    beta: float = 0.4  # how much of its bias is corrected at first; all of it at last
    beta_steps: int = 100_000  # steps from the one to the other


class DQN(Agent):
    """Deep Q-learning on discrete actions; the equations are the module's."""

    name = "dqn"
    Settings = Settings

    def build(self) -> None:
        s = self.settings
        _check(s)
        self._encode = encoder(self.observation_space)
        self._A = int(self.action_space.n)  # type: ignore[attr-defined]
        self.q = q_network(self._encode.size, self._A, s.hidden, dueling=s.dueling, rng=self.streams.network)
        self.target = copy.deepcopy(self.q)
        self.optimizer = Adam(self.q.parameters(), s.learning_rate, clip=s.max_norm)
        self._target_values = Packed(self.target.parameters()).value  # in the order of the optimizer's
        self.networks = {"q": self.q, "target": self.target}
        self.optimizers = {"q": self.optimizer}
        options: dict[str, Any] = {"n_step": s.n_step, "gamma": s.gamma}
        self.replay: Replay
        if s.prioritised:
            options |= {"alpha": s.alpha, "beta": s.beta}
            self.replay = PrioritisedReplay(s.capacity, self.observation_space, self.action_space, **options)
        else:
            self.replay = Replay(s.capacity, self.observation_space, self.action_space, **options)
        self._epsilon = linear(s.epsilon_start, s.epsilon_end, s.epsilon_steps)
        self._beta = linear(s.beta, 1.0, s.beta_steps)
        end = s.learning_rate if s.learning_rate_end is None else s.learning_rate_end
        self._learning_rate = linear(s.learning_rate, end, s.learning_rate_steps)

    def actions(self, observations: npt.NDArray[Any], rng: np.random.Generator, explore: bool) -> Integers:
        if explore:
            epsilon = self._epsilon(self.steps)
            if len(observations) > 1:
                return epsilon_greedy(self.q(self._encode.encode(observations)), epsilon, rng)
            if rng.random() < epsilon:
                return np.array([rng.integers(self._A)])  # in a third of the time that size=1 takes
        return argmax(self.q(self._encode.encode(observations)), rng)

    def advance(self, remaining: int) -> None:
        """Steps up to the next after which something is due, and that."""
        s, environments, rng = self.settings, self.environments, self.streams.exploration
        before = environments.steps
        due = (every - before % every for every in (s.train_frequency, s.target_frequency))
        goal = before + min(remaining, *due)
        taken = []
        try:
            while environments.steps < goal:
                taken.append(environments.step(self.actions(environments.observations, rng, True)))
        finally:  # an interrupted round is in the replay as far as it went
            self.replay.extend(taken)
        after = environments.steps
        for _ in range(passed(s.train_frequency, max(before, s.learning_starts), after)):
            self._improve(s.gradient_steps)
        for _ in range(passed(s.target_frequency, before, after)):
            self._update_target(s.tau)

    def _update_target(self, tau: float) -> None:
        if tau == 1:
            self._target_values[...] = self.optimizer.packed.value
        else:
            self._target_values += np.float32(tau) * (self.optimizer.packed.value - self._target_values)

    def _improve(self, gradient_steps: int) -> None:
        """So many gradient steps, with what stays the same among them computed for several at once."""
        B, replay = self.settings.batch_size, self.replay
        self.optimizer.lr = self._learning_rate(self.steps)
        self.metrics |= {"charts/epsilon": self._epsilon(self.steps), "charts/learning_rate": self.optimizer.lr}
        at_once = 1 if isinstance(replay, PrioritisedReplay) else max(1, ROWS_AT_ONCE // B)
        while gradient_steps > 0:
            count = min(gradient_steps, at_once)
            gradient_steps -= count
            if isinstance(replay, PrioritisedReplay):
                replay.beta = self._beta(self.steps)
            batch = replay.sample(count * B, self.streams.learning)
            next_observation = self._encode.encode(batch.next_observation)
            observation = self._encode.encode(batch.observation)
            next_q = self.target(next_observation)
            for k in range(count):
                part = slice(k * B, (k + 1) * B)
                chooser = self.q(next_observation[part]) if self.settings.double else None
                target = q_target(batch.reward[part], batch.discount[part], next_q[part], chooser)
                self._step(observation[part], batch.action[part], target, batch)

    def _step(self, observation: Array, action: Integers, target: Array, batch: Batch) -> None:
        """One gradient step."""
        q, backward = self.q.forward_data(observation)
        found = q_loss(q, action, target, batch.weight, loss=self.settings.loss)
        backward(found.gradient)
        self.optimizer.step()
        if isinstance(self.replay, PrioritisedReplay):
            self.replay.update(batch.rows, found.errors)
        self.metrics["losses/td_loss"] = found.loss

    def state(self) -> AgentState:
        arrays, numbers = super().state()
        rows, state = self.replay.state()
        return AgentState(arrays | {f"replay.{name}": row for name, row in rows.items()}, {**numbers, "replay": state})

    def load_state(self, state: AgentState) -> None:
        super().load_state(state)
        rows = {name.removeprefix("replay."): row for name, row in state.arrays.items() if name.startswith("replay.")}
        self.replay.load_state(rows, state.numbers["replay"])
        if not self.environments.resumable:  # new episodes have begun
            self.replay.cut()


def passed(every: int, before: int, after: int) -> int:
    """How many multiples of `every` there are in (before, after]."""
    return max(after // every - before // every, 0)


def q_network(D: int, A: int, hidden: tuple[int, ...], *, dueling: bool, rng: np.random.Generator) -> Layer:
    """(B, D) -> (B, A) with ReLU between the layers; dueling streams have a last hidden layer of their own."""
    if not dueling:
        return mlp([D, *hidden, A], "relu", rng=rng)
    *trunk, last = hidden
    below = [mlp([D, *trunk], "relu", rng=rng), ReLU()] if trunk else []
    width = trunk[-1] if trunk else D
    value, advantage = (mlp([width, last, size], "relu", rng=rng) for size in (1, A))
    return Chain(*below, Dueling(value, advantage))


def _check(s: Settings) -> None:
    """Raises InputError for the first setting that nothing can be learned with."""
    choose("loss", s.loss, SQUARED)
    for name in "batch_size", "train_frequency", "gradient_steps", "target_frequency":
        if getattr(s, name) < 1:
            raise InputError(f"{name} is {getattr(s, name)}; expected at least 1")
    for name in "learning_starts", "learning_rate_steps", "epsilon_steps", "beta_steps":
        if getattr(s, name) < 0:
            raise InputError(f"{name} is {getattr(s, name)}; expected 0 or more")
    if s.learning_rate_end is not None and not s.learning_rate_end > 0:
        raise InputError(f"learning_rate_end is {s.learning_rate_end}; expected a positive number")
    if not 0 < s.tau <= 1:
        raise InputError(f"tau is {s.tau}; expected a number above 0, to 1")
    for name in "epsilon_start", "epsilon_end", "alpha", "beta":
        if not 0 <= getattr(s, name) <= 1:
            raise InputError(f"{name} is {getattr(s, name)}; expected a number from 0 to 1")
    if s.dueling and not s.hidden:
        raise InputError("a dueling network needs a hidden layer; hidden is ()")
