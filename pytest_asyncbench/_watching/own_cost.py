"""What our own code takes of the threads that run loops, between the test's steps.

It is known exactly, and so it is forgiven exactly.
"""

from __future__ import annotations

import _thread
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from pytest_asyncbench._python import Ours
from pytest_asyncbench._words.clock import Clock, Processor, current_thread_ids

__all__ = ["OwnCost"]


class OwnCost:
    """Count for how long each thread was in our own code.

    What a thread stood in the run queue meanwhile is in its account already, and is
    not counted here. Nothing is known where the system tells no account.

    Each thread writes its own figures, and any may read them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: dict[int, Ours] = {}
        self._inside: set[int] = set()
        """The threads that are in our code now."""

    def of(self, thread: int) -> Ours:
        """Tell what it has been of this thread so far."""
        return self._taken.get(thread, _NOTHING)

    def counted(self) -> AbstractContextManager[None]:
        """Count a block, unless it is part of one that is counted."""
        thread = _thread.get_ident()
        return _WITHIN if thread in self._inside else _Counted(self, thread)

    def begin(self, thread: int) -> tuple[Processor, float]:
        """Begin to count a thread's time; give what `end` is to be given."""
        self._inside.add(thread)
        # The clock is read within: who loses the processor between two readings has
        # that in the account, and would else be forgiven it twice.
        return self._account(), self._clock.now()

    def end(self, thread: int, before: Processor, began: float) -> None:
        """Count what has passed since."""
        ended, after = self._clock.now(), self._account()
        self._inside.discard(thread)
        self._add(thread, ended - began, before, after)

    def _account(self) -> Processor:
        return self._clock.processor(*current_thread_ids())

    def _add(
        self, thread: int, seconds: float, before: Processor, after: Processor
    ) -> None:
        if before.working is None or before.starved is None:
            return
        if after.working is None or after.starved is None:
            return
        worked = min(seconds, after.working - before.working)
        waited = max(0.0, seconds - worked - (after.starved - before.starved))
        taken = self.of(thread)
        self._taken[thread] = Ours(taken.worked + worked, taken.waited + waited)


class _Counted:
    """A block that is counted. No generator, which is ten calls more for each."""

    __slots__ = ("_before", "_cost", "_thread")

    def __init__(self, cost: OwnCost, thread: int) -> None:
        self._cost, self._thread = cost, thread

    def __enter__(self) -> None:
        """Begin the block."""
        self._before = self._cost.begin(self._thread)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Count it, however it ended."""
        self._cost.end(self._thread, *self._before)


_WITHIN = nullcontext()
"""A block within one that is counted."""

_NOTHING = Ours()
