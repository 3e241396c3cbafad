"""A long step, made into an observation: what is read of it, and in which order."""

from __future__ import annotations

import asyncio

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import Collector, Tick
from pytest_asyncbench._python.gil import switch_interval
from pytest_asyncbench._watching.sampling import Sampled
from pytest_asyncbench._watching.stalls import Stalls
from pytest_asyncbench._words.clock import Processor
from pytest_asyncbench.testing import ManualClock

KEPT = 0.5


class KeptOut:
    """A watchdog that was kept from the interpreter, too, and comes when waited for."""

    def __init__(self, view):
        self._sampled = Sampled(view)
        self._late = 0.0
        self._sampled.ticks = [self._at(0.0, asked=0)]

    def _at(self, at, *, asked):
        account = Processor(working=0.0, starved=0.0, slices=asked)
        late = self._late
        return Tick(at=at, account=account, process=0.0, late=late)

    def sampled(self, _):
        return self._sampled

    def settle(self, _):
        # Who waits for the interpreter asks again after each switch interval.
        return self._at(KEPT, asked=round(KEPT / switch_interval()))

    def gaps(self, _):
        self._late = KEPT
        return []

    def kept_out(self):
        return self._late


def test_who_kept_the_loop_out_is_known_when_the_watchdog_has_come():
    """It is kept out by the same thread, and may take its turn after the loop."""
    loop = asyncio.new_event_loop()
    view = LoopView(loop, 0.0)
    handle = asyncio.Handle(print, (), loop)
    stalls = Stalls(KeptOut(view), Collector(ManualClock()))
    stall = stalls.observe(view, handle, KEPT)
    loop.close()
    assert stall.kept_out == KEPT
    assert stall.blocked == 0
