"""Accounting: what coroutines in a row would have taken, from hand-made traces."""

from __future__ import annotations

import pytest

from pytest_asyncbench._judging.accounting import (
    compare,
    less_starved,
    longest_alone,
    peak,
    spans_united,
    united,
)
from pytest_asyncbench._words.decided import TaskTrace
from pytest_asyncbench._words.seen import StrandTrace


def strand(started=0.0, finished=1.0, name="job", **facts):
    return StrandTrace(name=name, started=started, finished=finished, **facts)


def task(started, finished):
    return TaskTrace(name="job", started=started, finished=finished)


@pytest.mark.parametrize(
    ("spans", "covered"),
    [
        ([], 0.0),
        ([(0, 1)], 1.0),
        ([(0, 1), (0, 1)], 1.0),
        ([(0, 2), (1, 3)], 3.0),
        ([(5, 6), (0, 1)], 2.0),
        ([(0, 10), (2, 3), (9, 11)], 11.0),
        ([(0, 1), (1, 2)], 2.0),
        ([(1, 1)], 0.0),
    ],
)
def test_united_time_counts_each_moment_once(spans, covered):
    """Whatever the order, overlaps do not add up."""
    assert united(spans) == covered


def test_sleeping_side_by_side_is_as_many_times_as_fast():
    """Four waits of one second at once are four seconds in a row."""
    seen = compare([strand(waiting=1.0) for _ in range(4)])
    assert (seen.wall, seen.serial, seen.speedup) == (1.0, 4.0, 4.0)


def test_through_a_semaphore_of_one_there_is_no_speedup():
    """Spans of 1 + 2 + 3 + 4 are four seconds in a row, since the rest is no wait."""
    strands = [strand(0.0, n, waiting=1.0) for n in (1.0, 2.0, 3.0, 4.0)]
    seen = compare(strands)
    assert (seen.wall, seen.serial, seen.speedup) == (4.0, 4.0, 1.0)


def test_time_queued_behind_others_is_not_serial():
    """Alone nobody would have stood in the way."""
    busy = [strand(0.0, 3.0, running=1.0, queued=2.0) for _ in range(3)]
    seen = compare(busy)
    assert seen.serial == 3.0
    assert [task.queued for task in seen.tasks] == [2.0] * 3


def test_nobody_queues_beyond_its_own_span():
    """Several tasks of a strand may queue at the same time."""
    (one,) = compare([strand(0.0, 2.0, running=0.5, queued=9.0, waiting=1.0)]).tasks
    assert one.queued == 0.5


def test_an_unfinished_coroutine_counts_with_what_it_did():
    """Where a budget cut it short there is no span, and yet a serial time."""
    seen = compare([strand(finished=None, running=0.5, queued=0.2)], wall=1.0)
    assert (seen.wall, seen.serial) == (1.0, 0.5)
    assert seen.tasks[0].queued == 0.2


def test_wall_is_taken_as_given_or_measured_from_the_spans():
    """Gaps in which none was in flight are not the coroutines' time."""
    apart = [strand(0.0, 1.0), strand(5.0, 6.0)]
    assert compare(apart).wall == 2.0
    assert compare(apart, wall=6.0).wall == 6.0


@pytest.mark.parametrize("starved", [0.0, 0.05, 0.5, 9.0])
def test_nothing_is_faster_than_the_longest_alone(starved):
    """However much of the time is forgiven, a speedup of four waits is four at most."""
    four = [strand(running=0.01, waiting=1.0) for _ in range(4)]
    seen = less_starved(compare(four, 1.2), four, starved, derived=True)
    assert seen.speedup <= 4.0
    assert seen.wall + seen.forgiven == pytest.approx(1.2)
    assert seen.speedup == seen.serial / seen.wall


def test_a_given_serial_time_is_bounded_by_the_longest_alone():
    """It is taken as it is, and what is forgiven makes no wait any shorter."""
    two = [strand(waiting=1.0) for _ in range(2)]
    assert less_starved(compare(two, 1.2), two, 0.9, derived=False).wall == 1.0


def test_starved_time_is_taken_off_once_and_not_of_each_of_them():
    """Five that ran for 0.2 s and were starved of 0.04: one of them took 0.032."""
    five = [strand(running=0.04) for _ in range(5)]
    assert longest_alone(five) == 0.04
    assert longest_alone(five, 0.04) == pytest.approx(0.032)
    assert longest_alone(five, 9.0) == 0.0


def test_a_strand_that_never_ended_makes_no_speedup_beyond_their_number():
    """It has waited all the while, and has no span."""
    both = [strand(waiting=1.0), strand(finished=None, waiting=50.0)]
    assert less_starved(compare(both), both, 0.0, derived=True).speedup < 2


def test_what_serves_them_is_starved_as_they_are():
    """Four clients of one worker, which works for 0.1 s each and is starved as long."""
    four = [strand(0.0, 0.8, waiting=0.2, served=0.2) for _ in range(4)]
    seen = less_starved(compare(four), four, 0.4, derived=True)
    assert (seen.wall, seen.serial) == (pytest.approx(0.4), pytest.approx(0.4))
    # They did not wait for each other.
    assert (compare(four).busy, seen.busy) == (0.8, pytest.approx(0.4))


def test_nothing_at_all_has_no_speedup():
    """No strand, no time, no number."""
    seen = compare([])
    assert (seen.wall, seen.serial, seen.speedup) == (0.0, 0, None)


@pytest.mark.parametrize(
    ("tasks", "most"),
    [
        ([], 0),
        ([task(0, 1)], 1),
        ([task(0, 1), task(1, 2)], 1),
        ([task(0, 2), task(1, 3), task(1.5, 1.7)], 3),
        ([task(0, 1), task(None, None)], 1),
        ([task(0, None)], 0),
        ([task(1, 1)] * 3, 3),
        ([task(0, 1), task(1, 1), task(1, 2)], 2),
    ],
)
def test_the_peak_is_the_most_at_one_moment(tasks, most):
    """One that ends as another begins was not in flight beside it.

    In virtual time a task may begin and end at one moment, and is in flight at that.
    """
    assert peak(tasks) == most


def test_tasks_that_never_ran_take_no_time():
    """They have no span to unite."""
    assert spans_united([task(None, None), task(0, 1)]) == 1.0
