"""The translation benchmark: what both sides read, and how each of them is measured. NumPy and nothing else.

`translation.py` (seqrl) and `translation_torch.py` (PyTorch) hold the same model. Each is a program of its own,

    python benchmarks/translation.py WORKLOAD MEASUREMENT        (loss-curve, train or decode)

that reads the workload written by `prepare_translation.py` (the same batches and weights for both) and prints what it
measured as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Weights = dict[str, npt.NDArray[np.float32]]

CURVE_STEPS = 20
SINGLES = 200  # sentences that are also translated one at a time


class Pairs(NamedTuple):
    """A batch of N sentence pairs, padded at the end; targets end with EOS."""

    numbers: Integers  # (N,), in the corpus
    source: Integers  # (N, S)
    source_lengths: Integers  # (N,)
    target: Integers  # (N, T)
    target_lengths: Integers  # (N,)

    def alone(self, row: int) -> Pairs:
        """One of the pairs, without padding."""
        numbers, source, source_lengths, target, target_lengths = (field[row : row + 1] for field in self)
        source, target = source[:, : source_lengths[0]], target[:, : target_lengths[0]]
        return Pairs(numbers, source, source_lengths, target, target_lengths)


class Workload(NamedTuple):
    settings: dict[str, Any]  # a TranslationSettings
    learning_rates: list[float]  # of every step
    limit: int  # tokens in a translation, at most
    initial: Weights
    trained: Weights  # for decoding: after some training, sentences end where they should
    train: list[Pairs]  # the batches of one epoch
    held_out: list[Pairs]

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {}
        for kind in "initial", "trained":
            arrays |= {f"{kind}/{name}": value for name, value in getattr(self, kind).items()}
        for kind in "train", "held_out":
            for number, batch in enumerate(getattr(self, kind)):
                arrays |= {f"{kind}/{number:05}/{name}": value for name, value in batch._asdict().items()}
        arrays["json"] = np.array(json.dumps([self.settings, self.learning_rates, self.limit]))
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Workload:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}

        def weights(kind: str) -> Weights:
            return {name.removeprefix(f"{kind}/"): a for name, a in arrays.items() if name.startswith(f"{kind}/")}

        def batches(kind: str) -> list[Pairs]:
            numbers = sorted({name.split("/")[1] for name in arrays if name.startswith(f"{kind}/")})
            return [Pairs(*(arrays[f"{kind}/{number}/{field}"] for field in Pairs._fields)) for number in numbers]

        settings, learning_rates, limit = json.loads(str(arrays["json"]))
        initial, trained = weights("initial"), weights("trained")
        return cls(settings, learning_rates, limit, initial, trained, batches("train"), batches("held_out"))


class Side(Protocol):
    """One side's model, in training and in use."""

    def __init__(self, workload: Workload, weights: Weights, dropout: float) -> None: ...

    def batch(self, pairs: Pairs) -> Any:
        """The pairs as this side likes them; not timed."""

    def step(self, batch: Any) -> float:
        """A step of training: forward, backward, clipping, update at the step's own rate. Returns the mean loss."""
        ...

    def greedy(self, batch: Any) -> Sequence[Sequence[int]]:
        """The translations of the batch's sources, without EOS."""
        ...


def loss_curve(side: type[Side], workload: Workload) -> dict[str, Any]:
    """The losses of the first steps, without dropout: two libraries don't draw the same masks."""
    model = side(workload, workload.initial, dropout=0.0)
    return {"losses": [model.step(model.batch(pairs)) for pairs in workload.train[:CURVE_STEPS]]}


def train(side: type[Side], workload: Workload) -> dict[str, Any]:
    """Target tokens a second over an epoch, after one to warm up, and the peak of the process's memory."""
    model = side(workload, workload.initial, workload.settings["dropout"])
    batches = [model.batch(pairs) for pairs in workload.train]
    tokens = sum(int(pairs.target_lengths.sum()) for pairs in workload.train)
    for batch in batches:
        model.step(batch)
    start = time.perf_counter()
    losses = [model.step(batch) for batch in batches]
    seconds = time.perf_counter() - start
    return {
        "tokens_per_second": tokens / seconds,
        "peak_megabytes": peak_megabytes(),
        "mean_loss": sum(losses) / len(losses),
    }


def decode(side: type[Side], workload: Workload) -> dict[str, Any]:
    """Sentences a second by greedy decoding, in batches and one at a time, and the translations."""
    model = side(workload, workload.trained, dropout=0.0)
    batches = [model.batch(pairs) for pairs in workload.held_out]
    singles = [model.batch(pairs.alone(row)) for pairs in workload.held_out for row in range(len(pairs.numbers))]

    def sentences_per_second(batches: list[Any], repeats: int) -> tuple[float, list[Sequence[int]]]:
        rows = [row for batch in batches for row in model.greedy(batch)]
        start = time.perf_counter()
        for _ in range(repeats):
            for batch in batches:
                model.greedy(batch)
        return repeats * len(rows) / (time.perf_counter() - start), rows

    batched, translations = sentences_per_second(batches, repeats=5)
    single, _ = sentences_per_second(singles[:SINGLES], repeats=2)
    return {"sentences_per_second": batched, "sentences_per_second_alone": single, "translations": translations}


MEASUREMENTS: dict[str, Callable[[type[Side], Workload], dict[str, Any]]] = {
    "loss-curve": loss_curve,
    "train": train,
    "decode": decode,
}


def peak_megabytes() -> float:
    """The most memory that this process ever had in RAM, in units of 10^6 bytes.

    From the kernel's own account of this program: getrusage also counts what the parent held when it forked.
    """
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def main(side: type[Side], versions: dict[str, str]) -> None:
    if len(sys.argv) != 3 or sys.argv[2] not in MEASUREMENTS:
        sys.exit(f"usage: {sys.argv[0]} WORKLOAD {'|'.join(MEASUREMENTS)}")
    workload = Workload.load(Path(sys.argv[1]))
    print(json.dumps({"versions": versions, **MEASUREMENTS[sys.argv[2]](side, workload)}))
