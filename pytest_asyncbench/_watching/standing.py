"""What stands on a loop at a moment: the tasks alive, and the clock they wait by."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING

from pytest_asyncbench._loops import await_chain, by_name, is_running, names, task_label
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.errors import BudgetExceeded
from pytest_asyncbench._words.seen import AwaitedTask

if TYPE_CHECKING:
    from pytest_asyncbench._tracing import Recorder

__all__ = ["PAST", "alive", "farthest_timer", "instead_of", "is_frozen", "is_stop"]

PAST = 1e-6
"""How much later than a budget's end its timer is due, in seconds of virtual time.
That time stands still while work is done, so a test that ends at the very moment of its
budget has kept it."""

_FROZEN = 0.1
_NOBODY_MEANS = 10 * 365 * 86_400.0
"""No test means a timer so far ahead, in seconds. freezegun counts from 1970, and the
system from its own start: a timer that was set on a frozen clock is decades away once
that clock is real again."""

_WAITS = {
    ("asyncio.base_events", "run_until_complete"),
    ("tornado.ioloop", "run_sync"),  # it raises so where its task was cancelled, too
}
"""What runs a loop until something is done, and raises where that was stopped."""

_HOSTS = {("anyio._backends._asyncio", "_call_in_runner_task")}
"""What waits in a task of its own until a test or a fixture is over."""


def alive(
    tasks: Iterable[names.AnyTask],
    recorder: Recorder | None,
    test: names.AnyTask | None = None,
) -> tuple[AwaitedTask, ...]:
    """Tell of each task but a running one what it awaits; of the test's own first.

    Who waits for the test by itself is none of its tasks.
    """
    # Not of the one that runs: where the loop is stuck, its stack is shown.
    waiting = [
        task
        for task in tasks
        if not is_running(task) and (task is test or not _is_host(task))
    ]
    waiting.sort(key=lambda task: (task is not test, *by_name(task)))
    return tuple(_awaited(task, recorder, test) for task in waiting)


def _is_host(task: names.AnyTask) -> bool:
    frame = getattr(names.COROUTINE.get(task), "cr_frame", None)
    return isinstance(frame, FrameType) and _place(frame) in _HOSTS


def _place(frame: FrameType) -> tuple[object, str]:
    return frame.f_globals.get("__name__"), frame.f_code.co_name


def _awaited(
    task: names.AnyTask, recorder: Recorder | None, test: names.AnyTask | None
) -> AwaitedTask:
    try:
        stack, awaits = await_chain(task)
    except Exception:  # of what it awaits, which is the user's
        stack, awaits = (), "what can't be looked at"
    return AwaitedTask(
        name="the test" if task is test else task_label(task),
        stack=stack,
        awaits=awaits,
        seconds=None if recorder is None else recorder.waiting_for(task),
    )


def is_frozen(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop's clock is not the real one."""
    # By what it shows, since a loop may read another clock than freezegun froze.
    return abs(loop.time() - SYSTEM_CLOCK.monotonic()) > _FROZEN


def farthest_timer(loop: asyncio.AbstractEventLoop) -> float | None:
    """Tell how far ahead a timer is that must have been set on a frozen clock."""
    # Only asyncio's own loops keep their timers where they can be seen.
    timers = names.SCHEDULED.get(loop) or ()
    due = [timer.when() for timer in timers if not timer.cancelled()]
    away = max(due, default=0.0) - loop.time()
    return away if _NOBODY_MEANS < away < math.inf else None


def instead_of(own: BaseException, done: str) -> BudgetExceeded:
    """Make the error in the place of what a test raised since we have ended it.

    It leads to where the test stood, so that `--pdb` does.
    """
    error = BudgetExceeded(f"{done}, since the budget was over")
    error.__cause__ = own
    return error.with_traceback(own.__traceback__)


def is_stop(error: BaseException | None) -> bool:
    """Tell whether a loop has raised this because it was stopped."""
    traceback = error.__traceback__ if isinstance(error, RuntimeError) else None
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return False
    return _place(traceback.tb_frame) in _WAITS
