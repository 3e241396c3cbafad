"""The timeline of a test, in a time by hand; and what is folded of a long one."""

from __future__ import annotations

import asyncio

import pytest
from by_hand import run_in
from test_strands import CLOCK, work

from pytest_asyncbench._tracing import timeline
from pytest_asyncbench._watching.watch import Watch

ROOMY = 10_000


def drawn(main, room=ROOMY, blocked=()):
    """Run `main` watched; give its timeline."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    began = CLOCK.now()
    try:
        run_in(CLOCK, main())
    finally:
        watch.stop()
    assert watch.problems == []
    at = {began + moment: text for moment, text in dict(blocked).items()}
    return timeline(watch.recorder.tapes, began, CLOCK.now(), at, room)


def row(told, name):
    """Give the spans of a task: what it did, and for how many seconds."""
    (found,) = [track for track in told.tracks if track.name.startswith(name)]
    return [
        (did, lasted / 1e6)
        for did, lasted in zip(found.did, found.lasted, strict=True)
        if lasted > 1000
    ]


async def busy(before, asleep, after):
    work(before)
    await asyncio.sleep(asleep)
    work(after)


def test_a_row_says_when_a_task_ran_waited_and_stood_in_the_queue():
    """Two that are alike: the second one stands behind the first, twice."""

    async def main():
        first = asyncio.create_task(busy(1, 4, 2), name="first")
        second = asyncio.create_task(busy(1, 3, 2), name="second")
        await asyncio.wait([first, second])

    told = drawn(main)
    near = pytest.approx
    assert row(told, "first") == [("r", near(1)), ("w", near(4)), ("r", near(2))]
    assert row(told, "second") == [
        ("q", near(1)),
        ("r", near(1)),
        ("w", near(3)),
        ("q", near(2)),
        ("r", near(2)),
    ]
    (second,) = [track for track in told.tracks if track.name == "second"]
    sums = second.running, second.waiting, second.queued
    assert sums == (near(3), near(3), near(3))
    assert second.ended
    assert told.seconds == near(9)


def test_the_loop_has_the_first_row():
    """It runs what all of its tasks run, and rests in between."""

    async def main():
        await busy(1, 4, 2)

    told = drawn(main)
    assert [track.kind for track in told.tracks] == ["loop", "task"]
    assert [track.loop for track in told.tracks] == [0, 0]
    near = pytest.approx
    assert row(told, "by_hand") == [("r", near(1)), ("w", near(4)), ("r", near(2))]


def test_who_woke_whom_is_told():
    """Who starts a task, and who lets go of the lock for which it waits."""
    lock = asyncio.Lock()

    async def holds(seconds):
        async with lock:
            await asyncio.sleep(seconds)

    async def main():
        first = asyncio.create_task(holds(2), name="first")
        second = asyncio.create_task(holds(1), name="second")
        await asyncio.wait([first, second])

    told = drawn(main)
    names = [track.name.partition(" ")[0] for track in told.tracks]
    woken = [(names[wake.by], names[wake.woken]) for wake in told.wakes]
    assert woken == [
        (names[1], "first"),
        (names[1], "second"),
        ("first", "second"),
        ("second", names[1]),
    ]
    assert told.wakes[2].at / 1e6 == pytest.approx(2)


def test_a_wait_says_for_what():
    """A long one is looked up; of others it is known what ended them."""

    async def main():
        await asyncio.sleep(1)
        await asyncio.sleep(0.01)

    told = drawn(main)
    looked_up, ended_by = [told.texts[note] for note in told.tracks[1].notes]
    assert looked_up.startswith("asyncio.sleep, ")
    assert ended_by == "a timer"


def test_a_step_in_which_something_blocked_is_told_so():
    """With what it was; on the row of the loop, too."""

    async def main():
        await asyncio.sleep(2)
        work(1)

    told = drawn(main, blocked={2.0: "time.sleep, shop.py:4 in pay"})
    for track in told.tracks:
        assert "b" in track.did, track
        assert told.texts[track.notes[-1]] == "time.sleep, shop.py:4 in pay"


def test_what_blocked_in_the_step_in_which_its_loop_was_met_is_told_so():
    """That step is measured from when the loop had been met, so a little later on."""

    async def main():
        work(1)

    told = drawn(main, blocked={0.001: "time.sleep, shop.py:4 in pay"})
    for track in told.tracks:
        assert "b" in track.did, track


def test_a_long_test_is_folded_into_the_room_that_there_is():
    """The longest spans stay, the sums stay, and nothing is lost of the time."""

    async def main():
        for turn in range(500):
            await busy(0.001, 5 if turn % 100 == 99 else 0.01, 0)

    whole, folded = drawn(main), drawn(main, room=60)
    assert marks(whole) > 1000
    assert 12 <= marks(folded) <= 60
    (track, told) = (whole.tracks[1], folded.tracks[1])
    assert told.did.count("w") == 5
    assert "f" in told.did
    assert sum(told.lasted) == pytest.approx(sum(track.lasted), rel=0.001)
    assert told.running == pytest.approx(track.running, rel=0.001)
    assert told.waiting == pytest.approx(track.waiting, rel=0.001)


def test_spans_that_are_all_alike_are_folded_as_well():
    """None is longer than another."""

    async def main():
        for _ in range(300):
            await busy(1, 1, 0)

    assert marks(drawn(main, room=50)) <= 50


def test_of_many_tasks_those_that_lasted_longest_are_drawn():
    """And it is said how many are not."""

    async def main():
        tasks = [
            asyncio.create_task(asyncio.sleep(n), name=f"t{n}") for n in range(1, 101)
        ]
        await asyncio.wait(tasks)

    told = drawn(main, room=80)
    assert marks(told) <= 80
    assert len(told.tracks) == 20
    assert told.left_out == 82
    assert told.tracks[-1].name == "t100"
    assert all(0 <= wake.by < 20 and 0 <= wake.woken < 20 for wake in told.wakes)


def marks(told):
    """Count what is drawn."""
    return len(told.tracks) + len(told.wakes) + sum(len(t.did) for t in told.tracks)
