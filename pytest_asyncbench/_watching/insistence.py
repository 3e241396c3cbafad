"""Cancel again, at each await, who swallowed a cancellation and went on.

*Problem*: what catches the cancellation at a budget goes on to its next wait, and hangs
there; a test of ten subtests does so ten times. But who is cancelled while it cleans up
leaves it half done, and may hang for ever in what comes next. *What we do*: look at
where each stands at each await. Who still handles the cancellation is left in peace,
and so is who waits for another task, which is looked at itself. *What still fails*: who
has caught the cancellation and keeps it in a variable looks as if it cleaned up.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Iterator
from weakref import WeakSet

from pytest_asyncbench._loops import awaited_tasks, is_cleaning_up, names

__all__ = ["Insistence"]

_MOST = 1000
"""Who swallows as many cancellations does so for ever, and must not fill the time that
is left with them."""


class Insistence:
    """Follow cancelled tasks; used in the thread of their loop alone.

    Args:
        loop: whose tasks they are.
        cancel: cancels one of them again.
        over: tells whether to let all go.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cancel: Callable[[names.AnyTask], object],
        over: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._cancel = cancel
        self._over = over
        self._cancels = 0
        self._followed: WeakSet[names.AnyTask] = WeakSet()

    def follow(self, tasks: Iterable[names.AnyTask]) -> None:
        """Follow these from now on, and those that a cancellation of them reaches."""
        for task in tasks:
            if task not in self._followed:
                self._followed.add(task)
                self.follow(awaited_tasks(task))
                self._look_at(task)

    def alive(self) -> Iterator[names.AnyTask]:
        """Give those of the followed that have not ended."""
        return (task for task in list(self._followed) if not task.done())

    def _look_at(self, task: names.AnyTask, _: object = None) -> None:
        if task.done() or self._over() or self._cancels >= _MOST:
            return
        if not (awaited_tasks(task) or is_cleaning_up(task)):
            self._cancels += 1
            self._cancel(task)
        # Whoever waits is called before us, and so has gone on when we look again.
        look = functools.partial(self._look_at, task)
        waiter = names.WAITER.get(task)
        if waiter is None:
            self._loop.call_soon(look)
        else:
            waiter.add_done_callback(look)
