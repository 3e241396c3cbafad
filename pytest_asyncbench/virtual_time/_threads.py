"""Which threads may be about to call the loop.

Problem: a thread can call any loop that it has heard of, and nothing says which
thread has. Waiting for every thread does not work: test runners keep some for
good, and each test would take real time. So a thread counts when it began after
the loop did, or has called the loop before, unless it can be seen to wait for work.
What still fails: the first call of a thread that is older than the loop;
``VirtualClock.expecting`` says so where it matters.
"""

from __future__ import annotations

import inspect
import threading
from concurrent.futures import thread as pool
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_asyncbench._loops import names
from pytest_asyncbench._python import (
    callee,
    current_frames,
    has_gil,
    is_native,
    is_parked,
    not_ours,
    other_threads,
    semaphore_value,
    waiters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from types import FrameType

__all__ = ["Threads"]

_BYSTANDERS = (
    "pytest_timeout",  # ends the whole run
    "QueueFeederThread",  # multiprocessing's: carries jobs to a pool's processes
)

# By its code, since importing a pool of processes costs every test run more.
_MANAGER = "_ExecutorManagerThread"

_HANDED_OVER = {
    *("queue.SimpleQueue.get", "thread.lock.acquire", "threading.Lock.acquire"),
    *("thread.RLock.acquire", "threading.RLock.acquire"),
}

_POOL_WORKER = names.WORKER.of(pool).__code__
# Known calls may be wrapped by now, and all their wrappers have the same code.
_CONDITION_WAIT = inspect.unwrap(threading.Condition.wait).__code__


class Threads:
    """The threads that one loop may hear of."""

    def __init__(self, ignored: AbstractSet[threading.Thread]) -> None:
        self._ignored = ignored
        self._older: WeakSet[threading.Thread] = WeakSet(threading.enumerate())
        self._callers: WeakSet[threading.Thread] = WeakSet()

    def called(self) -> None:
        """Remember that the current thread knows the loop."""
        self._callers.add(threading.current_thread())

    def busy(self) -> tuple[str, ...]:
        """Name the threads that are at work and may call the loop."""
        if not other_threads():
            return ()
        suspects = [each for each in threading.enumerate() if self._may_call(each)]
        if not suspects:
            return ()
        frames = current_frames()
        return tuple(
            f"thread {thread.name!r}"
            for thread in suspects
            if not _waits_for_work(thread, frames)
        )

    def _may_call(self, thread: threading.Thread) -> bool:
        if thread is threading.current_thread() or thread in self._ignored:
            return False
        if is_native(thread):  # seen in another way, and its name may outlive it
            return False
        if thread in self._older:
            return thread in self._callers
        known = thread.name.startswith(_BYSTANDERS) or type(thread).__name__ == _MANAGER
        return not known


def _waits_for_work(thread: threading.Thread, frames: Mapping[int, FrameType]) -> bool:
    """Tell whether a thread waits for another one to hand it something.

    Whoever hands it on is a thread that counts for itself, or the loop. What has
    been handed on but not yet taken up is looked for, since the thread's own frame
    moves only when it next gets the interpreter.
    """
    frame = frames.get(thread.ident or 0)
    # Without a GIL its locals can be read only while it stands still.
    if frame is None or not (has_gil() or is_parked(thread.native_id or 0)):
        return False
    if frame.f_code is _POOL_WORKER:
        return _worker_idles(frame.f_locals, frames)
    if frame.f_code is _CONDITION_WAIT:
        here = frame.f_locals
        waiting = waiters(here["self"])
        return here.get("timeout") is None and here.get("waiter") in waiting
    # What waits in C has no frame. Only what hands things from thread to thread: a
    # driver may wait for a thread of its own, and that for a peer.
    # Only of one that stands still: to name the call is to read its frame's locals, and
    # up to 3.12 the interpreter crashes where that frame goes on meanwhile.
    if not is_parked(thread.native_id or 0):
        return False
    frame = not_ours(frame) or frame
    return callee(frame, frame.f_lasti, frame.f_lineno or 0) in _HANDED_OVER


def _worker_idles(here: Mapping[str, Any], frames: Mapping[int, FrameType]) -> bool:
    if here.get("work_item") is not None or not here["work_queue"].empty():
        return False
    executor = here["executor_reference"]()
    if executor is None:
        return True
    # From 3.13 on an item goes from hand to hand, past the queue. But the executor
    # takes a worker off its count of idle ones as soon as it has a job for it.
    inside = [
        frames.get(thread.ident or 0) for thread in list(names.THREADS.of(executor))
    ]
    resting = sum(1 for each in inside if each and each.f_code is _POOL_WORKER)
    return semaphore_value(names.IDLE_SEMAPHORE.of(executor)) >= resting
