import threading
import time

import numpy as np
import pytest

from seqrl.kernels import threads


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "COUNT", 3)
    monkeypatch.setattr(threads, "_pool", None)


def test_results_come_in_the_order_of_the_tasks_and_the_first_runs_here() -> None:
    def task(k: int) -> tuple[int, int]:
        time.sleep(0.01 * (3 - k))
        return k, threading.get_ident()

    results = threads.run([lambda k=k: task(k) for k in range(3)])
    assert [k for k, _ in results] == [0, 1, 2]
    assert results[0][1] == threading.get_ident()
    assert results[1][1] != threading.get_ident()


def test_all_have_ended_when_one_fails_and_its_error_is_raised() -> None:
    ended = []

    def slow() -> None:
        time.sleep(0.05)
        ended.append("slow")

    def failing() -> None:
        raise ValueError("the first")

    for tasks in ([failing, slow], [slow, failing]):
        ended.clear()
        with pytest.raises(ValueError, match="the first"):
            threads.run(tasks)
        assert ended == ["slow"]
    assert not threads.inside()


def test_a_task_does_not_split_further() -> None:
    def inner() -> list[int]:
        return threads.run([threading.get_ident, threading.get_ident])

    for ids in threads.run([inner, inner]):
        assert len(set(ids)) == 1


def test_tasks_have_what_the_caller_set_about_overflow() -> None:
    def overflow() -> float:
        return float(np.float32(3e38) * np.float32(10))

    with np.errstate(over="ignore"):
        assert threads.run([overflow, overflow]) == [np.inf, np.inf]
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        threads.run([overflow, overflow])
