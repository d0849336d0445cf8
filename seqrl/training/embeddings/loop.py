"""The training of word vectors: threads take the chunks of a corpus in order and share one model without locks.

Threads now and then overwrite each other's updates, which harms less than locks would cost (Recht et al. 2011,
"Hogwild!"). A chunk's random numbers and learning rate depend on its number alone. So with one thread a run that is
killed at any moment and resumed ends with the same bits as one that is not; with several, no run repeats another.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
from tqdm import tqdm

from seqrl.errors import InputError
from seqrl.kernels.blas import one_thread
from seqrl.models.word2vec import Word2Vec
from seqrl.optimizers import NotFinite
from seqrl.parameter import Array
from seqrl.text.word_corpus import Ids, WordCorpus
from seqrl.training import checkpoint
from seqrl.training.embeddings.settings import EmbeddingSettings
from seqrl.training.interrupts import Interrupts
from seqrl.training.loop import progress_bar, progress_from, quiet
from seqrl.training.runs import LAST, METRICS, Metrics

CHUNK = 16_384  # ids
REPORTS = 100  # lines of metrics in a run, besides one at every epoch's end
LEAST_RATE = 1e-4  # of the learning rate, at the end


@dataclasses.dataclass
class Progress:
    """How far training is: the part of a checkpoint that is not arrays."""

    step: int = 0  # chunks learned
    loss_sum: float = 0.0  # over the predictions since the last line of metrics, in nats
    losses: int = 0  # those predictions
    epoch_loss_sum: float = 0.0  # the same since the epoch began
    epoch_losses: int = 0
    words: int = 0  # learned from, those included that subsampling skipped
    metric_lines: int = 0
    seconds: float = 0.0  # of training, with checkpoints
    # For the speed: without checkpoints, and without the first chunks of a process, in which kernels may be compiled.
    timed_words: int = 0
    timed_seconds: float = 0.0


class EmbeddingTraining:
    """Train `model` on the ids of `corpus` into the run folder, from its last checkpoint where it has one.

    save_seconds: a checkpoint after so many, besides one at every epoch's end; where writing one takes longer than a
    second, after that many times as many.
    verbose: show a progress bar, and a line for every epoch.
    """

    def __init__(
        self,
        model: Word2Vec,
        corpus: WordCorpus,
        settings: EmbeddingSettings,
        folder: Path,
        *,
        save_seconds: float = 30.0,
        verbose: bool = True,
    ) -> None:
        self.model = model
        self.corpus = corpus
        self.settings = settings
        self.folder = folder
        self.save_seconds = save_seconds
        self.verbose = verbose
        self.chunks = -(-len(corpus.ids) // CHUNK)  # of an epoch
        self.steps = settings.epochs * self.chunks
        self.max_seconds = math.inf if settings.max_minutes is None else 60 * settings.max_minutes
        self.progress = Progress()
        self._lock = threading.Lock()  # of the progress and what follows; no thread learns under it
        self._taken = 0  # chunks that were handed out
        self._halted = True  # no more are
        self._learned_here = 0  # chunks, by this process
        self._shown_loss = math.nan
        self._save_took = 0.0  # seconds
        self._clock = self._saved_at = time.perf_counter()
        if (folder / LAST).exists():
            state = checkpoint.read_into(folder / LAST, self._arrays())
            self.progress = progress_from(Progress, state, folder / LAST)
            self.metrics = Metrics(folder / METRICS, self.progress.metric_lines)
            self.saved_step = self.progress.step
        else:
            self.metrics = Metrics(folder / METRICS)
            self._save()

    @property
    def epochs(self) -> int:
        """Complete ones."""
        return self.progress.step // self.chunks

    def learning_rate(self, step: int) -> float:
        """Of chunk number `step`: it falls linearly with the ids learned, to a ten-thousandth at the end."""
        epoch, chunk = divmod(step, self.chunks)
        done = (epoch + chunk * CHUNK / len(self.corpus.ids)) / self.settings.epochs
        return self.settings.start_rate * (1 - (1 - LEAST_RATE) * done)

    def speed(self) -> float:
        """Words a second; after few chunks with all that training takes."""
        progress = self.progress
        if not progress.timed_words:
            return progress.words / max(progress.seconds, 1e-9)
        return progress.timed_words / progress.timed_seconds

    def run(self) -> str:
        """Train to the end, and say which: "finished", "out of time" or "interrupted".

        Raises InputError when a loss or a vector is not finite, or a file can't be written.
        """
        bar = progress_bar(self.steps, self.progress.step, self.verbose)
        with one_thread(), quiet(), Interrupts() as interrupts, bar:
            try:
                while True:
                    if interrupts.received:
                        return "interrupted"
                    if self.progress.step >= self.steps:
                        return "finished"
                    if self.progress.seconds >= self.max_seconds:
                        return "out of time"
                    self._round(interrupts, bar)
                    self._save()
            except NotFinite as error:
                raise InputError(
                    f"chunk {self.progress.step + 1}: {error}; training stopped. {self.folder / LAST} holds chunk "
                    f"{self.saved_step}. A lower learning rate may help"
                ) from error

    def _round(self, interrupts: Interrupts, bar: tqdm) -> None:
        """Learn to the end of the epoch, or until it is time to save or stop. No thread is learning when it returns."""
        self._taken = self.progress.step
        self._halted = False
        self._clock = time.perf_counter()
        end = (self.epochs + 1) * self.chunks
        with ThreadPoolExecutor(self.settings.workers) as pool:
            workers = [pool.submit(self._work, end, interrupts, bar) for _ in range(self.settings.workers)]
            try:
                wait(workers, return_when=FIRST_EXCEPTION)
            finally:
                self._halted = True
        for worker in workers:
            worker.result()
        if self.progress.step == end and self.verbose:
            loss = self.progress.epoch_loss_sum / max(self.progress.epoch_losses, 1)
            bar.write(f"epoch {self.epochs}  loss {loss:.4g}  {self.speed():,.0f} words/s")

    def _work(self, end: int, interrupts: Interrupts, bar: tqdm) -> None:
        """Learn one chunk after the other: what each of the threads does."""
        while (step := self._take(end)) is not None:
            epoch, chunk = divmod(step, self.chunks)
            ids = self._read(chunk)
            rng = np.random.default_rng(np.random.SeedSequence(self.settings.seed, spawn_key=(1, epoch, chunk)))
            loss, losses = self.model.learn(ids, self.learning_rate(step), rng)
            if not math.isfinite(loss):
                raise NotFinite("the loss is not finite")
            with self._lock:
                self._note(float(loss), int(losses), int(np.count_nonzero(ids >= 0)))
                self._show(loss / max(losses, 1), bar)
                if interrupts.received or self._due():
                    self._halted = True

    def _take(self, end: int) -> int | None:
        """The number of the next chunk, or None where there is none to learn before all threads have stopped."""
        with self._lock:
            if self._halted or self._taken >= end:
                return None
            self._taken += 1
            return self._taken - 1

    def _read(self, chunk: int) -> Ids:
        """A chunk, from the file itself: pages of a memory map would count as this process's memory."""
        ids = self.corpus.ids
        if isinstance(ids, np.memmap):
            return np.fromfile(str(ids.filename), np.int32, CHUNK, offset=chunk * CHUNK * ids.itemsize)
        return ids[chunk * CHUNK : (chunk + 1) * CHUNK]

    def _note(self, loss: float, losses: int, words: int) -> None:
        """Count a chunk that was learned."""
        progress = self.progress
        if progress.step % self.chunks == 0:
            progress.epoch_loss_sum, progress.epoch_losses = 0.0, 0
        progress.step += 1
        progress.epoch_loss_sum += loss
        progress.epoch_losses += losses
        progress.loss_sum += loss
        progress.losses += losses
        progress.words += words
        seconds = self._tick()
        self._learned_here += 1
        if self._learned_here > self.settings.workers:
            progress.timed_words += words
            progress.timed_seconds += seconds
        if progress.step % max(1, self.steps // REPORTS) == 0 or progress.step % self.chunks == 0:
            self._report()

    def _due(self) -> bool:
        """Whether all threads are to stop for a checkpoint, or because the time is over."""
        passed = self._clock - self._saved_at
        return passed > self.save_seconds * max(1.0, self._save_took) or self.progress.seconds >= self.max_seconds

    def _report(self) -> None:
        """A line of metrics; the loss is the mean over the predictions since the line before, in nats."""
        progress = self.progress
        line: dict[str, float] = {"step": progress.step, "epoch": self.epochs}
        if progress.losses:
            line["train_loss"] = progress.loss_sum / progress.losses
        if progress.step % self.chunks == 0 and progress.epoch_losses:
            line["epoch_loss"] = progress.epoch_loss_sum / progress.epoch_losses
        line |= {"learning_rate": self.learning_rate(progress.step - 1), "words": progress.words}
        line |= {"seconds": round(progress.seconds, 3), "words_per_second": round(self.speed(), 1)}
        self.metrics.append(line)
        progress.metric_lines += 1
        progress.loss_sum, progress.losses = 0.0, 0

    def _arrays(self) -> dict[str, Array]:
        return {f"model.{name}": array for name, array in self.model.arrays().items()}

    def _save(self) -> None:
        """Write a checkpoint while no thread is learning; vectors that are not finite must not replace a good one."""
        started = time.perf_counter()
        arrays = self._arrays()
        for name, array in arrays.items():
            if not np.isfinite(np.vdot(array, array)) and not np.isfinite(array).all():
                raise NotFinite(f"'{name}' is not finite")
        self.metrics.sync()
        checkpoint.write(self.folder / LAST, arrays, {"progress": dataclasses.asdict(self.progress)})
        self.saved_step = self.progress.step
        self._saved_at = time.perf_counter()
        self._save_took = self._saved_at - started

    def _tick(self) -> float:
        """Seconds since the last call or the start of the round, which count as training."""
        now = time.perf_counter()
        passed, self._clock = now - self._clock, now
        self.progress.seconds += passed
        return passed

    def _show(self, loss: float, bar: tqdm) -> None:
        self._shown_loss = loss if math.isnan(self._shown_loss) else 0.95 * self._shown_loss + 0.05 * loss
        bar.set_postfix_str(f"loss {self._shown_loss:.3f}, {self.speed():,.0f} words/s", refresh=False)
        bar.update()
