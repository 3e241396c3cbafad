"""The clocks that every figure is read from; nobody else in the plugin reads time.

freezegun replaces ``time.perf_counter`` and every module-level alias of it, but
not a function that an object held before the freeze. So the readers live in
attributes of one object, which has them from `real_time`, and are passed on.
"""

from __future__ import annotations

import _thread
import io
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar, cast

from pytest_asyncbench._words.real_time import REAL_TIME
from pytest_asyncbench._words.run_queue import AT_ONCE, Known
from pytest_asyncbench._words.seconds import RealSeconds, VirtualSeconds
from pytest_asyncbench._words.seen import Elapsed
from pytest_asyncbench._words.undo import Undo
from pytest_asyncbench._words.values import NamedTuple

__all__ = [
    "SYSTEM_CLOCK",
    "Clock",
    "Connection",
    "Processor",
    "Starved",
    "Stopwatch",
    "SystemClock",
    "current_thread_ids",
]


T = TypeVar("T")


class Processor(NamedTuple):
    """What the operating system gave one thread since it started.

    ``working`` is processor time, ``starved`` the time in which the thread could
    have run and was not let; both in seconds, None where the platform can't tell.
    ``slices`` is how often it was given a processor.
    """

    working: float | None
    starved: float | None
    slices: int | None = None


class Clock(Protocol):
    """What the engines need to know of time; ``testing.ManualClock`` is the fake."""

    @property
    def now(self) -> Callable[[], RealSeconds]:
        """A function that reads seconds from an arbitrary, never moving origin."""

    def processor(
        self, thread: int, native: int, asleep: RealSeconds | None = None
    ) -> Processor:
        """Tell the account of the thread with this ident and this native id.

        Args:
            thread: the ident.
            native: the native id.
            asleep: when it was just seen to sleep, where it was.
        """

    def working(self, native: int | None) -> float | None:
        """Tell the processor time of the living thread with this native id.

        That of the whole process, where it is None. Without giving up the GIL; None
        where that can't be told so.
        """

    def hold(self, native: int) -> Undo:
        """Keep the account of this thread at hand, until undone."""

    def slept(self, native: int, seconds: float, until: float) -> None:
        """Take down that this thread slept for so long up to then; in that thread."""

    def received(self, connection: Connection) -> RealSeconds | None:
        """Tell since when, at the earliest, what came last over a connection was here.

        None where nobody can tell.
        """


class Connection(Protocol):
    """What is asked of a socket."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        """Read an option of so many bytes at most."""


class SystemClock:
    """Real elapsed time and the operating system's account of each thread."""

    __slots__ = (
        "_clock_gettime",
        "_close",
        "_fstat",
        "_held",
        "_known",
        "_open",
        "_pread",
        "monotonic",
        "now",
    )

    def __init__(self) -> None:
        # C itself, since it is read at every step; and C does not say whose it is.
        perf_counter, monotonic = REAL_TIME
        self.now = cast("Callable[[], RealSeconds]", perf_counter)
        self.monotonic: Callable[[], float] = monotonic
        """What asyncio's loops read, unless somebody has replaced it."""
        self._clock_gettime = time.clock_gettime if sys.platform == "linux" else None
        """None where it knows no threads but the calling one."""
        # Held as they are now, since a rule may wrap them later.
        self._open, self._close, self._fstat = os.open, os.close, os.fstat
        self._pread = getattr(os, "pread", None)  # not on Windows
        self._held: dict[tuple[str, int], int] = {}
        """The open files, by whose path it is and of which thread."""
        self._known: dict[int, Known] = {}
        """By the number that the system gave a thread that is held, or of whose account
        something can't be. Each value is good by itself, whoever wrote it last."""

    def processor(
        self, thread: int, native: int, asleep: RealSeconds | None = None
    ) -> Processor:
        """Tell the account of a living thread, from any thread."""
        began = self.now() if asleep is None else asleep
        account = self._told_account(native)
        known, starved = self._known.get(native), account.starved
        if known is None and asleep is not None:
            known = _begun(asleep, account)
        if known is None or starved is None:
            return account
        if asleep is not None or starved - known.starved > AT_ONCE:
            idle = asleep is not None or native == _get_native_id()
            known = self._go_on(native, known, began, account, idle=idle)
        # To make another one takes longer than all the rest, and mostly all is true.
        untrue = known.untrue
        return account._replace(starved=starved - untrue) if untrue else account

    def _told_account(self, native: int) -> Processor:
        return Processor(self.working(native), *self._run_queue_account(native))

    def _go_on(
        self,
        native: int,
        known: Known,
        began: RealSeconds,
        account: Processor,
        *,
        idle: bool,
    ) -> Known:
        working, starved, _ = account
        if working is None or starved is None:
            return known
        known = known.go_on(began, working, starved, self.now(), idle=idle)
        self._known[native] = known
        return known

    def slept(self, native: int, seconds: float, until: float) -> None:
        """Take down that this thread slept for so long up to then; in that thread."""
        known = self._known.get(native)
        if known is not None:
            self._known[native] = known.but_for(seconds, until)

    def received(self, connection: Connection) -> RealSeconds | None:
        """Tell when what came last over a connection of TCP was here, on Linux.

        Its kernel counts that in ticks of one to ten milliseconds, and the clock that
        goes with them is up to one behind: what is told is never later than the truth,
        and less than two ticks earlier. The clock is read first, as a tick between the
        two readings must not make it later.
        """
        gettime = self._clock_gettime
        if gettime is None:
            return None
        try:
            tick = gettime(_COARSE)
            told = connection.getsockopt(_TCP, _TCP_INFO, _TIMES.stop)
        except OSError:  # no connection of TCP, or closed
            return None
        # Where something else stands in for Linux, all of them may be nought.
        if not any(told[_TIMES]):
            return None
        ago = int.from_bytes(told[_RECEIVED], sys.byteorder) / 1000
        return RealSeconds(tick - ago)

    def hold(self, native: int) -> Undo:
        """Keep the files of a thread's account open.

        To open, read and close it gives up the GIL each time. Whoever wants to look at
        a thread as soon as it gets the GIL can afford to do so once.
        """
        let_go = [self._hold(file, native) for file in (_ACCOUNT, _STATUS)]
        if native == _get_native_id():
            began = self.now()
            known = _begun(began, self._told_account(native))
            if known is not None:
                self._known.setdefault(native, known)

        def close() -> None:
            for undo in let_go:
                undo()
            known = self._known.get(native)
            if known is not None and not known.untrue:
                self._known.pop(native, None)

        return close

    def _hold(self, file: str, native: int) -> Undo:
        which = file, native
        try:
            held = self._open(file.format(native), os.O_RDONLY)
            ours = self._fstat(held)
        except OSError:
            return lambda: None
        self._held[which] = held

        def close() -> None:
            if self._held.get(which) == held:
                del self._held[which]
            # A test may have closed all descriptors, as daemons do. The number may be
            # that of another file now.
            with suppress(OSError):
                if os.path.samestat(self._fstat(held), ours):
                    self._close(held)

        return close

    def working(self, native: int | None = None) -> float | None:
        """Tell the processor time of a living thread, or else of the whole process.

        Unlike the rest of the account it is read without giving up the GIL.
        """
        gettime = self._clock_gettime
        if gettime is None or (native is not None and native <= 0):
            return None
        # Not by `pthread_getcpuclockid`: the ident of a thread that is dead by now, or
        # that a test made up, is an address, and to look there may crash.
        try:
            return gettime(_PROCESS if native is None else ~native << 3 | _OF_THREAD)
        except OSError:
            return None

    def _run_queue_account(self, native: int) -> tuple[float | None, int | None]:
        # The second field of schedstat: nanoseconds spent runnable, off the processor;
        # the third: how often it was given one.
        # See Documentation/scheduler/sched-stats.rst in the Linux source.
        return self._told(_ACCOUNT, native, _queued) or (None, None)

    def waits(self, native: int) -> int | None:
        """Count how often a living thread has waited so far, from any thread."""
        return self._told(_STATUS, native, _waits)

    def _told(self, path: str, native: int, by: Callable[[bytes], T]) -> T | None:
        held = self._held.get((path, native))
        if held is not None and self._pread is not None:
            try:
                return by(self._pread(held, _LONGEST, 0))
            except (OSError, ValueError):
                pass  # another thread has let go of it in this moment
        try:
            with io.FileIO(path.format(native)) as file:
                return by(file.read())
        except (OSError, ValueError):
            return None


def _begun(at: RealSeconds, account: Processor) -> Known | None:
    working, starved, _ = account
    return None if working is None or starved is None else Known(at, working, starved)


def _queued(text: bytes) -> tuple[float, int]:
    _, waited, slices = text.split()
    return int(waited) / 1e9, int(slices)


def _waits(text: bytes) -> int:
    return int(text[text.index(_WAITS) + len(_WAITS) :].split(None, 1)[0])


_ACCOUNT = "/proc/self/task/{}/schedstat"
_STATUS = "/proc/self/task/{}/status"
_WAITS = b"\nvoluntary_ctxt_switches:"
_LONGEST = 4096
"""So many bytes such a file has at the most."""

_PROCESS = getattr(time, "CLOCK_PROCESS_CPUTIME_ID", 0)
_OF_THREAD = 6
"""CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED of Linux's posix-timers.h. The number of
a thread's clock is made of these two and of the thread's number, every bit inverted."""

_COARSE = 6
"""CLOCK_MONOTONIC_COARSE of Linux's time.h: the last tick, by what `now` reads."""
_TCP, _TCP_INFO = 6, 11
"""IPPROTO_TCP of Linux's in.h, and TCP_INFO of its tcp.h."""
_TIMES, _RECEIVED = slice(44, 60), slice(52, 56)
"""In `tcp_info`: for how many milliseconds nothing was sent, and no acknowledgement;
nothing received, which is the third of them, and no acknowledgement.
"""

# Held here, since a test may replace them by functions that tell it another thread.
_get_ident, _get_native_id = _thread.get_ident, _thread.get_native_id


def current_thread_ids() -> tuple[int, int]:
    """Tell ident and native id of the calling thread."""
    return _get_ident(), _get_native_id()


class Starved(NamedTuple):
    """For how many seconds a thread has been starved; None where nobody can tell."""

    seconds: float | None
    at: RealSeconds
    """Up to when that is."""


class Stopwatch:
    """Wall and starved time of the calling thread since the stopwatch was made.

    With a reader of virtual time, that is measured beside them.

    Args:
        starved: tells for how long the thread has been starved since now, where more is
            known of that than its account.
        began: when what is measured began, where that was before now.
        waited: tells for how long virtual time has waited for something real.
    """

    def __init__(
        self,
        clock: Clock,
        virtual: Callable[[], VirtualSeconds] | None = None,
        *,
        starved: Callable[[], Starved] | None = None,
        began: RealSeconds | None = None,
        waited: Callable[[], RealSeconds] | None = None,
    ) -> None:
        self._clock = clock
        self._virtual = virtual
        self.virtually_began = virtual() if virtual else None
        self._waited = waited
        self._waited_before = waited() if waited else 0.0
        self._ids = current_thread_ids()
        self.began = clock.now() if began is None else began
        self._starved = starved or self._in_queue()

    def elapsed(self) -> Elapsed:
        """Tell what has passed so far."""
        # Both up to the same moment: who loses the processor between two readings would
        # have that in one of them alone.
        starved = self._starved()
        return Elapsed(
            wall=RealSeconds(starved.at - self.began),
            starved=_seconds(starved),
            virtual=self._virtually_passed(),
            waited=self._waited_since(),
        )

    def _waited_since(self) -> RealSeconds | None:
        if self._waited is None:
            return None
        return RealSeconds(self._waited() - self._waited_before)

    def _virtually_passed(self) -> VirtualSeconds | None:
        if self._virtual is None or self.virtually_began is None:
            return None
        return VirtualSeconds(self._virtual() - self.virtually_began)

    def starved(self) -> RealSeconds | None:
        """Tell the seconds for which the thread was kept off the processor."""
        return _seconds(self._starved())

    def _in_queue(self) -> Callable[[], Starved]:
        clock, ids = self._clock, self._ids
        before = clock.processor(*ids).starved

        def more() -> Starved:
            now = clock.processor(*ids).starved
            seconds = None if now is None or before is None else now - before
            return Starved(seconds, clock.now())

        return more


def _seconds(starved: Starved) -> RealSeconds | None:
    seconds = starved.seconds
    return None if seconds is None else RealSeconds(max(0.0, seconds))


SYSTEM_CLOCK = SystemClock()
