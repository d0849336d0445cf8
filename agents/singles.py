"""Environments in a list, each stepped in its turn: those that are made here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import gymnasium
import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError

from . import environment_state
from .contract import FLAGS, NUMBERS, all_finite, not_finite, shown
from .rollouts import Episode, Steps
from .seeds import as_number, others
from .spaces import view_actions, view_observations

Array = npt.NDArray[Any]


class Singles:
    """Environments in a list. A plain loop and Python numbers: for a few environments that is the fastest there is."""

    def __init__(
        self,
        envs: list[gymnasium.Env[Any, Any]],
        name: str,
        seeds: list[np.random.SeedSequence],
        max_steps: int | None,
    ) -> None:
        self.envs, self.name = envs, name
        for space in "observation_space", "action_space":
            if not isinstance(getattr(envs[0], space, None), gymnasium.Space):
                raise InputError(f"{name}: the environment has no {space}; expected a gymnasium.Space")
        self.observations_as = view_observations(envs[0].observation_space)
        self.actions_as = view_actions(envs[0].action_space)
        for i, env in enumerate(envs):
            if (env.observation_space, env.action_space) != (envs[0].observation_space, envs[0].action_space):
                raise InputError(f"{name}: environment {i} has other spaces than environment 0")
        seen = self.observations_as.space
        self.shape: tuple[int, ...] = seen.shape or ()
        self.dtype = np.dtype(seen.dtype)
        self.n = int(seen.n) if isinstance(seen, gymnasium.spaces.Discrete) else None
        own = envs[0].observation_space  # an observation that needs no encoding is told by one of these
        self.usual_dtype = self.dtype if isinstance(own, gymnasium.spaces.Box) else None
        self.usual_n = int(own.n) if isinstance(own, gymnasium.spaces.Discrete) and own.start == 0 else 0
        self.steps = 0
        self.calls = 0
        self.ended: list[Episode] = []
        spec = envs[0].spec
        self.time_limit: int | None = None if spec is None else spec.max_episode_steps
        self.max_steps = max_steps
        self.all, self.none = np.ones(len(envs), np.bool_), np.zeros(len(envs), np.bool_)
        for shared in self.all, self.none:  # by the steps of all time
            shared.flags.writeable = False
        self.obstacle = next(filter(None, map(environment_state.obstacle, envs)), None)
        self.begin(seeds)

    def begin(self, seeds: Iterable[np.random.SeedSequence]) -> None:
        """First observations of new episodes."""
        self.returns = [0.0] * len(self.envs)
        self.begun = [self.calls] * len(self.envs)  # at which call of `step` each episode began
        self.observations = np.zeros((len(self.envs), *self.shape), self.dtype)
        for i, seed in enumerate(seeds):
            self.reset(i, as_number(seed))
        if not all_finite(self.observations):
            self.fail(*not_finite(self.observations, "reset"))

    def reset(self, i: int, seed: int | None = None) -> None:
        try:
            result: Any = self.envs[i].reset(seed=seed)
        except TypeError as error:
            if "seed" not in str(error):
                raise
            self.fail(i, f"reset doesn't take a seed ({error}); expected reset(*, seed=None, options=None)")
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            self.fail(i, f"reset returned {shown(result)}; expected (observation, info)")
        self.observations[i] = self.check_observation(i, result[0], "reset")

    def step(self, actions: Array) -> Steps:
        envs, returns, count = self.envs, self.returns, len(self.envs)
        shape, dtype, n = self.shape, self.usual_dtype, self.usual_n
        if actions.shape[:1] != (count,):
            raise InputError(f"actions have the shape {actions.shape}; expected {count} of them, one an environment")
        taken = self.actions_as.decode(actions)
        before = self.observations
        following = np.empty(before.shape, self.dtype)
        rewards: list[float] = []
        ends: dict[int, tuple[bool, bool]] = {}
        self.calls += 1
        # What is usual is looked at here, in as few words as can be: a call costs as much as what it does.
        for i, action in enumerate(taken.tolist() if taken.ndim == 1 else taken):
            result: Any = envs[i].step(action)
            if type(result) is not tuple or len(result) != 5:
                self.fail(
                    i, f"step returned {shown(result)}; expected (observation, reward, terminated, truncated, info)"
                )
            observation, reward, end, cut, _ = result
            if type(observation) is np.ndarray:
                usual = observation.dtype is dtype and observation.shape == shape
            else:
                usual = type(observation) is int and 0 <= observation < n
            if not usual:
                observation = self.check_observation(i, observation, "step")
            following[i] = observation
            if type(reward) is not float:
                reward = self.check_reward(i, reward)
            rewards.append(reward)
            returns[i] += reward
            if end is not False or cut is not False:
                self.check_flags(i, end, cut)
                if end or cut:
                    ends[i] = end, cut
        if not math.isfinite(sum(rewards)):
            for i, reward in enumerate(rewards):
                if not math.isfinite(reward):
                    self.fail(i, f"the reward is {reward}")
        if not all_finite(following):
            self.fail(*not_finite(following, "step"))
        if self.max_steps is not None:
            for i, begun in enumerate(self.begun):
                if self.calls - begun >= self.max_steps:
                    ends[i] = ends.get(i, (False, True))[0], True
        self.steps += count
        self.observations = following
        terminated = truncated = self.none
        if ends:
            terminated, truncated = self.next_episodes(ends)
        columns = before, actions, np.array(rewards), following, terminated, truncated, self.all
        return tuple.__new__(Steps, columns)  # what Steps(*columns) does, in half the time

    def next_episodes(self, ends: Mapping[int, tuple[bool, bool]]) -> tuple[Array, Array]:
        """Account for the episodes that ended and begin the next ones. (terminated, truncated), (N,) each."""
        terminated, truncated = self.none.copy(), self.none.copy()
        self.observations = self.observations.copy()
        for i in sorted(ends):
            terminated[i], truncated[i] = ends[i]
            self.ended.append(Episode(self.returns[i], self.calls - self.begun[i], self.steps, i))
            self.returns[i], self.begun[i] = 0.0, self.calls
            self.reset(i)
        if not all_finite(self.observations):
            self.fail(*not_finite(self.observations, "reset"))
        return terminated, truncated

    def check_reward(self, i: int, reward: Any) -> float:
        if not isinstance(reward, NUMBERS):
            self.fail(i, f"step returned the reward {shown(reward)}; expected a number")
        return float(reward)

    def check_flags(self, i: int, *flags: Any) -> None:
        for which, flag in zip(("terminated", "truncated"), flags, strict=True):
            if not isinstance(flag, FLAGS):
                self.fail(i, f"step returned {shown(flag)} for {which}; expected True or False")

    def check_observation(self, i: int, observation: Any, where: str) -> Any:
        """The observation as an array or a whole number of the space's shape and kind."""
        usual = type(observation) is np.ndarray and observation.dtype is self.usual_dtype
        if usual and observation.shape == self.shape:
            return observation
        try:
            seen = self.observations_as.encode(observation)
            if self.n is not None:
                fits = 0 <= seen < self.n
            else:
                seen = np.asarray(seen)
                fits = seen.shape == self.shape and np.can_cast(seen.dtype, self.dtype, "same_kind")
        except (TypeError, ValueError, KeyError, IndexError, AttributeError):
            fits = False
        if not fits:
            space = self.envs[i].observation_space
            self.fail(i, f"{where} returned the observation {shown(observation)}; expected one of {space}")
        return seen

    def fail(self, i: int, problem: str) -> NoReturn:
        raise InputError(f"{self.name}, environment {i}, step {self.calls}: {problem}")

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "steps": self.steps,
            "calls": self.calls,
            "ended": [list(episode) for episode in self.ended],
            "returns": list(self.returns),
            "lengths": [self.calls - begun for begun in self.begun],
        }
        if self.obstacle is None:
            state["observations"] = environment_state.encode(self.observations)
            state["environments"] = [environment_state.snapshot(env) for env in self.envs]
        return state

    def load_state(self, state: Mapping[str, Any], seeds: list[np.random.SeedSequence]) -> None:
        self.steps, self.calls = state["steps"], state["calls"]
        self.ended = [Episode(*episode) for episode in state["ended"]]
        if self.obstacle is not None or "environments" not in state:
            self.begin(others(seeds, self.calls))
            return
        for env, saved in zip(self.envs, state["environments"], strict=True):
            environment_state.restore(env, saved)
        self.observations = environment_state.decode(state["observations"])
        self.returns = list(state["returns"])
        self.begun = [self.calls - length for length in state["lengths"]]

    def close(self) -> None:
        for env in self.envs:
            env.close()
