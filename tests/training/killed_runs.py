"""Runs killed with SIGKILL and resumed, for test_resume.py: `killed_runs.py FOLDER (every | again) FIRST STRIDE`.

One run trains undisturbed. The moments at which it could die are counted: before and after all that it brings to the
disk, and before every step and validation.
`every`: for each STRIDE-th moment from FIRST on, another run is killed there, resumed, and compared with the first.
`again`: one run is killed at its moment FIRST, and after each resumption at its moment STRIDE, until it ends.
Each life is a forked process, which spares it the imports. Prints how often a run was killed.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

os.environ["SEQRL_KERNELS"] = "reference"  # no time for compiling

import numpy as np

from seqrl.training import checkpoint, runs
from seqrl.training.loop import Training
from seqrl.training.translation import report, run
from seqrl.training.translation.settings import TranslationSettings
from seqrl.training.translation.task import TranslationTask

SETTINGS = TranslationSettings(
    tokenizer="char", cell="gru", hidden=8, embedding=6, dropout=0.3, batch_size=16, epochs=3, learning_rate=0.02
)
DEPENDS_ON_TIME = {"seconds", "timed_seconds", "timed_units", "train_seconds", "target_tokens_per_second"}


@dataclasses.dataclass
class Moments:
    """Counts the moments at which a process could die, and kills it at one of them."""

    deadly: int | None
    count: int = 0

    def pass_by(self) -> None:
        if self.count == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def around(self, owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            self.pass_by()
            result = function(*args, **named)
            self.pass_by()
            return result

        setattr(owner, name, watched)


def live(folder: Path, deadly: int | None) -> int:
    """Begin or resume a run, and train it to its end or to the deadly moment; returns the number of moments."""
    moments = Moments(deadly)
    os.fsync = lambda handle: None  # it takes its time, and matters to a power cut only
    for owner, name in (os, "replace"), (os, "fsync"), (pathlib.Path, "unlink"), (runs.Metrics, "append"):
        moments.around(owner, name)
    for owner, name in (Training, "_step"), (TranslationTask, "evaluate"):
        moments.around(owner, name)
    report.draw = lambda *_: []  # pictures are made anew from what is compared here, and take their time
    with runs.locked(folder):
        if (folder / runs.CONFIG).exists():
            preparation = run.resume(folder)
        else:
            pairs = folder.parent / "pairs.tsv"
            preparation = run.begin(dataclasses.replace(SETTINGS, pairs=str(pairs)), folder)
        training = run.training(preparation, folder)
        training.save_seconds = 0.0  # a checkpoint after every step
        report.finish(preparation, training, folder, training.run())
    return moments.count


def in_a_process(folder: Path, deadly: int | None) -> int | None:
    """The number of moments of a life, or None when it was killed."""
    count = folder.parent / "count"
    child = os.fork()
    if child == 0:
        try:
            with (
                open(os.devnull, "w") as nowhere,
                contextlib.redirect_stdout(nowhere),
                contextlib.redirect_stderr(nowhere),
            ):
                moments = live(folder, deadly)
            count.write_text(str(moments))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    if status:
        raise SystemExit(f"{folder.name}, deadly moment {deadly}: failed")
    return int(count.read_text())


def content(folder: Path) -> dict[str, Any]:
    """All that a run left, without what depends on the clock, so that it can be compared."""
    found: dict[str, Any] = {"files": sorted(path.name for path in folder.iterdir())}
    for name in runs.BEST, runs.LAST:
        arrays, state = checkpoint.read(folder / name)
        found[name] = {key: array.tobytes() for key, array in arrays.items()}, timeless(state)
    found["metrics"] = timeless(runs.read_metrics(folder))
    for name in runs.CONFIG, runs.RESULTS, "source.tokenizer.json", "target.tokenizer.json":
        found[name] = timeless(json.loads((folder / name).read_text()))
    return found


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in DEPENDS_ON_TIME}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def check_same(folder: Path, expected: dict[str, Any]) -> None:
    for what, value in content(folder).items():
        if value != expected[what]:
            raise SystemExit(f"{folder.name}: {what} differs from that of the run that was not killed")


def main(work: Path, mode: str, first: int, stride: int) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(100, 1000, size=100)
    (work / "pairs.tsv").write_text("".join(f"{n}\t{str(n)[::-1]}\n" for n in numbers))
    total = in_a_process(work / "whole", None)
    assert total is not None
    expected = content(work / "whole")
    killed = 0
    if mode == "every":
        for deadly in range(first, total, stride):
            folder = work / f"killed-at-{deadly}"
            if in_a_process(folder, deadly) is not None:
                raise SystemExit(f"moment {deadly} of {total} was not reached")
            in_a_process(folder, None)
            check_same(folder, expected)
            killed += 1
    else:
        for deadly in itertools.chain([first], itertools.repeat(stride)):
            if in_a_process(work / "again", deadly) is not None:
                break
            killed += 1
        check_same(work / "again", expected)
    print(killed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
