"""How the room for the timelines of a run is shared among its tests."""

from __future__ import annotations

from types import SimpleNamespace

from by_hand import track

from pytest_asyncbench._glue.timelines import Room, with_timeline
from pytest_asyncbench._tracing.tapes import Tapes
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Elapsed
from pytest_asyncbench._words.timeline import Timeline


def taken(room, wanted):
    """Draw a test of so many marks, as far as there is room; give what it took."""
    marks = min(wanted, room.of_next())
    row = track("x", "r" * (marks - 1), (1,) * (marks - 1))
    drawn = Timeline(
        clock="real",
        seconds=1.0,
        tracks=(row,),
        wakes=(),
        texts=(),
        left_out=0,
        cut=False,
    )
    room.take(drawn)
    return marks


def test_a_run_of_many_large_tests_keeps_to_its_room():
    """Whatever each would take: 200,000 marks are less than thirty megabytes."""
    room = Room(tests=10_000)
    took = [taken(room, 100_000) for _ in range(10_000)]
    assert took[0] == 8_000
    assert took[20] > 500, "the first few leave some to the next"
    assert sum(took) <= 200_000
    assert min(took) >= 12


def test_small_tests_leave_their_room_to_those_that_come_after():
    """The last one is as large as it likes."""
    room = Room(tests=4_000)
    for _ in range(3_999):
        taken(room, 20)
    assert taken(room, 100_000) == 8_000


def test_a_loop_that_was_not_followed_has_no_timeline():
    """Rather than one without a row."""
    problems = []
    assert told_with(Tapes(in_real_time=True), problems).timeline is None
    assert problems == []


def test_a_timeline_that_can_not_be_drawn_changes_no_verdict():
    """It is a problem of ours, which the record tells."""
    problems = []
    assert told_with(None, problems).timeline is None
    (problem,) = problems
    assert problem.text.startswith("can't draw the timeline of the test: ")


def told_with(tapes, problems):
    """Give a verdict with the timeline of these tapes, as far as there is one."""
    verdict = Verdict(policy=Policy(), elapsed=Elapsed(wall=1.0), steps=1)
    recorder = SimpleNamespace(tapes=tapes)
    stopwatch = SimpleNamespace(began=0.0, virtually_began=None)
    return with_timeline(verdict, recorder, stopwatch, Room(1), problems.append)


def test_workers_share_the_room():
    """Each knows only how many there are."""
    rooms = [Room(tests=10_000, workers=8) for _ in range(8)]
    took = [taken(room, 100_000) for room in rooms for _ in range(1_250)]
    assert sum(took) <= 200_000


def test_what_is_told_of_races_keeps_to_the_room():
    """However many tests race, and whatever their steps are made of."""
    room, took, steps = Room(tests=2_000), 0, []
    for _ in range(2_000):
        took += taken(room, 4)
        steps.append(room.steps)
        most = range(steps[-1])
        each = {"lanes": most, "wakes": most, "ready": most, "began": most}
        run = SimpleNamespace(**each, resumed=most, suspended=most)
        told = SimpleNamespace(
            passing=run, failing=run, lanes=range(2 * steps[-1]), places=[*most] * 4
        )
        room.take_courses(told)
        took += 8 * steps[-1]
    assert steps[0] == 200
    assert took <= 200_000
    assert not {*steps} & {*range(1, 12)}


def test_more_tests_than_were_counted_have_room_still():
    """A rerun, say: little, and never none."""
    room = Room(tests=1)
    assert all(taken(room, 100_000) >= 1 for _ in range(200))
