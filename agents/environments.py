"""N environments side by side, in one form whatever they are made of.

    environments = Environments("CartPole-v1", count=8, seed=0)
    steps = environments.step(actions)      # seqrl.agents.rollouts.Steps
    environments.observations               # what to act on now

Environments made here begin the next episode in the same step, so that every row is a real step. Those of a vector
environment keep its way (gymnasium.vector.AutoresetMode): one that begins episodes in the step after the last returns
rows that are not valid there. Both keep their own accounts of episodes and check what the environments return.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv

from seqrl.errors import InputError, check_sizes

from .contract import shown
from .making import Maker, environment_name, maker_of
from .rollouts import Episode as Episode
from .rollouts import Steps
from .seeds import Seed as Seed
from .seeds import child as child
from .seeds import seed_sequences
from .singles import Singles
from .vectors import Vector

Array = npt.NDArray[Any]


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
        self._runner: Singles | Vector
        if isinstance(env, VectorEnv):
            if count not in (1, env.num_envs):
                raise InputError(f"count is {count}; the vector environment given has {env.num_envs} environments")
            if max_steps is not None:
                raise InputError("max_steps is for environments made here; a vector environment has its own limit")
            seeds = self._seeds = seed_sequences(seed, env.num_envs)
            self.name = environment_name(env) or type(env.unwrapped).__name__
            self._runner = Vector(env, self.name, seeds)
        else:
            seeds = self._seeds = seed_sequences(seed, count)
            singles = _make(env, self._maker, count)
            self.name = environment_name(env) or environment_name(singles[0]) or type(singles[0].unwrapped).__name__
            self._runner = Singles(singles, self.name, seeds, max_steps)
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
        maker = self._maker
        if maker is None:
            raise InputError(f"no other environment like {self.name} can be made; give its id or a function making it")

        def another() -> gymnasium.Env[Any, Any]:
            made = maker()
            _check_distinct([*self._singles(), made])
            return made

        return Environments(another, count=count, seed=seed, max_steps=max_steps)

    def wrapped_in(self, wrapper: type[gymnasium.Wrapper[Any, Any, Any, Any]]) -> bool:
        """Whether such a wrapper is around environments made here."""
        env = next(iter(self._singles()), None)
        while isinstance(env, gymnasium.Wrapper):
            if isinstance(env, wrapper):
                return True
            env = env.env
        return False

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

    def _singles(self) -> list[gymnasium.Env[Any, Any]]:
        """The environments made here, if they were."""
        return self._runner.envs if isinstance(self._runner, Singles) else []

    def close(self) -> None:
        self._runner.close()

    def __enter__(self) -> Environments:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make(env: Any, maker: Callable[[], Any] | None, count: int) -> list[gymnasium.Env[Any, Any]]:
    if isinstance(env, gymnasium.Env):
        if count != 1:
            raise InputError(f"count is {count}, and one environment is given; give its id or a function that makes it")
        return [env]
    if maker is None:
        raise InputError(
            f"the environment is {shown(env)}; expected an id of Gymnasium's, a function that makes an environment, "
            "a gymnasium.Env or a gymnasium.vector.VectorEnv"
        )
    made = [maker() for _ in range(count)]
    for one in made:
        if not isinstance(one, gymnasium.Env):
            raise InputError(f"the function that makes environments returned {shown(one)}; expected a gymnasium.Env")
    _check_distinct(made)
    return made


def _check_distinct(envs: list[gymnasium.Env[Any, Any]]) -> None:
    """One in two places would be reset and stepped by each of them."""
    if len({id(getattr(env, "unwrapped", env)) for env in envs}) < len(envs):
        raise InputError(
            "the function that makes environments returned the same environment twice; expected a new one each time"
        )
