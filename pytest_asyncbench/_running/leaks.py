"""What is left in a loop when its run is over, and what was set up is torn down.

Whoever closes a loop cancels the tasks that are left in it, and says nothing of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar, cast

from pytest_asyncbench._loops import (
    AnyTask,
    Lane,
    LaneQueue,
    LaneTask,
    describe_callback,
    is_told_to_end,
    names,
    stands_at,
)
from pytest_asyncbench._running.left import descriptors, short_name
from pytest_asyncbench._words.explored import Leak
from pytest_asyncbench._words.undo import Undo, replace

__all__ = ["leaks_in", "watch_closing"]

T = TypeVar("T")

IsTests = Callable[[Lane], bool]


def watch_closing(
    loop: asyncio.AbstractEventLoop,
    queue: LaneQueue,
    is_tests: IsTests,
    note: Callable[[Leak], object],
) -> Undo:
    """Look at what is left in a loop as it is closed; the returned call ends that.

    Args:
        loop: that has had this queue.
        queue: knows whose a timer is.
        is_tests: tells whether the test has started what runs in a lane.
        note: told of what is left.
    """
    run, close = loop.run_until_complete, loop.close

    def run_until_complete(future: Awaitable[T]) -> T:
        # Whoever closes a loop cancels all that is left in it, and then waits for that.
        gathering = future if isinstance(future, asyncio.Future) else None
        children = names.CHILDREN.get(gathering) or ()
        if children and all(map(is_told_to_end, children)):
            for leak in _tasks(asyncio.all_tasks(loop), is_tests):
                note(leak)
        return run(future)

    def close_noted() -> None:
        if not loop.is_closed():
            for leak in (*_timers(loop, queue, is_tests), *_open(loop)):
                note(leak)
        close()

    with ExitStack() as undo:
        undo.callback(replace(loop, "run_until_complete", run_until_complete))
        undo.callback(replace(loop, "close", close_noted))
        return undo.pop_all().close


def leaks_in(
    loop: asyncio.AbstractEventLoop, queue: LaneQueue, is_tests: IsTests
) -> Iterator[Leak]:
    """Give what is left in a loop of a test that nothing else was set up for."""
    lanes = [lane.task() for lane in queue.lanes if lane.task is not None]
    yield from _tasks({task for task in lanes if task is not None}, is_tests)
    yield from _timers(loop, queue, is_tests)


def _tasks(tasks: set[AnyTask], is_tests: IsTests) -> Iterator[Leak]:
    """Tell of the test's own tasks, not of those that its fixtures have started."""
    for task in sorted(tasks, key=hash):
        lane = task.lane if isinstance(task, LaneTask) else None
        if lane is not None and not task.done() and is_tests(lane):
            yield Leak(what=f"task {short_name(task)!r}", place=stands_at(task))


def _timers(
    loop: asyncio.AbstractEventLoop, queue: LaneQueue, is_tests: IsTests
) -> Iterator[Leak]:
    for timer in names.SCHEDULED.get(loop) or ():
        callback = names.CALLBACK.get(cast("names.Handle", timer))
        if timer.cancelled() or callback is None:
            continue
        called, lane = describe_callback(callback), queue.set_by(timer)
        # asyncio's own wake a task, which is told of itself.
        is_own = lane is not None and is_tests(lane)
        if is_own and not called.startswith("asyncio."):
            yield Leak(what=f"callback {called}")


def _open(loop: asyncio.AbstractEventLoop) -> Iterator[Leak]:
    # One is the loop's own, which wakes it. How many of others there are depends on how
    # far a peer has come.
    if descriptors(loop) > 1:
        yield Leak(what="a socket or pipe of the loop's, open")
