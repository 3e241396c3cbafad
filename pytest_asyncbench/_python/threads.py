"""What threading keeps to itself: how many threads there are, who waits for what.

Only what is read here is relied on; each line says what is lost without it.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Collection
from queue import Queue
from types import FrameType
from typing import Any

from pytest_asyncbench._python.locks import Lock
from pytest_asyncbench._words import legible

__all__ = [
    "fork_reset",
    "future_of",
    "is_native",
    "is_of_pool",
    "known_threads",
    "other_threads",
    "processes_of_this",
    "rested_since",
    "running_threads",
    "semaphore_value",
    "started_for",
    "waiters",
    "work_queue",
]

# How many there are besides the main one: a tenth of the cost of asking threading, for
# virtual time to ask before every jump. Without it there is no virtual time.
other_threads = _thread._count


def is_native(thread: threading.Thread) -> bool:
    """Tell whether a thread is only a name for one that Python did not start.

    threading gives such a thread one when it first asks who it is, and the name may
    outlive it. Without it one that has called a loop would count as at work for good.
    """
    return isinstance(thread, threading._DummyThread)


_ANYIOS = "anyio._backends._asyncio"
"""Where anyio has its worker threads, which are no executor's."""
_POOLS_OF_PROCESSES = "concurrent.futures.process"
"""Where a pool of processes has the thread that brings what these have done."""
_BRINGS_RESULTS = "multiprocessing.pool.Pool._handle_results"
"""What such a thread of multiprocessing's own pools runs, of processes or threads."""


def work_queue(thread: threading.Thread) -> Queue[Any] | None:
    """Give the queue from which a worker thread of anyio's takes its jobs.

    Else only the first of them, for which the thread was started, is known.
    """
    if type(thread).__module__ != _ANYIOS:
        return None
    found = legible.attribute(thread, "queue")
    return found if isinstance(found, Queue) else None


def running_threads() -> list[threading.Thread]:
    """Give the threads that threading knows and that run, without asking its lock."""
    return list(_active().values())


def _active() -> dict[int, threading.Thread]:
    """Give threading's own table of the threads that it knows, by their ident."""
    threads: dict[int, threading.Thread] = getattr(threading, "_active", {})
    return threads


def processes_of_this() -> int:
    """Count the processes whose results the current thread brings to loops.

    A pool has one thread for all of its processes. To ask for `current_thread` would
    make one up where threading does not know it.
    """
    thread = _active().get(_thread.get_ident())
    if thread is None:
        return 0
    if type(thread).__module__ == _POOLS_OF_PROCESSES:
        found = legible.attribute(thread, "processes")
        return len(found) if isinstance(found, dict) else 0
    if started_for(thread) == _BRINGS_RESULTS:
        # It has what is not done yet, which knows the pool until it was told of.
        *_, undone = getattr(thread, "_args", (None,))
        for result in [*undone.values()] if isinstance(undone, dict) else ():
            return int(getattr(getattr(result, "_pool", None), "_processes", 0))
    return 0


def future_of(frame: FrameType | None) -> object | None:
    """Give the future of the job that a pool's thread is at; None where it is at none.

    Else the job is only known when it has ended.
    """
    while frame is not None:
        if (
            frame.f_globals.get("__name__") == "concurrent.futures.thread"
            and frame.f_code.co_name == "run"
        ):
            # From 3.14 on what the job runs in has a `run`, too, and no future.
            future: object | None = getattr(frame.f_locals.get("self"), "future", None)
            if future is not None:
                return future
        if frame.f_globals.get("__name__") == _ANYIOS and frame.f_code.co_name == "run":
            # It is deleted when the job is over.
            awaited: object | None = frame.f_locals.get("future")
            return awaited
        frame = frame.f_back
    return None


def known_threads() -> list[tuple[int, int]]:
    """Give ident and native id of each thread that threading knows and that runs.

    It asks nobody's lock, as ``threading.enumerate`` does, so that a thread which was
    stopped while it held that can't keep us. Without it nobody is named who keeps the
    interpreter from a loop.
    """
    return [
        (ident, thread.native_id)
        for ident, thread in list(_active().items())
        if thread.native_id is not None
    ]


def started_for(thread: threading.Thread) -> str:
    """Give the qualified name of the function that a thread runs; empty without one.

    Else a join of a thread that a library ends by itself is told of.
    """
    function = getattr(thread, "_target", None)
    module = legible.attribute(function, "__module__")
    named = legible.attribute(function, "__qualname__") or ""
    return f"{module}.{named}" if isinstance(module, str) and module else ""


def is_of_pool(thread: threading.Thread) -> bool:
    """Tell whether a thread was started for whatever an executor is given.

    Without it the line that made the first of its jobs is told for all of them.
    """
    return started_for(thread) == "concurrent.futures.thread._worker"


def rested_since(thread: threading.Thread) -> object | None:
    """Give what changes when a worker thread of anyio's is over with a job.

    It is no executor's. Without it the line that made the first of its jobs is told for
    all of them.
    """
    return legible.attribute(thread, "idle_since")


def semaphore_value(semaphore: threading.Semaphore) -> int:
    """Tell how often a semaphore can be acquired now; else each wait for one blocks."""
    return semaphore._value


def waiters(condition: threading.Condition) -> Collection[Lock]:
    """Give the locks of those who wait for a condition and have not been notified.

    Without them a thread that waits for work would hold up virtual time.
    """
    held: Collection[Lock] = condition._waiters  # type: ignore[attr-defined]
    return held


def fork_reset(lock: Lock) -> Callable[[], None]:
    """Give what threading calls after a fork, for a stand-in of this lock."""
    reset: Callable[[], None] = lock._at_fork_reinit  # type: ignore[attr-defined]
    return reset
