"""The state of an environment, taken out and put back: an interrupted run goes on inside the same episode.

Gymnasium has no interface for it. Known are its classic control and its toy text with the wrappers of
`gymnasium.make`; another environment takes part by a class attribute `state_attributes`, the names of the attributes
that make up its state. Its `np_random` is always a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import SyncVectorEnv, VectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

STATES: dict[str, tuple[str, ...]] = {
    "gymnasium.envs.classic_control.cartpole.CartPoleEnv": ("state", "steps_beyond_terminated"),
    "gymnasium.envs.classic_control.mountain_car.MountainCarEnv": ("state",),
    "gymnasium.envs.classic_control.continuous_mountain_car.Continuous_MountainCarEnv": ("state",),
    "gymnasium.envs.classic_control.acrobot.AcrobotEnv": ("state",),
    "gymnasium.envs.classic_control.pendulum.PendulumEnv": ("state", "last_u"),
    "gymnasium.envs.toy_text.frozen_lake.FrozenLakeEnv": ("s", "lastaction"),
    "gymnasium.envs.toy_text.cliffwalking.CliffWalkingEnv": ("s", "lastaction"),
    "gymnasium.envs.toy_text.taxi.TaxiEnv": ("s", "lastaction", "fickle_step", "taxi_orientation"),
    "gymnasium.envs.toy_text.blackjack.BlackjackEnv": (
        *("dealer", "player", "dealer_top_card_suit", "dealer_top_card_value_str"),
    ),
}
WRAPPERS: dict[type[Any], tuple[str, ...]] = {
    TimeLimit: ("_elapsed_steps",),
    OrderEnforcing: ("_has_reset",),
    PassiveEnvChecker: (),
}
SYNC = ("_rewards", "_terminations", "_truncations", "_autoreset_envs")
CARTPOLES = ("state", "steps", "prev_done", "low", "high")


def obstacle(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> str | None:
    """What keeps an environment's state from being set, as the end of a sentence, or None where it can be."""
    if isinstance(env, VectorEnv):
        if type(env) is SyncVectorEnv:
            return next(filter(None, map(obstacle, env.envs)), None)
        return None if type(env) is CartPoleVectorEnv else f"the state of {type(env).__name__} can't be set"
    for wrapper in _wrappers(env):
        if type(wrapper) not in WRAPPERS:
            return f"the state of the wrapper {type(wrapper).__name__} can't be set"
    kind = env.unwrapped
    return f"the state of {type(kind).__name__} can't be set" if _attributes(kind) is None else None


def snapshot(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """The state of an environment that has no `obstacle`, as JSON can hold it."""
    if isinstance(env, SyncVectorEnv):
        parts = [snapshot(part) for part in env.envs]
        return {"parts": parts, "vector": _take(env, SYNC), "last": [encode(row) for row in env._env_obs]}
    if isinstance(env, VectorEnv):
        return {"vector": _take(env, CARTPOLES), "random": env.np_random.bit_generator.state}
    wrappers = [_take(wrapper, WRAPPERS[type(wrapper)]) for wrapper in _wrappers(env)]
    own = _take(env.unwrapped, _attributes(env.unwrapped) or ())
    return {"wrappers": wrappers, "own": own, "random": env.unwrapped.np_random.bit_generator.state}


def restore(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any], state: dict[str, Any]) -> None:
    """Bring an environment, which has been reset, to a `snapshot` of one like it."""
    if isinstance(env, SyncVectorEnv):
        for part, its_state in zip(env.envs, state["parts"], strict=True):
            restore(part, its_state)
        _put(env, state["vector"])
        env._env_obs = [decode(row) for row in state["last"]]
        return
    if isinstance(env, VectorEnv):
        _put(env, state["vector"])
        env.np_random.bit_generator.state = state["random"]
        return
    for wrapper, values in zip(_wrappers(env), state["wrappers"], strict=True):
        _put(wrapper, values)
    _put(env.unwrapped, state["own"])
    env.unwrapped.np_random.bit_generator.state = state["random"]


def encode(value: Any) -> Any:
    """A value of a state for JSON: numbers keep their type and every bit."""
    if isinstance(value, np.ndarray | np.generic):
        return {"dtype": value.dtype.str, "values": np.asarray(value).tolist(), "array": isinstance(value, np.ndarray)}
    if isinstance(value, tuple):
        return {"tuple": [encode(part) for part in value]}
    if isinstance(value, list):
        return {"list": [encode(part) for part in value]}
    return value


def decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "dtype" in value:
        array = np.array(value["values"], np.dtype(value["dtype"]))
        return array if value["array"] else array[()]
    if "tuple" in value:
        return tuple(decode(part) for part in value["tuple"])
    return [decode(part) for part in value["list"]]


def _wrappers(env: gymnasium.Env[Any, Any]) -> Iterator[gymnasium.Wrapper[Any, Any, Any, Any]]:
    """From the outermost inwards."""
    while isinstance(env, gymnasium.Wrapper):
        yield env
        env = env.env


def _attributes(env: Any) -> tuple[str, ...] | None:
    kind = type(env)
    return getattr(kind, "state_attributes", None) or STATES.get(f"{kind.__module__}.{kind.__qualname__}")


def _take(owner: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: encode(getattr(owner, name)) for name in names}


def _put(owner: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(owner, name, decode(value))
