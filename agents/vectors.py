"""A vector environment of Gymnasium's or of that interface, in its own autoreset mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from seqrl.errors import InputError

from . import environment_state
from .contract import all_finite, not_finite, shown
from .rollouts import Episode, Steps
from .seeds import as_number, others
from .spaces import view_actions, view_observations

Array = npt.NDArray[Any]


class Vector:
    """A vector environment of Gymnasium's, in its own autoreset mode."""

    def __init__(self, env: VectorEnv[Any, Any, Any], name: str, seeds: list[np.random.SeedSequence]) -> None:
        self.env, self.name, self.count = env, name, env.num_envs
        self.mode = self._mode()
        self.observations_as = view_observations(env.single_observation_space)
        self.actions_as = view_actions(env.single_action_space)
        space = self.observations_as.space
        self.shape: tuple[int, ...] = (self.count, *(space.shape or ()))
        self.dtype = np.dtype(space.dtype)
        self.steps = 0
        self.calls = 0
        self.ended: list[Episode] = []
        self.time_limit: int | None = None if env.spec is None else env.spec.max_episode_steps
        self.obstacle = environment_state.obstacle(env)
        self.begin(seeds)

    def _mode(self) -> AutoresetMode:
        mode = self.env.metadata.get("autoreset_mode")
        try:
            return AutoresetMode(mode)
        except ValueError:
            raise InputError(
                f"{self.name}: metadata['autoreset_mode'] of the vector environment is {mode!r}; "
                f"expected one of {', '.join(str(known) for known in AutoresetMode)}"
            ) from None

    def begin(self, seeds: list[np.random.SeedSequence]) -> None:
        self.returns = np.zeros(self.count)
        self.lengths = np.zeros(self.count, np.int64)
        self.pending = np.zeros(self.count, np.bool_)  # ended; the next step begins their next episodes
        one_each = isinstance(self.env.unwrapped, SyncVectorEnv | AsyncVectorEnv)
        numbers = [as_number(seed) for seed in seeds]
        self.observations = self.reset(seed=numbers if one_each else numbers[0])

    def reset(self, **how: Any) -> Array:
        result = self.env.reset(**how)
        if not (isinstance(result, tuple) and len(result) == 2):
            self.fail(f"reset returned {shown(result)}; expected (observations, infos)")
        return self.check_observations(result[0], "reset")

    def step(self, actions: Array) -> Steps:
        if actions.shape[:1] != (self.count,):
            raise InputError(f"actions have the shape {actions.shape}; expected {self.count}, one an environment")
        self.calls += 1
        result = self.env.step(self.actions_as.decode(actions))
        if not (isinstance(result, tuple) and len(result) == 5):
            self.fail(f"step returned {shown(result)}; expected (observations, rewards, terminated, truncated, infos)")
        current = self.check_observations(result[0], "step")
        rewards = self.check_rewards(result[1])
        valid, began = ~self.pending, np.count_nonzero(self.pending)
        terminated = self.check_flags(result[2], "terminated") & valid
        truncated = self.check_flags(result[3], "truncated") & valid
        if began:
            rewards[self.pending] = 0
        done = terminated | truncated
        ends = np.count_nonzero(done)
        before, following = self.observations, current
        if self.mode is AutoresetMode.NEXT_STEP:
            self.pending = done
        elif ends:
            if self.mode is AutoresetMode.SAME_STEP:
                following = self.with_final(current, done, result[4])
            else:
                current = self.reset(options={"reset_mask": done.copy()})
        self.observations = current
        self.account(rewards, done, valid)
        return Steps(before, actions, rewards, following, terminated, truncated, valid)

    def with_final(self, current: Array, done: Array, infos: Mapping[str, Any]) -> Array:
        """The observations that the actions led to: the last ones of episodes are in `infos`."""
        if "final_obs" not in infos:
            self.fail("an episode ended and infos lacks 'final_obs', where SAME_STEP has its last observation")
        following = current.copy()
        for i in np.flatnonzero(done):
            last = infos["final_obs"][i]
            try:
                seen = np.asarray(self.observations_as.encode(last))
                fits = seen.shape == self.shape[1:] and np.can_cast(seen.dtype, self.dtype, "same_kind")
            except (TypeError, ValueError, KeyError, IndexError, AttributeError):
                fits = False
            if not fits:  # NumPy would broadcast it
                space = self.env.single_observation_space
                self.fail(f"'final_obs' of environment {i} is {shown(last)}; expected one of {space}")
            following[i] = seen
        self.check_finite(following, "step")
        return following

    def account(self, rewards: Array, done: Array, valid: Array) -> None:
        self.returns += rewards
        self.lengths += valid
        self.steps += int(np.count_nonzero(valid))
        if np.count_nonzero(done):
            for i in np.flatnonzero(done).tolist():
                self.ended.append(Episode(float(self.returns[i]), int(self.lengths[i]), self.steps, i))
            self.returns[done] = 0
            self.lengths[done] = 0

    def check_observations(self, observations: Any, where: str) -> Array:
        try:
            seen = self.observations_as.encode_batch(observations)
            fits = seen.dtype is self.dtype or np.can_cast(seen.dtype, self.dtype, "same_kind")
            fits = fits and seen.shape == self.shape
        except (TypeError, ValueError, AttributeError):
            fits = False
        if not fits:
            space = self.env.observation_space
            self.fail(f"{where} returned the observations {shown(observations)}; expected those of {space}")
        self.check_finite(seen, where)
        return seen.astype(self.dtype, copy=False)

    def check_finite(self, observations: Array, where: str) -> None:
        if not all_finite(observations):
            i, problem = not_finite(observations, where)
            self.fail(problem, i)

    def check_rewards(self, rewards: Any) -> Array:
        seen = np.asarray(rewards)
        if seen.shape != (self.count,) or seen.dtype.kind not in "iufb":
            self.fail(f"step returned the rewards {shown(rewards)}; expected {self.count} numbers")
        if not all_finite(seen):
            for i in np.flatnonzero(~np.isfinite(seen) & ~self.pending):
                self.fail(f"the reward is {seen[i]}", int(i))
        return seen.astype(np.float64)

    def check_flags(self, flags: Any, which: str) -> Array:
        seen = np.asarray(flags)
        if seen.shape != (self.count,) or seen.dtype != np.bool_:
            self.fail(f"step returned {shown(flags)} for {which}; expected {self.count} of True or False")
        return seen

    def fail(self, problem: str, i: int | None = None) -> NoReturn:
        where = self.name if i is None else f"{self.name}, environment {i}"
        raise InputError(f"{where}, step {self.calls}: {problem}")

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "steps": self.steps,
            "calls": self.calls,
            "ended": [list(episode) for episode in self.ended],
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
        }
        if self.obstacle is None:
            state["pending"] = self.pending.tolist()
            state["observations"] = environment_state.encode(self.observations)
            state["environments"] = environment_state.snapshot(self.env)
        return state

    def load_state(self, state: Mapping[str, Any], seeds: list[np.random.SeedSequence]) -> None:
        self.steps, self.calls = state["steps"], state["calls"]
        self.ended = [Episode(*episode) for episode in state["ended"]]
        if self.obstacle is not None or "environments" not in state:
            self.begin(others(seeds, self.calls))
            return
        environment_state.restore(self.env, state["environments"])
        self.observations = environment_state.decode(state["observations"])
        self.returns, self.lengths = np.array(state["returns"]), np.array(state["lengths"], np.int64)
        self.pending = np.array(state["pending"], np.bool_)

    def close(self) -> None:
        self.env.close()
