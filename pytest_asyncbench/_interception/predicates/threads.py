"""Predicates on what threads wait for each other with: locks, queues, futures."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from pytest_asyncbench._interception.predicates.arguments import (
    argument,
    is_zero,
    zero_get,
    zero_timeout,
)
from pytest_asyncbench._interception.predicates.registry import predicate
from pytest_asyncbench._interception.signatures import Args, Kwargs
from pytest_asyncbench._python import is_ready, semaphore_value, started_for
from pytest_asyncbench._rules.callers import OWN_THREADS
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.globs import any_of

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__: list[str] = []


_is_own = any_of(OWN_THREADS).match

_PATIENT = 1.0
"""Who would wait for so many seconds does not mind a moment more."""


def _moment() -> float:
    # A lock that guards a few instructions may be caught in the act, and a thread
    # that has reported its result be on its last ones. They are through as soon as
    # they get their turn, so to report these would make suites with threads flaky.
    # Who lost a turn to us and one to another has it again after two intervals.
    return 2 * sys.getswitchinterval()


@predicate
def free_lock(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the lock is free, or will be in a moment, or won't be waited for."""
    lock, blocking, timeout = args
    if not blocking or timeout == 0:
        return True
    free = lock._acquire(False) or (timeout < 0 and lock._acquire(True, _moment()))
    if free:
        lock.release()
    return bool(free)


@predicate
def thread_over(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the thread has ended, or will in a moment, or `timeout` is zero."""
    thread, timeout = args[0], argument(args, kwargs, 1, "timeout", None)
    if _is_own(started_for(thread)):
        return True
    if thread.is_alive() and (timeout is None or timeout >= _PATIENT):
        _let_end(thread)
    return is_zero(timeout) or not thread.is_alive()


def _let_end(thread: threading.Thread | BaseProcess) -> None:
    """Give a thread its moment, of its own time: on a busy machine it may come late."""
    thread.join(_moment())
    native: int | None = getattr(thread, "native_id", None)  # a process has none
    before = None if native is None else SYSTEM_CLOCK.working(native)
    if native is None or before is None:
        return
    while thread.is_alive() and is_ready(native):
        worked = SYSTEM_CLOCK.working(native)
        if worked is None or worked - before >= _moment():
            return
        thread.join(_moment())


@predicate
def event_set(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the event is set, or `timeout` is zero."""
    return args[0].is_set() or zero_timeout(args, kwargs)


@predicate
def semaphore_free(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the semaphore is free, or won't be waited for."""
    if not argument(args, kwargs, 1, "blocking", True):
        return True
    timeout = argument(args, kwargs, 2, "timeout", None)
    return semaphore_value(args[0]) > 0 or is_zero(timeout)


@predicate
def last_at_barrier(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether nobody else is missing at the barrier, or it is broken."""
    barrier = args[0]
    return bool(barrier.broken or barrier.n_waiting + 1 >= barrier.parties)


@predicate
def queue_has_item(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the queue has an item, or `block` is false, or `timeout` zero."""
    return zero_get(args, kwargs) or args[0].qsize() > 0


@predicate
def queue_has_room(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the queue has room, or `block` is false, or `timeout` zero."""
    queue = args[0]
    if not 0 < queue.maxsize <= queue.qsize():
        return True
    if not argument(args, kwargs, 2, "block", True):
        return True
    return is_zero(argument(args, kwargs, 3, "timeout", None))


@predicate
def queue_done(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether no item of the queue is unfinished."""
    return bool(args[0].unfinished_tasks == 0)


@predicate
def future_done(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the future is done, or `timeout` is zero."""
    return args[0].done() or zero_timeout(args, kwargs)


@predicate
def futures_done(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether enough of the listed futures are done, or `timeout` is zero."""
    if zero_timeout(args, kwargs):
        return True
    futures: Iterable[Future[object]] = argument(args, kwargs, 0, "fs", ())
    if not isinstance(futures, (list, tuple, set, frozenset, dict)):
        return False  # an iterator would be used up by looking
    when = argument(args, kwargs, 2, "return_when", "ALL_COMPLETED")
    return (all if when == "ALL_COMPLETED" else any)(each.done() for each in futures)
