"""Whether a frame is at work in a loop's own turn: in no step, and not in its poll."""

from __future__ import annotations

import asyncio
import sys

from pytest_asyncbench._loops.own_turn import turn_around
from pytest_asyncbench._loops.steps import StepProbe
from pytest_asyncbench.testing import ManualClock


class Looking(asyncio.SelectorEventLoop):
    """A loop that is looked at in its turn, and in its poll."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.view = None
        poll = self._selector.select

        def select(timeout):
            self.look()
            return poll(timeout)

        self._selector.select = select

    def look(self):
        if self.view is not None:
            self.seen.append(turn_around(self.view, sys._getframe(1)))

    def _process_events(self, events):
        self.look()
        super()._process_events(events)


def test_what_a_loop_does_after_its_poll_is_its_own_turn_and_the_poll_is_none():
    """That is where it waits, which is nobody's work."""
    probe = StepProbe(ManualClock(), 1.0, lambda *facts: None, lambda view: None)
    undo = probe.install()
    loop = Looking()

    async def met():
        await asyncio.sleep(0)
        loop.view = probe.views.of(loop)
        await asyncio.sleep(0)

    try:
        loop.run_until_complete(met())
    finally:
        loop.close()
        undo()
    in_poll, in_turn = loop.seen[:2]
    assert in_poll is None
    assert in_turn is not None
    assert in_turn.co_name == "run_forever"
