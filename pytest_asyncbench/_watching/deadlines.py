"""The deadlines that the watchdog keeps: what is to be called, and when."""

from __future__ import annotations

import math
from collections.abc import Callable

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import RawStack
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo

__all__ = ["Deadlines", "OnDeadline", "StackOf"]

OnDeadline = Callable[[RawStack | None], float]
"""Called in the watchdog's thread with the stack of the step that is in progress;
returns the seconds after which to call again, or 0 for never. No stack comes to who
named no loop."""

StackOf = Callable[[LoopView], RawStack | None]
"""Tells what stands on a loop now."""

_AFTER_FAILURE = 1.0
"""Seconds after which one that raised is called again."""


class _Kept:
    """A deadline that is kept; the watchdog's thread alone writes it."""

    __slots__ = ("at", "call", "view")

    def __init__(
        self, at: RealSeconds, view: LoopView | None, call: OnDeadline
    ) -> None:
        self.at = at
        self.view = view
        self.call = call


class Deadlines:
    """Keep deadlines; they are added and removed by any thread, and kept by one."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, at: RealSeconds, view: LoopView | None, call: OnDeadline) -> Undo:
        """Call `call` when the time is `at`, unless undone before."""
        kept = _Kept(at, view, call)
        self._kept.append(kept)

        def undo() -> None:
            if kept in self._kept:
                self._kept.remove(kept)

        return undo

    def forget_all(self) -> None:
        """Keep none of them any longer."""
        self._kept.clear()

    def moments(self) -> list[RealSeconds]:
        """Tell when each is due."""
        return [kept.at for kept in list(self._kept)]

    def keep(self, now: RealSeconds, stack_of: StackOf) -> None:
        """Call those that are due; in the watchdog's thread.

        One that raises ends it. Those behind it are called the next time, and itself
        later, since it may have failed for a moment only and a test may hang.
        """
        for kept in list(self._kept):
            if now < kept.at:
                continue
            stack = None if kept.view is None else stack_of(kept.view)
            kept.at = RealSeconds(now + _AFTER_FAILURE)
            again = kept.call(stack)
            kept.at = RealSeconds(now + again if again > 0 else math.inf)
