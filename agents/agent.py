"""What every agent is to its user: learn, act, evaluate, save, load.

    agent = DQN("CartPole-v1", seed=0)
    agent.learn(50_000)
    agent.evaluate().mean
    agent.save("cartpole.safetensors")
    DQN.load("cartpole.safetensors").act(observation)

An algorithm is a subclass with `name`, `Settings`, the spaces that it can handle, and three methods: `build` makes what
it learns, `actions` is its policy, `advance` collects some steps and learns from them. What it puts into `networks` and
`optimizers` is saved by itself; `state` and `load_state` take what else there is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from seqrl.errors import InputError, nearest
from seqrl.layer import Layer
from seqrl.optimizers import Optimizer
from seqrl.training import checkpoint
from seqrl.training.runs import settings_from

from .environments import Environments, Episode, Seed, child
from .evaluation import Evaluation, evaluate
from .making import environment_name

Array = npt.NDArray[Any]
Callback = Callable[[Any], bool | None]


class Streams:
    """Separate randomness for each purpose, all from one seed: more of one leaves the others as they were."""

    def __init__(self, seed: int) -> None:
        environment, network, exploration, learning, evaluation = np.random.SeedSequence(seed).spawn(5)
        self.environment = environment
        self.network = np.random.default_rng(network)  # the first weights
        self.exploration = np.random.default_rng(exploration)  # actions while learning
        self.learning = np.random.default_rng(learning)  # what is drawn from a replay, the order of minibatches
        self.evaluation = evaluation
        self.acting = np.random.default_rng(child(evaluation, 0))  # `act`, which is no part of learning

    def generators(self) -> dict[str, np.random.Generator]:
        """Those that learning goes on with."""
        return {"network": self.network, "exploration": self.exploration, "learning": self.learning}


class AgentState(NamedTuple):
    """All that an agent is: arrays, and what JSON can hold."""

    arrays: dict[str, Array]
    numbers: dict[str, Any]


class Agent:
    """An agent for an environment.

    env: what `Environments` takes: an id of Gymnasium's, a function that makes an environment, an environment or a
        vector environment.
    seed: of all that is random.
    settings: an instance of the algorithm's `Settings`, or values by name in place of its defaults; without it those
        tuned for this environment (agents/settings/ALGORITHM.toml), and the defaults where there are none.
    options: keyword arguments of gymnasium.make, for an environment given by its id.
    overrides: single settings by name, over those.

    A field `environments` of the settings is how many run side by side; it becomes 1 for an environment given, and its
    own number for a vector environment.
    Raises InputError for an unknown environment or setting, and for spaces that the algorithm can't handle.
    """

    name: ClassVar[str]  # of the algorithm, as on the command line
    Settings: ClassVar[type[Any]]  # a frozen dataclass with defaults
    observation_spaces: ClassVar[tuple[type[spaces.Space[Any]], ...]] = (
        *(spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary),
    )
    action_spaces: ClassVar[tuple[type[spaces.Space[Any]], ...]] = (spaces.Discrete,)

    def __init__(
        self,
        env: Any,
        *,
        seed: int = 0,
        settings: Any = None,
        options: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> None:
        self.seed = seed
        self.settings: Any = resolve_settings(type(self), env, settings, overrides)
        self.streams = Streams(seed)
        count: int = getattr(self.settings, "environments", 1)
        if isinstance(env, gymnasium.Env):
            count = 1
        elif isinstance(env, VectorEnv):
            count = env.num_envs
        if getattr(self.settings, "environments", count) != count:
            self.settings = dataclasses.replace(self.settings, environments=count)
        self.environments = Environments(env, count=count, seed=self.streams.environment, options=options)
        self.observation_space = self.environments.observation_space
        self.action_space = self.environments.action_space
        self._check_spaces()
        self._env = env if isinstance(env, str) else None
        self._options = dict(options or {})
        self.episodes: list[Episode] = []
        self.metrics: dict[str, float] = {}  # the latest of what is worth watching, such as losses; written to logs
        self.networks: dict[str, Layer] = {}
        self.optimizers: dict[str, Optimizer] = {}
        self.build()

    # ---- what an algorithm defines -----------------------------------------------------------------------------

    def build(self) -> None:
        """Make what is learned: by `self.settings`, `self.observation_space`, `self.action_space`, with random numbers
        of `self.streams.network`."""
        raise NotImplementedError

    def actions(self, observations: Array, rng: np.random.Generator, explore: bool) -> Array:
        """The policy: observations (B, ...) -> actions (B, ...). Without `explore` the best it knows, and ties by
        `rng`; with it as while learning. Changes nothing else than `rng`."""
        raise NotImplementedError

    def advance(self, remaining: int) -> None:
        """One round: step `self.environments` at least once and learn from it.

        remaining: real steps that are still wanted. A round that needs more (a rollout) is made whole all the same, so
        that learning in two calls is learning in one. Write what is worth watching into `self.metrics`.
        """
        raise NotImplementedError

    # ---- what users do -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.environments.name!r}, seed={self.seed}) after {self.steps:,} steps"

    @property
    def steps(self) -> int:
        """Real steps of all environments, over all calls of `learn`."""
        return self.environments.steps

    def learn(self, steps: int, *, verbose: bool = False, callback: Callback | None = None) -> Self:
        """Learn from this many more steps, to the end of the round that reaches them.

        verbose: a progress bar with the mean return of the last episodes.
        callback: called with the agent after every round; learning ends where it returns False.
        Raises InputError for a number of steps that is none, and for what `Environments` finds wrong.
        """
        if not isinstance(steps, int | np.integer) or steps < 0:
            raise InputError(f"learn was given {steps!r} steps; expected a whole number, 0 or more")
        goal = self.steps + steps
        with _Progress(steps, self.name, verbose) as progress:
            while self.steps < goal:
                before = self.steps
                self.advance(goal - before)
                self.episodes += self.environments.episodes()
                progress.update(self.steps - before, self.episodes)
                if callback is not None and callback(self) is False:
                    break
        return self

    def act(self, observation: Any, explore: bool = False) -> Any:
        """The action for an observation, or the actions for a batch of them, as the environment takes them.

        Raises InputError for an observation of another shape, one with NaN, or a number that the space doesn't have.
        """
        try:
            seen = self.environments.encode(observation)
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"the observation is {observation!r}; expected one of {self.observation_space}") from error
        shape = self.observation_space.shape or ()
        single = seen.shape == shape
        if not single and seen.shape[1:] != shape:
            raise InputError(f"the observation has the shape {seen.shape}; expected {shape}, or a batch of them")
        batch = seen[None] if single else seen
        if not _holds(self.observation_space, batch):
            raise InputError(f"the observation is {observation!r}; expected one of {self.observation_space}")
        chosen = self.environments.decode(np.asarray(self.actions(batch, self.streams.acting, explore)))
        return chosen[0] if single else chosen

    def evaluate(
        self, episodes: int = 100, seed: Seed | None = None, *, env: Any = None, max_steps: int | None = None
    ) -> Evaluation:
        """Returns of the best policy that the agent knows, in other environments, without exploring or learning.

        seed: of the environments; by default the agent's own, the same at each call. env: another environment than
        that of learning, for one that can't be made again. max_steps: see `seqrl.agents.evaluation.evaluate`.
        Raises InputError for an environment of other spaces.
        """
        source = child(self.streams.evaluation, 1) if seed is None else seed
        parent = source if isinstance(source, np.random.SeedSequence) else np.random.SeedSequence(source)
        rng = np.random.default_rng(child(parent, 2**31 + 1))

        def act(observations: Array) -> Array:
            return self.actions(observations, rng, False)

        if env is None:
            return evaluate(act, self.environments, episodes, parent, max_steps)
        like = env if isinstance(env, Environments) else Environments(env, seed=parent)
        try:
            self._check_like(like)
            return evaluate(act, like, episodes, parent, max_steps)
        finally:
            if not isinstance(env, Environments | gymnasium.Env | VectorEnv):
                like.close()

    def save(self, path: str | Path) -> None:
        """All of the agent in one file, from which `load` gives it back and learning goes on.

        Raises InputError when it can't be written.
        """
        arrays, numbers = self.state()
        head = {
            "kind": "agent",
            "algorithm": self.name,
            "environment": self._env,
            "options": self._options,
            "seed": self.seed,
            "settings": dataclasses.asdict(self.settings),
        }
        checkpoint.write(path, arrays, {**head, "agent": numbers})

    @classmethod
    def load(cls, path: str | Path, env: Any = None) -> Self:
        """The agent that `save` wrote, or of the run in a folder; `Agent.load` takes that of any algorithm.

        env: the environment, where the saved agent had another one than an id of Gymnasium's.
        Raises InputError for a file that is no agent, or one of another algorithm, or whose environment isn't known.
        """
        if Path(path).is_dir():
            from .runs import last  # a run is of an agent

            path = last(Path(path))
        saved = checkpoint.read(path)
        state = saved.state
        if state.get("kind") != "agent":
            raise InputError(f"{path}: a checkpoint, but not of an agent")
        kind = cls._of(path, state["algorithm"])
        if env is None and state["environment"] is None:
            raise InputError(f"{path}: the agent learned in an environment without an id; give it as env=")
        settings = settings_from(kind.Settings, state["settings"], str(path))
        options = state["options"] if env is None else None
        agent = kind(
            state["environment"] if env is None else env, seed=state["seed"], settings=settings, options=options
        )
        try:
            agent.load_state(AgentState(saved.arrays, state["agent"]))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: the agent can't be read from it ({type(error).__name__}: {error})") from None
        return agent

    def close(self) -> None:
        self.environments.close()

    def not_finite(self) -> str:
        """What of all that is learned isn't finite, or "". An algorithm without optimizers looks at what it has."""
        for name, optimizer in self.optimizers.items():
            if where := optimizer.packed.first_non_finite():
                return f"the parameter '{where}' of '{name}'"
        return ""

    # ---- checkpoints -------------------------------------------------------------------------------------------

    def state(self) -> AgentState:
        """All that learning goes on from. An algorithm adds what it has besides networks and optimizers.

        The arrays are the agent's own, not copies: write them before it learns on.
        """
        arrays: dict[str, Array] = {
            "episodes.return": np.array([episode.return_ for episode in self.episodes], np.float64),
            "episodes.counts": np.array([episode[1:] for episode in self.episodes], np.int64).reshape(-1, 3),
        }
        optimizers: dict[str, dict[str, Any]] = {}
        for name, network in self.networks.items():
            arrays |= {f"network.{name}.{key}": array for key, array in network.state().items()}
        for name, optimizer in self.optimizers.items():
            saved = optimizer.state_dict()
            moments = {key: value for key, value in saved.items() if isinstance(value, np.ndarray)}
            arrays |= {f"optimizer.{name}.{key}": array for key, array in moments.items()}
            optimizers[name] = {key: value for key, value in saved.items() if key not in moments}
        numbers = {
            "environments": self.environments.state(),
            "generators": {name: rng.bit_generator.state for name, rng in self.streams.generators().items()},
            "optimizers": optimizers,
            "metrics": self.metrics,
        }
        return AgentState(arrays, numbers)

    def load_state(self, state: AgentState) -> None:
        """Bring a new agent with the same settings to a `state`.

        Raises InputError that names what doesn't fit, such as the first parameter that differs.
        """
        arrays, numbers = state
        saved = checkpoint.Checkpoint(arrays, numbers)
        for name, network in self.networks.items():
            network.load_state_dict(saved.part(f"network.{name}"))
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict({**saved.part(f"optimizer.{name}"), **numbers["optimizers"][name]})
        for name, rng in self.streams.generators().items():
            rng.bit_generator.state = numbers["generators"][name]
        self.environments.load_state(numbers["environments"])
        counts = arrays["episodes.counts"].tolist()
        self.episodes = [Episode(r, *of) for r, of in zip(arrays["episodes.return"].tolist(), counts, strict=True)]
        self.metrics = dict(numbers["metrics"])

    # ---- the rest ----------------------------------------------------------------------------------------------

    def _check_spaces(self) -> None:
        for what, space, known in (
            ("actions", self.action_space, self.action_spaces),
            ("observations", self.observation_space, self.observation_spaces),
        ):
            if not isinstance(space, known):
                names = " or ".join(kind.__name__ for kind in known)
                raise InputError(
                    f"{self.name} can't handle {what} of {space} ({self.environments.name}); it can {names}"
                )

    def _check_like(self, other: Environments) -> None:
        pairs = (self.observation_space, other.observation_space), (self.action_space, other.action_space)
        if not all(_alike(*pair) for pair in pairs):
            raise InputError(
                f"the agent learned in {self.environments.name} (observations of {self.observation_space}, actions of "
                f"{self.action_space}) and can't act in {other.name} with observations of {other.observation_space} "
                f"and actions of {other.action_space}"
            )

    @classmethod
    def _of(cls, path: str | Path, algorithm: str) -> type[Self]:
        if cls is Agent:
            from . import ALGORITHMS

            if algorithm not in ALGORITHMS:
                raise InputError(
                    f"{path}: an agent of '{algorithm}'{nearest(algorithm, ALGORITHMS)}, which isn't known"
                )
            return ALGORITHMS[algorithm]  # type: ignore[return-value]
        if algorithm != cls.name:
            raise InputError(f"{path}: an agent of '{algorithm}'; expected '{cls.name}'")
        return cls


def resolve_settings(kind: type[Agent], env: Any, settings: Any, overrides: Mapping[str, Any]) -> Any:
    """The settings of an agent: those given, or else those tuned for the environment, and the overrides over them."""
    where = f"settings of {kind.name}"
    if settings is None:
        from .settings import tuned

        name = environment_name(env)
        settings = {} if name is None else tuned(kind.name, name)
    if isinstance(settings, Mapping):
        settings = settings_from(kind.Settings, settings, where)
    if not isinstance(settings, kind.Settings):
        raise InputError(f"{where}: {type(settings).__name__}; expected {kind.__name__}.Settings or values by name")
    if not overrides:
        return settings
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return settings_from(kind.Settings, {**values, **overrides}, where)


def _holds(space: spaces.Space[Any], batch: Array) -> bool:
    """Whether rows may be observations. Environments step over the bounds of a Box; what is counted has an end."""
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        counts = space.n if isinstance(space, spaces.Discrete) else space.nvec
        return batch.dtype.kind in "iu" and bool(((batch >= 0) & (batch < counts)).all())
    return batch.dtype.kind in "iufb" and bool(np.isfinite(batch).all())


def _alike(one: spaces.Space[Any], other: spaces.Space[Any]) -> bool:
    """Whether values of one are values of the other, but for the bounds of a Box."""
    counts, others = (getattr(space, "n", getattr(space, "nvec", 0)) for space in (one, other))
    return type(one) is type(other) and one.shape == other.shape and np.array_equal(counts, others)


class _Progress:
    """A bar of steps, or nothing."""

    def __init__(self, steps: int, name: str, shown: bool) -> None:
        self.bar: Any = None
        if shown:
            from tqdm import tqdm

            self.bar = tqdm(total=steps, desc=name, unit=" steps", unit_scale=True)

    def update(self, steps: int, episodes: list[Episode]) -> None:
        if self.bar is None:
            return
        if episodes:
            last = episodes[-100:]
            self.bar.set_postfix({"return": f"{sum(e.return_ for e in last) / len(last):.1f}"}, refresh=False)
        self.bar.update(min(steps, self.bar.total - self.bar.n))  # the last round may go further

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
