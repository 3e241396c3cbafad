"""Which steps of a failing run are told, and of the passing one beside it."""

from __future__ import annotations

import pytest

from pytest_asyncbench._judging.courses import courses
from pytest_asyncbench._words.courses import OVER, UNKNOWN
from pytest_asyncbench._words.explored import Explored, Passage
from pytest_asyncbench._words.schedules import Hold, Schedule
from pytest_asyncbench._words.seen import Frame


def line(number, call=None):
    return Frame(file="shop/account.py", line=number, function="pay", call=call)


def run(*wakes, names=None, apart=1, **facts):
    """Give the steps of a run, of these lanes and wake-ups."""
    return tuple(
        Passage(
            lane=lane,
            wake=wake,
            task=(names or {}).get(lane, f"task {lane}"),
            step=(at + 1) * apart,
            since=at * apart,
            moment=7.0 + at,
            **{"resumed": line(wake), "suspended": line(wake + 1), **facts},
        )
        for at, (lane, wake) in enumerate(wakes)
    )


def found(failing, own=(), **facts):
    return Explored(
        runs=2, failure=AssertionError(), passages=failing, own=own, **facts
    )


HELD = Schedule(holds=(Hold(lane="1.1", wake=1),))
PASSING = run(("1", 1), ("1.1", 1), ("1.2", 1), ("1", 2))
FAILING = run(("1", 1), ("1.2", 1), ("1.1", 1), ("1", 2))


def test_two_runs_have_their_tasks_in_common():
    """So that a step of one is found in the other; and the held one is in both."""
    told = courses(found(FAILING, PASSING, schedule=HELD), 200)
    assert told.lanes == ("task 1", "task 1.1", "task 1.2")
    assert told.passing.lanes == (0, 1, 2, 0)
    assert told.failing.lanes == (0, 2, 1, 0)
    assert (told.passing.held, told.failing.held) == ((1,), (2,))
    assert told.passing.wakes == (1, 1, 1, 2)
    assert told.same == 1


def test_a_task_is_called_as_in_the_failing_run():
    """In another order asyncio numbers the same tasks otherwise."""
    failing = run(("1", 1), ("1.2", 1), names={"1.2": "Task-2"})
    passing = run(("1", 1), ("1.2", 1), names={"1": "Task-1", "1.2": "Task-3"})
    assert courses(found(failing, passing), 200).lanes == ("task 1", "Task-2")
    assert courses(found(failing), 200).passing is None


def test_a_line_is_told_once_whatever_was_called_there():
    """And what is not known of one is said, apart from that there is none."""
    one = run(("1", 1), resumed=line(5, "f"), suspended=line(5, "g"))
    lost = run(("1", 1), resumed=None, suspended=None)
    over = run(("1", 1), resumed=line(5), suspended=None, over=True)
    told = courses(found(over, one), 200)
    assert told.places == (line(5),)
    assert (told.failing.resumed, told.failing.suspended) == ((0,), (OVER,))
    told = courses(found(lost), 200)
    assert (told.failing.resumed, told.failing.suspended) == ((UNKNOWN,), (UNKNOWN,))


def test_steps_are_counted_by_those_of_tasks():
    """Whatever callbacks ran in between; and time begins with the first of them."""
    told = courses(found(run(("1", 1), ("1", 2), ("1", 3), apart=4)), 200)
    assert told.failing.ready == (0, 1, 2)
    assert told.failing.began == (0, 1_000_000, 2_000_000)


MANY = [("1", wake) for wake in range(1, 1_001)]


@pytest.mark.parametrize(
    ("held", "first"), [(1, 1), (500, 480), (999, 971)], ids=["begin", "middle", "end"]
)
def test_of_a_long_run_the_steps_around_the_held_one_are_told(held, first):
    """Two thirds of them before it, where there are so many; and as many in all."""
    schedule = Schedule(holds=(Hold(lane="1", wake=held),))
    course = courses(found(run(*MANY), schedule=schedule), 30).failing
    assert (course.steps, course.first) == (1_000, first)
    assert len(course.lanes) == len(course.suspended) == 30
    assert course.wakes[course.held[0]] == held


def test_where_nothing_was_held_those_around_the_first_difference_are_told():
    """In both runs."""
    other = [*MANY[:600], ("1.1", 1), *MANY[600:]]
    told = courses(found(run(*other), run(*MANY)), 30)
    assert told.same == 600
    assert told.failing.first == told.passing.first == 581


def test_a_run_without_a_step_of_a_task_is_not_told():
    """There is nothing to draw."""
    assert courses(found(()), 200) is None
