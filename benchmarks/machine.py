"""What benchmarks share: two cores and threads for each side, the peers' environments, what machine it is."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
PEERS = CHECKOUT / "benchmarks/.peers"
THREADS = 2
BUSY = 0.1  # cores that others may use


def two_cores(threads: int = THREADS) -> None:
    """Keep this process and those that it starts to two cores and as many threads, or to fewer threads each."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    for name in "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS":
        os.environ[name] = str(threads)


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The Python of a peer's environment, made at first need; pip's own settings say where from."""
    folder = PEERS / name
    python, stamp = folder / "bin/python", folder / "made-for"
    made_for = f"{platform.python_version()} {' '.join(requirements)}"
    if not stamp.exists() or stamp.read_text() != made_for:
        print(f"Making {folder.relative_to(CHECKOUT)} with {', '.join(requirements)} (once)", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=False)  # a virtual environment may lack ensurepip; ours has pip
        install: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            *requirements,
        ]
        subprocess.run(install, check=True)
        stamp.write_text(made_for)
    return python


def run(python: str | Path, program: str, *arguments: str | Path) -> str:
    """What a program of this folder prints, in a process of its own."""
    command: list[str | Path] = [python, CHECKOUT / "benchmarks" / program, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(python: str | Path, program: str, *arguments: str | Path) -> dict[str, Any]:
    """The JSON object that a program of this folder prints."""
    result: dict[str, Any] = json.loads(run(python, program, *arguments))
    return result


def describe() -> str:
    """Processor, cores and system, without names of the machine."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    cores = min(THREADS, os.cpu_count() or 1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{model}, {cores} of {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}"


@contextmanager
def watched() -> Iterator[None]:
    """Print a line for the results at the end if other programs used so much of the machine that speeds are off.

    Two threads that wait for each other suffer most: on a busy core either side can be ten times slower.
    """
    start, before = time.perf_counter(), _others()
    yield
    cores = (_others() - before) / (time.perf_counter() - start)
    if cores > BUSY:
        print(f"\n**Other programs used {cores:.1f} cores meanwhile, so speeds are off.**")


def _others() -> float:
    """Seconds that other programs have computed since the system started; 0 where it keeps no account."""
    account = Path("/proc/stat")
    if not account.exists():
        return 0.0
    user, nice, system = (int(field) for field in account.read_text().split()[1:4])
    times = os.times()
    own = times.user + times.system + times.children_user + times.children_system
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - own
