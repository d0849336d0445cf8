"""A run that was killed or interrupted, and resumed, ends as one that was not."""

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("killed_runs.py")


every_kind = pytest.mark.parametrize("kind", ["translation", "language", "embeddings"])


def killed(kind: str, folder: Path, mode: str, first: int, stride: int) -> int:
    command = [sys.executable, DRIVER, kind, folder, mode, str(first), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout)


@every_kind
def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    assert killed(kind, tmp_path, "every", 3, 10) >= 25


@every_kind
def test_a_run_killed_again_and_again_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    assert killed(kind, tmp_path, "again", 5, 23) >= 15


@pytest.mark.slow
@every_kind
def test_a_run_killed_at_each_single_moment_and_resumed_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    assert killed(kind, tmp_path, "every", 0, 1) >= 250
