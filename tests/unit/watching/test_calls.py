"""Known calls are counted for each place, and no figure of them is lost."""

from __future__ import annotations

import asyncio
import sys
import types
from contextlib import ExitStack

import pytest

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench.testing import ManualClock

RULE = Rule(target="slow_library.wait", family="sleep", advice="do not wait")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def wait(clock, monkeypatch):
    """A known call that takes as long as it is told."""
    library = types.ModuleType("slow_library")
    library.wait = lambda seconds: clock.wait(seconds)
    monkeypatch.setitem(sys.modules, "slow_library", library)
    return lambda seconds: library.wait(seconds)


@pytest.fixture
def watch(clock, wait):
    interception = Interception([RULE], clock)
    with ExitStack() as undo:
        undo.callback(interception.install())
        watch = Watch(
            clock,
            threshold=10.0,
            interception=interception,
            families=frozenset({"sleep"}),
        )
        # What is asked here is what the loop's thread counts.
        watch.watchdog.look_at = lambda view, codes: None
        watch.start()
        undo.callback(watch.stop)
        yield watch
    assert (interception.failures, watch.problems) == ([], [])


def test_the_calls_at_a_place_add_up_over_all_steps(watch, wait):
    """Count, sum and the longest are exact, however many there are."""

    async def main():
        for seconds in (1.0, 3.0, 2.0):
            await asyncio.sleep(0)
            for _ in range(2):
                wait(seconds)

    asyncio.run(main())
    before, last = watch.calls
    assert (before.count, before.seconds, before.longest) == (4, 8.0, (2.0, 5.0))
    assert (last.count, last.seconds) == (2, 4.0)
    assert (*before.earlier, before.step, last.step) == (0.0, 2.0, 8.0)


def test_the_most_that_were_held_up_is_kept(watch, wait):
    """Also where that was at another call than the longest."""

    async def main():
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        for seconds, queued in (3.0, 1), (1.0, 4):
            for _ in range(queued):
                loop.call_soon(int)
            wait(seconds)
        await asyncio.sleep(0)

    asyncio.run(main())
    (counted,) = watch.calls
    assert (counted.held_up, counted.held_up_for) == (5, 3.0)


def test_the_calls_of_a_long_step_are_told_apart(watch, wait):
    """With the time of each, since these are laid beside the samples."""

    async def main():
        for seconds in (1.0, 8.0, 2.0):
            await asyncio.sleep(0)
            for _ in range(2):
                wait(seconds)

    asyncio.run(main())
    quick, stalled, last = watch.calls
    (stall,) = watch.stalls
    assert (quick.count, quick.seconds, quick.spans) == (2, 2.0, ())
    assert (last.count, last.seconds, last.spans) == (2, 4.0, ())
    assert (stalled.count, stalled.step) == (2, stall.began)
    assert stalled.spans == ((2.0, 10.0), (10.0, 18.0))


def test_what_the_test_accepts_is_counted_apart(watch, wait):
    """One line may be reached within `allowed` and without it."""

    async def main():
        await asyncio.sleep(0)
        for accepted in (False, True, False):
            with watch.accepting("why") if accepted else ExitStack():
                wait(1.0)

    asyncio.run(main())
    accepted = [
        any(span.began <= call.began < span.ended for span in watch.accepted)
        for call in watch.calls
    ]
    assert accepted == [False, True, False]


def test_what_is_looked_at_alone_is_counted_apart(watch, wait):
    """One line may be reached within `only` and outside of it."""

    async def main():
        await asyncio.sleep(0)
        for alone in (False, True, False):
            with watch.only() if alone else ExitStack():
                wait(1.0)

    asyncio.run(main())
    assert [call.count for call in watch.calls] == [1, 1, 1]


def test_what_comes_after_a_mark_is_counted_apart(watch, wait):
    """A phase of a test is not told of the calls of the one before it."""
    marks = []

    async def main():
        await asyncio.sleep(0)
        for _ in range(2):
            marks.append(watch.known.mark())
            wait(1.0)

    asyncio.run(main())
    assert [call.count for call in watch.known.since(marks[1])] == [1]


def test_past_some_thousand_calls_their_sums_are_still_exact(watch, wait, monkeypatch):
    """What is given up is the time of each, and the look at who waits."""
    monkeypatch.setattr("pytest_asyncbench._watching.calls._MOST_SPANS", 4)
    monkeypatch.setattr("pytest_asyncbench._watching.calls._LOOKED_AT", 2)

    async def main():
        await asyncio.sleep(0)
        for seconds in (1.0, 2.0, 3.0, 6.0):
            wait(seconds)

    asyncio.run(main())
    (counted,) = watch.calls
    assert (counted.count, counted.seconds, counted.longest) == (4, 12.0, (6.0, 12.0))
    assert counted.spans == ((0.0, 1.0), (1.0, 12.0))
