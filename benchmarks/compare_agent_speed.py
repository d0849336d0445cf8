"""Agents beside a loop in PyTorch and Stable-Baselines3: steps a second, and the time until CartPole is learned.

    python benchmarks/compare_agent_speed.py [--rounds N] [--peer-python PATH]

`agent_speed_workload.py` says what is measured. Each measurement is a process of its own on one thread, the sides in
turn, each round with a seed of its own; the figures are medians over the rounds. Prints Markdown tables. Exit status 1
when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median

import machine
from agent_speed_workload import ENVIRONMENT, EPISODES, GOAL
from comparing import Result, in_turn, ratio, sb3_python, table, versions

ROUNDS = 5
SECONDS = 5.0  # until GOAL, for the best agent

OURS, LOOP, PEER = "agent_speed.py", "agent_speed_torch.py", "agent_speed_sb3.py"
Side = tuple[str | Path, ...]


def by_seed(sides: Sequence[Side], rounds: int) -> list[list[Result]]:
    """What the sides printed in turn, a round for each seed; and `wall`, the seconds of the whole process."""
    results: list[list[Result]] = [[] for _ in sides]
    for seed in map(str, range(rounds)):
        for side, found in zip(sides, results, strict=True):
            start = time.perf_counter()
            [[result]] = in_turn([(*side, seed)], 1)
            found.append(result | {"wall": time.perf_counter() - start})
    return results


def speeds(python: str | Path, rounds: int) -> tuple[bool, list[Result]]:
    """Print steps a second; whether all targets are reached, and a result of each side."""
    dqn = by_seed([(sys.executable, OURS, "dqn"), (python, LOOP, "dqn"), (python, PEER, "dqn")], rounds)
    ppo = by_seed([(sys.executable, OURS, "ppo"), (python, PEER, "ppo")], rounds)
    pairs = {
        "DQN, CleanRL's settings: steps/s (a loop in PyTorch)": (*dqn[:2], 4.0),
        "DQN, CleanRL's settings: steps/s (Stable-Baselines3)": (*dqn[::2], 7.0),
        "PPO, the zoo's settings: steps/s (Stable-Baselines3)": (*ppo, 10.0),
    }
    by = "steps_per_second", "steps_per_processor_second"
    rows = [ratio(what, by[0], ours, peer, least=least) for what, (ours, peer, least) in pairs.items()]
    rows += [ratio(f"{what}, by processor time", by[1], ours, peer) for what, (ours, peer, _) in pairs.items()]
    reached = table(rows, "the other")
    names = "seqrl", "the loop", "Stable-Baselines3"
    for what, sides, whose in ("DQN", dqn, names), ("PPO", ppo, names[::2]):
        done = "; ".join(work(name, results) for name, results in zip(whose, sides, strict=True))
        print(f"\n{what}, what was done: {done}.")
    return reached, [side[0] for side in dqn]


def work(name: str, results: Sequence[Result]) -> str:
    """What a side did, so that one sees that all did the same work."""
    steps, updates, returns = ([result[key] for result in results] for key in ("steps", "updates", "greedy"))
    learned = f"greedy mean {mean(returns):.0f} ({min(returns):.0f} to {max(returns):.0f})"
    return f"{name} {median(steps):,.0f} steps, {median(updates):,.0f} updates, {learned}"


def learning(python: str | Path, rounds: int) -> bool:
    """Print how long agents take to learn; whether the best one of ours is fast enough."""
    sides: dict[str, Side] = {
        "PPO, seqrl": (sys.executable, OURS, "reach", "ppo"),
        "DQN, seqrl": (sys.executable, OURS, "reach", "dqn"),
        "REINFORCE, seqrl": (sys.executable, OURS, "reach", "reinforce"),
        "PPO, Stable-Baselines3": (python, PEER, "reach", "ppo"),
    }
    results = dict(zip(sides, by_seed(list(sides.values()), rounds), strict=True))
    walls = {name: median(result["wall"] for result in found) for name, found in results.items()}
    best = min((name for name in sides if name.endswith("seqrl")), key=walls.__getitem__)
    reached = walls[best] <= SECONDS and all(result["reached"] for result in results[best])
    print(f"\nFrom the start of the process to its end, when the greedy mean on {ENVIRONMENT} is {GOAL:g}:\n")
    print("| | s | steps | target | |\n|---|---:|---:|---:|---|")
    for name, found in results.items():
        times, steps = (sorted(result[key] for result in found) for key in ("wall", "steps"))
        failed = sum(not result["reached"] for result in found)
        what = name + f" ({failed} of {rounds} did not get there)" * bool(failed)
        verdict = [f"≤ {SECONDS:g} s", "reached" if reached else "MISSED"] if name == best else ["", ""]
        figures = f"{median(times):.2f} ({times[0]:.2f} to {times[-1]:.2f})", f"{median(steps):,.0f}"
        print("|", " | ".join([what, *figures, *verdict]), "|", flush=True)
    print(f"\nMeans over {EPISODES} episodes, which are part of the time; own settings of each, the zoo's for PPO.")
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description="Agents beside a loop in PyTorch and Stable-Baselines3.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of all sides in turn (default: {ROUNDS})")
    parser.add_argument("--peer-python", help="a Python with Stable-Baselines3 (default: an environment made for it)")
    options = parser.parse_args()
    machine.two_cores(threads=1)
    python = sb3_python(options.peer_python)
    with machine.watched():
        for what in "dqn", "ppo":
            machine.measure(sys.executable, OURS, what, "0")  # compiles the kernels, once for all runs
        reached, sides = speeds(python, options.rounds)
        reached &= learning(python, options.rounds)
        print(f"\nOne thread each; medians of {options.rounds} rounds of seeds of their own, in brackets the range.")
        print(versions(*(side["versions"] for side in sides)))
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
