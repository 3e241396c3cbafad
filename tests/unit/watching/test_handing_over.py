"""A watch that may last for days gives away what it saw, and loses none of it."""

from __future__ import annotations

import asyncio
import gc

import pytest
from by_hand import TICK, slow_watch

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._watching.watch import Watch


@pytest.fixture
def taken():
    """What was handed over: each time the stalls and the calls."""
    return []


@pytest.fixture
def watch(clock, wait, taken):
    def take(stalls, calls, late, crowds):
        taken.append((stalls, calls))

    with slow_watch(clock, taker=take) as (_, watch):
        yield watch


def test_a_long_step_is_given_with_its_calls_as_soon_as_it_is_over(watch, wait, taken):
    """The judge must see both to charge the one to the other."""

    async def main():
        await asyncio.sleep(0)
        wait(1.0)
        await asyncio.sleep(0)
        wait(12.0)
        wait(3.0)
        await asyncio.sleep(0)

    asyncio.run(main())
    ((stalls, calls),) = taken
    (stall,) = stalls
    assert stall.seconds == 15.0
    assert [(one.seconds, one.step == stall.began) for one in calls] == [
        (1.0, False),
        (12.0, True),
        (3.0, True),
    ]
    assert watch.stalls == []
    watch.hand_over()
    assert taken[1:] == [([], [])]


@pytest.mark.parametrize("each", [1, 3])
def test_calls_in_steps_without_number_do_not_add_up_in_memory(
    watch, wait, taken, each
):
    """They are given away when there are many, and each is counted once."""
    steps = 5_000

    async def main():
        for _ in range(steps):
            await asyncio.sleep(0)
            for _ in range(each):
                wait(TICK)

    asyncio.run(main())
    assert len(taken) >= 4
    assert max(len(call.earlier) for call in watch.known.since(0)) <= 1_001
    watch.hand_over()
    calls = [call for _, calls in taken for call in calls]
    assert sum(call.count for call in calls) == steps * each
    assert sum(call.seconds for call in calls) == steps * each * TICK
    assert watch.known.since(0) == []


def test_loops_that_are_closed_are_forgotten_but_for_their_steps(watch, wait, taken):
    """A service may run one for each request."""

    async def main():
        await asyncio.sleep(0)
        wait(1.0)

    def views():
        gc.collect()
        return sum(isinstance(each, LoopView) for each in gc.get_objects())

    before = views()
    asyncio.run(main())
    of_one = watch.steps
    for _ in range(9):
        asyncio.run(main())
    watch.hand_over()
    assert views() == before
    assert (watch.steps, len(watch.loops)) == (10 * of_one, 1)
    assert sum(call.count for _, calls in taken for call in calls) == 10


def test_who_can_take_nothing_is_a_problem_and_no_error(clock, wait):
    """What is watched goes on, and is told that what was seen is lost."""

    def refuse(stalls, calls, late, crowds):
        raise ValueError("no room")

    watch = Watch(clock, threshold=1.0, taker=refuse)
    watch.watchdog.look_at = lambda view, codes: None
    watch.start()
    try:

        async def main():
            for _ in range(200):
                clock.wait(2.0)
                await asyncio.sleep(0)

        asyncio.run(main())
    finally:
        watch.stop()
    assert watch.stalls == []
    assert len(watch.problems) == 100
    text = "what was seen can't be kept: ValueError('no room')"
    assert {problem.text for problem in watch.problems} == {text}


def test_a_step_is_watched_from_its_middle_and_up_to_its_middle(clock):
    """Who begins to watch within a loop sees what is left of the step, and its last."""
    lengths = []
    watch = Watch(
        clock,
        threshold=1.0,
        taker=lambda stalls, *_: lengths.extend(each.seconds for each in stalls),
    )
    watch.watchdog.look_at = lambda view, codes: None

    async def main():
        clock.wait(100.0)
        watch.start()
        watch.begin_here()
        clock.wait(2.0)
        await asyncio.sleep(0)
        clock.wait(3.0)
        await asyncio.sleep(0)
        clock.wait(4.0)
        watch.end_here()
        watch.stop()
        clock.wait(200.0)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert lengths == [2.0, 3.0, 4.0]
