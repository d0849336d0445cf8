"""Reinforcement-learning agents, one algorithm per file.

    from seqrl.agents import DQN, ALGORITHMS

    agent = DQN("CartPole-v1", seed=0).learn(50_000)

`ALGORITHMS` holds each by its name on the command line. All of them are imported late: using one loads one.

This folder is the package `seqrl.agents`. A top-level package of its bare name would overwrite files of another
distribution, so it refuses that name.
"""

if __name__ != "seqrl.agents":
    raise ImportError(
        f"'{__name__}' is not the name of this package; write `import seqrl.agents`",
        name=__name__,
    )

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import Agent

# The name of an algorithm -> its module here and its class.
_PLACES = {
    "q_learning": ("q_learning", "QLearning"),
    "double_q_learning": ("q_learning", "DoubleQLearning"),
    "sarsa": ("sarsa", "Sarsa"),
    "expected_sarsa": ("sarsa", "ExpectedSarsa"),
    "linear_sarsa": ("linear", "LinearSarsa"),
    "linear_expected_sarsa": ("linear", "LinearExpectedSarsa"),
    "linear_q": ("linear", "LinearQ"),
    "dqn": ("dqn", "DQN"),
    "reinforce": ("reinforce", "Reinforce"),
    "actor_critic": ("actor_critic", "ActorCritic"),
    "ppo": ("ppo", "PPO"),
}
# What else can be imported from here -> its module.
_NAMES = {
    **{class_name: module for module, class_name in _PLACES.values()},
    **{"Agent": "agent", "Environments": "environments", "evaluate": "evaluation", "load": "runs"},
}


class _Algorithms(Mapping[str, "type[Agent]"]):
    """The classes by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> "type[Agent]":
        module, class_name = _PLACES[name]
        return getattr(importlib.import_module(f"{__name__}.{module}"), class_name)

    def __contains__(self, name: object) -> bool:
        return name in _PLACES

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


ALGORITHMS: Mapping[str, "type[Agent]"] = _Algorithms()


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
