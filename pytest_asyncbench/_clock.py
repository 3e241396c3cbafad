"""The clocks that every figure is read from; nobody else in the plugin reads time.

freezegun replaces ``time.perf_counter`` and every module-level alias of it, but
not a function that an object held before the freeze. So the readers live in
attributes of one object, built when the plugin is imported, and are passed on.
"""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from pytest_asyncbench._model import Elapsed

__all__ = ["SYSTEM_CLOCK", "Clock", "Processor", "Stopwatch", "SystemClock"]


class Processor(NamedTuple):
    """What the operating system gave one thread since it started.

    ``working`` is processor time, ``starved`` the time in which the thread could
    have run and was not let; both in seconds, None where the platform can't tell.
    ``turns`` is how often it was given a processor.
    """

    working: float | None
    starved: float | None
    turns: int | None = None


class Clock(Protocol):
    """What the engines need to know of time; ``testing.ManualClock`` is the fake."""

    @property
    def now(self) -> Callable[[], float]:
        """A function that reads seconds from an arbitrary, never moving origin."""

    def processor(self, thread: int, native: int) -> Processor:
        """Tell the account of the thread with this ident and this native id."""


class SystemClock:
    """Real elapsed time and the operating system's account of each thread."""

    __slots__ = ("_clock_gettime", "_cpu_clock_of", "monotonic", "now")

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.perf_counter
        self.monotonic: Callable[[], float] = time.monotonic
        """What asyncio's loops read, unless somebody has replaced it."""
        self._clock_gettime = getattr(time, "clock_gettime", None)
        self._cpu_clock_of = getattr(time, "pthread_getcpuclockid", None)

    def processor(self, thread: int, native: int) -> Processor:
        """Tell the account of a living thread, from any thread."""
        return Processor(self.working(thread), *_run_queue_account(native))

    def working(self, thread: int | None = None) -> float | None:
        """Tell the processor time of a living thread, or else of the whole process.

        Unlike the rest of the account it is read without giving up the GIL.
        """
        if self._cpu_clock_of is None or self._clock_gettime is None:
            return None
        if thread is None:
            return float(self._clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID))
        # A dead thread's ident may crash glibc, so only living ones are asked.
        if thread not in sys._current_frames():
            return None
        return float(self._clock_gettime(self._cpu_clock_of(thread)))


def _run_queue_account(native: int) -> tuple[float | None, int | None]:
    # The second field of schedstat: nanoseconds spent runnable, off the processor; the
    # third: how often it was given one.
    # See Documentation/scheduler/sched-stats.rst in the Linux source.
    # FileIO, because open() may be one of the calls that a rule watches.
    try:
        with io.FileIO(f"/proc/self/task/{native}/schedstat") as file:
            _, waited, turns = file.read().split()
            return int(waited) / 1e9, int(turns)
    except (OSError, ValueError):
        return None, None


def current_thread_ids() -> tuple[int, int]:
    """Tell ident and native id of the calling thread."""
    return threading.get_ident(), threading.get_native_id()


class Stopwatch:
    """Wall and starved time of the calling thread since the stopwatch was made.

    With a reader of virtual time, that is measured beside them.
    """

    def __init__(
        self, clock: Clock, virtual: Callable[[], float] | None = None
    ) -> None:
        self._clock = clock
        self._virtual = virtual
        self.virtually_began = virtual() if virtual else 0.0
        self._ids = current_thread_ids()
        self.began = clock.now()
        self._starved = clock.processor(*self._ids).starved

    def elapsed(self) -> Elapsed:
        """Tell what has passed so far."""
        return Elapsed(
            wall=self._clock.now() - self.began,
            starved=self.starved(),
            virtual=self._virtual() - self.virtually_began if self._virtual else None,
        )

    def starved(self) -> float | None:
        """Tell the seconds for which the thread was kept off the processor."""
        now = self._clock.processor(*self._ids).starved
        if now is None or self._starved is None:
            return None
        return max(0.0, now - self._starved)


SYSTEM_CLOCK = SystemClock()
