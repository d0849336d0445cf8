"""Processes that learn: how each ended, and what stops all."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seqrl.agents import many, runs
from seqrl.errors import InputError
from seqrl.training.interrupts import Interrupts
from seqrl.training.runs import CONFIG, METRICS


def note(folder: Path, max_minutes: float | None, parent: int) -> str:
    assert parent == os.getppid()
    return f"{folder.name} {max_minutes}"


def own_process(folder: Path, max_minutes: float | None, parent: int) -> str:
    return str(os.getpid())


def fail_or_wait(folder: Path, max_minutes: float | None, parent: int) -> str:
    """seed-0 waits to be stopped; the others can't."""
    if folder.name != "seed-0":
        while not (folder.parent / "waiting").exists():
            time.sleep(0.01)
        raise InputError("seed-1 can't")
    with Interrupts() as interrupts:
        (folder.parent / "waiting").touch()
        while not interrupts.received:
            time.sleep(0.01)
    (folder / "saved").touch()
    return "interrupted"


def die(folder: Path, max_minutes: float | None, parent: int) -> str:
    sys.stderr.close()
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    runs.begin(runs.run_settings("q_learning", "FrozenLake-v1", steps=10, seeds=2), tmp_path)
    return runs.singles(tmp_path)


@pytest.fixture(autouse=True)
def this_module_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process imports the functions from this folder."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "test_many", module)
    for function in note, own_process, fail_or_wait, die:
        monkeypatch.setattr(function, "__module__", "test_many")


def test_each_says_how_it_ended_in_the_order_asked(folders: list[Path]) -> None:
    assert many.learn_all(folders, note, max_minutes=2.5, verbose=False) == ["seed-0 2.5", "seed-1 2.5"]


def test_a_process_takes_the_next_run_instead_of_a_new_one(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many.threads, "COUNT", 1)
    assert len(set(many.learn_all(folders, own_process, verbose=False))) == 1


def test_a_failure_stops_the_others_which_save_first(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many.threads, "COUNT", 2)
    with pytest.raises(InputError, match=r"^seed-1 can't$"):
        many.learn_all(folders, fail_or_wait, verbose=False)
    assert (folders[0] / "saved").exists()


def test_a_process_that_dies_is_named(folders: list[Path]) -> None:
    with pytest.raises(InputError, match=f"seed-[01]: its process ended with the status -{signal.SIGKILL.value}"):
        many.learn_all(folders, die, verbose=False)
    assert all((folder / CONFIG).exists() for folder in folders)


def test_nothing_to_learn_is_nothing_done() -> None:
    assert many.learn_all([], note, verbose=False) == []


def test_the_bar_counts_no_run_beyond_its_steps(folders: list[Path]) -> None:
    """A round may pass the last step; the others are no further for it."""
    for folder, step in zip(folders, (17, 4), strict=True):
        (folder / METRICS).write_text(f'{{"step": {step}, "episodes": 1, "return": {step}.0}}\n')
    shown: list[Any] = []

    class Bar:
        total, n = 20, 1

        def update(self, steps: int) -> None:
            shown.append(steps)

        def set_postfix_str(self, text: str, refresh: bool) -> None:
            shown.append(text)

    many._show(Bar(), dict.fromkeys(folders, 10))
    assert shown == ["return 10.50, mean of the 2 begun", 10 + 4 - 1]
