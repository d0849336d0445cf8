"""What the commands that train have in common: a run is begun or resumed in a locked folder, trained, and reported.

A kind of run has a settings dataclass, `prepare`, `begin`, `resume` and `training` in its module `run`, and `finish` in
its module `report`; seqrl.training.translation is the pattern.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from seqrl.errors import InputError
from seqrl.training import command, runs


class Preparation(Protocol):
    """All that training needs, before anything is written."""

    def summary(self) -> str:
        """What is trained on what, in one line."""


class Options(Protocol):
    """The options of such a command."""

    @property
    def settings(self) -> Any: ...
    @property
    def out(self) -> str: ...
    @property
    def resume(self) -> str | None: ...
    @property
    def overwrite(self) -> bool: ...


class Loop(Protocol):
    """What trains, such as `seqrl.training.loop.Training`."""

    progress: Any  # `step` says how far it is

    def run(self) -> str:
        """Train to the end, and say which."""


P = TypeVar("P", bound=Preparation)
L = TypeVar("L", bound=Loop)
S = TypeVar("S")


def train(
    options: Options,
    *,
    begin: Callable[[Path], P],
    resume: Callable[[Path, float | None], P],
    training: Callable[[P, Path], L],
    finish: Callable[[P, L, Path, str], str],
) -> int:
    """Begin or resume a run, train it, print what came of it, and return the exit status.

    begin(folder) and resume(folder, max_minutes) prepare, training(preparation, folder) gives the loop, and
    finish(preparation, training, folder, how it ended) writes the results and returns what to tell the user.
    """
    folder = Path(options.resume or options.out)
    if options.resume:
        runs.read_config(folder)
    with runs.locked(folder):
        if options.resume:
            _check_alone(options)
            preparation = resume(folder, options.settings.max_minutes)
            print(f"Continuing {folder}")
        else:
            replaces = (folder / runs.CONFIG).exists()
            preparation = begin(folder)
            if replaces:
                print(f"Replaced the run in {folder}")
        print(preparation.summary(), flush=True)
        loop = training(preparation, folder)
        ended = loop.run()
        if ended == "interrupted":
            print(f"Stopped at step {loop.progress.step}. To continue: {command.resuming(folder)}")
            return command.INTERRUPTED
        print(finish(preparation, loop, folder, ended))
    return 0


def _check_alone(options: Options) -> None:
    """A run is resumed with the settings that it has."""
    make: Any = type(options)
    allowed = type(options.settings)(max_minutes=options.settings.max_minutes)
    if options != make(settings=allowed, resume=options.resume):
        raise InputError("--resume continues a run with its own settings; only --max-minutes may be given with it")


def resumed_settings(folder: Path, kind: str, settings: type[S], max_minutes: float | None) -> tuple[S, runs.Config]:
    """The settings of a run to resume, with `max_minutes` where it is given, and its configuration.

    Raises InputError for a run of another kind.
    """
    config = runs.read_config(folder)
    if config.kind != kind:
        raise InputError(f"{folder}: a run of the kind '{config.kind}'; expected '{kind}'")
    values = config.settings if max_minutes is None else {**config.settings, "max_minutes": max_minutes}
    return runs.settings_from(settings, values, str(folder / runs.CONFIG)), config


def check_data(folder: Path, config: runs.Config, data: Mapping[str, Any]) -> None:
    """Raise InputError, which names the files that changed, where the data are not what a run was begun with."""
    if data != config.data:
        now = data["files"]
        changed = [path for path, digest in config.data.get("files", {}).items() if now.get(path) != digest]
        raise InputError(f"{', '.join(changed) or 'the data'}: not what {folder} was begun with; it can't be resumed")


def fingerprints(paths: Sequence[str | None]) -> dict[str, str]:
    """SHA-256 of each file, by its path as given. Raises InputError for a pipe, which could not be read again."""
    return {path: _fingerprint(path) for path in paths if path is not None}


def _fingerprint(path: str) -> str:
    if not Path(path).is_file():
        raise InputError(f"{path}: not a file that can be read again, as resuming does; expected a file")
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
