"""Many runs at once, in as many processes as there are cores: each takes the next run when it has ended one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from seqrl.errors import InputError
from seqrl.kernels import threads
from seqrl.training import runs
from seqrl.training.interrupts import Interrupts
from seqrl.training.loop import progress_bar

from .learning import written
from .runs import read

POLL = 0.5  # seconds

Work = Callable[[Path, float | None, int], str]


class Worker:
    """A process that learns in one folder after another."""

    def __init__(self, work: Work, max_minutes: float | None) -> None:
        context = multiprocessing.get_context("spawn")  # threads and locks of this process are no affair of the other
        self.connection, there = context.Pipe()
        self.process = context.Process(target=_live, args=(work, max_minutes, os.getpid(), there), daemon=True)
        self.process.start()
        there.close()
        self.folder = Path()  # in which it learns
        self.told = False  # to save and end; a second time would end it at once

    def begin(self, folder: Path) -> None:
        self.folder = folder
        with contextlib.suppress(BrokenPipeError):  # it has died, which `ended` finds
            self.connection.send(folder)

    def ended(self) -> tuple[str, str | None]:
        """(how the run ended, the problem if there was one), once the connection is ready."""
        try:
            how, problem = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            status = self.process.exitcode
            if status == -signal.SIGTERM:  # before it could listen
                return "interrupted", None
            return "failed", f"{self.folder}: its process ended with the status {status}"
        return how, problem

    def stop(self) -> None:
        if not self.told:
            self.told = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid or 0, signal.SIGTERM)

    def close(self) -> None:
        self.connection.close()
        self.process.join()


def learn_all(
    folders: Sequence[Path], work: Work, *, max_minutes: float | None = None, verbose: bool = True
) -> list[str]:
    """Learn in the run folders of single seeds, and say of each how it ended.

    work(folder, max_minutes, process id of the caller) -> how it ended: a function of a module, for another process
    calls it. max_minutes is for each run. Ctrl-C is passed on to all, which save and end.
    Raises InputError of the first run that failed, after the others have saved.
    """
    waiting, busy = deque(folders), list[Worker]()
    ended: dict[Path, str] = dict.fromkeys(folders, "interrupted")
    failure: str | None = None
    steps = {folder: read(folder).steps for folder in folders}
    bar = progress_bar(sum(steps.values()), 0, verbose)
    with Interrupts() as interrupts, bar:
        while waiting and len(busy) < threads.COUNT:
            busy.append(Worker(work, max_minutes))
            busy[-1].begin(waiting.popleft())
        while busy:
            ready = wait([worker.connection for worker in busy], POLL)
            for worker in [worker for worker in busy if worker.connection in ready]:
                how, problem = worker.ended()
                ended[worker.folder] = how
                failure = failure or problem
                if waiting and not (interrupts.received or failure):
                    worker.begin(waiting.popleft())
                else:
                    worker.close()
                    busy.remove(worker)
            if interrupts.received or failure:
                for worker in busy:
                    worker.stop()
            _show(bar, steps)
    if failure:
        raise InputError(failure)
    return [ended[folder] for folder in folders]


def _live(work: Work, max_minutes: float | None, parent: int, connection: Connection) -> None:
    """What the other process does: folders come in, and how each run ended goes back."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # Ctrl-C on the terminal is for the caller, which passes it on once
    with contextlib.suppress(EOFError):  # there is no more to do
        while True:
            folder = connection.recv()
            try:
                with runs.locked(folder):
                    connection.send((work(folder, max_minutes, parent), None))
            except InputError as error:
                connection.send(("failed", str(error)))
            except KeyboardInterrupt:
                connection.send(("interrupted", None))


def _show(bar: Any, steps: dict[Path, int]) -> None:
    last = {folder: lines[-1] for folder in steps if (lines := written(folder / runs.METRICS))}
    returns = [line["return"] for line in last.values() if "return" in line]
    if returns:
        bar.set_postfix_str(
            f"return {sum(returns) / len(returns):.2f}, mean of the {len(returns)} begun", refresh=False
        )
    done = sum(min(line["step"], steps[folder]) for folder, line in last.items())  # the last round may go further
    bar.update(done - bar.n)
