"""A loop of tasks and timers alone, which lives in virtual time from its start.

A loop with a selector and sockets takes longer to make, and to make virtual, than most
tests under schedules take to run. Here is nothing to poll: where nothing can run, time
jumps to the next timer, or there is a deadlock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, cast

from pytest_asyncbench._loops import LaneQueue, LaneTask, describe_tasks, names
from pytest_asyncbench._words.errors import Deadlock

if TYPE_CHECKING:
    from contextvars import Context

    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["AsksForMore", "QuickLoop"]

_Handle = asyncio.Handle

_RESTS = 100
"""One turn in so many is told of though nothing may happen: a run may never end."""

_RESOLUTION = 1e-9
"""How early, in seconds, a timer may run, and the least that time jumps."""


class AsksForMore(Exception):
    """A quick loop was asked for what only a whole one has."""


class QuickLoop(asyncio.BaseEventLoop):
    """A loop without selector, sockets, threads and signals.

    Args:
        clock: the time that it lives in, and no other loop at the same time.
        queue: its queue.
        rests: called where it would poll, with the next timer.
        failed: told of what nobody looked at, as the loop's exception handler is.
    """

    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(
        self,
        clock: VirtualClock,
        queue: LaneQueue,
        rests: Callable[[LaneQueue, asyncio.TimerHandle | None], object],
        failed: Callable[[dict[str, Any]], object],
    ) -> None:
        super().__init__()
        names.READY.put(self, queue)
        self._queue = queue
        self._put = cast("Callable[[asyncio.Handle], None]", queue.append)
        self._rests = rests
        self._failed = failed
        self._clock = clock
        self.time = clock.time  # type: ignore[method-assign]  # as `virtualize` does
        self._made = itertools.count(1)
        self._thread = threading.get_ident()
        self.asked = False
        """Whether it was asked for more than it has."""

    def close(self) -> None:
        """Close it, after which nothing is put into its queue."""
        super().close()
        self._put = _is_closed

    def _run_once(self) -> None:
        """Take turns as asyncio's loops do, but for the poll, until it is stopped.

        Between two turns nothing happens but to timers and to what is kept back.
        """
        queue, timers = self._queue, self._scheduled
        popleft, turns = queue.popleft, 0
        while True:
            turns += 1
            if timers or queue.held or not queue or not turns % _RESTS:
                self._rest()
            for _ in range(len(queue)):
                handle = popleft()
                # One that was cancelled has none; to ask it takes a call for each step.
                if handle._callback is not None:  # noqa: SLF001 - see `names.Handle`
                    handle._run()  # noqa: SLF001 - what a loop does with a handle
            if self._stopping:
                return

    def _rest(self) -> None:
        """Be between two turns; where nothing is ready, time goes on to a timer."""
        queue, timers = self._queue, self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)
        self._rests(queue, timers[0] if timers else None)
        if not queue and not self._stopping:
            self._jump(timers[0].when() if timers else None)
        if timers:
            due = self.time() + _RESOLUTION
            while timers and timers[0].when() < due:
                self._put(heapq.heappop(timers))

    def _jump(self, when: float | None) -> None:
        if when is None:
            at = f"deadlock at virtual {self.time():.9g} s"
            why = f"{at}: no timer is left that could wake the loop"
            raise Deadlock("\n".join((why, *describe_tasks(self))))
        self._clock.advance(max(when - self.time(), _RESOLUTION))

    def left(self) -> list[names.AnyTask]:
        """Give its tasks that have not ended."""
        known = [lane.task() for lane in self._queue.lanes if lane.task is not None]
        return [task for task in known if task is not None and not task.done()]

    # ------------------------------------------------------------- its tasks

    # asyncio's own signatures differ between releases; what is given is handed on.
    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Put a callback into the queue, less what asyncio checks in debug mode."""
        handle = _Handle(callback, args, self, context)
        self._put(handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer, and note whose it is."""
        timer = super().call_at(when, callback, *args, context=context)
        self._queue.note_timer(timer, callback)
        return timer

    def create_task(  # type: ignore[override]
        self, coro: names.AnyCoroutine, *, name: str | None = None, **options: Any
    ) -> names.AnyTask:
        """Make a task that has a lane."""
        if self.get_task_factory() is not None:
            return super().create_task(coro, name=name, **options)
        name = f"Task-{next(self._made)}" if name is None else name
        return LaneTask(coro, loop=self, name=name, **options)

    def call_soon_threadsafe(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call something soon: a finalizer of this thread does so, too."""
        if threading.get_ident() != self._thread:
            _more(self)
        return self.call_soon(callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tell of what nobody looked at, unless the run is given up by then.

        What it leaves is collected while the test runs anew in a whole loop.
        """
        if self.asked:
            return
        self._failed(context)
        super().call_exception_handler(context)


def _is_closed(handle: asyncio.Handle) -> NoReturn:
    raise RuntimeError("Event loop is closed")


def _more(self: QuickLoop, *args: object, **options: object) -> NoReturn:
    self.asked = True
    raise AsksForMore


_NOT_HERE = (
    "add_reader",
    "add_signal_handler",
    "add_writer",
    "connect_accepted_socket",
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "getaddrinfo",
    "getnameinfo",
    "remove_reader",
    "remove_signal_handler",
    "remove_writer",
    "run_in_executor",
    "sendfile",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendfile",
    "sock_sendto",
    "start_tls",
    "subprocess_exec",
    "subprocess_shell",
)
for _name in _NOT_HERE:
    setattr(QuickLoop, _name, _more)
