"""The virtual time itself: where it stands, and what moves it; knows no loop.

Time is kept in integer nanoseconds, so that ten steps of 0.1 s are one second.
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pytest_asyncbench._python import CollectionMeter
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Clock, Processor
from pytest_asyncbench._words.errors import VirtualTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from freezegun.api import FrozenDateTimeFactory

__all__ = ["RESOLUTION", "VirtualClock", "nanoseconds"]

_SECOND = 1_000_000_000
RESOLUTION = 1e-9
"""How early, in seconds, a loop may run a timer."""

# How long, in seconds, a callback may take before it counts as work. Short steps in
# great number are the test's own overhead: they take no virtual time.
_CHEAP_STEP = 100e-6

# How old, in seconds, the thread's account may be when a step begins. To read it costs
# more than most steps do. So a long step is also forgiven what the thread was starved
# of since the account was read.
_FRESH = 0.005


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
        zone = _zone(tz)
        self.start = _moment(start, zone)
        self.tz: dt.tzinfo = zone or self.start.tzinfo or dt.timezone.utc
        _check_calendar(self.start, self.tz)
        self._threshold = nanoseconds(threshold, "threshold") / _SECOND
        self._system = system
        self._real = system.now
        self._ns = 0
        self._seconds = 0.0
        self._freezes = 0
        self._expected: list[str] = []
        self._ignored_threads: WeakSet[threading.Thread] = WeakSet()
        # Hot: the selector and `time` read these at every rest of the loop.
        self._grain = self._threshold
        self._thread = (0, 0)  # ident and native id of the one that runs the loop
        self._began = math.inf  # since when a step runs; never, between two runs
        self._live = 0.0  # what somebody has already seen this step take
        self._stale = math.inf  # from when on the account is too old to begin with
        self._account = 0.0  # what had been withheld from the thread when last read
        self._forgiven = 0.0  # what was withheld from this step, when last asked
        self._collected = 0.0  # what collecting garbage has taken
        self._meter = CollectionMeter(self._real, self._collected_for)
        self._callbacks: Callable[[], int] = int
        self._wake: Callable[[Callable[[], object]], bool] = lambda _: False

    # ------------------------------------------------------------- reading

    def time(self) -> float:
        """Give the seconds since the start; this is the ``time`` of its loops."""
        spent = self._real() - self._began
        if spent < self._grain:
            return self._seconds
        self._live = self._worked(spent)
        # The sum that `_settle` will make of it, so that both agree to the last bit.
        return max(self._seconds, (self._ns + round(self._live * _SECOND)) / _SECOND)

    @property
    def elapsed(self) -> float:
        """The virtual seconds since the start."""
        return self.time()

    @property
    def datetime(self) -> dt.datetime:
        """The virtual date and time, aware, in the clock's zone.

        Raises:
            VirtualTimeError: where the calendar has ended, after the year 9999.
        """
        try:
            return (self.start + self._since_start()).astimezone(self.tz)
        except OverflowError:
            raise VirtualTimeError(
                f"virtual time has left the calendar, which ends with the year 9999: "
                f"it began at {self.start} and has moved by {self.elapsed:.9g} s"
            ) from None

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still; see `freeze`."""
        return self._freezes > 0

    # The engines' own protocol, so that an engine may be given this clock.

    @property
    def now(self) -> Callable[[], float]:
        """A function that reads the virtual seconds."""
        return self.time

    def processor(self, thread: int, native: int) -> Processor:
        """Tell the real account of a thread; virtual time has no other."""
        return self._system.processor(thread, native)

    def hold(self, native: int) -> Callable[[], None]:
        """Keep the real account of a thread at hand, until undone."""
        return self._system.hold(native)

    # -------------------------------------------------------------- moving

    def advance(self, seconds: float | dt.timedelta) -> None:
        """Move the clock forward; what is due then runs when the loop next turns.

        From another thread than that of the running loop, the loop moves the clock
        itself, as soon as it can.

        Raises:
            VirtualTimeError: for anything but a finite number that is not negative.
        """
        __tracebackhide__ = True
        moved = nanoseconds(seconds, "advance()")
        if not self._wake(lambda: self._move(moved)):
            self._move(moved)

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Stand still inside: only `advance` moves the clock.

        Steps and real waits take no virtual time, and timers stay undue. A loop
        that is left with timers alone is a deadlock then, and is reported as one.
        """
        self._settle()
        self._freezes += 1
        self._grain = math.inf
        try:
            yield
        finally:
            self._freezes -= 1
            if not self._freezes:
                self._grain = self._threshold
                if self._began != math.inf:
                    self._begin()

    @contextmanager
    def expecting(self, what: str) -> Iterator[None]:
        """Say that something real may wake the loop which cannot be seen from it.

        Inside, time goes with real time, as it does for a socket. For an answer
        from a thread that was there before the loop, or from code in C.
        """
        self._expected.append(what)
        try:
            yield
        finally:
            self._expected.remove(what)

    def ignore_thread(self, thread: threading.Thread) -> None:
        """Say that this thread never wakes the loop, so that nothing waits for it."""
        self._ignored_threads.add(thread)

    def frozen_datetime(self) -> AbstractContextManager[FrozenDateTimeFactory]:
        """Have freezegun show this time in ``datetime``, ``date`` and ``time``.

        The context gives a freezer, whose ``tick()`` and ``move_to()`` move this
        clock. Entering scans all modules, which costs tens of milliseconds once;
        a jump costs nothing, since freezegun's time is computed when it is read.
        """
        # Here, because freezegun takes long to import, and few runs need it.
        from pytest_asyncbench.virtual_time._frozen import frozen_datetime

        return frozen_datetime(self)

    # ---------------------------------------------------- for the selector

    def _move(self, ns: int) -> None:
        self._ns += ns
        self._seconds = max(self._seconds, self._ns / _SECOND)

    def _jump(self, when: float) -> None:
        """Go to a timer's time, never back, and far enough for it to be due."""
        try:
            ns = round(when * _SECOND)
        except OverflowError:
            ns = int(when) * _SECOND
        if ns < self._ns:
            return
        self._ns = ns
        seconds = ns / _SECOND
        # A loop runs what is less than its resolution away. Past 97 days a float is
        # coarser than that, and a loop that stood right at its timer, or a hair
        # before it, would ask for the same jump for ever.
        if seconds + RESOLUTION <= when:
            seconds = math.nextafter(when, math.inf)
        if seconds > self._seconds:
            self._seconds = seconds

    def _begin(self) -> None:
        """Count from now on what a step takes."""
        self._began = now = self._real()
        if now >= self._stale:
            self._look(now)

    def _settle(self) -> None:
        """Move by what the steps since the last rest took, if that counts."""
        now = self._real()
        spent = now - self._began
        if spent >= self._grain:
            self._move(round(self._worked(spent) * _SECOND))
            self._began = now
            self._look(now)
        self._live = self._forgiven = 0.0

    def _worked(self, spent: float) -> float:
        """Tell what of a step's time counts: nothing yet, or all that it worked."""
        least = self._live or self._grain + _CHEAP_STEP * self._callbacks()
        if spent - self._forgiven < least:
            return self._live
        self._forgiven = self._withheld() - self._account
        worked = spent - self._forgiven
        # Time that was seen is not taken back.
        return worked if worked >= least else self._live

    def _look(self, now: float) -> None:
        self._account = self._withheld()
        self._stale = now + _FRESH

    def _withheld(self) -> float:
        starved = self._system.processor(*self._thread).starved or 0.0
        return starved + self._collected

    def _collected_for(self, began: float, seconds: float) -> None:
        """Hear of a full collection.

        In a large process one takes longer than a step may, and no test can tell at
        which step it comes. The others are short.
        """
        if threading.get_ident() == self._thread[0]:
            self._collected += seconds

    def _since_start(self) -> dt.timedelta:
        lively = round((self.time() - self._seconds) * _SECOND)
        return dt.timedelta(microseconds=(self._ns + lively) // 1000)

    def __repr__(self) -> str:
        frozen = ", frozen" if self.frozen else ""
        elapsed = f"elapsed {self.elapsed:.9g} s{frozen}"
        return f"<VirtualClock from {self.start.isoformat()}, {elapsed}>"


def nanoseconds(given: float | dt.timedelta, what: str) -> int:
    """Turn seconds or a timedelta into nanoseconds, refusing what is no duration."""
    __tracebackhide__ = True
    if isinstance(given, dt.timedelta):
        ns = (given // dt.timedelta(microseconds=1)) * 1000
    elif isinstance(given, numbers.Real) and not isinstance(given, bool):
        if not math.isfinite(given):
            msg = f"{what} takes a finite number of seconds, not {given!r}"
            raise VirtualTimeError(msg)
        ns = round(given * _SECOND)
    else:
        msg = f"{what} takes seconds or a timedelta, not {given!r}"
        raise VirtualTimeError(msg)
    if ns < 0:
        raise VirtualTimeError(f"{what} cannot go backwards, and {given!r} is negative")
    return ns


def _zone(given: dt.tzinfo | str | None) -> dt.tzinfo | None:
    if given is None or isinstance(given, dt.tzinfo):
        return given
    if not isinstance(given, str):
        raise VirtualTimeError(f"tz must be a tzinfo or a zone's name, not {given!r}")
    if given.upper() in {"UTC", "Z"}:
        return dt.timezone.utc
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise VirtualTimeError(f"tz {given!r} is no time zone known here") from error


def _moment(given: object, zone: dt.tzinfo | None) -> dt.datetime:
    if given is None:
        return dt.datetime.now(dt.timezone.utc)
    if isinstance(given, str):
        try:
            # Python 3.10 reads no final Z.
            given = dt.datetime.fromisoformat(
                given[:-1] + "+00:00" if given.endswith(("Z", "z")) else given
            )
        except ValueError as error:
            msg = f'start {given!r} is no time; write "2026-01-01T00:00:00Z"'
            raise VirtualTimeError(msg) from error
    if not isinstance(given, dt.datetime):
        msg = f"start must be a datetime or ISO text, not {given!r}"
        raise VirtualTimeError(msg)
    return given if given.tzinfo else given.replace(tzinfo=zone or dt.timezone.utc)


def _check_calendar(start: dt.datetime, tz: dt.tzinfo) -> None:
    try:
        start.astimezone(dt.timezone.utc)
        start.astimezone(tz)
    except OverflowError:
        msg = f"start {start} is outside of the calendar, in UTC or in {tz}"
        raise VirtualTimeError(msg) from None
