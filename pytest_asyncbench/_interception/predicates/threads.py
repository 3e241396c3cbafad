"""Predicates on what threads wait for each other with: locks, queues, futures."""

from __future__ import annotations

import sys

from pytest_asyncbench._interception.predicates.arguments import (
    argument,
    is_zero,
    zero_get,
    zero_timeout,
)
from pytest_asyncbench._interception.words import Args, Kwargs
from pytest_asyncbench._python import semaphore_value

__all__ = [
    "event_set",
    "free_lock",
    "future_done",
    "futures_done",
    "last_at_barrier",
    "queue_done",
    "queue_has_item",
    "queue_has_room",
    "semaphore_free",
    "thread_over",
]


def _moment() -> float:
    # A lock that guards a few instructions may be caught in the act, and a thread
    # that has reported its result be on its last ones. They are through as soon as
    # they get their turn, so to report these would make suites with threads flaky.
    # Who lost a turn to us and one to another has it again after two intervals.
    return 2 * sys.getswitchinterval()


def free_lock(args: Args, kwargs: Kwargs) -> bool:
    lock, blocking, timeout = args
    if not blocking or timeout == 0:
        return True
    free = lock._acquire(False) or (timeout < 0 and lock._acquire(True, _moment()))
    if free:
        lock.release()
    return bool(free)


def thread_over(args: Args, kwargs: Kwargs) -> bool:
    thread, timeout = args[0], argument(args, kwargs, 1, "timeout", None)
    if timeout is None and thread.is_alive():
        thread.join(_moment())
    return is_zero(timeout) or not thread.is_alive()


def event_set(args: Args, kwargs: Kwargs) -> bool:
    return args[0].is_set() or zero_timeout(args, kwargs)


def semaphore_free(args: Args, kwargs: Kwargs) -> bool:
    if not argument(args, kwargs, 1, "blocking", True):
        return True
    timeout = argument(args, kwargs, 2, "timeout", None)
    return semaphore_value(args[0]) > 0 or is_zero(timeout)


def last_at_barrier(args: Args, kwargs: Kwargs) -> bool:
    barrier = args[0]
    return bool(barrier.broken or barrier.n_waiting + 1 >= barrier.parties)


def queue_has_item(args: Args, kwargs: Kwargs) -> bool:
    return zero_get(args, kwargs) or args[0].qsize() > 0


def queue_has_room(args: Args, kwargs: Kwargs) -> bool:
    queue = args[0]
    if not 0 < queue.maxsize <= queue.qsize():
        return True
    if not argument(args, kwargs, 2, "block", True):
        return True
    return is_zero(argument(args, kwargs, 3, "timeout", None))


def queue_done(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0].unfinished_tasks == 0)


def future_done(args: Args, kwargs: Kwargs) -> bool:
    return args[0].done() or zero_timeout(args, kwargs)


def futures_done(args: Args, kwargs: Kwargs) -> bool:
    if zero_timeout(args, kwargs):
        return True
    futures = argument(args, kwargs, 0, "fs", ())
    if not isinstance(futures, (list, tuple, set, frozenset, dict)):
        return False  # an iterator would be used up by looking
    when = argument(args, kwargs, 2, "return_when", "ALL_COMPLETED")
    return (all if when == "ALL_COMPLETED" else any)(each.done() for each in futures)
