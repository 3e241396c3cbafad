"""What is known of each loop that is watched: the part that its own steps count.

Every field says which thread writes it. What other threads find out about a loop, they
keep themselves; so there is nothing here of samples and accounts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import TypedDict

from pytest_asyncbench._loops import names
from pytest_asyncbench._python import Greenlet, own_greenlet
from pytest_asyncbench._words.clock import current_thread_ids
from pytest_asyncbench._words.undo import Undo, nothing

__all__ = ["MOST_AT_ONCE", "POLLED", "HeldUp", "LoopView", "Views"]


POLLED = -1
"""The code of an entry of a tape that is a poll and no step."""

MOST_AT_ONCE = 0.0001
"""What took us longer, in seconds, is not all booked to us. The machine or the garbage
collector came in between, and these have accounts of their own."""


class HeldUp(TypedDict):
    """Who could not go on, under the names that observations have for it."""

    held_up: int
    held_up_for: float


class LoopView:
    """What is known of one loop while it is watched.

    *The loop's thread* is the one that runs it now; `thread` names it.
    """

    __slots__ = (
        "blind",
        "due",
        "foreign",
        "give_way",
        "greenlet",
        "kind",
        "last",
        "late",
        "loop",
        "missing",
        "moved",
        "native",
        "note_poll",
        "ours",
        "ours_before",
        "ours_step",
        "oversleep",
        "polled",
        "rested",
        "rested_for",
        "rests_until",
        "settle",
        "slept",
        "steps",
        "thread",
        "undo",
        "upkeep",
        "upkeep_at",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        """Written by whoever closes the loop, who puts one of ours in its place."""
        self.kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        """Never written again."""
        self.thread, self.native = current_thread_ids()
        """Written by the loop's thread, where it is another than before."""
        self.greenlet: Greenlet | None = own_greenlet()
        """The one that runs the loop; None where nobody has any.

        Written by the loop's thread, where it is another than before, and emptied by
        whoever closes the loop.
        """
        self.last = now
        """When the last step ended or the last poll returned: the next one's start.

        Written by the loop's thread.
        """
        self.steps = 0
        """Written by the loop's thread."""
        self.polled = 0.0
        """For how many seconds its polls had to wait so far, for I/O and for timers.

        Written by the loop's thread.
        """
        self.rests_until = 0.0
        """Up to when the poll in progress waits at the most; 0 where there is none.

        Written by the loop's thread, before anything else when a poll has returned.
        """
        self.late = 0.0
        """For how many seconds they came back later than that, being due.

        Written by the loop's thread.
        """
        self.ours = 0.0
        """For how many seconds its known calls, and what it hands to threads, have kept
        us at work so far.

        Written by the loop's thread.
        """
        self.ours_before = 0.0
        """The same up to the step in which they last did.

        Written by the loop's thread.
        """
        self.ours_step = -1.0
        """Which step that was, by its start.

        Written by the loop's thread.
        """
        self.blind = False
        """Whether its poll can't be watched, so that waiting looks like a long step.

        Written by the loop's thread.
        """
        self.foreign = False
        """Whether its steps are run by something else than its own turns.

        Nobody sees when that rests. So a step begins where its callback is called.

        Written by the loop's thread, when the loop is met.
        """
        self.missing: str | None = None
        """The private name that it lacks, so that its tasks can't be followed.

        None also where nobody wants to follow them.

        Written by the loop's thread, when the loop is met.
        """
        self.due = math.inf
        """From when on somebody waits for the loop to give way, between two steps.

        Written by the watchdog's thread, by one that forks in its place, and by the
        loop's, when it has given way. Each value is good by itself: the worst that a
        lost one does is to have the loop give way once in vain, or once too late.
        """
        self.give_way: Callable[[], None] = nothing
        """Written by the loop's thread, when the loop is met, and by whoever ends the
        watching.
        """
        self.settle: Callable[[], None] = nothing
        """To be called at the end of a poll that was late, before the next step.

        Written as `give_way`.
        """
        self.moved: Callable[[], None] = nothing
        """To be called in the thread that runs the loop, where that is another now.

        Written as `give_way`.
        """
        self.note_poll: Callable[[tuple[int, int, int, float]], object] | None = None
        """Takes an entry of a tape for each poll: `POLLED`, how long the queue was, 0,
        when the poll returned. A function in C, since polls are many.

        Written by the loop's thread, and by whoever ends the watching.
        """
        self.oversleep: Callable[[float], None] = _forget
        """Called with by how much a poll came late that had only timers to wait for.

        Written as `give_way`.
        """
        self.slept: Callable[[float, float], None] = _forget
        """Called with for how long a poll rested, and until when at the least, that had
        only timers to wait for.

        Written as `give_way`.
        """
        self.rested_for = math.inf
        """After a poll that rested for so many seconds `rested` is to be called.

        Written by the loop's thread, and by whoever ends the watching.
        """
        self.rested: Callable[[], None] = nothing
        """Written as `give_way`."""
        self.upkeep_at = math.inf
        """From when on `upkeep` is to be called, between two steps.

        Written by the loop's thread, and by whoever ends the watching.
        """
        self.upkeep: Callable[[], None] = nothing
        """Written as `give_way`."""
        self.undo: list[Undo] = []
        """Filled by the loop's thread, emptied by whoever ends the watching."""

    def polled_by(self, at: float) -> float:
        """Tell for how long its polls had to wait up to now, the one in progress, too.

        From any thread. Where that returns meanwhile, it may be left out.
        """
        polled, since = self.polled, self.last
        return polled + max(0.0, min(at, self.rests_until) - since)

    def book(self, seconds: float) -> None:
        """Book what we took in the step in progress to us, in the loop's thread."""
        if self.ours_step != self.last:
            self.ours_step, self.ours_before = self.last, self.ours
        self.ours += min(seconds, MOST_AT_ONCE)

    def put_back(self) -> None:
        """Undo all that stands on the loop, and call nobody any more."""
        while self.undo:
            self.undo.pop()()
        # Who is called has this view itself: both would stay until a collection.
        self.give_way = self.settle = self.moved = self.rested = self.upkeep = nothing
        self.oversleep = self.slept = _forget

    def queued(self) -> int:
        """Count the callbacks in the loop's queue; 0 where it can't be looked at."""
        return len(names.READY.get(self.loop) or ())

    def suffering(self, seconds: float) -> tuple[int, float]:
        """Tell the same of now, as two numbers; quickly where no timer is due."""
        queued = self.queued()
        timers = names.SCHEDULED.get(self.loop)
        # They are a heap: the first is due before all others.
        if timers and timers[0].when() <= self.loop.time():
            suffered = self.held_up(queued, seconds)
            return suffered["held_up"], suffered["held_up_for"]
        return queued, seconds if queued else 0.0

    def held_up(self, queued: int, seconds: float) -> HeldUp:
        """Tell who could not go on for so many seconds, and for how long at most.

        That is `queued` callbacks, for all of the time, and the timers that are due.
        """
        now = self.loop.time()
        late = [
            min(seconds, now - timer.when())
            for timer in names.SCHEDULED.get(self.loop) or ()
            if timer.when() <= now and not timer.cancelled()
        ]
        longest = seconds if queued else max(late, default=0.0)
        return {"held_up": queued + len(late), "held_up_for": longest}


def _forget(*seconds: float) -> None:
    """Forget by how much a poll came late, or how it rested: nobody keeps it."""


_GONE = asyncio.BaseEventLoop()
"""Put in the place of a loop that was closed, so that we do not keep that one alive."""

_GONE.close()


class Views:
    """Loop to view; a loop that is met for the first time is given one."""

    def __init__(self, meet: Callable[[asyncio.AbstractEventLoop], LoopView]) -> None:
        self._meet = meet
        self._left: list[LoopView] = []
        self.met: dict[asyncio.AbstractEventLoop, LoopView] = {}
        """A plain one, since each known call looks its loop up here."""
        self.turning: dict[asyncio.AbstractEventLoop, LoopView] = {}
        """Those of them that are not foreign; each step looks its loop up here."""

    def of(self, loop: asyncio.AbstractEventLoop) -> LoopView:
        """Give the view of a loop, which is watched from now on."""
        view = self.met.get(loop)
        if view is None:
            view = self.met[loop] = self._meet(loop)
            if not view.foreign:
                self.turning[loop] = view
        return view

    def let_go(self, view: LoopView) -> None:
        """Keep what is known of a loop that is closed, but nothing of the loop."""
        view.put_back()
        self.turning.pop(view.loop, None)
        if self.met.pop(view.loop, None) is view:
            self._left.append(view)
        view.loop = _GONE
        view.greenlet = None

    def forget_left(self) -> list[LoopView]:
        """Give what is known of loops that are closed, for the last time."""
        left, self._left = self._left, []
        return left

    def forget_all(self) -> None:
        """Forget every loop; one that is used later is met anew."""
        self._left.clear()
        self.met.clear()
        self.turning.clear()

    def __iter__(self) -> Iterator[LoopView]:
        return iter([*self._left, *self.met.values()])
