"""When the garbage collector took long, and whose line it met.

It runs wherever an object happens to be made, and takes longer the more objects live.
So the line that it meets is not to blame, unless that asked for it.

A full collection looks through all objects. But one of the youngest may take long, too:
from Python 3.12 on none begins while a function in C makes objects, and the one that
comes after looks through all of these.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping
from types import CodeType

from pytest_asyncbench._python.frames import getframe
from pytest_asyncbench._python.stack import RawStack, capture, capture_all
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo, nothing
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["COLLECT", "CollectionMeter", "Collector", "RawCollection"]

_WORTH_NOTING = 0.005
_MOST = 64
_OLDEST = 2
COLLECT = "gc.collect"
"""Whoever calls this has asked for a collection."""


class CollectionMeter:
    """Tell of each full collection, and of others that take long; few of these do.

    `over` is called with its beginning and its seconds, and `begins` as a full one
    begins, both in the thread that it met.
    """

    def __init__(
        self,
        now: Callable[[], RealSeconds],
        over: Callable[[RealSeconds, RealSeconds], None],
        begins: Callable[[], None] = nothing,
    ) -> None:
        self._now = now
        self._over = over
        self._begins = begins
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
        now, is_full = self._now(), info["generation"] == _OLDEST
        if phase == "start":
            self._began = now
            if is_full:
                self._begins()
            return
        seconds = RealSeconds(now - self._began)
        if is_full or seconds >= _WORTH_NOTING:
            self._over(self._began, seconds)


class RawCollection(NamedTuple):
    """A collection."""

    began: RealSeconds
    seconds: RealSeconds
    thread: int
    stack: RawStack
    called: bool
    starved: float | None


class Collector:
    """Note the collections that take long."""

    def __init__(self, clock: Clock) -> None:
        self.codes: frozenset[CodeType] = frozenset()
        self.found: list[RawCollection] = []
        self.elsewhere: list[RawCollection] = []
        """Those that met no step, unasked."""
        self._clock = clock
        self._account: float | None = None
        """For how long the thread had been starved as a full collection began; None
        else: many begin that take no time, and to read the account does."""
        self._meter = CollectionMeter(clock.now, self._over, self._begins)

    def stands(self) -> bool:
        """Tell whether collections are told to it."""
        return self._meter.stands()

    def install(self) -> Undo:
        """Begin to note; the returned call ends it."""
        return self._meter.install()

    def _begins(self) -> None:
        self._account = self._clock.processor(*current_thread_ids()).starved

    def _starved(self) -> float | None:
        before, self._account = self._account, None
        if before is None:
            return None
        after = self._clock.processor(*current_thread_ids()).starved
        return None if after is None else max(0.0, after - before)

    def _over(self, began: RealSeconds, seconds: RealSeconds) -> None:
        starved = self._starved()
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
            starved=starved,
        )
        if in_step is not None:
            self.found.append(found)
            del self.found[:-_MOST]
        elif not found.called:
            self.elsewhere.append(found)
            del self.elsewhere[:-_MOST]


def _is_asked_for(stack: RawStack) -> bool:
    return stack[0] is not None and stack[0].call == COLLECT
