"""The peer Stable-Baselines3; `agent_speed_workload.py` says what is done."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import stable_baselines3
import torch
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
    Act,
    Clock,
    greedy_mean,
    main,
    reached,
)
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env


class Every(BaseCallback):
    """Calls `look(steps so far)` whenever `steps` more have been done; training goes on while it says so."""

    def __init__(self, steps: int, look: Callable[[int], bool]) -> None:
        super().__init__()
        self.every, self.look, self.next = steps, look, steps

    def _on_step(self) -> bool:
        if self.num_timesteps < self.next:
            return True
        self.next += self.every
        return self.look(self.num_timesteps)


def greedy(model: DQN | PPO) -> Act:
    return lambda observations: model.predict(observations, deterministic=True)[0]


def dqn(seed: int) -> dict[str, Any]:
    start, end = DQN_EPSILON
    model = DQN(
        "MlpPolicy",
        ENVIRONMENT,
        learning_rate=DQN_LEARNING_RATE,
        buffer_size=DQN_BUFFER,
        learning_starts=DQN_LEARNING_STARTS,
        batch_size=DQN_BATCH,
        gamma=DQN_GAMMA,
        train_freq=DQN_TRAIN_EVERY,
        gradient_steps=1,
        target_update_interval=DQN_TARGET_EVERY,
        exploration_fraction=DQN_EXPLORATION,
        exploration_initial_eps=start,
        exploration_final_eps=end,
        policy_kwargs={"net_arch": list(DQN_HIDDEN)},
        seed=seed,
        device="cpu",
    )
    clock = Clock()

    def look(steps: int) -> bool:
        if steps == DQN_LEARNING_STARTS:
            clock.starts_learning(steps)
        return True

    model.learn(DQN_STEPS, callback=Every(DQN_LEARNING_STARTS, look))
    result = clock.result(model.num_timesteps)
    return result | {"updates": model._n_updates, "greedy": greedy_mean(greedy(model), EPISODES, seed)}


def make_ppo(seed: int) -> PPO:
    """With the zoo's settings."""
    return PPO(
        "MlpPolicy",
        make_vec_env(ENVIRONMENT, PPO_ENVIRONMENTS, seed=seed),
        n_steps=PPO_ROLLOUT,
        batch_size=PPO_BATCH,
        n_epochs=PPO_EPOCHS,
        gamma=PPO_GAMMA,
        gae_lambda=PPO_LAMBDA,
        ent_coef=0.0,
        learning_rate=lambda left: PPO_LEARNING_RATE * left,
        clip_range=lambda left: PPO_CLIP * left,
        policy_kwargs={"net_arch": list(PPO_HIDDEN)},
        seed=seed,
        device="cpu",
    )


def ppo(seed: int) -> dict[str, Any]:
    model = make_ppo(seed)
    clock = Clock()
    model.learn(PPO_STEPS)
    result = clock.result(model.num_timesteps)
    return result | {"updates": model._n_updates, "greedy": greedy_mean(greedy(model), EPISODES, seed)}


def reach(algorithm: str, seed: int) -> dict[str, Any]:
    """PPO, which is the faster one to learn this."""
    model = make_ppo(seed)
    found = False

    def look(steps: int) -> bool:
        nonlocal found
        found = reached(greedy(model), steps, seed)
        return not found

    model.learn(GIVE_UP, callback=Every(LOOK_EVERY, look))
    return {"reached": found, "steps": model.num_timesteps}


if __name__ == "__main__":
    torch.set_num_threads(1)
    versions = {
        "Python": platform.python_version(),
        "Stable-Baselines3": stable_baselines3.__version__,
        "PyTorch": torch.__version__,
        "NumPy": np.__version__,
    }
    main({"dqn": dqn, "ppo": ppo, "reach": reach}, versions)
