"""Runs of agents: what config.json says of them, beginning them, and loading what they hold.

A run of one seed is a run folder (seqrl.training.runs) whose last.safetensors is the whole agent, written by
`Agent.save`. A run of K seeds has such a folder for each, seed-0, seed-1, ..., and beside them what is said of all.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium

from seqrl import files
from seqrl.errors import InputError, nearest
from seqrl.training import runs
from seqrl.training.settings import check_counts, check_seed

from . import ALGORITHMS
from .agent import Agent, resolve_settings
from .options import described

KIND = "agent"


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What is learned by what, for how long."""

    algorithm: str = ""
    environment: str = ""
    steps: int = 0
    seed: int = 0
    seeds: int = 1
    agent: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # all of the algorithm's settings
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of gymnasium.make

    @property
    def title(self) -> str:
        return f"{self.algorithm} on {self.place}"

    @property
    def place(self) -> str:
        """The environment with its options."""
        return described(self.environment, self.options)

    def make(self) -> Agent:
        """The agent that has learned nothing yet. Raises InputError where it can't be made."""
        kind = algorithm_named(self.algorithm)
        return kind(self.environment, seed=self.seed, settings=dict(self.agent), options=self.options)

    def singles(self) -> list[RunSettings]:
        """The runs of one seed each."""
        return [dataclasses.replace(self, seed=self.seed + i, seeds=1) for i in range(self.seeds)]


def algorithm_named(name: str) -> type[Agent]:
    """Raises InputError with the nearest name for an unknown one."""
    if name not in ALGORITHMS:
        raise InputError(
            f"the algorithm is '{name}'{nearest(name, ALGORITHMS)}; expected one of {', '.join(ALGORITHMS)}"
        )
    return ALGORITHMS[name]


def run_settings(
    algorithm: str,
    environment: str,
    *,
    steps: int,
    seed: int = 0,
    seeds: int = 1,
    settings: Any = None,
    options: Mapping[str, Any] | None = None,
) -> RunSettings:
    """Settings of a run, checked. settings, options: as for `Agent`, those tuned for the environment by default."""
    kind = algorithm_named(algorithm)
    resolved = resolve_settings(kind, environment, settings, {})
    as_saved = json.loads(json.dumps(dataclasses.asdict(resolved)))  # what config.json gives back: lists, no tuples
    run = RunSettings(algorithm, environment, steps, seed, seeds, as_saved, dict(options or {}))
    check_counts(run, "steps", "seeds")
    check_seed(run)
    return run


def read(folder: Path) -> RunSettings:
    """The settings of a run. Raises InputError for a folder that holds none of agents."""
    config = runs.read_config(folder)
    if config.kind != KIND:
        raise InputError(
            f"{folder}: a run of the kind '{config.kind}'; expected '{KIND}', as scripts/train_agent.py makes"
        )
    return runs.settings_from(RunSettings, config.settings, str(folder / runs.CONFIG))


def singles(folder: Path) -> list[Path]:
    """The folders of one seed each: `folder` itself, or those in it."""
    settings = read(folder)
    return [folder] if settings.seeds == 1 else _of_seeds(folder, settings)


def begin(settings: RunSettings, folder: Path, overwrite: bool = False) -> None:
    """Write what the run is, in a locked folder; an earlier run in it is removed, once this one is known to work.

    Raises InputError where the agent can't be made or the folder isn't free.
    """
    runs.check_free(folder, overwrite)
    settings.make().close()
    _create(settings, folder)
    if settings.seeds > 1:
        complete(settings, folder)


def complete(settings: RunSettings, folder: Path) -> None:
    """Make the folders of single seeds that are not there yet, and those as long as the run that are not."""
    for path, single in zip(_of_seeds(folder, settings), settings.singles(), strict=True):
        if not (path / runs.CONFIG).exists():
            with files.write_errors(path):
                path.mkdir(exist_ok=True)
            _create(single, path)
        elif read(path).steps != single.steps:
            _set_steps(path, single.steps)


def lengthen(folder: Path, steps: int) -> RunSettings:
    """Have a run, in a locked folder, go on to so many steps; its settings then.

    It ends as one that was as long from the beginning, but for what follows one of its `schedules`.
    Raises InputError where it has learned from more already, and for one of several seeds, which stay of one length.
    """
    settings = dataclasses.replace(read(folder), steps=steps)
    above = folder.resolve().parent
    if (above / runs.CONFIG).exists() and folder.resolve() in singles(above):
        raise InputError(f"{folder}: one of the seeds of {above}; --resume that run to lengthen all of them")
    check_counts(settings, "steps")
    for single in singles(folder):
        if (single / runs.LAST).exists():
            agent = load(single)
            agent.close()
            if agent.steps > steps:
                raise InputError(f"--steps is {steps}; {single} has learned from {agent.steps} steps already")
    _set_steps(folder, steps)
    if settings.seeds > 1:
        complete(settings, folder)
    return settings


def schedules(settings: RunSettings) -> list[str]:
    """Which of the algorithm's settings make something change over the length of the learning."""
    return [name for name, value in settings.agent.items() if name.endswith("schedule") and value != "constant"]


def load(path: str | Path, env: Any = None) -> Agent:
    """The agent that a run holds, of whatever algorithm, or that `Agent.save` wrote into a file.

    env: the environment, where the agent had another one than an id of Gymnasium's.
    Raises InputError for what is no run of an agent, and for a run of several seeds, which holds as many agents.
    """
    return Agent.load(path if Path(path).is_file() else last(Path(path)), env)


def last(folder: Path) -> Path:
    """The checkpoint of a run. Raises InputError as `load` does."""
    settings = read(folder)
    if settings.seeds > 1:
        first = _of_seeds(folder, settings)[0]
        raise InputError(f"{folder}: a run of {settings.seeds} seeds; load one of its agents, such as {first}")
    if not (folder / runs.LAST).exists():
        raise InputError(f"{folder}: a run without a checkpoint, it has no {runs.LAST}")
    return folder / runs.LAST


def load_run(folder: Path, config: runs.Config, own: Sequence[Any] = ()) -> Agent:
    """`seqrl.load` comes here. There is nothing of one's own in it."""
    return load(folder)


def _of_seeds(folder: Path, settings: RunSettings) -> list[Path]:
    return [folder / f"seed-{single.seed}" for single in settings.singles()]


def _set_steps(folder: Path, steps: int) -> None:
    """Of a run; results are no longer those of its end."""
    with files.write_errors(folder):
        (folder / runs.RESULTS).unlink(missing_ok=True)
    content = json.loads((folder / runs.CONFIG).read_text(encoding="utf-8"))
    content["settings"]["steps"] = steps
    files.write_json(folder / runs.CONFIG, content)


def _create(settings: RunSettings, folder: Path) -> None:
    for old in folder.glob("seed-*/" + runs.CONFIG):
        _remove(old.parent)
    data = {"gymnasium": gymnasium.__version__}
    runs.create(folder, runs.Config(KIND, dataclasses.asdict(settings), data))


def _remove(folder: Path) -> None:
    """Delete the run in a folder, and the folder if nothing else is in it."""
    with files.write_errors(folder):
        for pattern in runs.WRITTEN:
            for old in folder.glob(pattern):
                old.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
