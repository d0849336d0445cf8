import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqrl import files
from seqrl.errors import InputError


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 10 kB: the write that would is cut short, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_text_is_utf8_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write(path, "a longer text than the second")
    files.write(path, "été 日")
    assert path.read_bytes() == "été 日".encode()
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_leaves_the_previous_file_and_nothing_beside_it(tmp_path: Path, small_disk: None) -> None:
    path = tmp_path / "a"
    files.write(path, b"before")
    with pytest.raises(InputError, match=f"^{path}: can't be written: File too large$"):
        files.write(path, bytes(20_000))
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a"]


def test_no_space_at_the_last_moment_leaves_the_previous_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "a"
    files.write(path, b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        files.write(path, b"after")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a"]


def test_what_a_kill_left_beside_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.beside_name(path).write_bytes(b"half of")
    files.write(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing/a: can't be written: No such file or directory"):
        files.write(tmp_path / "missing" / "a", b"")
