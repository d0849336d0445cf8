"""Dynamic programming: exact values and optimal policies of environments that publish their model.

v(s)    = sum_a pi(a|s) q(s, a)                                     a policy's values
q(s, a) = sum_s' p(s'|s, a) (r + gamma v(s'))                       v(s') = 0 where the episode terminates
v*(s)   = max_a q*(s, a)                                            the best there are

Sutton and Barto 2018, chapter 4. `expected_return` and `optimal_return` are the yardstick of what learns by trying:
the undiscounted return from the environment's own start, under its own time limit, without sampling.

States and actions are numbers from 0. Letters: S states, A actions, K outcomes of an action. A policy is (S,) actions
or (S, A) probabilities.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError

from .making import environment_name, make

Floats = npt.NDArray[np.float64]
Policy = npt.NDArray[Any]

TIE = 1e-10  # an action is better only by more than this share of the values: rounding must not change a policy
SWEEPS = 1_000_000


class Model(NamedTuple):
    """What an environment does: K outcomes of each action in each state, those that it has not with probability 0."""

    probabilities: Floats
    """(S, A, K)."""
    next_states: npt.NDArray[np.int64]
    """(S, A, K)."""
    terminates: npt.NDArray[np.bool_]
    """(S, A, K)."""
    rewards: Floats
    """(S, A), expected."""
    start: Floats
    """(S,), the probability that an episode begins there."""
    horizon: int | None
    """Steps after which an episode is truncated, or None."""


class Solution(NamedTuple):
    values: Floats
    """(S,)."""
    policy: npt.NDArray[np.int64]
    """(S,), an action for each state."""
    sweeps: int
    """Over all states (value iteration), or policies that were evaluated (policy iteration)."""


def model_of(env: str | gymnasium.Env[Any, Any]) -> Model:
    """The model that an environment, or that of an id, publishes: `P[s][a] = [(p, s', r, terminated), ...]`.

    `initial_state_distrib` is the start. Raises InputError when there is no such model, when it is wrong, or when it is
    not all that happens.
    """
    name = environment_name(env) or str(env)
    horizon: int | None = None
    env = make(env, {}) if isinstance(env, str) else env
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, gymnasium.RewardWrapper | gymnasium.ObservationWrapper | gymnasium.ActionWrapper):
            raise InputError(
                f"the wrapper {type(env).__name__} of {name} changes what the model of the environment says"
            )
        if isinstance(env, gymnasium.wrappers.TimeLimit):
            horizon = min(env._max_episode_steps, horizon or env._max_episode_steps)
        env = env.env
    table, start = getattr(env, "P", None), getattr(env, "initial_state_distrib", None)
    if table is None or start is None:
        raise InputError(f"{name} publishes no model; dynamic programming needs its 'P' and 'initial_state_distrib'")
    if getattr(env, "fickle_passenger", False):
        raise InputError(f"{name} publishes a model without its fickle passenger; expected fickle_passenger=False")
    return from_table(table, start, horizon, name)


def from_table(table: Any, start: npt.ArrayLike, horizon: int | None = None, name: str = "the environment") -> Model:
    """A Model from `table[s][a] = [(p, s', r, terminated), ...]`, for all s from 0 and all a from 0.

    Raises InputError that names the first state and action whose outcomes are no distribution over the states.
    """
    S, A = len(table), len(table[0])
    K = max(len(table[s][a]) for s in range(S) for a in range(A))
    probabilities, rewards = np.zeros((S, A, K)), np.zeros((S, A))
    next_states, terminates = np.zeros((S, A, K), np.int64), np.zeros((S, A, K), np.bool_)
    for s in range(S):
        for a in range(A):
            for k, (p, next_state, reward, terminated) in enumerate(table[s][a]):
                if not (p >= 0 and 0 <= next_state < S and np.isfinite(reward)):
                    raise InputError(f"{name}: outcome {k} of action {a} in state {s} is {table[s][a][k]}")
                probabilities[s, a, k], next_states[s, a, k], terminates[s, a, k] = p, next_state, terminated
                rewards[s, a] += p * reward
            if abs(probabilities[s, a].sum() - 1) > 1e-9:
                total = probabilities[s, a].sum()
                raise InputError(f"{name}: outcomes of action {a} in state {s} have probability {total:g}; expected 1")
    return Model(probabilities, next_states, terminates, rewards, np.array(start, np.float64), horizon)


def action_values(model: Model, values: Floats, gamma: float = 1.0) -> Floats:
    """q(s, a), (S, A), when `values` (S,) follow: one step ahead."""
    goes_on = model.probabilities * ~model.terminates
    with np.errstate(invalid="ignore"):  # 0 times an infinite value, which is left out
        ahead = np.where(goes_on > 0, goes_on * values[model.next_states], 0.0)
    following: Floats = ahead.sum(axis=2)
    return model.rewards + gamma * following


def policy_evaluation(model: Model, policy: Policy, gamma: float = 1.0, horizon: int | None = None) -> Floats:
    """v(s), (S,), of a policy: over `horizon` steps, or without end as the solution of the linear equations.

    Where an undiscounted value without end is minus or plus infinity, it is so given. Raises InputError for a policy
    that is none, and where rewards of both signs go on without end, so that there is no undiscounted value.
    """
    probabilities = _distribution(model, policy)
    if horizon is not None:
        values = np.zeros(len(model.start))
        for _ in range(horizon):
            values = (probabilities * action_values(model, values, gamma)).sum(axis=1)
        return values
    _check_discount(gamma)
    rewards = (probabilities * model.rewards).sum(axis=1)
    outcomes = probabilities[:, :, None] * model.probabilities
    S = len(rewards)
    transitions = np.zeros((S, S))
    np.add.at(transitions, (np.arange(S)[:, None, None], model.next_states), outcomes * ~model.terminates)
    if gamma < 1:
        return np.linalg.solve(np.eye(S) - gamma * transitions, rewards)
    ends: Any = ((outcomes > 0) & model.terminates).any(axis=(1, 2))
    return _undiscounted(transitions, rewards, ends)


def policy_iteration(model: Model, gamma: float = 1.0) -> Solution:
    """The optimal values without end, and a policy that has them: evaluate, act better, until no action is better.

    An action is left only for one that is truly better. Among equals without a discount, the next best policy might
    else stay for ever where it could have ended. Raises InputError when the values are infinite.
    """
    _check_discount(gamma)
    S, A = model.rewards.shape
    everywhere = np.arange(S)
    q = action_values(model, policy_evaluation(model, np.full((S, A), 1 / A), gamma), gamma)
    policy, evaluated = q.argmax(axis=1), 1
    while True:
        values = policy_evaluation(model, policy, gamma)
        evaluated += 1
        q = action_values(model, values, gamma)
        better = _better(q.max(axis=1), q[everywhere, policy])
        if not better.any():
            break
        policy = np.where(better, q.argmax(axis=1), policy)
    if not np.isfinite(values).all():
        raise InputError("the optimal values are infinite without a discount; expected gamma below 1")
    return Solution(values, policy, evaluated)


def value_iteration(model: Model, gamma: float = 1.0, horizon: int | None = None, tolerance: float = 1e-12) -> Solution:
    """The optimal values over `horizon` steps, or without end to within `tolerance` (an estimate where gamma is 1).

    The policy is that of the first step: over a horizon the best action depends on the steps that are left. Raises
    InputError when the values don't settle.
    """
    if horizon is None:
        _check_discount(gamma)
    S = len(model.start)
    everywhere = np.arange(S)
    values, policy = np.zeros(S), np.zeros(S, np.int64)
    stop = tolerance * (1 - gamma) / gamma if 0 < gamma < 1 else tolerance
    for sweep in range(1, (horizon or SWEEPS) + 1):
        q = action_values(model, values, gamma)
        better = _better(q.max(axis=1), q[everywhere, policy])
        policy = np.where(better, q.argmax(axis=1), policy)
        change, values = np.abs(q.max(axis=1) - values).max(), q.max(axis=1)
        if horizon is None and change <= stop:
            return Solution(values, policy, sweep)
    if horizon is None:
        raise InputError(
            f"the values still change by {change:.2g} after {SWEEPS:,} sweeps; expected gamma below {gamma:g}"
        )
    return Solution(values, policy, horizon)


def expected_return(model: Model, policy: Policy, gamma: float = 1.0) -> float:
    """Of a policy, from the environment's start and under its time limit; exact."""
    return _from_start(model, policy_evaluation(model, policy, gamma, model.horizon))


def optimal_return(model: Model, gamma: float = 1.0) -> float:
    """The most that anyone can expect from the environment's start and under its time limit; exact."""
    if model.horizon is None:
        return _from_start(model, policy_iteration(model, gamma).values)
    return _from_start(model, value_iteration(model, gamma, model.horizon).values)


def _from_start(model: Model, values: Floats) -> float:
    begins = model.start > 0
    return float(model.start[begins] @ values[begins])


def _check_discount(gamma: float) -> None:
    if not 0 <= gamma <= 1:
        raise InputError(f"gamma is {gamma}; expected a number from 0 to 1")


def _better(best: Floats, now: Floats) -> npt.NDArray[np.bool_]:
    return best > now + TIE * np.maximum(1, np.abs(best, where=np.isfinite(best), out=np.zeros_like(best)))


def _distribution(model: Model, policy: Policy) -> Floats:
    """A policy as probabilities (S, A). Raises InputError for anything else."""
    S, A = model.rewards.shape
    policy = np.asarray(policy)
    if policy.shape == (S,) and np.issubdtype(policy.dtype, np.integer) and ((policy >= 0) & (policy < A)).all():
        return np.eye(A)[policy]
    if policy.shape == (S, A) and (policy >= 0).all() and np.allclose(policy.sum(axis=1), 1):
        return policy.astype(np.float64)
    raise InputError(
        f"a policy of shape {policy.shape}; expected ({S},) actions from 0 to {A - 1} or ({S}, {A}) probabilities"
    )


def _undiscounted(transitions: Floats, rewards: Floats, ends: npt.NDArray[np.bool_]) -> Floats:
    """v = r + P v where that has one solution, 0 where nothing comes any more, infinite where rewards never end.

    transitions: (S, S) of going on; ends: (S,) whether an episode can terminate there.
    """
    leads = transitions > 0
    over = rewards == 0  # no reward now and none to come: the largest such set that is never left
    while (left := over & leads[:, ~over].any(axis=1)).any():
        over = over & ~left
    endless = ~_leading_to(ends | over, leads)
    infinite = _leading_to(endless, leads)
    if (rewards[endless] < 0).any() and (rewards[endless] > 0).any():
        raise InputError("rewards of both signs go on without end; expected gamma below 1 or a horizon")
    values = np.zeros(len(rewards))
    values[infinite] = np.inf if (rewards[endless] > 0).any() else -np.inf
    rest = ~over & ~infinite
    values[rest] = np.linalg.solve(np.eye(rest.sum()) - transitions[np.ix_(rest, rest)], rewards[rest])
    return values


def _leading_to(states: npt.NDArray[np.bool_], leads: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The states (S,) themselves and those from which a path leads there; leads: (S, S)."""
    while (more := ~states & leads[:, states].any(axis=1)).any():
        states = states | more
    return states
