"""How well a trained agent does without exploring: the return of its episodes, with an interval, and a video of one."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from seqrl.agents import report, runs, video
from seqrl.errors import InputError
from seqrl.training import command
from seqrl.training.figure import aligned
from seqrl.training.settings import check_counts


@dataclass(frozen=True)
class Options:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that scripts/train_agent.py wrote, of one seed or of several."""
    episodes: int = 100
    """Episodes of each agent."""
    seed: int | None = None
    """Of the environments (default: the agent's own, the same each time)."""
    max_steps: int | None = None
    """Cut episodes after so many steps (default: where the environment does, else 1,000)."""
    video: str | None = None
    """Draw an episode of the agent, of the first where there are several seeds: a name that ends in .gif or .mp4."""


def evaluate(options: Options) -> int:
    check_counts(options, "episodes", "max_steps")
    if options.seed is not None and options.seed < 0:
        raise InputError(f"--seed is {options.seed}; expected 0 or more")
    folder = Path(options.run)
    settings, singles = runs.read(folder), runs.singles(folder)
    if options.video:
        video.check_path(Path(options.video))
    rows, means = [], []
    print(f"{settings.title}, {options.episodes} episodes without exploring", flush=True)
    for single in singles:
        agent = runs.load(single)
        found = agent.evaluate(options.episodes, options.seed, max_steps=options.max_steps)
        agent.close()
        means.append(found.mean)
        low, high = found.interval
        interval = "" if np.isnan(low) else f"[{low:.2f}, {high:.2f}]"
        spread = f"{found.returns.min():.2f} to {found.returns.max():.2f}"
        rows.append([single.name, f"{found.mean:.2f}", interval, spread, f"{found.lengths.mean():.1f}"])
    print(aligned([["", "mean return", "95 % interval", "lowest to highest", "mean length"], *rows]))
    if len(singles) > 1:
        print(f"interquartile mean over seeds: {report.described(report.over_seeds(np.array(means)))}")
    if options.video:
        agent = runs.load(singles[0])
        path, seed = Path(options.video), options.seed or 0
        return_, length = video.record(agent, settings.environment, path, seed, settings.options, options.max_steps)
        print(f"video: {options.video}, an episode of {length} steps with the return {return_:.2f}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    return command.run(evaluate, Options, arguments)


if __name__ == "__main__":
    sys.path.append(os.getcwd())  # "module:id" may name a module of one's own
    sys.exit(main())
