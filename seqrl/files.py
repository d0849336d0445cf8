"""Writing files so that a half-written one is never seen."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from seqrl.errors import InputError


def write(path: str | Path, content: bytes | str) -> None:
    """Write a file beside its place, bring it to the disk, and rename it: see `writing`."""
    with writing(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """The stream of a file beside `path`, which is brought to the disk and renamed at the end.

    Whatever happens meanwhile (a full disk, a kill, a power cut), `path` holds the old content or the new.
    Raises InputError that names the file when it can't be written.
    """
    path = Path(path)
    beside = beside_name(path)
    with write_errors(path):
        try:
            with open(beside, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def write_json(path: str | Path, value: Any) -> None:
    write(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def beside_name(path: Path) -> Path:
    """Where a file is written before it is renamed; the same each time, so that what a kill leaves is overwritten."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def write_errors(path: str | Path) -> Iterator[None]:
    """Turn an OSError into an InputError that says what can't be written and why."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk; not every file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
