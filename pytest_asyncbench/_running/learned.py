"""What earlier runs have taught of a test's steps."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from pytest_asyncbench._loops import Entry
from pytest_asyncbench._words.schedules import Wake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_asyncbench._running.order import Order

__all__ = ["Learned"]

_MOST = 2_000
"""So many wake-ups are known of; of a test with more, those of its first runs."""


_OF_BODY = 0.9
"""In so many of all cases one is chosen that came while the body of the test ran."""


class Learned:
    """How many steps each lane has left, at each of its wake-ups."""

    def __init__(self) -> None:
        self.left: dict[Wake, int] = {}
        """How many steps a lane takes from a wake-up on, until time goes on."""
        self.wakes: list[Wake] = []
        """Those of tasks that are known, in the order in which they came."""
        self.of_body: dict[Wake, None] = {}
        """Those of them that came while the body of the test ran, where that is known:
        what sets it up and tears it down seldom meets anybody."""
        self.timed: list[Wake] = []
        """Those of tasks and callbacks for which time had to go on."""
        self.steps = 1
        """How many the last run took."""
        self._own: dict[Wake, int] = {}
        self._last_choice = -1

    def one_of(self, random: Random) -> Wake:
        """Give one of the wake-ups of tasks that are known."""
        wakes = self.wakes
        if self.of_body and random.random() < _OF_BODY:
            wakes = [*self.of_body]
        return random.choice(wakes) if wakes else ("", 0)

    def learn(self, order: Order) -> None:
        """Look at a run that is over."""
        trail = order.trail
        self.steps = max(1, len(trail))
        began = 0
        for end in (*order.rests, len(trail)):
            if end > began:
                self._learn(trail[began:end])
                began = end
        self._learn_timed(order)
        if order.begun_after is not None:
            for lane, wake, *_ in trail[order.begun_after : order.over_after]:
                if lane.is_task and len(self.of_body) < _MOST:
                    self.of_body[wake] = None

    def _learn_timed(self, order: Order) -> None:
        """Learn what came into the queue right after time had gone on.

        Of plain callbacks those of timers alone: others are mostly a library's, which
        relies on the order that they come in.
        """
        rests, known = {*order.rests}, {*self.timed}
        callbacks = {wake for queue in order.queues for wake in queue.timed}
        for lane, wake, since, _ in order.trail:
            told = wake[1] and since in rests and (lane.is_task or wake in callbacks)
            if told and wake not in known and len(known) < _MOST:
                self.timed.append(wake)
                known.add(wake)

    def _learn(self, together: Sequence[Entry]) -> None:
        """Learn of the steps between two moments at which time went on."""
        left: dict[str, int] = {}
        for _, wake, *_ in reversed(together):
            left[wake[0]] = count = left.get(wake[0], 0) + 1
            if wake in self.left or len(self.left) < _MOST:
                self.left[wake] = count
        self.wakes = [wake for wake in self.left if wake[0][-1] != "c"]

    # --------------------------------------------------------- asyncio's order

    def learn_own(self, order: Order) -> None:
        """Look at the run in asyncio's own order."""
        self.learn(order)
        trail = order.trail
        self._own = {wake: at for at, (_, wake, *_) in enumerate(trail) if wake[1]}
        for at in reversed(range(len(trail))):
            if trail[at][1][1] and _could_wait(trail, at):
                self._last_choice = at
                break

    def own_next(self, entries: Sequence[Entry]) -> tuple[int, bool]:
        """Give who goes next in asyncio's order, and if that is its last choice."""
        known, never = self._own.get, len(self._own) * 2 + 1
        first, at_first = 0, never + 1
        for place, (_, wake, _, _) in enumerate(entries):
            at = known(wake, never)
            if at < at_first:
                first, at_first = place, at
        return first, at_first >= self._last_choice


def _could_wait(trail: Sequence[Entry], at: int) -> bool:
    """Tell whether somebody else stood in the queue when this one's turn came."""
    lane, *_ = trail[at]
    for later, wake, since, _ in trail[at + 1 :]:
        if since > at:
            return False
        if wake[1] and later is not lane:
            return True
    return False
