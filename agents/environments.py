"""N environments side by side, in one form whatever they are made of.

    environments = Environments("CartPole-v1", count=8, seed=0)
    steps = environments.step(actions)      # seqrl.agents.rollouts.Steps
    environments.observations               # what to act on now

Environments made here begin the next episode in the same step, so that every row is a real step. Those of a vector
environment keep its way (gymnasium.vector.AutoresetMode): one that begins episodes in the step after the last returns
rows that are not valid there. Both keep their own accounts of episodes and check what the environments return.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from seqrl.errors import InputError, check_sizes

from . import environment_state
from .making import Maker, environment_name, maker_of
from .rollouts import Steps
from .spaces import view_actions, view_observations

Array = npt.NDArray[Any]
Seed = int | np.random.SeedSequence

FLAGS = (bool, np.bool_)
NUMBERS = (int, float, np.integer, np.floating)
FEW = 32


class Episode(NamedTuple):
    """An episode that ended. The return is undiscounted, of the environment's own rewards."""

    return_: float
    length: int  # real steps
    step: int  # real steps of all environments up to its end
    environment: int = 0


class Environments:
    """N environments that are stepped together.

    env: an id of Gymnasium's ("CartPole-v1", "module:Env-v0"), a function that makes an environment, an environment, or
        a vector environment (Sync, Async or one's own, with any autoreset mode).
    count: how many; a vector environment has its own number.
    seed: what the random numbers of all come from. Each environment has its own stream, the same one at any count and
        in a SyncVectorEnv or AsyncVectorEnv too. A list gives each its own seed.
    options: keyword arguments of gymnasium.make, for an environment given by its id.
    max_steps: episodes longer than this are truncated, on top of the environment's own limit. Not for vector
        environments.

    Raises InputError for what is no environment or can't be made, an observation or action space without arrays, and
    here and at every step, naming the environment and the step, for what breaks Gymnasium's contract and for a reward
    or observation that is not finite.
    """

    def __init__(
        self,
        env: str | Maker | gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any],
        *,
        count: int = 1,
        seed: Seed | Sequence[Seed] = 0,
        options: Mapping[str, Any] | None = None,
        max_steps: int | None = None,
    ) -> None:
        check_sizes("Environments", count=count)
        if options and not isinstance(env, str):
            raise InputError("options are for an environment given by its id; make this one with them")
        self._maker = maker_of(env, options or {})
        self._runner: _Singles | _Vector
        if isinstance(env, VectorEnv):
            if count not in (1, env.num_envs):
                raise InputError(f"count is {count}; the vector environment given has {env.num_envs} environments")
            if max_steps is not None:
                raise InputError("max_steps is for environments made here; a vector environment has its own limit")
            seeds = self._seeds = _seed_sequences(seed, env.num_envs)
            self.name = environment_name(env) or type(env.unwrapped).__name__
            self._runner = _Vector(env, self.name, seeds)
        else:
            seeds = self._seeds = _seed_sequences(seed, count)
            singles = _make(env, self._maker, count)
            self.name = environment_name(env) or environment_name(singles[0]) or type(singles[0].unwrapped).__name__
            self._runner = _Singles(singles, self.name, seeds, max_steps)
        self.count: int = len(seeds)
        self.observation_space = self._runner.observations_as.space
        self.action_space = self._runner.actions_as.space

    @property
    def observations(self) -> Array:
        """(N, ...) what to act on now."""
        return self._runner.observations

    @property
    def steps(self) -> int:
        """The real steps so far, of all environments."""
        return self._runner.steps

    def step(self, actions: npt.ArrayLike) -> Steps:
        """One step of each environment. actions: (N, ...); for a row that is not valid any action will do."""
        return self._runner.step(np.array(actions))

    def episodes(self) -> list[Episode]:
        """The episodes that ended since the last call, in the order in which they did."""
        ended, self._runner.ended = self._runner.ended, []
        return ended

    def encode(self, observation: Any) -> Array:
        """One observation, or a batch of them, as the environment gives them, as arrays of `observation_space`."""
        view, shape = self._runner.observations_as, self.observation_space.shape
        if isinstance(observation, tuple | dict):
            return np.asarray(view.encode(observation))
        given = np.asarray(observation)
        if shape is not None and given.ndim == len(shape) + 1:
            return np.stack([np.asarray(view.encode(row)) for row in given])
        return np.asarray(view.encode(observation))

    def decode(self, actions: Array) -> Array:
        """Actions (N, ...) of `action_space` as the environment takes them: inside a Box's bounds, say."""
        return self._runner.actions_as.decode(actions)

    def again(self, *, count: int, seed: Seed, max_steps: int | None = None) -> Environments:
        """Other environments of the same kind, such as for evaluation. Raises InputError where they can't be made."""
        if self._maker is None:
            raise InputError(f"no other environment like {self.name} can be made; give its id or a function making it")
        return Environments(self._maker, count=count, seed=seed, max_steps=max_steps)

    @property
    def time_limit(self) -> int | None:
        """After how many steps the environment itself truncates an episode, as far as it says so."""
        return self._runner.time_limit

    @property
    def obstacle(self) -> str | None:
        """What keeps an interrupted run from going on with the same bits, or None where it does."""
        return self._runner.obstacle

    @property
    def resumable(self) -> bool:
        """Whether `load_state` continues inside the episodes that `state` left, bit by bit."""
        return self.obstacle is None

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as JSON can hold it."""
        return self._runner.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`. Where the environments' own state can't be set (`resumable` is False), the counts
        continue and new episodes begin, with random numbers that no earlier part of the run had.

        Raises InputError for the state of another number of environments, or of others.
        """
        lengths = state.get("lengths", ())
        if len(lengths) != self.count:
            raise InputError(f"the saved state is of {len(lengths)} environments; here there are {self.count}")
        try:
            self._runner.load_state(state, self._seeds)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the saved state of {self.name} doesn't fit ({type(error).__name__}: {error})") from None

    def close(self) -> None:
        self._runner.close()

    def __enter__(self) -> Environments:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Singles:
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
        self.usual = isinstance(envs[0].observation_space, gymnasium.spaces.Box)
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
            self.reset(i, _number(seed))
        self.check_finite(self.observations, "reset")

    def reset(self, i: int, seed: int | None = None) -> None:
        try:
            result: Any = self.envs[i].reset(seed=seed)
        except TypeError as error:
            if "seed" not in str(error):
                raise
            self.fail(i, f"reset doesn't take a seed ({error}); expected reset(*, seed=None, options=None)")
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            self.fail(i, f"reset returned {_shown(result)}; expected (observation, info)")
        self.observations[i] = self.check_observation(i, result[0], "reset")

    def step(self, actions: Array) -> Steps:
        envs, returns, dtype, shape = self.envs, self.returns, self.dtype, self.shape
        count = len(envs)
        if actions.shape[:1] != (count,):
            raise InputError(f"actions have the shape {actions.shape}; expected {count} of them, one an environment")
        taken = self.actions_as.decode(actions)
        before = self.observations
        following = np.empty(before.shape, dtype)
        rewards: list[float] = []
        ends: dict[int, tuple[bool, bool]] = {}
        self.calls += 1
        # What is usual is looked at here, in as few words as can be: a call costs as much as what it does.
        for i, action in enumerate(taken.tolist() if taken.ndim == 1 else taken):
            result: Any = envs[i].step(action)
            if type(result) is not tuple or len(result) != 5:
                self.fail(
                    i, f"step returned {_shown(result)}; expected (observation, reward, terminated, truncated, info)"
                )
            observation, reward, end, cut, _ = result
            if not (
                self.usual
                and type(observation) is np.ndarray
                and observation.dtype is dtype
                and observation.shape == shape
            ):
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
        self.check_finite(following, "step")
        if self.max_steps is not None:
            for i, begun in enumerate(self.begun):
                if self.calls - begun >= self.max_steps:
                    ends[i] = ends.get(i, (False, True))[0], True
        self.steps += count
        self.observations = following
        terminated = truncated = self.none
        if ends:
            terminated, truncated = self.none.copy(), self.none.copy()
            self.observations = following.copy()
            for i in sorted(ends):
                terminated[i], truncated[i] = ends[i]
                self.ended.append(Episode(returns[i], self.calls - self.begun[i], self.steps, i))
                returns[i], self.begun[i] = 0.0, self.calls
                self.reset(i)
            self.check_finite(self.observations, "reset")
        columns = before, actions, np.array(rewards), following, terminated, truncated, self.all
        return tuple.__new__(Steps, columns)  # what Steps(*columns) does, in half the time

    def check_reward(self, i: int, reward: Any) -> float:
        if not isinstance(reward, NUMBERS):
            self.fail(i, f"step returned the reward {_shown(reward)}; expected a number")
        return float(reward)

    def check_flags(self, i: int, *flags: Any) -> None:
        for which, flag in zip(("terminated", "truncated"), flags, strict=True):
            if not isinstance(flag, FLAGS):
                self.fail(i, f"step returned {_shown(flag)} for {which}; expected True or False")

    def check_observation(self, i: int, observation: Any, where: str) -> Any:
        """The observation as an array or a whole number of the space's shape and kind."""
        usual = self.usual and type(observation) is np.ndarray
        if usual and observation.dtype is self.dtype and observation.shape == self.shape:
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
            self.fail(i, f"{where} returned the observation {_shown(observation)}; expected one of {space}")
        return seen

    def check_finite(self, observations: Array, where: str) -> None:
        if not _finite(observations):
            i = next(i for i, row in enumerate(observations) if not np.isfinite(row).all())
            held = _not_finite(observations[i])
            self.fail(i, f"{where} returned an observation that holds {held}: {_shown(observations[i])}")

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
            self.begin(_others(seeds, self.calls))
            return
        for env, saved in zip(self.envs, state["environments"], strict=True):
            environment_state.restore(env, saved)
        self.observations = environment_state.decode(state["observations"])
        self.returns = list(state["returns"])
        self.begun = [self.calls - length for length in state["lengths"]]

    def close(self) -> None:
        for env in self.envs:
            env.close()


class _Vector:
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
        numbers = [_number(seed) for seed in seeds]
        self.observations = self.reset(seed=numbers if one_each else numbers[0])

    def reset(self, **how: Any) -> Array:
        result = self.env.reset(**how)
        if not (isinstance(result, tuple) and len(result) == 2):
            self.fail(f"reset returned {_shown(result)}; expected (observations, infos)")
        return self.check_observations(result[0], "reset")

    def step(self, actions: Array) -> Steps:
        if actions.shape[:1] != (self.count,):
            raise InputError(f"actions have the shape {actions.shape}; expected {self.count}, one an environment")
        self.calls += 1
        result = self.env.step(self.actions_as.decode(actions))
        if not (isinstance(result, tuple) and len(result) == 5):
            self.fail(f"step returned {_shown(result)}; expected (observations, rewards, terminated, truncated, infos)")
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
            try:
                following[i] = self.observations_as.encode(infos["final_obs"][i])
            except (TypeError, ValueError):
                self.fail(f"'final_obs' of environment {i} is {_shown(infos['final_obs'][i])}")
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
            self.fail(f"{where} returned the observations {_shown(observations)}; expected those of {space}")
        self.check_finite(seen, where)
        return seen.astype(self.dtype, copy=False)

    def check_finite(self, observations: Array, where: str) -> None:
        if not _finite(observations):
            rows = [i for i, row in enumerate(observations) if not np.isfinite(row).all()]
            row = observations[rows[0]]
            self.fail(f"{where} returned an observation that holds {_not_finite(row)}: {_shown(row)}", rows[0])

    def check_rewards(self, rewards: Any) -> Array:
        seen = np.asarray(rewards)
        if seen.shape != (self.count,) or seen.dtype.kind not in "iufb":
            self.fail(f"step returned the rewards {_shown(rewards)}; expected {self.count} numbers")
        if not _finite(seen):
            for i in np.flatnonzero(~np.isfinite(seen) & ~self.pending):
                self.fail(f"the reward is {seen[i]}", int(i))
        return seen.astype(np.float64)

    def check_flags(self, flags: Any, which: str) -> Array:
        seen = np.asarray(flags)
        if seen.shape != (self.count,) or seen.dtype != np.bool_:
            self.fail(f"step returned {_shown(flags)} for {which}; expected {self.count} of True or False")
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
            self.begin(_others(seeds, self.calls))
            return
        environment_state.restore(self.env, state["environments"])
        self.observations = environment_state.decode(state["observations"])
        self.returns, self.lengths = np.array(state["returns"]), np.array(state["lengths"], np.int64)
        self.pending = np.array(state["pending"], np.bool_)

    def close(self) -> None:
        self.env.close()


def _make(env: Any, maker: Callable[[], Any] | None, count: int) -> list[gymnasium.Env[Any, Any]]:
    if isinstance(env, gymnasium.Env):
        if count != 1:
            raise InputError(f"count is {count}, and one environment is given; give its id or a function that makes it")
        return [env]
    if maker is None:
        raise InputError(
            f"the environment is {_shown(env)}; expected an id of Gymnasium's, a function that makes an environment, "
            "a gymnasium.Env or a gymnasium.vector.VectorEnv"
        )
    made = [maker() for _ in range(count)]
    for one in made:
        if not isinstance(one, gymnasium.Env):
            raise InputError(f"the function that makes environments returned {_shown(one)}; expected a gymnasium.Env")
    return made


def _seed_sequences(seed: Seed | Sequence[Seed], count: int) -> list[np.random.SeedSequence]:
    """One for each environment. Those of one seed are its children, counted from 0, whatever was spawned before."""
    if isinstance(seed, Sequence):
        if len(seed) != count:
            raise InputError(f"{len(seed)} seeds for {count} environments")
        return [one if isinstance(one, np.random.SeedSequence) else np.random.SeedSequence(one) for one in seed]
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return [child(parent, i) for i in range(count)]


def child(parent: np.random.SeedSequence, *path: int) -> np.random.SeedSequence:
    """A stream below `parent`. Unlike `spawn` it is the same at every call."""
    return np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *path))


def _others(seeds: list[np.random.SeedSequence], calls: int) -> list[np.random.SeedSequence]:
    """Streams for episodes that begin anew after `calls` steps."""
    return [child(seed, 1 + calls) for seed in seeds]


def _number(seed: np.random.SeedSequence) -> int:
    """As a seed of 31 bits, which every simulator takes."""
    return int(seed.generate_state(1)[0] >> 1)


def _finite(seen: Array) -> bool:
    """Whether all are. Of few numbers the sum says it soonest: it is finite where they are, or overflows."""
    if seen.size <= FEW and math.isfinite(sum(seen.ravel().tolist())):
        return True
    return seen.dtype.kind != "f" or np.count_nonzero(np.isfinite(seen)) == seen.size


def _not_finite(observation: Any) -> str:
    return "NaN" if np.isnan(observation).any() else "an infinity"


def _shown(value: Any) -> str:
    """A value in a line: what it is, and its content where that is short."""
    line = " ".join(repr(value).split())
    return f"{type(value).__name__} {line if len(line) <= 80 else line[:77] + '...'}"
