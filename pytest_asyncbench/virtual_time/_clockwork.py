"""The works behind the face of a virtual clock: where time stands, and what moves it.

The loop, its selector and the calendar use this; it knows none of them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_asyncbench._python import CollectionMeter
from pytest_asyncbench._words.clock import current_thread_ids
from pytest_asyncbench._words.errors import VirtualTimeError
from pytest_asyncbench._words.seconds import RealSeconds, VirtualSeconds
from pytest_asyncbench.virtual_time._durations import SECOND, nanoseconds
from pytest_asyncbench.virtual_time._hints import Hints

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from pytest_asyncbench._words.clock import Clock

__all__ = ["RESOLUTION", "Clockwork"]

RESOLUTION = 1e-9
"""How early, in seconds, a loop may run a timer."""

_CHEAP_STEP = 100e-6
"""How long, in real seconds, a callback may take before it counts as work. Short steps
in great number are the test's own overhead: they take no virtual time."""

_FRESH = 0.005
"""How old, in real seconds, the thread's account may be when a step begins. To read it
costs more than most steps do. So a long step is also forgiven what the thread was
starved of since the account was read."""

# A NewType is called in Python, and a loop jumps at each turn.
_virtual: Callable[[float], VirtualSeconds] = VirtualSeconds if TYPE_CHECKING else float

_Move = Callable[[], object]
"""Moves the clock, when it is called in the thread of the loop."""


class Clockwork:
    """The time of virtual loops, one after another; one thread at a time moves it.

    What has no underscore is for the selector, which reads it in each turn of a loop.

    Args:
        threshold: the longest step, in real seconds, that takes no virtual time.
        system: where real time is read.
    """

    def __init__(self, threshold: float, system: Clock) -> None:
        self.hints = Hints()
        self._system = system
        self._threshold = threshold
        self.real = system.now
        self.seconds = VirtualSeconds(0.0)
        """Where the clock stood when the step in progress began."""
        self.waited = RealSeconds(0.0)
        """For how long, in real time, loops have waited for something real."""
        self._ns = 0
        self._freezes = 0
        self.frozen = False
        """Whether the clock stands still; see `freeze`."""
        self.grain = threshold
        """What a step may take for nothing now: without end, where time is frozen."""
        self.began: float = math.inf
        """Since when, in real time, a step runs; never, between two runs of a loop."""
        self.origin: float = 0.0
        """When, in real time, it stood at zero, had it always gone as it is to go while
        something real is at work: with real time, from where it last rested."""
        self.stale: float = math.inf
        """From when on, in real time, the account is too old for a step to begin."""
        self._thread = (0, 0)  # ident and native id of the one that runs the loop
        self._live = 0.0  # what somebody has already seen this step take
        self._account = 0.0  # what had been withheld from the thread when last read
        self._forgiven = 0.0  # what was withheld from this step, when last asked
        self._collected = 0.0  # what collecting garbage has taken
        self._meter = CollectionMeter(self.real, self._collected_for)
        self._callbacks: Callable[[], int] = int
        self._wake: Callable[[_Move], bool] = _nobody_to_wake

    # ------------------------------------------------------------- reading

    def time(self) -> VirtualSeconds:
        """Give the seconds since the start; this is the ``time`` of its loops."""
        spent = self.real() - self.began
        if spent < self.grain:
            return self.seconds
        self._live = self._worked(spent)
        # The sum that `settle` will make of it, so that both agree to the last bit.
        ended = (self._ns + round(self._live * SECOND)) / SECOND
        return max(self.seconds, VirtualSeconds(ended))

    def nanoseconds(self) -> int:
        """Give the whole nanoseconds since the start, the step in progress included."""
        lively = round((self.time() - self.seconds) * SECOND)
        return self._ns + lively

    # -------------------------------------------------------------- moving

    def advance(self, seconds: float | dt.timedelta) -> None:
        """Move forward, in the thread of the loop that runs, if one does.

        Raises:
            VirtualTimeError: for anything but a finite number that is not negative.
        """
        __tracebackhide__ = True
        moved = nanoseconds(seconds, "advance()")
        if not self._wake(lambda: self.move(moved)):
            self.move(moved)

    def move(self, ns: int) -> None:
        """Move by so many nanoseconds."""
        self._ns += ns
        self.seconds = max(self.seconds, VirtualSeconds(self._ns / SECOND))

    def rewind(self) -> None:
        """Go back to the start.

        Raises:
            VirtualTimeError: a loop runs by it.
        """
        if self.began != math.inf:
            raise VirtualTimeError("this clock drives a running loop")
        self._ns = 0
        self.seconds = VirtualSeconds(0.0)

    def jump(self, when: float) -> None:
        """Go to a timer's time, never back, and far enough for it to be due."""
        try:
            ns = round(when * SECOND)
        except OverflowError:
            ns = int(when) * SECOND
        if ns < self._ns:
            return
        self._ns = ns
        seconds = ns / SECOND
        # A loop runs what is less than its resolution away. Past 97 days a float is
        # coarser than that, and a loop that stood right at its timer, or a hair
        # before it, would ask for the same jump for ever.
        if seconds + RESOLUTION <= when:
            seconds = math.nextafter(when, math.inf)
        if seconds > self.seconds:
            self.seconds = _virtual(seconds)

    def go_along(self, due: float) -> None:
        """Go with real time since the last rest, no farther than a timer's time.

        The steps since then took no time, and what is real went on through them: of a
        job that sleeps for a second less than a second would be seen.
        """
        now = self.real()
        if not self.frozen:
            self.jump(min(now - self.origin, due))
        self._begin(now)

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Stand still inside, but for `advance`."""
        self.settle()
        self._freezes += 1
        self.frozen = True
        self.grain = math.inf
        try:
            yield
        finally:
            self._freezes -= 1
            if not self._freezes:
                self.frozen = False
                self.grain = self._threshold
                if self.began != math.inf:
                    self.begin()

    # --------------------------------------------------------------- steps

    @contextmanager
    def driven(
        self, callbacks: Callable[[], int], wake: Callable[[_Move], bool]
    ) -> Iterator[None]:
        """Go with the steps of a loop that this thread runs inside.

        Args:
            callbacks: estimates how many callbacks the turn in progress runs.
            wake: has the loop move the clock, or says that it is to be moved here.

        Raises:
            VirtualTimeError: another loop drives it now.
        """
        if self.began != math.inf:
            raise VirtualTimeError("this clock drives another running loop already")
        before = self._callbacks, self._wake
        self._callbacks, self._wake = callbacks, wake
        self._thread, self.stale = current_thread_ids(), -math.inf
        stop_meter = self._meter.install()
        self.begin()
        try:
            yield
        finally:
            stop_meter()
            self.settle()
            self.began = math.inf
            self._callbacks, self._wake = before

    def begin(self) -> None:
        """Count from now on what a step takes."""
        self._begin(self.real())

    def _begin(self, now: RealSeconds) -> None:
        self.began = now
        self.origin = now - self.seconds
        if now >= self.stale:
            self.look(now)

    def settle(self) -> None:
        """Move by what the steps since the last rest took, if that counts."""
        now = self.real()
        spent = now - self.began
        if spent >= self.grain:
            self.move(round(self._worked(spent) * SECOND))
            self.origin += self._forgiven
            self.began = now
            self.look(now)
        self._live = self._forgiven = 0.0

    def look(self, now: RealSeconds) -> None:
        """Read the account of the thread, for the steps to come."""
        self._account = self._withheld()
        self.stale = now + _FRESH

    def _worked(self, spent: float) -> float:
        """Tell what of a step's time counts: nothing yet, or all that it worked."""
        least = self._live or self.grain + _CHEAP_STEP * self._callbacks()
        if spent - self._forgiven < least:
            return self._live
        self._forgiven = self._withheld() - self._account
        worked = spent - self._forgiven
        # Time that was seen is not taken back.
        return worked if worked >= least else self._live

    def _withheld(self) -> float:
        starved = self._system.processor(*self._thread).starved or 0.0
        return starved + self._collected

    def _collected_for(self, began: RealSeconds, seconds: RealSeconds) -> None:
        """Hear of a collection that was a full one, or took long.

        In a large process one takes longer than a step may, and no test can tell at
        which step it comes.
        """
        if threading.get_ident() == self._thread[0]:
            self._collected += seconds


def _nobody_to_wake(move: _Move) -> bool:
    """Say that no loop runs, so that whoever moves the clock does it here."""
    return False
