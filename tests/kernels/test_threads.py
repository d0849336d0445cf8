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


def test_a_shared_task_runs_on_every_thread_and_returns_what_it_gave_here() -> None:
    everybody_is_here = threading.Barrier(3, timeout=10)

    def task() -> int:
        everybody_is_here.wait()
        assert threads.inside()
        return threading.get_ident()

    assert threads.share(task) == threading.get_ident()
    assert not threads.inside()


def test_a_shared_task_does_not_wait_for_threads_that_are_still_busy() -> None:
    leave = threading.Event()
    busy = threading.Thread(target=lambda: threads.run([lambda: None, leave.wait, leave.wait]))
    busy.start()
    try:
        while threads._pool is None or threads._pool._work_queue.qsize():
            time.sleep(0.001)
        assert threads.share(lambda: 7) == 7
    finally:
        leave.set()
        busy.join()


def test_an_error_of_a_shared_task_is_raised_when_all_that_began_have_ended() -> None:
    everybody_is_here = threading.Barrier(3, timeout=10)
    here, ended = threading.get_ident(), []

    def task() -> None:
        everybody_is_here.wait()
        if threading.get_ident() == here:
            raise ValueError("here")
        time.sleep(0.02)
        ended.append(1)

    with pytest.raises(ValueError, match="here"):
        threads.share(task)
    assert len(ended) == 2
    assert not threads.inside()


def test_a_task_does_not_share_further() -> None:
    def inner() -> tuple[int, list[int]]:
        found: list[int] = []
        threads.share(lambda: found.append(threading.get_ident()))
        return threading.get_ident(), found

    for own, found in threads.run([inner, inner]):
        assert found == [own]
