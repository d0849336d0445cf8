"""Many runs at once: a process for each, as many at a time as there are cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from seqrl.errors import InputError
from seqrl.kernels import threads
from seqrl.training import runs
from seqrl.training.interrupts import Interrupts
from seqrl.training.loop import progress_bar

from .learning import written
from .runs import read

POLL = 0.5  # seconds


class Life(NamedTuple):
    """A process that learns."""

    folder: Path
    process: Any
    connection: Connection


def learn_all(
    folders: Sequence[Path],
    work: Callable[[Path, float | None, int], str],
    *,
    max_minutes: float | None = None,
    verbose: bool = True,
) -> list[str]:
    """Learn in the run folders of single seeds, and say of each how it ended.

    work(folder, max_minutes, process id of the caller) -> how it ended: a function of a module, for another process
    calls it. max_minutes is for each run. Ctrl-C is passed on to all, which save and end.
    Raises InputError of the first run that failed, after the others have saved.
    """
    waiting, alive = deque(folders), list[Life]()
    ended: dict[Path, str] = dict.fromkeys(folders, "interrupted")
    failure: str | None = None
    told: set[Path] = set()  # to save and end; a second time would end them at once
    steps = {folder: read(folder).steps for folder in folders}
    bar = progress_bar(sum(steps.values()), 0, verbose)
    with Interrupts() as interrupts, bar:
        while alive or (waiting and not interrupts.received and failure is None):
            while waiting and len(alive) < threads.COUNT and not interrupts.received and failure is None:
                alive.append(_begin(waiting.popleft(), work, max_minutes))
            wait([life.process.sentinel for life in alive], POLL)
            for life in [life for life in alive if not life.process.is_alive()]:
                alive.remove(life)
                how, problem = _result(life)
                ended[life.folder] = how
                failure = failure or problem
            if interrupts.received or failure:
                for life in [life for life in alive if life.folder not in told]:
                    told.add(life.folder)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(life.process.pid, signal.SIGTERM)
            _show(bar, steps)
    if failure:
        raise InputError(failure)
    return [ended[folder] for folder in folders]


def _begin(folder: Path, work: Callable[[Path, float | None, int], str], max_minutes: float | None) -> Life:
    context = multiprocessing.get_context("spawn")  # threads and locks of this process are no affair of the other
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_live, args=(folder, work, max_minutes, os.getpid(), there), daemon=True)
    process.start()
    there.close()
    return Life(folder, process, here)


def _live(
    folder: Path,
    work: Callable[[Path, float | None, int], str],
    max_minutes: float | None,
    parent: int,
    connection: Connection,
) -> None:
    """What the other process does."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # Ctrl-C on the terminal is for the caller, which passes it on once
    try:
        with runs.locked(folder):
            connection.send((work(folder, max_minutes, parent), None))
    except InputError as error:
        connection.send(("failed", str(error)))
    except KeyboardInterrupt:
        connection.send(("interrupted", None))


def _result(life: Life) -> tuple[str, str | None]:
    """(how it ended, the problem if there was one)."""
    life.process.join()
    with life.connection:
        try:
            how, problem = life.connection.recv()
        except EOFError:
            status = life.process.exitcode
            if status == -signal.SIGTERM:  # before it could listen
                return "interrupted", None
            return "failed", f"{life.folder}: its process ended with the status {status}"
    return how, problem


def _show(bar: Any, steps: dict[Path, int]) -> None:
    last = {folder: lines[-1] for folder in steps if (lines := written(folder / runs.METRICS))}
    returns = [line["return"] for line in last.values() if "return" in line]
    if returns:
        bar.set_postfix_str(f"return {sum(returns) / len(returns):.2f} over {len(returns)} runs", refresh=False)
    done = sum(min(line["step"], steps[folder]) for folder, line in last.items())  # the last round may go further
    bar.update(done - bar.n)
