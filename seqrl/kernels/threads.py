"""Tasks side by side on the cores of this machine, each with a one-thread BLAS."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from seqrl.kernels.blas import one_thread

R = TypeVar("R")

COUNT = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_pool: ThreadPoolExecutor | None = None
_here = threading.local()


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)  # a forked child has none of the threads


def inside() -> bool:
    """Whether the caller is one of the tasks of a `run`; what it runs in turn is not split further."""
    return getattr(_here, "inside", False)


def run(tasks: Sequence[Callable[[], R]]) -> list[R]:
    """The results of all tasks, in order; the first runs on the calling thread.

    All have ended when it returns, or raises what the first of them to fail raised.
    """
    if len(tasks) < 2 or COUNT < 2 or inside():
        return [task() for task in tasks]
    with one_thread():
        others = [_submit(task) for task in tasks[1:]]
        try:
            first = _task(tasks[0])
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]


def share(task: Callable[[], R]) -> R:
    """What `task` returns on the calling thread; the other cores run it too, as soon as they are awake.

    It is for a task that takes its work in portions from where all can see it. All that began have ended when it
    returns; a thread that is still asleep by then is not waited for.
    """
    if COUNT < 2 or inside():
        return task()
    others = [_submit(task) for _ in range(COUNT - 1)]
    try:
        return _task(task)
    finally:
        for other in others:
            if not other.cancel():
                other.result()


def _submit(task: Callable[[], R]) -> Future[R]:
    """In a copy of the caller's context, where NumPy keeps what it does about overflow."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(COUNT - 1, thread_name_prefix="seqrl")
    return _pool.submit(copy_context().run, _task, task)


def _task(task: Callable[[], R]) -> R:
    _here.inside = True
    try:
        return task()
    finally:
        _here.inside = False
