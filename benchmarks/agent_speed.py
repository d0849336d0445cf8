"""Our side of the benchmark of agents' speed; `agent_speed_workload.py` says what is measured."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from agent_speed_workload import (
    DQN_BATCH,
    DQN_BUFFER,
    DQN_EPSILON,
    DQN_EXPLORATION,
    DQN_GAMMA,
    DQN_HIDDEN,
    DQN_LEARNING_RATE,
    DQN_LEARNING_STARTS,
    DQN_STEPS,
    DQN_TARGET_EVERY,
    DQN_TRAIN_EVERY,
    ENVIRONMENT,
    EPISODES,
    GIVE_UP,
    LOOK_EVERY,
    PPO_BATCH,
    PPO_CLIP,
    PPO_ENVIRONMENTS,
    PPO_EPOCHS,
    PPO_GAMMA,
    PPO_HIDDEN,
    PPO_LAMBDA,
    PPO_LEARNING_RATE,
    PPO_ROLLOUT,
    PPO_STEPS,
    Clock,
    greedy_mean,
    main,
    reached,
)

from seqrl import __version__, kernels
from seqrl.agents import ALGORITHMS, DQN, PPO, Agent


def dqn(seed: int) -> dict[str, Any]:
    start, end = DQN_EPSILON
    settings = DQN.Settings(
        double=False,
        hidden=DQN_HIDDEN,
        gamma=DQN_GAMMA,
        loss="squared",
        learning_rate=DQN_LEARNING_RATE,
        max_norm=1e9,  # CleanRL does not clip
        batch_size=DQN_BATCH,
        capacity=DQN_BUFFER,
        learning_starts=DQN_LEARNING_STARTS,
        train_frequency=DQN_TRAIN_EVERY,
        target_frequency=DQN_TARGET_EVERY,
        epsilon_start=start,
        epsilon_end=end,
        epsilon_steps=round(DQN_EXPLORATION * DQN_STEPS),
    )
    agent = DQN(ENVIRONMENT, seed=seed, settings=settings)
    clock = Clock()

    def look(agent: Agent) -> None:
        if not clock.steps and agent.steps >= DQN_LEARNING_STARTS:
            clock.starts_learning(agent.steps)

    agent.learn(DQN_STEPS, callback=look)
    return done(agent, clock, seed)


def ppo(seed: int) -> dict[str, Any]:
    settings = PPO.Settings(
        environments=PPO_ENVIRONMENTS,
        rollout_steps=PPO_ROLLOUT,
        epochs=PPO_EPOCHS,
        batch_size=PPO_BATCH,
        gamma=PPO_GAMMA,
        gae_lambda=PPO_LAMBDA,
        clip=PPO_CLIP,
        clip_schedule="linear",
        learning_rate=PPO_LEARNING_RATE,
        schedule="linear",
        hidden=PPO_HIDDEN,
    )
    agent = PPO(ENVIRONMENT, seed=seed, settings=settings)
    clock = Clock()
    agent.learn(PPO_STEPS)
    return done(agent, clock, seed)


def done(agent: Agent, clock: Clock, seed: int) -> dict[str, Any]:
    """The speed, by the steps that really happened: those of the episodes that ended, and of those that still run."""
    result = clock.result(agent.steps)
    over = sum(episode.length for episode in agent.episodes)
    running = agent.steps - over
    assert 0 <= running < 500 * agent.environments.count, f"{agent.steps} steps, {over} of them in whole episodes"
    updates = sum(optimizer.steps for optimizer in agent.optimizers.values())
    return result | {"updates": updates, "greedy": greedy_mean(agent.act, EPISODES, seed)}


def reach(algorithm: str, seed: int) -> dict[str, Any]:
    agent = ALGORITHMS[algorithm](ENVIRONMENT, seed=seed)
    found, next_look = False, LOOK_EVERY

    def look(agent: Agent) -> bool:
        nonlocal found, next_look
        if agent.steps >= next_look:
            next_look += LOOK_EVERY
            found = reached(agent.act, agent.steps, seed)
        return not found

    agent.learn(GIVE_UP, callback=look)
    return {"reached": found, "steps": agent.steps}


if __name__ == "__main__":
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main({"dqn": dqn, "ppo": ppo, "reach": reach}, versions)
