"""When the garbage collector looked through all objects, and whose line it met.

It runs wherever an object happens to be made, and takes longer the more objects live.
So the line that it meets is not to blame, unless that asked for it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping
from types import CodeType
from typing import NamedTuple

from pytest_asyncbench._python.frames import getframe
from pytest_asyncbench._python.stack import RawStack, capture, capture_all
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo

__all__ = ["COLLECT", "CollectionMeter", "Collector", "RawCollection"]

_WORTH_NOTING = 0.005
_MOST = 64
_OLDEST = 2
COLLECT = "gc.collect"
"""Whoever calls this has asked for a collection."""


class CollectionMeter:
    """Tell of each full collection; the many small ones cost one look.

    `over` is called with its beginning and its seconds, in the thread that it met.
    """

    def __init__(
        self,
        now: Callable[[], RealSeconds],
        over: Callable[[RealSeconds, RealSeconds], None],
    ) -> None:
        self._now = now
        self._over = over
        self._began = RealSeconds(0.0)
        """Of the collection in progress; there is never a second one beside it."""

    def stands(self) -> bool:
        """Tell whether collections are told to it; a test may have seen to that."""
        return self._noted in gc.callbacks

    def install(self) -> Undo:
        """Begin to measure; the returned call ends it."""
        noted = self._noted
        gc.callbacks.append(noted)

        def undo() -> None:
            if noted in gc.callbacks:  # a test may have cleared them all
                gc.callbacks.remove(noted)

        return undo

    def _noted(self, phase: str, info: Mapping[str, int]) -> None:
        if info["generation"] != _OLDEST:
            return
        if phase == "start":
            self._began = self._now()
        else:
            self._over(self._began, RealSeconds(self._now() - self._began))


class RawCollection(NamedTuple):
    """A full collection."""

    began: RealSeconds
    seconds: RealSeconds
    thread: int
    stack: RawStack
    called: bool
    starved: float


class Collector:
    """Note the full collections that take long."""

    def __init__(self, clock: Clock) -> None:
        self.codes: frozenset[CodeType] = frozenset()
        self.found: list[RawCollection] = []
        self.elsewhere: list[RawCollection] = []
        """Those that met no step, unasked."""
        self._clock = clock
        self._account: float | None = None
        """For how long the thread had been starved when that was last read."""
        self._starved = 0.0
        """For how long it was, since the reading before."""
        self._meter = CollectionMeter(self._read, self._over)

    def stands(self) -> bool:
        """Tell whether collections are told to it."""
        return self._meter.stands()

    def install(self) -> Undo:
        """Begin to note; the returned call ends it."""
        return self._meter.install()

    def _read(self) -> RealSeconds:
        # As a full collection begins and ends, in the thread that it met. To read the
        # account may give up the GIL, so the clock comes first.
        now = self._clock.now()
        before = self._account
        after = self._clock.processor(*current_thread_ids()).starved
        if before is None or after is None:
            self._starved = 0.0
        else:
            self._starved = max(0.0, after - before)
        self._account = after
        return now

    def _over(self, began: RealSeconds, seconds: RealSeconds) -> None:
        if seconds < _WORTH_NOTING:
            return
        # None where no step stands on the stack, and in a thread that C has begun and
        # that runs no Python yet.
        met = getframe().f_back
        in_step = capture(met, self.codes)
        stack = capture_all(met, self.codes) if in_step is None else in_step
        found = RawCollection(
            began=began,
            seconds=seconds,
            thread=threading.get_ident(),
            stack=stack,
            called=_is_asked_for(stack),
            starved=self._starved,
        )
        if in_step is not None:
            self.found.append(found)
            del self.found[:-_MOST]
        elif not found.called:
            self.elsewhere.append(found)
            del self.elsewhere[:-_MOST]


def _is_asked_for(stack: RawStack) -> bool:
    return stack[0] is not None and stack[0].call == COLLECT
