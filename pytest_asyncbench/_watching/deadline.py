"""Cancel a task when real time is up, and note what stood at that moment.

The loop's own timers can't do this: under a frozen clock they never fire, and in a
blocked loop nothing fires. So the watchdog's thread keeps the time; it takes the
stack that is on the loop, and asks the loop to cancel the task.

A test in which a debugger stands, or has stood, is not cancelled: the time that passes
since then is a person's.

A task may catch the cancellation, to clean up or by mistake. After a grace it is
cancelled at each await, unless it still cleans up. What has not ended a limit later is
left behind: the loop is stopped, and whoever closes it does not wait for that.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Literal, overload
from weakref import WeakSet

from pytest_asyncbench._loops import leave_behind, names
from pytest_asyncbench._python import RawStack, has_gil, to_stack
from pytest_asyncbench._watching.insistence import Insistence
from pytest_asyncbench._watching.standing import (
    PAST,
    alive,
    farthest_timer,
    instead_of,
    is_frozen,
    is_stop,
)
from pytest_asyncbench._words.errors import BudgetExceeded
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.seen import AwaitedTask, Overrun, Stack
from pytest_asyncbench._words.undo import Undo, nothing

if TYPE_CHECKING:
    from pytest_asyncbench._watching.watch import Watch

__all__ = ["Aside", "Deadline"]

Aside = Callable[[], AbstractContextManager[None]]
"""Makes a block whose work is ours, and no time of the test's."""

_GRACE = 1.0
_STUCK = 0.05
"""A cancellation that comes later than this was kept waiting by a blocked loop."""


class Deadline:
    """Hold the current task to a deadline; an async context manager.

    Args:
        watch: whose watchdog keeps the time.
        at: when time is up, on the watch's clock.
        forgiven: tells the seconds by which the deadline is put off, in total.
        limit: for how many seconds what is cancelled may go on, after a grace.
        by_loop: whether `at` is on the loop's clock, and a timer of the loop keeps
            the time: in virtual time, where no other clock knows when it is up.
        expire: what to do then instead of cancelling the current task.
        aside: put around work of ours, which takes no time of the test's.
    """

    @overload
    def __init__(
        self,
        watch: Watch,
        at: RealSeconds,
        *,
        forgiven: Callable[[], float] = ...,
        limit: float = ...,
        expire: Callable[[], None] | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        watch: Watch,
        at: VirtualSeconds,
        *,
        by_loop: Literal[True],
        expire: Callable[[], None] | None = ...,
        aside: Aside = ...,
    ) -> None: ...

    def __init__(
        self,
        watch: Watch,
        at: LivedSeconds,
        *,
        forgiven: Callable[[], float] = lambda: 0.0,
        limit: float = math.inf,
        by_loop: bool = False,
        expire: Callable[[], None] | None = None,
        aside: Aside = nullcontext,
    ) -> None:
        self._watch = watch
        self._at = at
        self._forgiven = forgiven
        self._limit = limit
        self._by_loop = by_loop
        self._expire_instead = expire
        self._aside = aside
        self._stuck: Stack | None = None
        self._beside: tuple[AwaitedTask, ...] = ()
        """The tasks that were kept waiting then."""
        self._cancels = 0
        """How often we have cancelled the task."""
        self._older: WeakSet[names.AnyTask] = WeakSet()
        """The tasks that were there before."""
        self._undo: Undo = nothing
        self._left = self._left_behind = False
        self.overrun: Overrun | None = None
        self.error: BudgetExceeded | None = None
        """Raised in place of the cancellation."""

    async def __aenter__(self) -> Deadline:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._older.update(asyncio.all_tasks(self._loop))
        if self._by_loop:
            self._undo = self._loop.call_at(self._at + PAST, self._expire).cancel
        else:
            self._expect(self._at)
        return self

    @cached_property
    def _insistence(self) -> Insistence:
        """Who cancels again; not made before time is up, since it leads back here.

        Each test's task would stay until a collection, and all that are there are gone
        through by whoever asks for those of its loop.
        """
        return Insistence(self._loop, self._cancel, self._is_over)

    def _expect(self, at: float) -> None:
        view, watchdog = self._watch.view(self._loop), self._watch.watchdog
        self._undo = watchdog.expect(RealSeconds(at), view, self._time_is_up)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._undo()
        # It leads back here, and so would keep the task until a collection.
        self._undo = nothing
        # It may be in the loop's queue already, put there while the last step lasted.
        # What it would cancel now is whoever hosts us.
        self._left = True
        cancelled = self._uncancel() > 0
        if cancelled and isinstance(error, asyncio.CancelledError):
            self.error = instead_of(error, "cancelled")
            raise self.error

    async def checkpoint(self) -> None:
        """Let the cancellation come now, where real time is up already."""
        if not self._by_loop and self._over_by() >= 0:
            self._expire()
            await asyncio.sleep(0)

    @property
    def has_cancelled(self) -> bool:
        """Whether it has cancelled the task, however that went on."""
        return self._cancels > 0

    def end_of(self, own: BaseException | None) -> BaseException | None:
        """Give what the test ends with: ours, where it was left behind, or cancelled.

        The cancellation itself comes where nobody was to catch our error.
        """
        if self.error is not None and isinstance(own, asyncio.CancelledError):
            return self.error
        if own is None or not (self._left_behind and is_stop(own)):
            return own
        self.error = instead_of(own, "left behind")
        return self.error

    def stuck(self) -> Overrun | None:
        """Give what stood when time was up, though the loop never noticed."""
        if self.overrun is None and self._stuck is not None:
            return Overrun(stuck=self._stuck, tasks=self._beside)
        return self.overrun

    def _uncancel(self) -> int:
        """Take back our cancellations, all of them; return how many they were."""
        # A task that still counts as cancelled misleads `asyncio.timeout` and
        # TaskGroups, in the next tests, too, where one task runs them all.
        uncancel = getattr(self._task, "uncancel", int)  # 3.11 and up
        for _ in range(self._cancels):
            uncancel()
        return self._cancels

    def _time_is_up(self, stack: RawStack | None) -> float:
        # In the watchdog's thread.
        if self._is_debugged():
            return 0.0
        # Always from where it began: who adds what was forgiven since to "now" gives
        # away by how much we came late, and beside load never comes to an end.
        left = self._at + self._forgiven() - self._watch.clock.now()
        if left > 0:
            return left
        if self._stuck is None and stack is not None:
            self._stuck = to_stack(stack)
            # The loop may go on while we look: to read frames is then no mere failure
            # where there is no GIL.
            if has_gil():
                with suppress(Exception):
                    self._beside = self._alive()
        try:
            self._loop.call_soon_threadsafe(self._expire)
        except RuntimeError:  # the loop is closed: there is nobody left to cancel
            return 0.0
        return _GRACE

    def _expire(self) -> None:
        if self._is_over():
            return
        try:
            if self._is_put_off():
                return
            with self._aside():
                self.overrun = self.overrun or self._standing()
        except Exception as error:  # ours; the test must end all the same
            self.overrun = Overrun(cancelled=True)
            text = f"deadline: {error_of_ours(error)}"
            self._watch.note(Problem(kind="failed", text=text))
        if self._expire_instead is not None:
            self._expire_instead()
        elif not self._cancels:
            self._cancel(self._task)
        elif self._over_by() < _GRACE + self._limit:
            self._insistence.follow(self._cancelled())
        else:
            self._leave_behind()

    def _over_by(self) -> float:
        return self._watch.clock.now() - self._at - self._forgiven()

    def _cancel(self, task: names.AnyTask | None) -> None:
        if task is not None and task.cancel() and task is self._task:
            self._cancels += 1

    def _cancelled(self) -> Iterator[names.AnyTask]:
        """Give the test's tasks that have been asked to end."""
        if self._task is not None:
            yield self._task
        for task in asyncio.all_tasks(self._loop):
            # A group's task has been, and the group passes no second cancellation on.
            asked = getattr(task, "cancelling", int)()  # 3.11 and up
            if asked and task not in self._older:
                yield task

    def _leave_behind(self) -> None:
        """Have the test end without what has not ended by now."""
        self._left = self._left_behind = True
        self._loop.stop()  # it ends the turn that it is in
        self._insistence.follow(self._cancelled())
        left = list(self._insistence.alive())
        if self.overrun is not None:
            standing = alive(left, self._watch.recorder, self._task)
            self.overrun = replace(self.overrun, left=standing)
        for task in left:
            leave_behind(task)

    def _is_put_off(self) -> bool:
        """Put it off, where the loop's thread was kept waiting when time seemed up.

        The system books time in the run queue as it ends, so the watchdog may not know.
        """
        # In this order: what passes from here on may be forgiven, and is not counted.
        now = self._watch.clock.now()
        due = self._at + self._forgiven()
        if self._by_loop or self._cancels or due <= now:
            return False
        self._undo()
        self._stuck, self._beside = None, ()
        self._expect(due)
        return True

    def _standing(self) -> Overrun:
        forgiven = self._forgiven()
        late = self._watch.clock.now() - self._at - forgiven
        if self._by_loop or late < _STUCK:
            self._stuck = None
        return Overrun(
            forgiven=forgiven,
            tasks=self._beside if self._stuck else self._alive(),
            stuck=self._stuck,
            cancelled=True,
            ending=self._is_ending(),
            frozen=not self._by_loop and is_frozen(self._loop),
            farthest=None if self._by_loop else farthest_timer(self._loop),
        )

    def _is_ending(self) -> bool:
        # Where one step blocks after another, the cancellation comes when all is done.
        if self._stuck is None:
            return False
        return self._older.issuperset(asyncio.all_tasks(self._loop))

    def _is_over(self) -> bool:
        return self._left or self._is_debugged()

    def _is_debugged(self) -> bool:
        # In virtual time the person at the debugger has all the time in the world.
        return self._watch.watchdog.debugged and not self._by_loop

    def _alive(self) -> tuple[AwaitedTask, ...]:
        return alive(asyncio.all_tasks(self._loop), self._watch.recorder, self._task)
