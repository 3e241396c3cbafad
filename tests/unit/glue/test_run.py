"""What `concurrently` gives back."""

from __future__ import annotations

import math

import pytest

from pytest_asyncbench import Run, UnmeasuredError
from pytest_asyncbench._words.decided import Comparison, TaskTrace
from pytest_asyncbench._words.seen import Elapsed

TASKS = (
    TaskTrace(name="user", started=0.0, finished=1.0, waiting=1.0),
    TaskTrace(name="ads", started=0.0, finished=0.5, waiting=0.5),
)


def run(**changed):
    given = {
        "names": ["user", "ads"],
        "order": [1, 0],
        "comparison": lambda: Comparison(tasks=TASKS, wall=1.0, serial=1.5),
        "elapsed": Elapsed(wall=1.0, starved=0.25),
        **changed,
    }
    return Run(["u", "a"], **given)


def test_it_is_the_results_in_the_order_given():
    """Unpacked, indexed, sliced and counted like a tuple."""
    user, ads = run()
    assert (user, ads) == ("u", "a")
    assert (run()[-1], run()[0:1], len(run()), list(run())) == (
        "a",
        ("u",),
        2,
        ["u", "a"],
    )


def test_a_name_gives_its_result():
    """And an unknown one is refused with the names that there are."""
    assert run()["ads"] == "a"
    with pytest.raises(KeyError, match="'adds'; names are: user, ads"):
        run()["adds"]


def test_it_knows_its_times_and_order():
    """Figures of the comparison, and what follows from them."""
    seen = run()
    assert (seen.wall, seen.serial, seen.speedup) == (1.0, 1.5, 1.5)
    assert (seen.order, seen.peak, seen.tasks) == ((1, 0), 2, TASKS)
    assert (seen.blocking, seen.starved, seen.virtual) == ((), 0.25, None)


def test_no_more_are_in_flight_than_were_let_in():
    """By their spans, all that take no virtual time are in flight at one moment."""
    tasks = [TaskTrace(name="now", started=0.0, finished=0.0)] * 3
    compared = Comparison(tasks=tasks, wall=0.0, serial=0.0)
    assert run(comparison=lambda: compared).peak == 3
    assert run(comparison=lambda: compared, limit=2).peak == 2
    assert run(limit=4).peak == 2


def test_of_tasks_that_were_not_followed_no_peak_is_told():
    """It was 0 on uvloop, which keeps `assert run.peak <= 3` whatever was in flight."""
    seen = run(comparison=lambda: Comparison(tasks=(), wall=1.0, serial=math.nan))
    assert seen.tasks == ()
    assert repr(seen) == "<Run of 2: wall 1.000 s>"
    with pytest.raises(UnmeasuredError, match="peak can't be told"):
        _ = seen.peak


def test_what_blocked_it_is_worked_out_once_and_when_somebody_asks():
    """The test is still running, and would wait for what nobody reads."""
    asked = []

    def blocking():
        asked.append(1)
        return ("the place",)

    seen = run(blocking=blocking)
    assert asked == []
    assert (seen.blocking, seen.blocking, asked) == (("the place",),) * 2 + ([1],)


def test_nothing_that_took_no_time_was_faster():
    """No division by zero."""
    nothing = Comparison(tasks=(), wall=0.0, serial=0.0)
    assert run(comparison=lambda: nothing, elapsed=Elapsed(wall=0.0)).speedup == 1.0


def test_in_virtual_time_it_is_that_time_which_was_saved():
    """Wall stays the real time; the speedup is of the time that the test lives in."""
    seen = run(elapsed=Elapsed(wall=0.01, virtual=1.0))
    assert (seen.wall, seen.virtual, seen.speedup) == (0.01, 1.0, 1.5)
    assert repr(seen).startswith("<Run of 2: wall 10.0 ms, virtual 1.000 s, serial")


def test_what_is_forgiven_is_told_where_the_figures_would_not_agree_without():
    """Wall is all that passed, and the speedup is of what is left of that."""
    compared = Comparison(tasks=TASKS, wall=0.75, serial=1.5, forgiven=0.25)
    line = "<Run of 2: wall 1.000 s (0.250 s of it forgiven), serial 1.500 s, speedup 2"
    assert repr(run(comparison=lambda: compared)).startswith(line)


def test_printing_it_draws_the_timeline():
    """The figures first, then a line for each coroutine."""
    assert str(run()).splitlines() == [
        "<Run of 2: wall 1.000 s, serial 1.500 s, speedup 1.50>",
        f"user |{'━' * 40}| waiting 1.000 s",
        f"ads  |{'━' * 20}{' ' * 20}| waiting 0.500 s",
    ]
