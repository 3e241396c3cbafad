"""The detector tries itself, and says what defeats it."""

from __future__ import annotations

import asyncio

import pytest

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._watching import self_test
from pytest_asyncbench._watching.self_test import defeats
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.clock import SYSTEM_CLOCK


@pytest.fixture
def interception():
    interception = Interception(RULES, SYSTEM_CLOCK)
    undo = interception.install()
    yield interception
    undo()


def make_loops(monkeypatch, kind):
    monkeypatch.setattr(self_test.asyncio, "new_event_loop", kind)


def test_nothing_is_said_where_all_works(interception):
    """On each interpreter and machine that the suite runs on, busy ones included."""
    assert defeats(SYSTEM_CLOCK, interception) == []
    assert defeats(SYSTEM_CLOCK) == []


def test_a_loop_with_handles_of_its_own_is_told(monkeypatch, interception):
    """The steps are seen in the handles that asyncio makes."""

    class OwnHandle(asyncio.Handle):
        def _run(self):
            self._context.run(self._callback, *self._args)

    class Loop(asyncio.SelectorEventLoop):
        def call_soon(self, callback, *args, context=None):
            handle = OwnHandle(callback, args, self, context)
            self._ready.append(handle)
            return handle

    make_loops(monkeypatch, Loop)
    (problem,) = defeats(SYSTEM_CLOCK, interception)
    assert problem.text.startswith("no step can be seen on ")
    assert problem.text.endswith(".Loop")


def test_known_calls_that_nobody_wraps_are_told():
    """Stalls are seen all the same."""
    idle = Interception(RULES, SYSTEM_CLOCK)
    (problem,) = defeats(SYSTEM_CLOCK, idle)
    assert problem.text.startswith(
        "a known call, time.sleep, can't be seen on asyncio."
    )


def test_a_watchdog_that_never_looks_is_told(monkeypatch):
    """Then a stall has its duration, and no line."""
    monkeypatch.setattr(Watchdog, "look_at", lambda *args: None)
    monkeypatch.setattr(self_test, "_LONGEST_STALL", 0.05)
    (problem,) = defeats(SYSTEM_CLOCK)
    assert problem.text.startswith("the line that stalls can't be seen on asyncio.")


def test_a_watchdog_that_looks_late_is_waited_for(monkeypatch):
    """Also where a step before was slow enough to be looked at, on a busy machine."""
    look_at = Watchdog.look_at

    def look_at_one_that_was_sampled(self, view, codes):
        sampled = self.sampled(view)
        # As the watchdog's own thread would have written it.
        object.__setattr__(sampled, "samples", [(0.0, None, None)])
        object.__setattr__(sampled, "step", 0.0)
        look_at(self, view, codes)

    monkeypatch.setattr(Watchdog, "look_at", look_at_one_that_was_sampled)
    monkeypatch.setattr(Watchdog, "_next", lambda self: 0.1)
    assert defeats(SYSTEM_CLOCK) == []


def test_in_a_running_loop_nothing_is_tried():
    """Whoever runs pytest inside of one can't run a second in it."""

    async def main():
        return defeats(SYSTEM_CLOCK)

    assert asyncio.run(main()) == []
