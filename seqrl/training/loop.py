"""The training loop: epochs of steps, validation, early stopping, checkpoints, and resuming to the same bits.

It knows a model and an optimizer; what is learned is a Task. Without a run folder nothing is written. With one,
everything that the next step depends on is in the checkpoint, so a run that is killed at any moment and resumed ends as
one that was not. When a checkpoint is written decides nothing, and so may depend on the clock.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from seqrl.errors import InputError
from seqrl.kernels.blas import one_thread
from seqrl.layer import Layer
from seqrl.optimizers import LBFGS, NotFinite, Optimizer
from seqrl.parameter import Array
from seqrl.schedules import Schedule
from seqrl.training import checkpoint
from seqrl.training.interrupts import Interrupts
from seqrl.training.memory import keep_freed_memory
from seqrl.training.runs import BEST, LAST, METRICS, Metrics

REPORTS_PER_EPOCH = 10

P = TypeVar("P")

# Called after every epoch with the number of epochs done and their metrics; a true answer ends the training.
Callback = Callable[[int, dict[str, float]], bool | None]


class Task(Protocol):
    """What is to be learned: batches, their loss, and how good the model is on validation data."""

    unit: str  # what a mean loss is the mean of, and speed is counted in: "target tokens"
    steps_per_epoch: int

    def plan(self, rng: np.random.Generator) -> Sequence[Any]:
        """The batches of one epoch, `steps_per_epoch` of them; they depend on nothing but the data and `rng`."""

    def learn(self, batch: Any) -> tuple[float, float]:
        """Add the gradients of a batch to the parameters'; (mean loss, number of units that it is the mean of)."""

    def evaluate(self) -> tuple[float, dict[str, float]]:
        """(a score, where lower is better, and metrics), changing neither the model nor a source of randomness."""

    def generators(self) -> Mapping[str, np.random.Generator]:
        """The sources of randomness that `learn` uses, by name; a checkpoint has their states."""

    def updated(self, loss: float, units: float) -> None:
        """After every update: note the loss, or bring the parameters back to where they may be."""
        return None

    def gathered(self) -> Mapping[str, Array]:
        """The arrays in which `learn` gathers what `evaluate` needs of an epoch, by name; a checkpoint has them."""
        return {}


@dataclasses.dataclass
class Progress:
    """How far training is: the part of a checkpoint that is not arrays or random states."""

    step: int = 0
    epoch: int = 0  # complete ones
    batch: int = 0  # batches done of the present epoch
    loss_sum: float = 0.0  # over the units since the last line of metrics
    loss_units: float = 0
    best_score: float | None = None
    best_step: int = 0
    stale_epochs: int = 0  # since the best one
    annealings: int = 0  # epochs without a better score, of all
    asked_to_stop: bool = False  # by a callback
    metric_lines: int = 0
    units: float = 0  # learned from
    seconds: float = 0.0  # of training, with validation
    # For the speed: steps alone, and without the first of a process, in which kernels may be compiled.
    timed_units: float = 0
    timed_seconds: float = 0.0


class Training:
    """Train `model` on `task`, into the run folder where there is one and from its last checkpoint where it has one.

    schedule: factors on the optimizer's learning rate; None leaves the rate alone.
    order: shuffles the batches.
    patience: stop after so many epochs without a better score; infinite for never.
    anneal: a further factor on the learning rate for every epoch without a better score; it needs a schedule.
    save_seconds: a checkpoint at least so often, besides one after every epoch.
    verbose: show a progress bar, and a line for every epoch.
    """

    def __init__(
        self,
        task: Task,
        model: Layer,
        optimizer: Optimizer | LBFGS,
        schedule: Schedule | None,
        folder: Path | None,
        *,
        order: np.random.Generator,
        epochs: int,
        patience: float,
        anneal: float = 1.0,
        max_minutes: float | None = None,
        save_seconds: float = 30.0,
        callbacks: Sequence[Callback] = (),
        verbose: bool = True,
    ) -> None:
        self.task = task
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.folder = folder
        self.order = order
        self.epochs = epochs
        self.patience = patience
        self.anneal = anneal
        self.max_seconds = math.inf if max_minutes is None else 60 * max_minutes
        self.save_seconds = save_seconds
        self.callbacks = callbacks
        self.verbose = verbose
        self.base_lr = optimizer.lr
        self.progress = Progress()
        self.metrics: Metrics | None = None
        self.best: dict[str, Array] | None = None  # the weights of the best score, where no folder has them
        if folder is not None and (folder / LAST).exists():
            state = checkpoint.load_training(folder / LAST, model, optimizer, self._generators(), task.gathered())
            self.progress = progress_from(Progress, state, folder / LAST)
            self.metrics = Metrics(folder / METRICS, self.progress.metric_lines)
            self.saved_step = self.progress.step
        elif folder is not None:
            self.metrics = Metrics(folder / METRICS)
            self._save()
        self._shown_loss = math.nan
        self._shown_at = -math.inf
        self._warm = False  # after a step
        self._clock = self._saved_at = time.perf_counter()

    def run(self) -> str:
        """Train to the end, and say which: "finished", "stopped early", "stopped", "out of time" or "interrupted".

        Raises InputError when a loss or a gradient is not finite, or a file can't be written.
        """
        keep_freed_memory()
        total = self.epochs * self.task.steps_per_epoch
        self._clock = time.perf_counter()
        # A second core is for replicas: sharing small products pays little, and costs much on a busy machine.
        bar = progress_bar(total, self.progress.step, self.verbose)
        with one_thread(), quiet(), Interrupts() as interrupts, bar:
            try:
                while True:
                    if interrupts.received:
                        return "interrupted"
                    if self.progress.epoch >= self.epochs:
                        return "finished"
                    if self.progress.stale_epochs >= self.patience:
                        return "stopped early"
                    if self.progress.asked_to_stop:
                        return "stopped"
                    if self.progress.seconds >= self.max_seconds:
                        return "out of time"
                    self._epoch(interrupts, bar)
            except NotFinite as error:
                kept = f" {self.folder / LAST} holds step {self.saved_step}." if self.folder else ""
                raise InputError(
                    f"step {self.progress.step + 1}: {error}; training stopped.{kept} "
                    "A lower learning rate or clipping norm may help"
                ) from error

    def restore_best(self) -> None:
        """Give the model the weights of the best score."""
        if self.folder is not None:
            checkpoint.load_model(self.folder / BEST, checkpoint.read(self.folder / BEST), self.model)
        elif self.best is not None:
            self.model.load_state_dict(self.best)

    def _epoch(self, interrupts: Interrupts, bar: tqdm) -> None:
        """The rest of an epoch and its validation, or up to where training is to stop."""
        progress = self.progress
        order = copy.deepcopy(self.order)  # a checkpoint inside the epoch needs the state from which it was planned
        for batch in self.task.plan(order)[progress.batch :]:
            self._show(bar, self._step(batch))
            if interrupts.received:
                self._save()
                return
            if progress.seconds >= self.max_seconds:
                break
            if time.perf_counter() - self._saved_at > self.save_seconds:
                self._save()
        else:
            self.order = order
            progress.epoch += 1
            progress.batch = 0
        self._validate(bar)
        self._save()

    def _step(self, batch: Any) -> float:
        progress = self.progress
        if self.schedule is not None:
            self.optimizer.lr = self.base_lr * self.schedule(progress.step) * self.anneal**progress.annealings
        loss, units = self._update(batch)
        self.task.updated(loss, units)
        progress.step += 1
        progress.batch += 1
        progress.loss_sum += loss * units
        progress.loss_units += units
        progress.units += units
        seconds = self._tick()
        if self._warm:
            progress.timed_units += units
            progress.timed_seconds += seconds
        self._warm = True
        if progress.batch % max(1, self.task.steps_per_epoch // REPORTS_PER_EPOCH) == 0:
            self._report({})
        return loss

    def _update(self, batch: Any) -> tuple[float, float]:
        """(loss before the update, units)."""
        if isinstance(self.optimizer, LBFGS):
            units = [0.0]

            def closure() -> float:
                loss, units[0] = self.task.learn(batch)
                return loss

            return self.optimizer.step(closure), units[0]
        loss, learned = self.task.learn(batch)
        if not math.isfinite(loss):
            raise NotFinite(f"the loss is not finite, {self._suspect()}")
        self.optimizer.step()
        return loss, learned

    def _validate(self, bar: tqdm) -> None:
        """Evaluate, note the result, and keep `best` if it is; `last`, written next, counts on that order."""
        progress = self.progress
        self._check_finite()
        score, metrics = self.task.evaluate()
        self._tick()
        if math.isnan(score):
            raise NotFinite("the score on the validation data is not a number")
        if progress.best_score is None or score < progress.best_score:
            progress.best_score, progress.best_step, progress.stale_epochs = score, progress.step, 0
            if self.folder is None:
                self.best = self.model.state_dict() if self.patience < math.inf else None
            else:
                checkpoint.save_model(self.folder / BEST, self.model, {"step": progress.step, "score": score})
        else:
            progress.stale_epochs += 1
            progress.annealings += 1
        if self.verbose:
            shown = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in metrics.items())
            best = "  (best)" if progress.best_step == progress.step else ""
            bar.write(f"epoch {progress.epoch}  step {progress.step}  {shown}{best}")
        self._report(metrics)
        stops = [callback(progress.epoch, metrics) for callback in self.callbacks]
        progress.asked_to_stop = any(stops)

    def _report(self, metrics: dict[str, float]) -> None:
        """A line of metrics; the training loss is the mean over the units since the line before."""
        progress = self.progress
        if self.metrics is not None:
            unit = self.task.unit.replace(" ", "_")
            line: dict[str, float] = {"step": progress.step, "epoch": progress.epoch}
            if progress.loss_units:
                line["train_loss"] = progress.loss_sum / progress.loss_units
            line |= {"learning_rate": self.optimizer.lr, unit: progress.units, **metrics}
            line |= {"seconds": round(progress.seconds, 3), f"{unit}_per_second": round(self.speed(), 1)}
            self.metrics.append(line)
            progress.metric_lines += 1
        progress.loss_sum, progress.loss_units = 0.0, 0

    def speed(self) -> float:
        """Units a second in the steps of training."""
        return self.progress.timed_units / max(self.progress.timed_seconds, 1e-9)

    def _save(self) -> None:
        if self.folder is None or self.metrics is None:
            return
        self._check_finite()
        self.metrics.sync()
        state = {"progress": dataclasses.asdict(self.progress)}
        checkpoint.save_training(
            self.folder / LAST, self.model, self.optimizer, self._generators(), state, self.task.gathered()
        )
        self.saved_step = self.progress.step
        self._saved_at = time.perf_counter()

    def _generators(self) -> dict[str, np.random.Generator]:
        return {"order": self.order, **self.task.generators()}

    def _check_finite(self) -> None:
        """An update can overflow where its gradient did not; such weights must not replace a good checkpoint."""
        where = self.optimizer.packed.first_non_finite()
        if where:
            raise NotFinite(f"the parameter '{where}' is not finite")

    def _suspect(self) -> str:
        """Where a loss that is not finite may come from."""
        packed = self.optimizer.packed
        if name := packed.first_non_finite():
            return f"nor is '{name}'"
        largest = {name: float(np.abs(packed.value[where]).max(initial=0)) for name, where in packed.slices.items()}
        name = max(largest, key=largest.__getitem__)
        return f"and '{name}' holds numbers up to {largest[name]:.1e}"

    def _tick(self) -> float:
        """Seconds since the last call, which count as training."""
        now = time.perf_counter()
        passed, self._clock = now - self._clock, now
        self.progress.seconds += passed
        return passed

    def _show(self, bar: tqdm, loss: float) -> None:
        self._shown_loss = loss if math.isnan(self._shown_loss) else 0.95 * self._shown_loss + 0.05 * loss
        if self._clock - self._shown_at >= 0.1 or self.progress.batch == self.task.steps_per_epoch:
            self._shown_at = self._clock
            bar.set_postfix_str(f"loss {self._shown_loss:.3f}, {self.speed():,.0f} {self.task.unit}/s", refresh=False)
        bar.update()


def progress_from(kind: type[P], state: dict[str, Any], path: Path) -> P:
    """The dataclass `kind` as a checkpoint has it. Raises InputError where it has another."""
    try:
        return kind(**state["progress"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: training can't be resumed from it ({error})") from None


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of NumPy's in any thread: whether numbers are finite is checked after every step."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* encountered in", category=RuntimeWarning)
        yield


def progress_bar(total: int, done: int, verbose: bool) -> tqdm:
    """A bar of steps on the terminal's standard error."""
    layout = "{percentage:3.0f}%|{bar:20}| step {n_fmt}/{total_fmt} [{elapsed}, {remaining} left{postfix}]"
    often = 0.2 if sys.stderr.isatty() else 5.0  # a log keeps every state of the bar
    return tqdm(
        total=total, initial=done, bar_format=layout, dynamic_ncols=True, mininterval=often, disable=not verbose
    )
