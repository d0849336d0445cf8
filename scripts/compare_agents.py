"""Compare algorithms on one environment, several seeds each: compare_agents.py CartPole-v1 dqn ppo --seeds 5.

Each has the settings that are tuned for it there. The same command again goes on with what was interrupted.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from seqrl import files, plots
from seqrl.agents import ALGORITHMS, report, runs
from seqrl.agents.many import learn_all
from seqrl.agents.options import described
from seqrl.agents.options import read as read_options
from seqrl.agents.settings import tuned_steps
from seqrl.errors import InputError, MissingExtra
from seqrl.training import command
from seqrl.training.figure import aligned
from seqrl.training.runs import CONFIG, RESULTS, locked

STEPS = 100_000


@dataclass(frozen=True)
class Options:
    environment: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """Gymnasium's id, such as CartPole-v1."""
    algorithms: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="ALGORITHM [ALGORITHM ...]")]
    """Such as q_learning, dqn, reinforce, ppo."""
    steps: int | None = None
    """Steps that each learns from (default: the most that is tuned for one of them on ENV, else 100,000)."""
    options: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = ()
    """Of the environment, for gymnasium.make: is_slippery=false map_name=8x8. A value is JSON, or else a text."""
    seed: int = 0
    """The first seed."""
    seeds: int = 5
    """Agents of each algorithm, of that seed and those that follow."""
    out: str | None = None
    """Folder for the runs, a folder for each algorithm in it (default: runs/compare-ENV)."""
    overwrite: bool = False
    """Replace runs with other settings that --out holds."""


def compare(options: Options) -> int:
    if options.environment in ALGORITHMS:
        raise InputError(f"the environment is '{options.environment}'; expected its id first, such as CartPole-v1")
    if not options.algorithms:
        raise InputError("no ALGORITHM is given; expected some to compare, such as dqn ppo")
    if len(set(options.algorithms)) < len(options.algorithms):
        raise InputError(f"an ALGORITHM is given twice in '{' '.join(options.algorithms)}'")
    name = options.environment.rpartition(":")[2].replace("/", "-")
    folder = Path(options.out or f"runs/compare-{name}")
    if (folder / CONFIG).exists():
        raise InputError(f"{folder}: holds a run; expected a folder for the runs that are compared")
    with locked(folder):
        begin(options, folder)
        groups = {algorithm: runs.singles(folder / algorithm) for algorithm in options.algorithms}
        unfinished = [single for group in groups.values() for single in group if not (single / RESULTS).exists()]
        ended = learn_all(unfinished, report.work)
        if "interrupted" in ended:
            print("Interrupted. The same command goes on from here.")
            return command.INTERRUPTED
        finish(options, folder, groups)
    return 0


def begin(options: Options, folder: Path) -> None:
    """Runs for those algorithms that have none yet."""
    tuned = [tuned_steps(algorithm, options.environment, 0) for algorithm in known(options.algorithms)]
    steps = options.steps if options.steps is not None else max(tuned) or STEPS
    wanted = {
        algorithm: runs.run_settings(
            algorithm,
            options.environment,
            steps=steps,
            seed=options.seed,
            seeds=options.seeds,
            options=read_options(options.options),
        )
        for algorithm in options.algorithms
    }
    for settings in wanted.values():
        settings.make().close()  # all are checked before the first learns
    for algorithm, settings in wanted.items():
        path = folder / algorithm
        there = runs.read(path) if (path / CONFIG).exists() else None
        if there != settings:
            if there is not None and not options.overwrite:
                raise InputError(f"{path}: holds a run with other settings; --overwrite replaces it")
            with locked(path):
                runs.begin(settings, path, options.overwrite)
        elif settings.seeds > 1:
            runs.complete(settings, path)


def known(algorithms: tuple[str, ...]) -> tuple[str, ...]:
    for algorithm in algorithms:
        runs.algorithm_named(algorithm)
    return algorithms


def finish(options: Options, folder: Path, groups: dict[str, list[Path]]) -> None:
    """Print the table, write results.json and the picture."""
    rows, results = [], {}
    for algorithm in groups:
        means = report.evaluations(folder / algorithm)
        mean, low, high = overall = report.over_seeds(means)
        results[algorithm] = {"interquartile_mean": mean, "low": low, "high": high, "seeds": means.tolist()}
        rows.append([algorithm, report.described(overall), f"{np.min(means):.2f}", f"{np.max(means):.2f}"])
    files.write_json(folder / RESULTS, results)
    where = described(options.environment, read_options(options.options))
    seeds = f"{options.seeds} seeds each" if options.seeds > 1 else "a seed each"
    print(f"{where}, {seeds}: mean returns of {report.EPISODES} episodes, not exploring")
    print(aligned([["", "interquartile mean [95 % interval]", "worst seed", "best seed"], *rows]))
    try:
        with plots.style():
            plots.save(report.picture(groups, where), folder / report.CURVES)
        print(f"learning curves: {folder / report.CURVES}")
    except MissingExtra as error:
        print(f"no picture: {error}")


def main(arguments: list[str] | None = None) -> int:
    return command.run(compare, Options, arguments)


if __name__ == "__main__":
    sys.path.append(os.getcwd())  # "module:id" may name a module of one's own
    sys.exit(main())
