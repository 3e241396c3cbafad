"""Where a loop rests: jump to its next timer, wait in real time, or deadlock.

asyncio asks its selector how long to sleep, and that is the one place where it is
known that no callback is left to run. This selector stands before the real one.
"""

from __future__ import annotations

import math
from selectors import BaseSelector, SelectorKey
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._loops import describe_tasks, names
from pytest_asyncbench._python import other_threads
from pytest_asyncbench._words.errors import Deadlock, RealLimitExceeded
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench.virtual_time._clockwork import RESOLUTION
from pytest_asyncbench.virtual_time._durations import SECOND

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from _typeshed import FileDescriptorLike

    from pytest_asyncbench.virtual_time._clockwork import Clockwork
    from pytest_asyncbench.virtual_time._wakers import Wakers

__all__ = ["VirtualSelector"]

Events = list[tuple[SelectorKey, int]]

# The loopback delivers what a sibling has sent at once, or nearly: a kernel under
# load hands it over a little later. So much real time it gets before a jump.
_GRACE = 0.001

# A task that polls with sleep(0) lets the loop turn and never rest. After so many
# turns each takes its real time, or it would poll a clock that stands still.
_MOST_SPINS = 1000

# To ask how many threads the process has takes as long as a short turn's own work, and
# none is started, or given work, in one as short as this, in seconds.
_TO_GIVE_WORK = 30e-6

_NEVER = math.inf

# A thread may end without a word, so nobody sleeps longer than this at a stretch.
_FIRST_NAP, _LONGEST_NAP = 0.001, 0.02


class VirtualSelector(BaseSelector):
    """A loop's selector, in front of its real one."""

    def __init__(
        self, loop: Any, clock: Clockwork, wakers: Wakers, real_limit: float
    ) -> None:
        self._loop: asyncio.AbstractEventLoop = loop
        self._timed: names.Loop = loop
        self._inner: BaseSelector = names.SELECTOR.of(loop)
        self._clock = clock
        self._wakers = wakers
        self._real_limit = real_limit
        self._silent = 0.0  # real seconds waited since the real world last spoke
        self._jobs, self._expected = wakers.jobs, wakers.expected
        self._signals = wakers.signals
        self._natives = wakers.natives
        self._queued_before = self._queued = self._timers = self._spins = 0
        self._watching = len(self._inner.get_map()) > 1

    # ------------------------------------------------------------- resting

    def select(self, timeout: float | None = None) -> Events:
        """Give the events that are there, or move the clock, or wait for real."""
        # Runs at every turn of the loop, so what is common is spelt out here.
        clock, ready, timers = self._clock, self._timed._ready, self._timed._scheduled
        now = clock.real()
        spent = now - clock.began
        if spent >= clock.grain:
            clock.settle()
        clock.began = now
        if now >= clock.stale:
            clock.look(now)
        if self._wakers.heard:  # of a job that was done before the loop could rest
            self._wakers.heard = False
            clock.go_along(timers[0].when() if timers else _NEVER)
        # With nothing registered but the loop's own pipe there is nothing to poll:
        # a call from another thread is in the ready queue before it is in the pipe.
        events: Events = []
        if self._watching or self._signals:
            events = self._inner.select(0)
        if events:
            self._silent = 0.0
            self._spins = 0
        elif timeout is None or timeout > 0:
            self._spins = 0
            if spent > _TO_GIVE_WORK:
                self._natives.count()
            due = timers[0].when() if timers else _NEVER
            if (
                self._watching
                or self._signals
                or self._jobs
                or self._expected
                or other_threads()
                or self._natives.some
                or due == _NEVER
                or clock.frozen
            ):
                events = self._wait(due)
                clock.begin()  # what was waited is no step
            # Looked at after the threads: one that called and ended in between has
            # left its callback here.
            elif not ready:
                clock.jump(due)
                clock.origin = now - clock.seconds
        else:
            self._spins += 1
            if self._spins > _MOST_SPINS and spent < clock.grain < _NEVER:
                clock.move(round(spent * SECOND))
        self._queued_before = self._queued
        self._queued = len(ready)
        self._timers = len(timers)
        return events

    def select_really(self, longest: float) -> Events | None:
        """Wait for what is at work outside, without a jump; None where nothing is.

        Args:
            longest: for how long at most, in real seconds.
        """
        if not self._wakers.holding():
            return None
        timers = self._timed._scheduled
        events = self._inner.select(longest)
        self._clock.go_along(timers[0].when() if timers else _NEVER)
        return events

    def callbacks(self) -> int:
        """Estimate how many callbacks this turn runs, puts in the queue or clears up.

        A task that awaited ten thousand others goes on one turn after they have ended,
        and lets go of all of them in one step.
        """
        timers = abs(self._timers - len(self._timed._scheduled))
        return self._queued_before + self._queued + timers + len(self._timed._ready)

    def _wait(self, due: float) -> Events:
        """Wait in real time for as long as something real may come before `due`."""
        if self._clock.frozen:
            due = _NEVER
        nap, graced = _FIRST_NAP, not (self._watching or self._signals)
        if due == _NEVER:
            self._natives.count()
        while True:
            holding = self._wakers.holding()
            if self._timed._ready:  # by a thread, which has ended by now, it may be
                self._clock.go_along(due)
                return []
            if not holding and not graced:
                graced = True
                events = self._inner.select(_GRACE)
                if events:
                    return events
                self._natives.count()
                continue
            if not holding and due < _NEVER:
                self._silent = 0.0
                self._clock.jump(due)
                return []
            awaited = holding or self._wakers.possible()
            if not awaited and self._timed._ready:
                self._clock.go_along(due)
                return []  # who was looked at last has called, and ended meanwhile
            if not awaited:
                raise Deadlock(self._report(self._why_deadlocked()))
            events = self._nap(nap, due, moving=bool(holding))
            # By asyncio's own measure: 0.1 + 0.2 is a little later than 0.3.
            if events or self._clock.seconds + RESOLUTION > due:
                return events
            self._check_limit(awaited)
            self._natives.count()
            # One native thread may be about to wake another, after it was looked at.
            graced = graced and not self._natives.some
            nap = min(2 * nap, _LONGEST_NAP)

    def _nap(self, longest: float, due: float, *, moving: bool) -> Events:
        """Sleep really; the clock goes along, one to one, no farther than `due`."""
        clock = self._clock
        left = max(self._real_limit - self._silent, 0.0)
        began = clock.real()
        events = self._inner.select(min(longest, left, due - clock.seconds))
        if moving:
            clock.go_along(due)
        else:
            clock.begin()  # the wait was no step
        spent = clock.began - began
        self._silent = 0.0 if events else self._silent + spent
        clock.waited = RealSeconds(clock.waited + spent)
        return events

    # ----------------------------------------------------------- reporting

    def _check_limit(self, awaited: tuple[str, ...]) -> None:
        if self._silent < self._real_limit:
            return
        waited, self._silent = self._silent, 0.0
        headline = (
            f"virtual time waited {waited:.3g} s of real time for "
            f"{', '.join(awaited)}, and nothing came (real_limit="
            f"{self._real_limit:g}; raise it for a slow peer, and "
            "virtual_clock.ignore_thread() a thread that never calls the loop, "
            "virtual_clock.ignore() a descriptor that brings it nothing)"
        )
        raise RealLimitExceeded(self._report(headline))

    def _why_deadlocked(self) -> str:
        timers = len(self._timed._scheduled)
        at = f"at virtual {self._clock.time():.9g} s"
        if self._clock.frozen and timers:
            return (
                f"deadlock {at}: the clock is frozen, and only timers ({timers}) "
                "could wake the loop: advance() it, or leave freeze()"
            )
        return (
            f"deadlock {at}: no timer, socket, thread or process is left "
            "that could wake the loop"
        )

    def _report(self, headline: str) -> str:
        return "\n".join((headline, *describe_tasks(self._loop)))

    # ---------------------------------------------------------- delegating

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> SelectorKey:
        """Register with the real selector, and look at the new file later."""
        key = self._inner.register(fileobj, events, data)
        self._wakers.sockets.came(key.fd)
        self._watching = True
        return key

    def unregister(self, fileobj: FileDescriptorLike) -> SelectorKey:
        """Unregister from the real selector."""
        key = self._inner.unregister(fileobj)
        self._wakers.sockets.went()
        self._watching = len(self._inner.get_map()) > 1
        return key

    def modify(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> SelectorKey:
        """Modify at the real selector; the file stays the same."""
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[FileDescriptorLike, SelectorKey]:
        """Give the real selector's map."""
        return self._inner.get_map()

    def close(self) -> None:
        """Close the real selector."""
        self._inner.close()
