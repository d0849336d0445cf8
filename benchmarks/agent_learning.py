"""What agents learn, over seeds, by the settings that come with them.

    python benchmarks/agent_learning.py [--seeds K] [--processes N] [--minutes M] [--older] [--folder FOLDER] [NAME ...]

Each seed of a task trains in a process of its own on one thread and then plays 100 episodes greedily, with seeds that
no training has. Its result is kept in FOLDER, so a run that was stopped goes on with the seeds that are missing; those
that other sources or settings of the agents gave are trained anew. Prints a Markdown table: the mean over the seeds,
their interquartile mean, its 95 % bootstrap interval, the worst seed. The target is asked of the mean. Where a target
is a share of the optimum, the environment publishes its model: what the greedy policy returns is then expected and not
sampled, beside the most that anyone can expect. Exit status 1 when a target or a seed is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import machine
import numpy as np

SEEDS = 10
EPISODES = 100
FOLDER = machine.CHECKOUT / "benchmarks/.learning"
EVALUATION = 1_000_000  # plus the seed of the agent: the seed of its evaluation


class Task(NamedTuple):
    algorithm: str
    environment: str
    within: int  # steps, if the settings don't say fewer
    least: float
    above: bool = False  # whether `least` itself is too little
    exact: bool = False  # whether `least` is a share of the optimum

    @property
    def name(self) -> str:
        return f"{self.algorithm}/{self.environment}"

    @property
    def steps(self) -> int:
        from seqrl.agents.settings import tuned_steps

        return min(self.within, tuned_steps(self.algorithm, self.environment, self.within))


# PPO's steps end with a whole rollout, since it finishes the one that it has begun.
TASKS = {
    task.name: task
    for task in [
        Task("dqn", "CartPole-v1", 50_000, 495),
        Task("reinforce", "CartPole-v1", 200_000, 475),
        Task("ppo", "CartPole-v1", 99_840, 500),
        Task("dqn", "Acrobot-v1", 100_000, -90, above=True),
        Task("ppo", "Acrobot-v1", 1_000_000, -85, above=True),
        Task("ppo", "LunarLander-v3", 999_424, 240),
        Task("q_learning", "FrozenLake-v1", 1_000_000, 0.99, exact=True),
        Task("q_learning", "Taxi-v4", 300_000, 0.99, exact=True),
        Task("linear_sarsa", "MountainCar-v0", 200_000, -110, above=True),
        Task("dqn", "MountainCar-v0", 120_000, -110, above=True),
    ]
}


def train(task: Task, seed: int, path: Path, sources: str) -> None:
    """Write down what an agent of this seed returns when it has learned."""
    from seqrl.agents import ALGORITHMS

    start = time.process_time()
    agent = ALGORITHMS[task.algorithm](task.environment, seed=seed)
    agent.learn(task.steps)
    seconds = time.process_time() - start
    returns = np.asarray(agent.evaluate(EPISODES, seed=EVALUATION + seed).returns, float)
    result = {"sources": sources, "steps": agent.steps, "seconds": seconds, "returns": returns.tolist()}
    result["score"] = share_of_optimum(agent, task.environment) if task.exact else returns.mean()
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(result))
    os.replace(beside, path)


def share_of_optimum(agent: Any, environment: str) -> float:
    """What the greedy policy is expected to return under the time limit, as a share of the most possible; exact."""
    from seqrl.agents.dynamic_programming import expected_return, model_of, optimal_return

    model = model_of(environment)
    policy = np.asarray(agent.act(np.arange(len(model.start))), np.int64)
    return expected_return(model, policy) / optimal_return(model)


def sources_now() -> str:
    """A digest of the agents and their settings."""
    digest = hashlib.sha256()
    for path in sorted((machine.CHECKOUT / "agents").rglob("*")):
        if path.suffix in (".py", ".toml"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def kept(path: Path) -> dict[str, Any] | None:
    """The result that a seed has left, if any."""
    result: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return result


def file_of(folder: Path, task: Task, seed: int) -> Path:
    return folder / f"{task.algorithm}-{task.environment}-{task.steps}-{seed}.json"


def train_missing(tasks: Sequence[Task], options: argparse.Namespace, sources: str) -> None:
    """Train the seeds that have no result yet, as long as there is time."""
    end = time.monotonic() + 60 * options.minutes
    context = get_context("spawn")  # nothing of one seed is in the process of another
    with ProcessPoolExecutor(options.processes, context, max_tasks_per_child=1) as pool:
        futures: dict[Future[None], str] = {}
        for task in tasks:
            for seed in range(options.seeds):
                path = file_of(options.folder, task, seed)
                result = kept(path)
                if result is None or (result["sources"] != sources and not options.older):
                    futures[pool.submit(train, task, seed, path, sources)] = f"{task.name}, seed {seed}"
        try:
            for done, future in enumerate(as_completed(futures, max(0.0, end - time.monotonic())), 1):
                failed = future.exception()  # the other seeds go on; the table says that this one is missing
                said = f"failed, {failed}" if failed else "done"
                print(f"{futures[future]}: {said}; {done} of {len(futures)}", file=sys.stderr, flush=True)
        except TimeoutError:
            print("Time is up; waiting for the seeds that train now", file=sys.stderr, flush=True)
        finally:
            pool.shutdown(cancel_futures=True)


def row(task: Task, options: argparse.Namespace, sources: str) -> tuple[str, bool, int]:
    """A task's line of the table, whether its target is reached, and how many results are of earlier sources."""
    from seqrl.agents.statistics import bootstrap_interval, interquartile_mean

    found = [kept(file_of(options.folder, task, seed)) for seed in range(options.seeds)]
    results = [result for result in found if result and (options.older or result["sources"] == sources)]
    older = sum(result["sources"] != sources for result in results)
    digits, target = (4, f"≥ {task.least:g} of the optimum") if task.exact else (2, f"≥ {task.least:g}")
    target = target.replace("≥", ">") if task.above else target
    steps = max([result["steps"] for result in results], default=task.steps)
    head = f"| {task.algorithm} | {task.environment} | {steps:,} | {len(results)} of {options.seeds} "
    if not results:
        return f"{head}| | | | | {target} | seeds missing | |", False, older
    scores = np.array([result["score"] for result in results])
    low, high = bootstrap_interval(scores, interquartile_mean, rng=np.random.default_rng(0))
    middle = " | ".join(f"{value:.{digits}f}" for value in (scores.mean(), interquartile_mean(scores)))
    middle += f" | {low:.{digits}f} to {high:.{digits}f}"
    reached = bool(scores.mean() > task.least if task.above else scores.mean() >= task.least)
    complete = len(results) == options.seeds
    verdict = ("reached" if reached else "MISSED") if complete else "seeds missing"
    seconds = median(result["seconds"] for result in results)
    line = f"{head}| {middle} | {scores.min():.{digits}f} | {target} | {verdict} | {seconds:.0f} s |"
    return line, reached and complete, older


def main() -> int:
    parser = argparse.ArgumentParser(description="What agents learn, over seeds, by the settings that come with them.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TASKS)} (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of each task (default: {SEEDS})")
    parser.add_argument("--processes", type=int, default=machine.THREADS, help="seeds that train at a time")
    parser.add_argument("--minutes", type=float, default=np.inf, help="after which no further seed starts")
    parser.add_argument("--older", action="store_true", help="take results of earlier sources as they are, and say so")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"of the results (default: {FOLDER.name})")
    options = parser.parse_args()
    for name in options.names:
        if name not in TASKS:
            parser.error(f"no task '{name}'; there are {', '.join(TASKS)}")
    machine.two_cores(threads=1)
    options.folder.mkdir(parents=True, exist_ok=True)
    tasks, sources = [TASKS[name] for name in options.names or TASKS], sources_now()
    train_missing(tasks, options, sources)
    columns = "algorithm | environment | steps | seeds | mean | interquartile mean | 95 % | worst | target |"
    print(f"| {columns} | processor time a seed |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---|---:|")
    lines, verdicts, older = zip(*(row(task, options, sources) for task in tasks), strict=True)
    print("\n".join(lines))
    print(f"\nA seed's score is the mean of {EPISODES} greedy episodes, or the expected share of the optimum.")
    if sum(older):
        print(f"**{sum(older)} of the results are of earlier sources of the agents.**")
    return int(not all(verdicts))


if __name__ == "__main__":
    sys.exit(main())
