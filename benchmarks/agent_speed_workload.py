"""The benchmark of agents' speed: what all sides do, and how it is measured. NumPy, Gymnasium and nothing else.

`agent_speed.py` (seqrl), `agent_speed_torch.py` (the loop of DQN in PyTorch) and `agent_speed_sb3.py`
(Stable-Baselines3) are programs of their own,

    python benchmarks/agent_speed.py dqn|ppo SEED
    python benchmarks/agent_speed.py reach ALGORITHM SEED

that print what they measured as one line of JSON. `dqn` trains on CartPole-v1 with CleanRL's settings, for a tenth of
its steps; the speed is that from the first learning step on, since a whole run hardly has any before. `ppo` trains
with the settings of Stable-Baselines3's zoo. `reach` trains until the greedy agent has a mean of 475 over 100 episodes
and ends; whoever started the process takes its time. One thread each.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

ENVIRONMENT = "CartPole-v1"

# CleanRL's dqn.py; the exploration's share of the steps stays what it is there
DQN_STEPS = 50_000
DQN_BUFFER = 10_000
DQN_BATCH = 128
DQN_LEARNING_RATE = 2.5e-4
DQN_LEARNING_STARTS = 10_000
DQN_TRAIN_EVERY = 10
DQN_TARGET_EVERY = 500
DQN_EPSILON = (1.0, 0.05)
DQN_EXPLORATION = 0.5
DQN_HIDDEN = (120, 84)
DQN_GAMMA = 0.99

# CartPole-v1 in the zoo of Stable-Baselines3; learning rate and clip range fall to 0 over the steps of a training
PPO_STEPS = 51_200
PPO_ENVIRONMENTS = 8
PPO_ROLLOUT = 32
PPO_BATCH = 256
PPO_EPOCHS = 20
PPO_GAMMA = 0.98
PPO_LAMBDA = 0.8
PPO_LEARNING_RATE = 1e-3
PPO_CLIP = 0.2
PPO_HIDDEN = (64, 64)

GOAL = 475.0
EPISODES = 100
GLANCE = 10  # episodes that say whether all are worth playing
LOOK_EVERY = 2_048  # steps of training
GIVE_UP = 100_000  # the zoo's steps

Act = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]]


def greedy_mean(act: Act, episodes: int, seed: int) -> float:
    """Mean return of `act`, from observations (N, ...) to actions (N,), over as many episodes played side by side."""
    envs = [gymnasium.make(ENVIRONMENT, disable_env_checker=True) for _ in range(episodes)]
    observations = np.stack([env.reset(seed=1_000_000 * (seed + 1) + k)[0] for k, env in enumerate(envs)])
    running, total = np.arange(episodes), 0.0
    while running.size:
        over = np.zeros(running.size, bool)
        for k, action in enumerate(act(observations).tolist()):
            observations[k], reward, terminated, truncated, _ = envs[running[k]].step(action)
            total += float(reward)
            over[k] = terminated or truncated
        running, observations = running[~over], observations[~over]
    return total / episodes


def reached(act: Act, steps: int, seed: int) -> bool:
    """Whether the agent has arrived, by episodes of its own at each look."""
    looks = 100 * seed + steps // LOOK_EVERY
    return greedy_mean(act, GLANCE, looks) >= GOAL and greedy_mean(act, EPISODES, looks) >= GOAL


class Clock:
    """Steps, time and processor time since the first learning step, which is the beginning where nobody says more."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.starts_learning(0)

    def starts_learning(self, steps: int) -> None:
        self.steps, self.time, self.processor = steps, time.perf_counter(), time.process_time()

    def result(self, steps: int) -> dict[str, float]:
        end, done = time.perf_counter(), steps - self.steps
        return {
            "steps": steps,
            "seconds": end - self.began,
            "steps_per_second": done / (end - self.time),
            "steps_per_processor_second": done / (time.process_time() - self.processor),
        }


def main(measurements: dict[str, Callable[..., dict[str, Any]]], versions: dict[str, str]) -> None:
    name, *arguments, seed = sys.argv[1:]
    result = measurements[name](*arguments, int(seed))
    print(json.dumps(result | {"versions": versions | {"Gymnasium": gymnasium.__version__}}))
