"""The learning of one run: metrics along the way, and checkpoints from which it goes on.

A checkpoint is the whole agent, and everything else follows from it: metrics that were written after it are dropped,
and what is to come is the same to the last bit where the state of the environments can be set.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from seqrl import files
from seqrl.errors import InputError
from seqrl.kernels.blas import one_thread
from seqrl.optimizers import NotFinite
from seqrl.training import runs
from seqrl.training.interrupts import Interrupts
from seqrl.training.loop import progress_bar, quiet
from seqrl.training.memory import keep_freed_memory

from .agent import Agent
from .runs import RunSettings, load, read

REPORTS = 100  # lines of metrics in a run
SHOWN = 100  # last episodes, whose mean return the bar shows


class Learning:
    """Learn into a run folder, from its last checkpoint where it has one.

    save_seconds: a checkpoint at least so often. parent: stop, with a checkpoint, when this process is gone.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_minutes: float | None = None,
        save_seconds: float = 30.0,
        verbose: bool = True,
        parent: int | None = None,
    ) -> None:
        self.folder = folder
        self.settings: RunSettings = read(folder)
        self.max_seconds = math.inf if max_minutes is None else 60 * max_minutes
        self.save_seconds = save_seconds
        self.verbose = verbose
        self.parent = parent
        self.every = max(1, self.settings.steps // REPORTS)
        path = folder / runs.METRICS
        if (folder / runs.LAST).exists():
            files.beside_name(folder / runs.LAST).unlink(missing_ok=True)  # left by a kill at the very end
            self.agent: Agent = load(folder)
            lines = written(path, self.agent.steps)
            self.metrics = runs.Metrics(path, len(lines))
        else:
            self.agent = self.settings.make()
            lines = []
            self.metrics = runs.Metrics(path)
            self._save()
        last: dict[str, Any] = lines[-1] if lines else {"step": 0, "episodes": 0, "seconds": 0.0}
        self.reported: int = last["step"]
        self.episodes: int = last["episodes"]
        self.seconds_before: float = last["seconds"]
        self.started_at_step = self.agent.steps
        self.saved_step = self.agent.steps
        self.started = self._saved_at = self._shown_at = time.perf_counter()

    def run(self) -> str:
        """Learn to the end, and say which: "finished", "out of time" or "interrupted".

        Raises InputError when numbers are no longer finite, an environment breaks its contract, or a file can't be
        written; the last checkpoint stays.
        """
        keep_freed_memory()
        agent, total = self.agent, self.settings.steps
        ended = "finished"
        self.started = self._saved_at = time.perf_counter()

        def after_round(_: Any) -> bool:
            nonlocal ended
            step = agent.steps
            if step // self.every > self.reported // self.every or step >= total:
                self._report()
            now = time.perf_counter()
            if now - self._shown_at > 0.1:
                self._show(bar, now)
            if interrupts.received or (self.parent is not None and os.getppid() != self.parent):
                ended = "interrupted"
            elif now - self.started >= self.max_seconds and step < total:
                ended = "out of time"
            elif now - self._saved_at > self.save_seconds:
                self._save()
            return ended == "finished"

        bar = progress_bar(total, min(agent.steps, total), self.verbose)
        with one_thread(), quiet(), _plain_warnings(), Interrupts() as interrupts, bar:
            try:
                if agent.steps < total:
                    agent.learn(total - agent.steps, callback=after_round)
                    self._show(bar, time.perf_counter())
                    self._save()
            except (NotFinite, InputError) as error:
                if isinstance(error, InputError) and not self._not_finite():
                    raise  # by the environment, which says where
                raise InputError(
                    f"{self.folder}, after step {agent.steps}: {self._not_finite() or error}; learning stopped. "
                    f"{self.folder / runs.LAST} holds step {self.saved_step}. A lower learning rate may help"
                ) from error
        return ended

    def speed(self) -> float:
        """Real steps a second in this process."""
        return (self.agent.steps - self.started_at_step) / max(time.perf_counter() - self.started, 1e-9)

    def seconds(self) -> float:
        """Of learning, over all processes that took part."""
        return self.seconds_before + time.perf_counter() - self.started

    def _report(self) -> None:
        """A line of metrics: mean return and length of the episodes that ended since the line before."""
        agent = self.agent
        line: dict[str, Any] = {"step": agent.steps, "episodes": len(agent.episodes)}
        if ended := agent.episodes[self.episodes :]:
            line["return"] = float(np.mean([episode.return_ for episode in ended]))
            line["length"] = float(np.mean([episode.length for episode in ended]))
        line |= {name: float(value) for name, value in agent.metrics.items() if math.isfinite(value)}
        line |= {"seconds": round(self.seconds(), 3), "steps_per_second": round(self.speed(), 1)}
        self.metrics.append(line)
        self.reported, self.episodes = agent.steps, len(agent.episodes)

    def _save(self) -> None:
        if problem := self._not_finite():
            raise NotFinite(problem)
        self.metrics.sync()
        self.agent.save(self.folder / runs.LAST)
        self.saved_step = self.agent.steps
        self._saved_at = time.perf_counter()

    def _not_finite(self) -> str:
        """What of the agent isn't, where something isn't: it must not replace a good checkpoint."""
        where = self.agent.not_finite()
        return f"{where} is not finite" if where else ""

    def _show(self, bar: Any, now: float) -> None:
        self._shown_at = now
        last = self.agent.episodes[-SHOWN:]
        mean = f"return {np.mean([episode.return_ for episode in last]):.2f}, " if last else ""
        bar.set_postfix_str(f"{mean}{self.speed():,.0f} steps/s", refresh=False)
        bar.update(min(self.agent.steps, self.settings.steps) - bar.n)


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """A warning is a line of its own beside the bar, without the place in the program."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: tqdm.write(f"warning: {message}", file=sys.stderr)
        yield


def written(path: Path, step: float = math.inf) -> list[dict[str, Any]]:
    """The lines of metrics up to a step; a last one that a kill cut short is none."""
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not text.endswith("\n"):
            break
        line = json.loads(text)
        if line["step"] > step:
            break
        found.append(line)
    return found
