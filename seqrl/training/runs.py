"""Run folders: what training writes, and loading it again.

    config.json         the settings, the data they were for, the versions
    metrics.jsonl       one JSON object a line; only the fields in TIMES depend on the machine
    last.safetensors    where training continues from (seqrl.training.checkpoint)
    best.safetensors    the weights that did best on the validation data
    results.json        what the best weights reach on the test data
    report.html, *.png  the same for people

A kind of model adds its own, such as *.tokenizer.json. `last` alone decides where a resumed run continues: metrics that
were written after it are dropped, and `best` is written again with the same content.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

import seqrl
from seqrl import files, kernels
from seqrl.errors import InputError, choose, nearest

CONFIG, METRICS, RESULTS, REPORT = "config.json", "metrics.jsonl", "results.json", "report.html"
LAST, BEST = "last.safetensors", "best.safetensors"
PATTERNS = ["*.tokenizer.json", "vocabulary.txt", "*.png", "onnx/*", ".*.part"]  # what some runs have
WRITTEN = [LAST, BEST, METRICS, RESULTS, REPORT, *PATTERNS, CONFIG]  # CONFIG goes last
TIMES = (
    *("seconds", "target_tokens_per_second", "tokens_per_second", "samples_per_second", "words_per_second"),
    "steps_per_second",
)

# Each module has `load_run(folder: Path, config: Config, own: Sequence)`; it is imported when such a run is loaded.
KINDS = {
    "translation": "seqrl.training.translation.translator",
    "language": "seqrl.training.language.generator",
    "dialogue": "seqrl.training.dialogue.responder",
    "embeddings": "seqrl.training.embeddings.trained",
    "sequential": "seqrl.training.sequential",
    "agent": "seqrl.agents.runs",
}

S = TypeVar("S")


class Config(NamedTuple):
    """What config.json holds."""

    kind: str
    settings: dict[str, Any]
    data: dict[str, Any]


def load(path: str | Path, own: Sequence[Any] = ()) -> Any:
    """The best model of a run, ready to use.

    By the kind of run it is a `translation.translator.Translator`, a `language.generator.TextGenerator`, a
    `dialogue.responder.Responder`, a `seqrl.text.embeddings.Embeddings`, a `sequential.Sequential` or a
    `seqrl.agents.agent.Agent`.
    Where training stopped before its first validation, and for embeddings and agents, it is the last one. own: classes
    and functions of one's own that a Sequential was made of.
    Raises InputError for a folder that is not a run or has no checkpoint yet, and for a damaged file in it.
    """
    folder = Path(path)
    config = read_config(folder)
    module = importlib.import_module(choose(f"{folder / CONFIG}: the kind of run", config.kind, KINDS))
    return module.load_run(folder, config, own)


def best_checkpoint(folder: Path) -> Path:
    for name in (BEST, LAST):
        if (folder / name).exists():
            return folder / name
    raise InputError(f"{folder}: a run without a checkpoint, it has neither {BEST} nor {LAST}")


def read_config(folder: Path) -> Config:
    """Raises InputError that says what is missing when `folder` is not a run."""
    if not folder.is_dir():
        problem = "a file, not a run folder" if folder.exists() else "no such folder; expected a run folder"
        raise InputError(f"{folder}: {problem}")
    path = folder / CONFIG
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        config = Config(content["kind"], dict(content["settings"]), dict(content["data"]))
    except FileNotFoundError:
        raise InputError(f"{folder}: not a run folder, it has no {CONFIG}") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged, or not the configuration of a run ({error})") from None
    return config


def settings_from(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    """A settings dataclass from what JSON made of it.

    Raises InputError, which begins with `where`, for an unknown name or a value of another type.
    """
    defaults = kind()
    known = {field.name: getattr(defaults, field.name) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in given.items():
        if name not in known:
            raise InputError(f"{where}: unknown setting '{name}'{nearest(name, known)}")
        fits = {type(known[name]), int} if isinstance(known[name], float) else {type(known[name])}
        if known[name] is not None and type(value) not in fits:
            raise InputError(f"{where}: {name} is {value!r}; expected a value such as {known[name]!r}")
    return kind(**given)


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise InputError unless a run can begin in `folder`: it is new, empty, or a run to overwrite."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: a file; expected a folder for the run")
    if (folder / CONFIG).exists():
        if not overwrite:
            raise InputError(f"{folder}: holds a run already; --resume {folder} continues it, --overwrite replaces it")
    elif any(not entry.name.endswith(".part") for entry in folder.iterdir()):
        raise InputError(f"{folder}: not empty and not a run; expected a new folder")


def create(folder: Path, config: Config) -> None:
    """Begin a run in a locked folder: remove what an earlier one left, and write config.json."""
    with files.write_errors(folder):
        for pattern in WRITTEN:
            for old in folder.glob(pattern):
                old.unlink()
    versions = {
        "seqrl": seqrl.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "kernels": kernels.implementation,
    }
    files.write_json(folder / CONFIG, {**config._asdict(), "made_with": versions})


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if need be and keep other processes from training into it. A killed process keeps nothing."""
    with files.write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another process is training into it") from None
        yield
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):  # it is not empty, unless nothing came of the run
            folder.rmdir()


class Metrics:
    """metrics.jsonl, cut after its first `lines`, and more lines for it."""

    def __init__(self, path: Path, lines: int = 0) -> None:
        self.path = path
        kept = path.read_text(encoding="utf-8").splitlines(keepends=True)[:lines] if path.exists() else []
        if len(kept) < lines:
            raise InputError(f"{path}: {len(kept)} lines; the checkpoint beside it counts {lines}")
        files.write(path, "".join(kept))

    def append(self, line: Mapping[str, Any]) -> None:
        with files.write_errors(self.path), open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def sync(self) -> None:
        """Bring all lines to the disk, before a checkpoint counts them."""
        with files.write_errors(self.path), open(self.path, "a", encoding="utf-8") as stream:
            os.fsync(stream.fileno())


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (folder / METRICS).read_text(encoding="utf-8").splitlines()]
