"""Bound how long a loop waits for its tasks when it is closed after a broken budget.

Whoever closes a loop cancels all of its tasks and waits until they have ended. One that
cleans up after the budget's cancellation may never end when it is cancelled again:
SQLAlchemy closes a connection in a shielded task, which then waits for a thread that is
gone. After a limit such tasks are left behind, and the loop is stopped.
"""

from __future__ import annotations

import _thread
import asyncio
from contextlib import suppress

from pytest_asyncbench._loops import LoopView, leave_behind, names
from pytest_asyncbench._python import current_frames
from pytest_asyncbench._watching.standing import alive
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import AwaitedTask
from pytest_asyncbench._words.undo import Undo

__all__ = ["Closing"]

_LOOK = 0.25
"""Seconds from one look at the thread to the next."""


class Closing:
    """Bound the closing of loops in the calling thread.

    Args:
        watch: whose watchdog keeps the time, and whose loops they are.
        limit: for how many seconds a loop may wait for its tasks.
    """

    def __init__(self, watch: Watch, limit: float) -> None:
        self._watch = watch
        self._limit = limit
        self._thread = _thread.get_ident()
        self._since: RealSeconds | None = None
        """Since when a loop is seen to wait for its tasks."""
        self.left: tuple[AwaitedTask, ...] = ()
        """Those that were left behind."""

    def begin(self) -> Undo:
        """Begin to look; the returned call ends it."""
        now = self._watch.clock.now()
        return self._watch.watchdog.expect(now, None, self._look)

    def _look(self, _: object) -> float:
        # In the watchdog's thread.
        now = self._watch.clock.now()
        if not self._is_waiting() or self._watch.watchdog.debugged:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= self._limit:
            self._since = None
            for view in self._watch.views():
                if view.thread == self._thread and view.loop.is_running():
                    with suppress(RuntimeError):  # it was closed meanwhile
                        view.loop.call_soon_threadsafe(self._leave, view)
        return _LOOK

    def _is_waiting(self) -> bool:
        frame = current_frames().get(self._thread)
        while frame is not None:
            # By its name: asyncio's, anyio's and the backport for 3.10 are alike.
            if frame.f_code.co_name == names.CANCEL_ALL.name:
                return True
            frame = frame.f_back
        return False

    def _leave(self, view: LoopView) -> None:
        # In the loop's thread.
        view.loop.stop()
        left = asyncio.all_tasks(view.loop)
        self.left += alive(left, self._watch.recorder)
        for task in left:
            leave_behind(task)
