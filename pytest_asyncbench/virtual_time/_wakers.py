"""What could wake a loop, besides its own timers and tasks.

Two kinds. What *holds* the clock is known to be at work, or may be: while it is,
time goes with real time. What is merely *possible*, such as a stranger who connects
to a listening socket, does not hold timers back; a loop without timers waits for it.
"""

from __future__ import annotations

import functools
import signal
import threading
from typing import TYPE_CHECKING, TypeVar

from pytest_asyncbench._loops import names
from pytest_asyncbench.virtual_time._natives import Natives
from pytest_asyncbench.virtual_time._sockets import Sockets
from pytest_asyncbench.virtual_time._threads import Threads

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor
    from contextvars import Context

    from pytest_asyncbench.virtual_time._hints import Hints

__all__ = ["Wakers"]

R = TypeVar("R")


class Wakers:
    """Jobs, sockets, threads and signals that one loop may hear of."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hints: Hints) -> None:
        self._loop = loop
        # Windows has none; the dict is the loop's own, and changes with it.
        handlers = names.SIGNAL_HANDLERS.get(loop)
        self.signals = {} if handlers is None else handlers
        self.expected = hints.expected
        self.jobs: dict[names.AnyFuture, str] = {}
        self.sockets = Sockets(loop, hints)
        self.threads = Threads(hints.ignored_threads)
        self.heard = False
        """Whether a thread has called since somebody last looked."""
        self.natives = Natives(loop)

    def holding(self) -> tuple[str, ...]:
        """Name what is at work outside; empty where the clock may jump."""
        return (
            *self.expected,
            *self.jobs.values(),
            *self.sockets.real(),
            *self.threads.busy(),
            *self.natives.busy(),
            *self._events(),
            *self._alarm(),
        )

    def possible(self) -> tuple[str, ...]:
        """Name what nothing points to, and yet nothing rules out."""
        signals = (f"signal {number}" for number in self.signals)
        return (
            *self.sockets.passive(),
            *self.sockets.events(),
            *signals,
            *self.natives.waiting(),
        )

    def _events(self) -> tuple[str, ...]:
        """Name what the kernel may be about to write to.

        A library keeps its eventfd for as long as the loop. Where it has a thread that
        looks after it, as pyzmq has, that counts for itself. Where none does anything
        the kernel may be to write, as for aiofile, while somebody waits for that.
        """
        events = self.sockets.events()
        if not events or self.natives.stir():
            return ()
        return events if self.natives.are_awaited() else ()

    def _alarm(self) -> Iterator[str]:
        # The one signal that can be seen coming. Its handler must be the loop's:
        # pytest-timeout runs the same timer for itself.
        alarm = getattr(signal, "SIGALRM", None)
        if alarm in self.signals and signal.getitimer(signal.ITIMER_REAL)[0] > 0:
            yield "the alarm of signal.setitimer"

    # ---------------------------------------------------------- the seams

    def watch_executor(self) -> Callable[..., names.AnyFuture]:
        """Give a ``run_in_executor`` that knows which of its jobs are in flight."""
        original = self._loop.run_in_executor
        jobs = self.jobs

        def run_in_executor(
            executor: Executor | None, func: Callable[..., R], *args: object
        ) -> asyncio.Future[R]:
            future = original(executor, func, *args)
            jobs[future] = f"job {_name(func)}"
            # Done is what the loop has been told, not what a thread has finished:
            # between the two lies the call that wakes the loop.
            future.add_done_callback(lambda done: jobs.pop(done, None))
            return future

        return run_in_executor

    def watch_callers(self) -> Callable[..., asyncio.Handle]:
        """Give a ``call_soon_threadsafe`` that remembers who calls."""
        loop, threads = self._loop, self.threads
        original = loop.call_soon_threadsafe

        def call_soon_threadsafe(
            callback: Callable[..., object],
            *args: object,
            context: Context | None = None,
        ) -> asyncio.Handle:
            threads.called()
            if threading.get_ident() != names.THREAD_ID.get(loop):
                self.heard = True
            return original(callback, *args, context=context)

        return call_soon_threadsafe


def _name(func: Callable[..., object]) -> str:
    # to_thread gives a partial of Context.run of the function.
    if isinstance(func, functools.partial):
        func = func.args[0] if func.args else func.func
    return getattr(func, "__qualname__", None) or type(func).__qualname__
