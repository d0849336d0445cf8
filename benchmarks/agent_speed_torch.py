"""The peer that is a plain loop in PyTorch, of the kind that CleanRL has; `agent_speed_workload.py` says what is done.

As fast as such a loop honestly gets: one environment without a vector around it and without the checks of Gymnasium's
contract, a replay in NumPy arrays, actions without a graph, Adam fused, nothing logged.
"""

from __future__ import annotations

import platform
import random
from typing import Any

import gymnasium
import numpy as np
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
    Clock,
    greedy_mean,
    main,
)
from torch import nn


class Replay:
    """The last transitions, oldest overwritten first."""

    def __init__(self, capacity: int, features: int) -> None:
        self.observations = np.empty((capacity, features), np.float32)
        self.next_observations = np.empty((capacity, features), np.float32)
        self.actions = np.empty(capacity, np.int64)
        self.rewards = np.empty(capacity, np.float32)
        self.continues = np.empty(capacity, np.float32)
        self.rng = np.random.default_rng(0)
        self.added = 0

    def add(self, observation: Any, action: int, reward: float, next_observation: Any, terminated: bool) -> None:
        k = self.added % len(self.actions)
        self.observations[k], self.next_observations[k] = observation, next_observation
        self.actions[k], self.rewards[k], self.continues[k] = action, reward, not terminated
        self.added += 1

    def sample(self, size: int) -> list[torch.Tensor]:
        k = self.rng.integers(min(self.added, len(self.actions)), size=size)
        columns = self.observations, self.actions, self.rewards, self.next_observations, self.continues
        return [torch.from_numpy(column[k]) for column in columns]


def network(features: int, actions: int) -> nn.Sequential:
    first, second = DQN_HIDDEN
    layers = nn.Linear(features, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, actions)
    return nn.Sequential(*layers)


def dqn(seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    random.seed(seed)
    env = gymnasium.make(ENVIRONMENT, disable_env_checker=True)
    q = network(4, 2)
    target = network(4, 2)
    target.load_state_dict(q.state_dict())
    optimizer = torch.optim.Adam(q.parameters(), DQN_LEARNING_RATE, fused=True)
    replay = Replay(DQN_BUFFER, 4)
    replay.rng = np.random.default_rng(seed)
    start, end = DQN_EPSILON
    decay = (end - start) / (DQN_EXPLORATION * DQN_STEPS)
    updates, clock = 0, Clock()

    observation, _ = env.reset(seed=seed)
    for step in range(DQN_STEPS):
        if random.random() < max(start + decay * step, end):
            action = random.randrange(2)
        else:
            with torch.inference_mode():
                action = int(q(torch.from_numpy(observation)).argmax())
        next_observation, reward, terminated, truncated, _ = env.step(action)
        replay.add(observation, action, float(reward), next_observation, terminated)
        observation = env.reset()[0] if terminated or truncated else next_observation

        if step == DQN_LEARNING_STARTS:
            clock.starts_learning(step)
        if step >= DQN_LEARNING_STARTS:
            if step % DQN_TRAIN_EVERY == 0:
                observations, actions, rewards, next_observations, continues = replay.sample(DQN_BATCH)
                with torch.no_grad():
                    aim = rewards + DQN_GAMMA * continues * target(next_observations).amax(dim=1)
                chosen = q(observations).gather(1, actions[:, None]).squeeze(1)
                loss = nn.functional.mse_loss(chosen, aim)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                updates += 1
            if step % DQN_TARGET_EVERY == 0:
                target.load_state_dict(q.state_dict())
    result = clock.result(DQN_STEPS)

    def act(observations: Any) -> Any:
        with torch.inference_mode():
            return q(torch.from_numpy(observations)).argmax(dim=1).numpy()

    return result | {"updates": updates, "greedy": greedy_mean(act, EPISODES, seed)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    main({"dqn": dqn}, {"Python": platform.python_version(), "PyTorch": torch.__version__, "NumPy": np.__version__})
