"""The face of a virtual clock, for the tests that read and move it.

The works are behind it, for the loops; `clockwork_of` opens the case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench.virtual_time._calendar import Calendar
from pytest_asyncbench.virtual_time._clockwork import Clockwork
from pytest_asyncbench.virtual_time._durations import SECOND, nanoseconds

if TYPE_CHECKING:
    import asyncio
    import datetime as dt
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from _typeshed import HasFileno
    from freezegun.api import FrozenDateTimeFactory

    from pytest_asyncbench._words.clock import Clock
    from pytest_asyncbench._words.seconds import RealSeconds, VirtualSeconds

__all__ = ["VirtualClock", "clockwork_of"]


class VirtualClock:
    """The time of virtual loops: `elapsed` starts at 0 and jumps when they rest.

    Args:
        start: the date at which it begins: a datetime or its ISO text. A naive one
            is meant in `tz`. By default, the present.
        tz: the local time zone, a tzinfo or a name such as ``"Europe/Paris"``;
            by default that of `start`, or UTC.
        threshold: the longest step, in real seconds, that takes no virtual time.
            A longer one moves the clock by all that it took, less what it was
            starved of, where the platform can tell, and full garbage collections.
        system: where real time is read.

    Raises:
        VirtualTimeError: for a `start`, `tz` or `threshold` that means nothing.
    """

    def __init__(
        self,
        start: dt.datetime | str | None = None,
        *,
        tz: dt.tzinfo | str | None = None,
        threshold: float = 0.1,
        system: Clock = SYSTEM_CLOCK,
    ) -> None:
        limit = nanoseconds(threshold, "threshold") / SECOND
        self._clockwork = Clockwork(limit, system)
        self._calendar = Calendar(self._clockwork, start, tz)

    # ------------------------------------------------------------- reading

    @property
    def time(self) -> Callable[[], VirtualSeconds]:
        """A function that reads the virtual seconds since the start.

        It is the ``time`` of the clock's loops.
        """
        return self._clockwork.time

    @property
    def elapsed(self) -> VirtualSeconds:
        """The virtual seconds since the start."""
        return self._clockwork.time()

    @property
    def waited(self) -> RealSeconds:
        """The real seconds for which its loops have waited for something real."""
        return self._clockwork.waited

    @property
    def start(self) -> dt.datetime:
        """The date at which it began, aware."""
        return self._calendar.start

    @property
    def tz(self) -> dt.tzinfo:
        """The local time zone."""
        return self._calendar.tz

    @property
    def datetime(self) -> dt.datetime:
        """The virtual date and time, aware, in the clock's zone.

        Raises:
            VirtualTimeError: where the calendar has ended, after the year 9999.
        """
        return self._calendar.now

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still; see `freeze`."""
        return self._clockwork.frozen

    # -------------------------------------------------------------- moving

    def advance(self, seconds: float | dt.timedelta) -> None:
        """Move the clock forward; what is due then runs when the loop next turns.

        From another thread than that of the running loop, the loop moves the clock
        itself, as soon as it can.

        Raises:
            VirtualTimeError: for anything but a finite number that is not negative.
        """
        __tracebackhide__ = True
        self._clockwork.advance(seconds)

    def rewind(self) -> None:
        """Go back to the start, for one more run of a test.

        Raises:
            VirtualTimeError: a loop runs by it.
        """
        self._clockwork.rewind()

    def freeze(self) -> AbstractContextManager[None]:
        """Stand still inside: only `advance` moves the clock.

        Steps and real waits take no virtual time, and timers stay undue. A loop
        that is left with timers alone is a deadlock then, and is reported as one.
        """
        return self._clockwork.freeze()

    def frozen_datetime(self) -> AbstractContextManager[FrozenDateTimeFactory]:
        """Have freezegun show this time in ``datetime``, ``date`` and ``time``.

        The context gives a freezer, whose ``tick()`` and ``move_to()`` move this
        clock. Entering scans all modules, which costs tens of milliseconds once;
        a jump costs nothing, since freezegun's time is computed when it is read.
        """
        # Here, because freezegun takes long to import, and few runs need it.
        from pytest_asyncbench.virtual_time._frozen import frozen_datetime

        return frozen_datetime(self._calendar, self._clockwork.advance)

    # ------------------------------------------- what the loop can't see

    def expecting(self, what: str) -> AbstractContextManager[None]:
        """Say that something real may wake the loop which cannot be seen from it.

        Inside, time goes with real time, as it does for a socket. For an answer
        from a thread that was there before the loop, or from code in C.
        """
        return self._clockwork.hints.expecting(what)

    def ignore(self, thing: int | HasFileno | asyncio.BaseTransport) -> None:
        """Say that an open socket, transport or descriptor brings nothing.

        For what a library keeps registered with the loop while it is idle. Nothing
        waits for it; what does come through it is delivered all the same.

        Raises:
            VirtualTimeError: it is none of these, or closed.
        """
        __tracebackhide__ = True
        self._clockwork.hints.ignore(thing)

    def ignore_thread(self, thread: threading.Thread) -> None:
        """Say that this thread never wakes the loop, so that nothing waits for it."""
        self._clockwork.hints.ignored_threads.add(thread)

    def __repr__(self) -> str:
        frozen = ", frozen" if self.frozen else ""
        elapsed = f"elapsed {self.elapsed:.9g} s{frozen}"
        return f"<VirtualClock from {self.start.isoformat()}, {elapsed}>"


def clockwork_of(clock: VirtualClock) -> Clockwork:
    """Give the works behind a clock's face, for the loops that it drives."""
    return clock._clockwork
