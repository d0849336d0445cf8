"""Runs killed with SIGKILL and resumed: `killed_runs.py KIND FOLDER (every | again) FIRST STRIDE`.

For test_resume.py beside it, and tests/agents/test_killed.py.

One run trains undisturbed. The moments at which it could die are counted: before and after all that it brings to the
disk, and around every step and validation.
`every`: for each STRIDE-th moment from FIRST on, another run is killed there, resumed, and compared with the first.
`again`: one run is killed at its moment FIRST, and after each resumption at its moment STRIDE, until it ends.
Each life is a forked process, which spares it the imports. Prints how often a run was killed.
"""

import contextlib
import dataclasses
import importlib
import itertools
import json
import os
import pathlib
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ["SEQRL_KERNELS"] = "reference"  # no time for compiling

import numpy as np

from seqrl.training import checkpoint, runs
from seqrl.training.embeddings import loop as embeddings_loop
from seqrl.training.embeddings import report as embeddings_report
from seqrl.training.embeddings import run as embeddings_run
from seqrl.training.embeddings.loop import EmbeddingTraining
from seqrl.training.embeddings.settings import EmbeddingSettings
from seqrl.training.language import report as language_report
from seqrl.training.language import run as language_run
from seqrl.training.language.settings import LanguageSettings
from seqrl.training.language.task import LanguageTask
from seqrl.training.loop import Training
from seqrl.training.translation import report as translation_report
from seqrl.training.translation import run as translation_run
from seqrl.training.translation.settings import TranslationSettings
from seqrl.training.translation.task import TranslationTask

DEPENDS_ON_TIME = {"seconds", "timed_seconds", "timed_units", "timed_words", "train_seconds"} | set(runs.TIMES)


class Kind(NamedTuple):
    """A kind of run: the methods that train, what begins or resumes one in a folder and trains it to its end, with a
    checkpoint after every step, and what is in the file `data` beside that folder."""

    methods: list[tuple[type, str]]
    train: Callable[[Path], None]
    data: str = ""


def pairs() -> str:
    numbers = np.random.default_rng(0).integers(100, 1000, size=100)
    return "".join(f"{n}\t{str(n)[::-1]}\n" for n in numbers)


def sentences() -> str:
    """Lines that differ, so that many streams have states of their own."""
    numbers = np.random.default_rng(0).integers(100, 1000, size=250)
    return "".join(f"{n} and {str(n)[::-1]}.\n" for n in numbers)


TRANSLATION = TranslationSettings(
    tokenizer="char", cell="gru", hidden=8, embedding=6, dropout=0.3, batch_size=16, epochs=3, learning_rate=0.02
)
LANGUAGE = LanguageSettings(
    hidden=8, embedding=6, layers=2, dropout=0.3, batch_size=16, bptt=20, epochs=3, learning_rate=0.02, anneal=0.5
)
EMBEDDINGS = EmbeddingSettings(size=6, min_count=1, subsampling=0.1, epochs=3, threads=1)
embeddings_loop.CHUNK = 120  # ids

# What each agent has that a checkpoint could forget: a replay by priorities with windows under way, normalisers and
# schedules, episodes that are gathered, the action that is taken next.
AGENTS = {
    "q_learning": "q_learning FrozenLake-v1 --steps 2500",
    "dqn": "dqn CartPole-v1 --steps 250 --hidden 8 --prioritised --n-step 3 --batch-size 8 --capacity 150 "
    "--learning-starts 40 --train-frequency 4 --target-frequency 50",
    "ppo": "ppo CartPole-v1 --envs 2 --steps 600 --hidden 8 --rollout-steps 15 --epochs 2 --batch-size 16 "
    "--normalise-observations --normalise-rewards --schedule linear",
    "reinforce": "reinforce CartPole-v1 --steps 1000 --hidden 8 --episodes 2",
    "linear_sarsa": "linear_sarsa MountainCar-v0 --steps 2500",
}


def text_kind(
    run: Any, report: Any, settings: Callable[[str], Any], methods: list[tuple[type, str]], data: str
) -> Kind:
    """What learns from the file `data`: its modules, and settings by the name of that file."""

    def train(folder: Path) -> None:
        report.draw = lambda *_: []  # pictures are made anew from what is compared here, and take their time
        with runs.locked(folder):
            if (folder / runs.CONFIG).exists():
                preparation = run.resume(folder)
            else:
                preparation = run.begin(settings(str(folder.parent / "data")), folder)
            training = run.training(preparation, folder)
            training.save_seconds = 0.0
            report.finish(preparation, training, folder, training.run())

    return Kind(methods, train, data)


def agent_kind(arguments: list[str]) -> Kind:
    """What scripts/train_agent.py does with these arguments."""
    from seqrl.agents import ALGORITHMS, report
    from seqrl.agents.learning import Learning

    scripts = Path(__file__).parents[2] / "scripts"
    sys.path.insert(0, str(scripts))
    script = importlib.import_module("train_agent")

    def train(folder: Path) -> None:
        report.draw = lambda *_: []
        report.EPISODES = 2
        Learning.__init__.__kwdefaults__["save_seconds"] = -1.0
        begun = (folder / runs.CONFIG).exists()
        status = script.main(["--resume", str(folder)] if begun else [*arguments, "--out", str(folder)])
        assert status == 0

    return Kind([(ALGORITHMS[arguments[0]], "advance")], train)


KINDS: dict[str, Callable[[], Kind]] = {
    "translation": lambda: text_kind(
        translation_run,
        translation_report,
        lambda path: dataclasses.replace(TRANSLATION, pairs=path),
        [(Training, "_step"), (TranslationTask, "evaluate")],
        pairs(),
    ),
    "language": lambda: text_kind(
        language_run,
        language_report,
        lambda path: dataclasses.replace(LANGUAGE, texts=(path,)),
        [(Training, "_step"), (LanguageTask, "evaluate")],
        sentences(),
    ),
    "embeddings": lambda: text_kind(
        embeddings_run,
        embeddings_report,
        lambda path: dataclasses.replace(EMBEDDINGS, corpus=(path,)),
        [(EmbeddingTraining, "_read"), (EmbeddingTraining, "_note")],
        sentences(),
    ),
    **{name: lambda line=line: agent_kind(line.split()) for name, line in AGENTS.items()},  # type: ignore[misc]
}


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


def live(kind: Kind, folder: Path, deadly: int | None) -> int:
    """Begin or resume a run, and train it to its end or to the deadly moment; returns the number of moments."""
    moments = Moments(deadly)
    os.fsync = lambda handle: None  # it takes its time, and matters to a power cut only
    for owner, name in (os, "replace"), (os, "fsync"), (pathlib.Path, "unlink"), (runs.Metrics, "append"):
        moments.around(owner, name)
    for owner, name in kind.methods:
        moments.around(owner, name)
    kind.train(folder)
    return moments.count


def in_a_process(kind: Kind, folder: Path, deadly: int | None) -> int | None:
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
                moments = live(kind, folder, deadly)
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
    for path in folder.glob("*.safetensors"):
        arrays, state = checkpoint.read(path)
        found[path.name] = {key: array.tobytes() for key, array in arrays.items()}, timeless(state)
    found["metrics"] = timeless(runs.read_metrics(folder))
    for path in folder.glob("*.json"):
        found[path.name] = timeless(json.loads(path.read_text()))
    return found


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in DEPENDS_ON_TIME}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def check_same(folder: Path, expected: dict[str, Any]) -> None:
    for what, value in content(folder).items():
        if value != expected[what]:
            raise SystemExit(f"{folder.name}: {what} differs from that of the run that was not killed")


def main(kind: Kind, work: Path, mode: str, first: int, stride: int) -> None:
    (work / "data").write_text(kind.data)
    in_a_process(kind, work / "first", None)  # what it leaves in a cache, all others find there
    total = in_a_process(kind, work / "whole", None)
    assert total is not None
    expected = content(work / "whole")
    killed = 0
    if mode == "every":
        for deadly in range(first, total, stride):
            folder = work / f"killed-at-{deadly}"
            if in_a_process(kind, folder, deadly) is not None:
                raise SystemExit(f"moment {deadly} of {total} was not reached")
            in_a_process(kind, folder, None)
            check_same(folder, expected)
            killed += 1
    else:
        for deadly in itertools.chain([first], itertools.repeat(stride)):
            if in_a_process(kind, work / "again", deadly) is not None:
                break
            killed += 1
        check_same(work / "again", expected)
    print(killed)


if __name__ == "__main__":
    main(KINDS[sys.argv[1]](), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
