"""The end of runs of agents: how well they do, learning curves, report.html, and what is said of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import seqrl
from seqrl import files, plots
from seqrl.errors import InputError, MissingExtra
from seqrl.training import command, report, runs
from seqrl.training.figure import aligned

from .agent import Agent
from .evaluation import Evaluation
from .learning import Learning, written
from .runs import RunSettings, read, singles
from .statistics import Interval, bootstrap_interval, interquartile_mean

Array = npt.NDArray[np.float64]

CURVES = "curves.png"
POINTS = 100  # of a curve
WINDOW = 0.05  # of all steps: a point is the mean of the episodes that ended in the window before it
EPISODES = 100


class Curves(NamedTuple):
    """Learning curves of K seeds."""

    steps: Array  # (P,)
    returns: Array  # (K, P), not a number where no episode has ended yet


def work(folder: Path, max_minutes: float | None, parent: int) -> str:
    """Learn quietly into a run folder, and evaluate; how it ended. What `many.learn_all` calls."""
    learning = Learning(folder, max_minutes=max_minutes, verbose=False, parent=parent)
    ended = learning.run()
    if ended != "interrupted":
        evaluate(learning, folder, ended)
    return ended


def evaluate(learning: Learning, folder: Path, ended: str) -> Evaluation:
    """How the agent of a single run does without exploring, which goes into results.json."""
    agent, seconds = learning.agent, learning.seconds()
    evaluation = agent.evaluate(EPISODES)
    results = {
        "evaluation": scores(evaluation),
        "steps": agent.steps,
        "episodes": len(agent.episodes),
        "train_seconds": round(seconds, 3),
        "steps_per_second": round(agent.steps / max(seconds, 1e-9), 1),
        "ended": ended,
    }
    files.write_json(folder / runs.RESULTS, results)
    return evaluation


def finish(learning: Learning, folder: Path, ended: str) -> str:
    """Evaluate the agent of a single run, draw its curve, write report.html; what to tell the user."""
    agent, seconds = learning.agent, learning.seconds()
    evaluation = evaluate(learning, folder, ended)
    notes = draw({agent.name: [folder]}, folder, learning.settings, [[agent.name, str(evaluation)]])
    return "\n".join(
        [
            f"Learning {ended} after {agent.steps:,} steps and {len(agent.episodes):,} episodes in {seconds:.1f} s.",
            f"Without exploring: return {evaluation}.",
            "",
            *notes,
            "",
            f"To see it: {command.again('evaluate_agent.py', folder, '--video', folder / 'episode.gif')}",
        ]
    )


def finish_seeds(folder: Path, ended: Sequence[str]) -> str:
    """The same for a run of several seeds, from the results of each."""
    settings = read(folder)
    means = evaluations(folder)
    overall = over_seeds(means)
    by_seed = {f"seed-{settings.seed + i}": mean for i, mean in enumerate(means.tolist())}
    results = {"interquartile_mean": overall[0], "low": overall[1], "high": overall[2], "seeds": by_seed}
    files.write_json(folder / runs.RESULTS, results)
    rows = [[name, f"{mean:.2f}"] for name, mean in by_seed.items()]
    rows.append(["interquartile mean", described(overall)])
    notes = draw({settings.algorithm: singles(folder)}, folder, settings, rows)
    how = "finished" if set(ended) == {"finished"} else ", ".join(sorted(set(ended)))
    header = f"Learning {how}. Mean return over {EPISODES} episodes without exploring:"
    return "\n".join([header, aligned([["", "return"], *rows]), "", *notes])


def scores(evaluation: Evaluation) -> dict[str, Any]:
    """What results.json says of an evaluation."""
    low, high = (None if np.isnan(bound) else float(bound) for bound in evaluation.interval)
    return {
        "mean": evaluation.mean,
        "low": low,
        "high": high,
        "interquartile_mean": evaluation.interquartile_mean,
        "mean_length": float(evaluation.lengths.mean()),
        "episodes": len(evaluation.returns),
    }


def evaluations(folder: Path) -> Array:
    """(K,) the mean return of each seed at its end. Raises InputError for a run that has not ended."""
    found = []
    for single in singles(folder):
        path = single / runs.RESULTS
        if not path.exists():
            raise InputError(f"{single}: not finished, it has no {runs.RESULTS}")
        found.append(json.loads(path.read_text(encoding="utf-8"))["evaluation"]["mean"])
    return np.array(found, np.float64)


def over_seeds(means: Array) -> tuple[float, float | None, float | None]:
    """The interquartile mean over seeds, and the ends of its 95 % bootstrap interval; None for a single seed."""
    low, high = bootstrap_interval(means, interquartile_mean, rng=np.random.default_rng(0))
    ends = [None if np.isnan(end) else float(end) for end in (low, high)]
    return float(interquartile_mean(means)), ends[0], ends[1]


def described(overall: tuple[float, float | None, float | None]) -> str:
    mean, low, high = overall
    return f"{mean:.2f}" if low is None else f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def learning_curves(folders: Sequence[Path], steps: int) -> Curves:
    """The mean return of the episodes that ended in a window before each of `POINTS` steps, from metrics.jsonl."""
    points = np.linspace(steps / POINTS, steps, POINTS)
    return Curves(points, np.array([_curve(written(folder / runs.METRICS), points) for folder in folders]))


def _curve(lines: Sequence[Mapping[str, Any]], points: Array) -> Array:
    at: list[int] = []
    returns: list[float] = []
    counts: list[int] = []
    episodes = 0
    for line in lines:
        if "return" in line:
            at.append(line["step"])
            returns.append(line["return"])
            counts.append(line["episodes"] - episodes)
        episodes = line["episodes"]
    steps = np.array(at, np.float64)
    weighted = np.concatenate([[0.0], np.cumsum(np.array(returns) * counts)])
    total = np.concatenate([[0.0], np.cumsum(counts)])
    slack = points[0] / 2  # a line is written at the end of the round that reaches its step
    last = np.searchsorted(steps, points + slack, side="right")
    first = np.searchsorted(steps, points + slack - WINDOW * points[-1], side="right")
    first = np.where(first == last, np.maximum(last - 1, 0), first)  # none ended: those before still stand
    with np.errstate(invalid="ignore"):
        return np.where(last > 0, (weighted[last] - weighted[first]) / (total[last] - total[first]), np.nan)


def bands(curves: Curves) -> tuple[Array, Interval | None]:
    """The interquartile mean over seeds at each point, and its bootstrap interval where there are several seeds.

    Not a number where some seed has no episode yet.
    """
    known = ~np.isnan(curves.returns).any(axis=0)
    middle = np.full(len(curves.steps), np.nan)
    if not known.any():
        return middle, None
    middle[known] = interquartile_mean(curves.returns[:, known], axis=0)
    if len(curves.returns) < 2:
        return middle, None
    low, high = middle.copy(), middle.copy()
    rng = np.random.default_rng(0)
    low[known], high[known] = bootstrap_interval(curves.returns[:, known], interquartile_mean, rng=rng)
    return middle, Interval(low, high)


def picture(groups: Mapping[str, Sequence[Path]], title: str) -> Any:
    """Learning curves of each group of runs, by its name."""
    drawn = {}
    for name, folders in groups.items():
        curves = learning_curves(folders, read(folders[0]).steps)
        middle, interval = bands(curves)
        low, high = interval or (None, None)
        drawn[name] = plots.Band(curves.steps, middle, low, high, curves.returns)
    return plots.return_curves(drawn, title)


def draw(
    groups: Mapping[str, Sequence[Path]], folder: Path, settings: RunSettings, rows: Sequence[Sequence[str]]
) -> list[str]:
    """Write the learning curves and report.html; returns where they lie, or why one is missing."""
    title = settings.title
    sections = {"Return without exploring": report.table([], rows)}
    notes = [f"run             {folder}", f"report          {folder / runs.REPORT}"]
    try:
        with plots.style():
            figure = picture(groups, title)
            plots.save(figure, folder / CURVES)
            sections["Learning curve"] = report.picture(plots.png(figure), "return by steps")
        notes.append(f"learning curve  {folder / CURVES}")
    except MissingExtra as error:
        notes.append(f"no pictures: {error}")
    shown = {**dataclasses.asdict(settings), **settings.agent}
    shown.pop("agent")
    shown.pop("options")
    shown["environment"] = settings.place
    sections["Settings"] = report.table([], shown.items())
    files.write(folder / runs.REPORT, report.page(f"{title}, seqrl {seqrl.__version__}", sections))
    return notes


def summary(settings: RunSettings, agent: Agent) -> str:
    """What learns what, in one line."""
    size = sum(network.parameter_count for network in agent.networks.values())
    parts = [f"{settings.title}, {settings.steps:,} steps"]
    count = agent.environments.count
    if count > 1:
        parts[0] += f" of {count} environments"
    if size:
        parts.append(f"{size:,} parameters")
    parts.append(repeats(agent))
    return "; ".join(parts)


def repeats(agent: Agent) -> str:
    """Whether a run that is interrupted and resumed ends as one that is not."""
    obstacle = agent.environments.obstacle
    if obstacle is None:
        return "a resumed run repeats to the last bit"
    return f"a resumed run begins new episodes and does not repeat: {obstacle}"
