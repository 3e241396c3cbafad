"""Known calls are counted for each place, and no figure of them is lost."""

from __future__ import annotations

import asyncio
import sys
import types
from contextlib import ExitStack

import pytest
from by_hand import SLOW_RULE, TICK, slow_watch

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench.testing import ManualClock


@pytest.fixture
def watch(clock, wait):
    with slow_watch(clock) as (interception, watch):
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
    before, last = watch.known.since(0)
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
    (counted,) = watch.known.since(0)
    assert (counted.held_up, counted.held_up_for) == (5, 3.0)


def test_the_calls_of_a_long_step_are_told_apart(watch, wait):
    """With the time of each, since these are laid beside the samples."""

    async def main():
        for seconds in (1.0, 8.0, 2.0):
            await asyncio.sleep(0)
            for _ in range(2):
                wait(seconds)

    asyncio.run(main())
    quick, stalled, last = watch.known.since(0)
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
        for call in watch.known.since(0)
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
    assert [call.count for call in watch.known.since(0)] == [1, 1, 1]


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
    (counted,) = watch.known.since(0)
    assert (counted.count, counted.seconds, counted.longest) == (4, 12.0, (6.0, 12.0))
    assert counted.spans == ((0.0, 1.0), (1.0, 12.0))


# ----------------------------------------------------------- lines that have settled


@pytest.fixture
def settled(monkeypatch):
    """Lines settle after three calls, and every fourth is looked at whole."""
    monkeypatch.setattr("pytest_asyncbench._interception.places._SETTLED", 3)
    monkeypatch.setattr("pytest_asyncbench._watching.calls._EACH", 4)


@pytest.fixture
def looked_at(watch, monkeypatch):
    """How many calls have been looked at whole so far."""
    seen = []
    observe = watch.known.observe

    def look(rule, began, seconds, frame, place):
        seen.append(seconds)
        return observe(rule, began, seconds, frame, place)

    monkeypatch.setattr(watch._interception, "_listener", look)
    return seen


def run(main):
    """Run it in a step that has not begun with the loop."""

    async def after():
        await asyncio.sleep(0)
        main()

    asyncio.run(after())


def test_at_a_settled_line_every_call_is_counted(settled, watch, wait, looked_at):
    """Though few are looked at: counts, sums, the longest and the times are exact."""
    all_of_them = [TICK * (1 + number % 3) for number in range(100)]

    def main():
        for seconds in all_of_them:
            wait(seconds)

    run(main)
    (counted,) = watch.known.since(0)
    assert (counted.count, counted.seconds) == (100, sum(all_of_them))
    assert counted.longest == (3 * TICK, 6 * TICK)
    assert len(looked_at) < 40


def test_the_time_of_each_call_at_a_settled_line_is_kept(settled, watch, wait):
    """They are laid beside the samples, if the step becomes long."""

    def main():
        for _ in range(20):
            wait(TICK)
        wait(16.0)

    run(main)
    quick, slow = sorted(watch.known.since(0), key=lambda call: call.seconds)
    assert quick.spans == tuple((TICK * n, TICK * (n + 1)) for n in range(20))
    assert slow.seconds == 16.0


def test_past_the_limit_the_last_time_at_a_settled_line_is_drawn_out(
    settled, watch, wait, monkeypatch
):
    """As it is at any other."""
    monkeypatch.setattr("pytest_asyncbench._watching.calls._MOST_SPANS", 8)

    def main():
        for _ in range(40):
            wait(TICK)
        wait(16.0)

    run(main)
    quick = min(watch.known.since(0), key=lambda call: call.seconds)
    assert quick.count == 40
    assert quick.spans[-1][1] == 40 * TICK
    assert len(quick.spans) < 20


@pytest.mark.parametrize("seconds", [TICK, 1.0])
def test_a_call_that_comes_on_another_stack_is_noticed(settled, watch, wait, seconds):
    """At once if it is no quick one, and after a few if it is."""

    def shared(seconds):
        wait(seconds)

    def other():
        for _ in range(20 if seconds == TICK else 1):
            shared(seconds)

    def main():
        for _ in range(20):
            shared(TICK)
        other()

    run(main)
    first, second = watch.known.since(0)
    assert "other" in [frame.function.rpartition(".")[2] for frame in second.stack]
    assert first.count + second.count == (40 if seconds == TICK else 21)
    assert second.count >= (16 if seconds == TICK else 1)


def test_a_settled_line_is_looked_at_in_each_step(settled, watch, wait, looked_at):
    """Another task may have come there, and others are held up."""

    async def main():
        for _ in range(5):
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(int)
            for _ in range(3):
                wait(TICK)

    asyncio.run(main())
    assert sum(call.count for call in watch.known.since(0)) == 15
    assert {call.held_up for call in watch.known.since(0)} == {1}
    assert len(looked_at) == 3 + 4


def test_at_a_settled_line_accepted_calls_are_counted_apart(settled, watch, wait):
    """Whatever was counted there before must not take them in."""

    def main():
        for accepted in (False, True, False):
            with watch.accepting("why") if accepted else ExitStack():
                for _ in range(10):
                    wait(TICK)

    run(main)
    assert [call.count for call in watch.known.since(0)] == [10, 10, 10]


def test_where_the_rule_has_a_predicate_no_line_settles(settled, clock, monkeypatch):
    """It says of each call by itself whether it can wait."""
    library = types.ModuleType("slow_library")
    library.wait = clock.wait
    monkeypatch.setitem(sys.modules, "slow_library", library)
    row = Rule(
        target="slow_library.wait", family="sleep", advice="", harmless="zero_sleep"
    )
    interception = Interception([row], clock)
    counted = []

    def listener(rule, began, seconds, frame, place):
        return lambda *times: counted.append(times)

    async def main():
        for _ in range(10):
            library.wait(TICK)

    with ExitStack() as undo:
        undo.callback(interception.install())
        undo.callback(interception.listen(listener, frozenset({"sleep"})))
        asyncio.run(main())
    assert counted == []


# ------------------------------------------------------------------------ our cost


class Ticking(ManualClock):
    """A clock that goes on by itself whenever it is read."""

    def now(self):
        self.wait(TICK)
        return super().now()


def test_what_we_take_for_calls_is_booked_to_us(settled, monkeypatch):
    """All that passes between our readings of the clock, and nothing of the calls."""
    clock = Ticking()
    library = types.ModuleType("slow_library")
    library.wait = lambda seconds: clock.wait(seconds)
    monkeypatch.setitem(sys.modules, "slow_library", library)
    interception = Interception([SLOW_RULE], clock)
    with ExitStack() as undo:
        undo.callback(interception.install())
        watch = Watch(
            clock,
            threshold=1.0,
            interception=interception,
            families=frozenset({"sleep"}),
        )
        watch.watchdog.look_at = lambda view, codes: None
        watch.start()
        undo.callback(watch.stop)

        def main():
            for _ in range(1000):
                library.wait(TICK)
            library.wait(2.0)

        run(main)
    ours = sum(view.ours for view in watch._probe.views)
    (stall,) = watch.stalls
    calls = sum(call.seconds for call in watch.known.since(0))
    assert stall.ours == ours > 0
    # The first reading for a call is where our time begins. At a call that is looked at
    # whole, there is one more before the call.
    assert 1000 * TICK <= stall.lasted - calls <= 1400 * TICK
