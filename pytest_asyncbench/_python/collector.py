"""When the garbage collector looked through all objects, and whose line it met.

It runs wherever an object happens to be made, and takes longer the more objects live.
So the line that it meets is not to blame, unless that asked for it.
"""

from __future__ import annotations

import gc
import threading
from types import CodeType, FrameType
from typing import Any, NamedTuple

from pytest_asyncbench._python.frames import getframe
from pytest_asyncbench._python.stack import RawStack, capture
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.undo import Undo

__all__ = ["Collector", "RawCollection"]

_WORTH_NOTING = 0.005
_MOST = 64
_OLDEST = 2
_ASKED = "gc.collect"


class RawCollection(NamedTuple):
    """A full collection."""

    began: float
    seconds: float
    thread: int
    stack: RawStack
    asked: bool


class Collector:
    """Note the full collections that take long; the many small ones cost one look."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._began = 0.0
        self.codes: frozenset[CodeType] = frozenset()
        self.found: list[RawCollection] = []

    def install(self) -> Undo:
        """Begin to note; the returned call ends it."""
        noted = self._noted
        gc.callbacks.append(noted)

        def undo() -> None:
            if noted in gc.callbacks:
                gc.callbacks.remove(noted)

        return undo

    def _noted(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] != _OLDEST:
            return
        if phase == "start":
            self._began = self._now()
        elif self._now() - self._began >= _WORTH_NOTING:
            # None in a thread that C has begun and that runs no Python yet.
            self._note(self._now() - self._began, getframe().f_back)

    def _note(self, seconds: float, met: FrameType | None) -> None:
        stack = capture(met, self.codes)
        if stack is None:
            return
        found = RawCollection(
            began=self._began,
            seconds=seconds,
            thread=threading.get_ident(),
            stack=stack,
            asked=stack[0] is not None and stack[0].call == _ASKED,
        )
        self.found.append(found)
        del self.found[:-_MOST]
