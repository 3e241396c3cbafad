"""The clocks that every figure is read from; nobody else in the plugin reads time.

freezegun replaces ``time.perf_counter`` and every module-level alias of it, but
not a function that an object held before the freeze. So the readers live in
attributes of one object, built when the plugin is imported, and are passed on.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from pytest_asyncbench._frames import current_frames
from pytest_asyncbench._model import Elapsed
from pytest_asyncbench._undo import Undo

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

    def hold(self, native: int) -> Undo:
        """Keep the account of this thread at hand, until undone."""


class SystemClock:
    """Real elapsed time and the operating system's account of each thread."""

    __slots__ = (
        "_clock_gettime",
        "_cpu_clock_of",
        "_held",
        "_open",
        "_pread",
        "monotonic",
        "now",
    )

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.perf_counter
        self.monotonic: Callable[[], float] = time.monotonic
        """What asyncio's loops read, unless somebody has replaced it."""
        self._clock_gettime = getattr(time, "clock_gettime", None)
        self._cpu_clock_of = getattr(time, "pthread_getcpuclockid", None)
        # As they are now, since they may be among the calls that a rule watches.
        self._open = os.open
        self._pread = getattr(os, "pread", None)  # not on Windows
        self._held: dict[int, int] = {}

    def processor(self, thread: int, native: int) -> Processor:
        """Tell the account of a living thread, from any thread."""
        return Processor(self.working(thread), *self._run_queue_account(native))

    def hold(self, native: int) -> Undo:
        """Keep the file of a thread's account open.

        To open, read and close it gives up the GIL each time. Whoever wants to look at
        a thread as soon as it gets the GIL can afford to do so once.
        """
        try:
            held = self._open(_ACCOUNT.format(native), os.O_RDONLY)
        except OSError:
            return lambda: None
        self._held[native] = held

        def close() -> None:
            if self._held.get(native) == held:
                del self._held[native]
            os.close(held)

        return close

    def working(self, thread: int | None = None) -> float | None:
        """Tell the processor time of a living thread, or else of the whole process.

        Unlike the rest of the account it is read without giving up the GIL.
        """
        if self._cpu_clock_of is None or self._clock_gettime is None:
            return None
        if thread is None:
            return float(self._clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID))
        # A dead thread's ident may crash glibc, so only living ones are asked.
        if thread != threading.get_ident() and thread not in current_frames():
            return None
        return float(self._clock_gettime(self._cpu_clock_of(thread)))

    def _run_queue_account(self, native: int) -> tuple[float | None, int | None]:
        # The second field of schedstat: nanoseconds spent runnable, off the processor;
        # the third: how often it was given one.
        # See Documentation/scheduler/sched-stats.rst in the Linux source.
        held = self._held.get(native)
        try:
            if held is not None and self._pread is not None:
                text = self._pread(held, 128, 0)
            else:
                with io.FileIO(_ACCOUNT.format(native)) as file:
                    text = file.read()
            _, waited, turns = text.split()
            return int(waited) / 1e9, int(turns)
        except (OSError, ValueError):
            return None, None


_ACCOUNT = "/proc/self/task/{}/schedstat"


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
