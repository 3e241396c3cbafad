"""The text of a verdict, word for word."""

from __future__ import annotations

import dataclasses

import pytest
from by_hand import library, standard, user

from pytest_asyncbench._reports.blocking import blocking_lines
from pytest_asyncbench._reports.hindsight import path_lines
from pytest_asyncbench._reports.message import accepted_lines, background_lines, message
from pytest_asyncbench._words.decided import (
    Comparison,
    Finding,
    Holds,
    PathLink,
    TaskTrace,
    Verdict,
    Violation,
    WhatIf,
)
from pytest_asyncbench._words.promised import Budget, Policy
from pytest_asyncbench._words.seen import (
    AwaitedTask,
    DeadTask,
    Elapsed,
    Frame,
    NotFollowed,
    Overrun,
    Wait,
)

FILE = "/home/user/shop/test_orders.py"


def finding(**facts):
    given = {
        "kind": "call",
        "call": "time.sleep",
        "file": FILE,
        "line": 41,
        "function": "test_checkout",
        "seconds": 0.25,
        **facts,
    }
    return Finding(**given)


def verdict(*broken, wall=1.5, starved=0.0, **facts):
    given = {"policy": Policy(), "steps": 1, **facts}
    elapsed = Elapsed(wall=wall, starved=starved)
    return Verdict(elapsed=elapsed, violations=broken, **given)


def text(*broken, **facts):
    return message(verdict(*broken, **facts)).splitlines()


# ------------------------------------------------------------------ what if


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (Policy(budget=Budget(within=1.0)), "0.750 s"),
        (Policy(), "0.750 s"),
        (Policy(budget=Budget(speedup=3)), "0.250 s together, speedup 2.0"),
        (Policy(copies=4), "0.250 s together, speedup 2.0"),
    ],
)
def test_what_if_is_told_of_what_was_promised(policy, line):
    """A speedup where one was; else of the test, of which its tasks may be a part."""
    case = WhatIf(finding=finding(), wall=0.75, together=0.25, speedup=2.0)
    told = text(WALL, policy=policy, what_if=(case,))
    assert told[-1] == f"if this were awaited: {line}"


def test_what_if_names_the_place_where_others_are_told_of():
    """Also where it is known of that one alone: *this* would be any of them."""
    case = WhatIf(finding=finding(), wall=0.75, together=None, speedup=None)
    told = finding(), finding(call="socket.socket.recv")
    lines = text(WALL, policy=BUDGET, findings=told, what_if=(case,))
    assert lines[-1] == "if time.sleep in test_checkout were awaited: 0.750 s"
    accepted = finding(), finding(call="socket.socket.recv", allowed="once")
    lines = text(WALL, policy=BUDGET, findings=accepted, what_if=(case,))
    assert "if this were awaited: 0.750 s" in lines


@pytest.mark.parametrize(
    ("way", "worked", "line"),
    [
        (None, 0.0, "if this were awaited: 0.750 s"),
        ("lets go", 0.0, "if this were awaited: 0.750 s"),
        (None, 0.25, "if time.sleep ran in another process: 0.750 s"),
        ("shares", 0.25, "if time.sleep ran in another process: 0.750 s"),
        ("keeps", 0.25, "if time.sleep ran in another process: 0.750 s"),
        ("keeps", 0.0, "if time.sleep ran in another process: 0.750 s"),
        ("lets go", 0.25, "if time.sleep ran in a thread: 0.750 s"),
    ],
)
def test_what_if_says_what_would_take_the_call_off_the_loop(way, worked, line):
    """A wait is awaited; a thread is for work without the interpreter."""
    holds = None if way is None else Holds(way=way, longest=0.25)
    case = WhatIf(
        finding=finding(working=worked, holds=holds),
        wall=0.75,
        together=None,
        speedup=None,
    )
    assert text(WALL, policy=BUDGET, what_if=(case,))[-1] == line


# ------------------------------------------------------------------ budgets

WALL = Violation(kind="wall", limit=1.0, actual=1.5)
BUDGET = Policy(budget=Budget(within=1.0, source="ini"))
STARVED = "  0.250 s of it spent waiting for a processor"
UNKNOWN = "whether the machine was busy elsewhere can't be told on this platform"


def test_a_broken_budget_says_fact_promise_and_source():
    """In the headline."""
    assert text(WALL, policy=BUDGET) == ["wall clock 1.500 s, budget 1.000 s (ini)"]


@pytest.mark.parametrize(
    ("starvation", "starved", "line"),
    [
        ("forgive", 0.25, f"{STARVED} (forgiven)"),
        ("strict", 0.25, f"{STARVED} (counted)"),
        ("forgive", None, f"  {UNKNOWN}"),
    ],
)
def test_starved_time_is_said_or_that_it_is_unknown(starvation, starved, line):
    """A noisy machine is no verdict, and a silent platform no proof."""
    policy = Policy(budget=Budget(within=1.0), starvation=starvation)
    assert text(WALL, policy=policy, starved=starved)[1:] == [line]


def test_tasks_that_were_alive_are_listed_with_what_they_await():
    """Only the lines of people's code, innermost first; no plumbing of asyncio's."""
    stack = (standard("sleep", "asyncio.tasks"), user(7, "fetch", "shop"), user())
    overrun = Overrun(
        tasks=(
            AwaitedTask(name="the test", stack=(), awaits="a Future", seconds=None),
            AwaitedTask(
                name="Task-9", stack=stack, awaits="asyncio.sleep", seconds=0.75
            ),
        ),
        cancelled=True,
    )
    assert text(WALL, policy=BUDGET, overrun=overrun)[1:] == [
        "2 tasks still alive when the budget ended",
        "  the test waits for a Future",
        "  Task-9 has waited 0.750 s for asyncio.sleep",
        "    /home/user/shop/shop.py:7 in fetch",
        "    /home/user/shop/test_orders.py:41 in test_checkout",
    ]


def test_the_users_innermost_line_comes_before_those_of_a_deep_library():
    """The library's innermost follow, three lines in all."""
    deep = [library(line=n) for n in range(9001, 9006)]
    task = AwaitedTask(
        name="t", stack=(*deep, user(7, "fetch", "shop"), user()), awaits="x", seconds=1
    )
    lines = text(WALL, policy=BUDGET, overrun=Overrun(tasks=(task,)))
    assert [line.rpartition("/")[2] for line in lines[3:]] == [
        "shop.py:7 in fetch",
        "api.py:9001 in get",
        "api.py:9002 in get",
    ]


def test_tasks_that_were_left_behind_are_listed():
    """With what they still awaited."""
    task = AwaitedTask(name="t", stack=(), awaits="x", seconds=None)
    overrun = Overrun(tasks=(task,), left=(task, task), cancelled=True)
    assert text(WALL, policy=BUDGET, overrun=overrun)[3:] == [
        "2 tasks cancelled and not ended; the test ended without them",
        "  t waits for x",
        "  t waits for x",
    ]


def test_a_stuck_loop_shows_where():
    """The innermost frames, ours left out."""
    overrun = Overrun(stuck=(standard("recv"), user()))
    lines = text(WALL, policy=BUDGET, overrun=overrun)
    assert lines[1] == "the loop was blocked when the budget ended, at"
    assert lines[2].endswith("socket.py:9 in recv")
    assert f"  {FILE}:41 in test_checkout" in lines


def test_what_is_not_judged_is_one_line():
    """With what was seen, and why it does not count."""
    given = verdict(policy=BUDGET, accepted=(WALL,), starved=0.25)
    assert message(given) == ""
    (line,) = accepted_lines(given)
    why = "not judged, since a debugger stood in the test"
    assert line == f"wall clock 1.500 s, budget 1.000 s (ini); {why}"


def test_very_many_tasks_are_counted_not_listed():
    """Twenty are enough to see."""
    each = tuple(
        AwaitedTask(name="t", stack=(), awaits=f"x{n}", seconds=None) for n in range(25)
    )
    lines = text(WALL, policy=BUDGET, overrun=Overrun(tasks=each))
    assert lines[1] == "25 tasks still alive when the budget ended"
    assert (len(lines), lines[-1]) == (23, "  … and 5 more")


def test_of_many_tasks_alike_one_is_told():
    """With how many more there are; a few are told of one by one."""
    alike = (AwaitedTask(name="t", stack=(), awaits="x", seconds=None),) * 200
    other = AwaitedTask(name="u", stack=(), awaits="y", seconds=None)
    told = text(WALL, policy=BUDGET, overrun=Overrun(tasks=(*alike, other, other)))
    assert told[1:] == [
        "202 tasks still alive when the budget ended",
        "  t waits for x",
        "  … and 199 more alike",
        "  u waits for y",
        "  u waits for y",
    ]


def test_a_budget_that_cut_tasks_short_says_that_their_speedup_is_not_known():
    """Where one was promised: it is neither kept nor broken."""
    both = dataclasses.replace(
        BUDGET, budget=dataclasses.replace(BUDGET.budget, speedup=3.0)
    )
    facts = {"overrun": Overrun(cancelled=True), "cut_short": True}
    assert text(WALL, policy=both, **facts)[-1] == (
        "speedup at least 3 was promised, too, and can't be told: "
        "its tasks were cancelled before they had waited to the end"
    )
    assert not any("speedup" in line for line in text(WALL, policy=BUDGET, **facts))


def test_a_blocking_call_that_explains_an_overrun_is_shown():
    """If it cost a twentieth of the time; a quick one explains nothing."""
    slow, quick = finding(seconds=0.2), finding(line=99, seconds=0.01)
    lines = text(WALL, policy=BUDGET, findings=(slow, quick))
    assert lines[1] == "blocking call on the event loop, 0.200 s"
    assert not any(":99" in line for line in lines)


def test_what_was_lost_after_the_cancellation_is_not_told_as_forgiven():
    """So that what is left is over the budget."""
    overrun = Overrun(cancelled=True, forgiven=0.02)
    lines = text(WALL, policy=BUDGET, overrun=overrun, wall=0.235, starved=0.0418)
    assert lines[1] == "  20.0 ms of it spent waiting for a processor (forgiven)"


# ------------------------------------------------------------------ speedup


def tasks(*shares):
    return tuple(
        TaskTrace(name=f"job {n}", started=0.0, finished=1.0, running=r, waiting=w)
        for n, (r, w) in enumerate(shares)
    )


def test_a_missing_speedup_shows_both_times_and_the_timeline():
    """And why, where that can be told: what runs on the loop cannot overlap."""
    policy = Policy(budget=Budget(speedup=3.0))
    compared = Comparison(
        tasks=tasks((0.5, 0), (0.5, 0)), wall=1.0, serial=1.0, busy=1.0
    )
    slow = Violation(kind="speedup", limit=3.0, actual=1.0)
    assert text(slow, policy=policy, comparison=compared) == [
        (
            "speedup 1.00, promised at least 3: 1.000 s together, "
            "1.000 s one after another"
        ),
        (
            "  the loop itself was busy for 1.000 s of that: "
            "what runs or blocks on the loop cannot overlap"
        ),
        f"  job 0 |{'━' * 40}| running 0.500 s",
        f"  job 1 |{'━' * 40}| running 0.500 s",
    ]


def test_of_one_task_it_is_not_said_that_they_waited():
    """There is nobody for whom it could have waited."""
    compared = Comparison(tasks=tasks((0, 1.0)), wall=1.0, serial=1.0)
    slow = Violation(kind="speedup", limit=2.0, actual=1.0)
    assert text(slow, comparison=compared)[1] == (
        "  it was one task, and nothing ran beside it"
    )


def test_waiting_for_each_other_is_said():
    """Nobody ran, and yet they were not faster."""
    compared = Comparison(tasks=tasks((0, 0.5), (0, 0.5)), wall=1.0, serial=1.0)
    slow = Violation(kind="speedup", limit=1.0, actual=1.0)
    lines = text(slow, comparison=compared)
    assert lines[0].startswith("speedup 1.00, promised more than 1: ")
    assert lines[1] == (
        "  they waited for each other: a lock, a queue, one await after another; "
        "or one cut the others short"
    )


UNENDED = TaskTrace(name="job", started=0.0, finished=None)


def test_of_tasks_that_had_not_ended_it_is_not_said_that_they_waited_for_each_other():
    """Where what these awaited may be all that is missing of the promise."""
    compared = Comparison(
        tasks=(*tasks((0, 0.5), (0, 0.5)), UNENDED), wall=1.0, serial=1.0
    )
    lines = text(Violation(kind="speedup", limit=2.0, actual=1.0), comparison=compared)
    assert lines[1] == (
        "  1 of 3 tasks had not ended with it, and what these still awaited is not "
        "counted"
    )
    # One more cannot be why.
    lines = text(Violation(kind="speedup", limit=2.5, actual=1.0), comparison=compared)
    assert lines[1].startswith("  they waited for each other")


def test_a_speedup_of_tasks_that_had_not_ended_is_not_said_to_be_of_no_time():
    """They may have waited for long."""
    compared = Comparison(tasks=(UNENDED,), wall=1.0, serial=0.0)
    slow = Violation(kind="unmeasured", limit=3.0)
    assert text(slow, too_short=True, comparison=compared)[:2] == [
        (
            "speedup at least 3 was promised, and can't be told: 1 of 1 task had not "
            "ended with it, and what these still awaited is not counted"
        ),
        "  use: await them in the test",
    ]


@pytest.mark.parametrize(("forgiven", "told"), [(0.25, "0.250 s"), (0.015, "15.0 ms")])
def test_a_speedup_says_what_was_forgiven(forgiven, told):
    """Beside figures that have it taken off, and a critical path that has not."""
    compared = Comparison(
        tasks=tasks((0, 1.0), (0, 1.0)), wall=1.0, serial=2.0, forgiven=forgiven
    )
    lines = text(Violation(kind="speedup", limit=3.0, actual=2.0), comparison=compared)
    assert lines[:2] == [
        (
            "speedup 2.00, promised at least 3: 1.000 s together, "
            "2.000 s one after another"
        ),
        f"  {told} more spent waiting for a processor (forgiven)",
    ]


def test_a_speedup_of_what_takes_no_time_is_said_to_be_untold():
    """Nothing is missing on the loop's side."""
    lines = text(Violation(kind="unmeasured", limit=3.0), too_short=True)
    assert lines == [
        (
            "speedup at least 3 was promised, and can't be told: "
            "no task took as much as a millisecond"
        ),
        "  use: a budget without a speedup for this test",
    ]


def test_a_test_that_awaits_in_a_row_beside_a_short_task_is_told_what_to_write():
    """A client may start one as it connects; it is not that nothing took long."""
    compared = Comparison(tasks=tasks((0, 0.0001)), wall=0.0001, serial=0.0001)
    slow = Violation(kind="unmeasured", limit=3.0)
    assert text(slow, wall=0.4, too_short=True, comparison=compared) == [
        (
            "speedup at least 3 was promised, and can't be told: "
            "no task took as much as a millisecond, and the test 0.400 s"
        ),
        (
            "  use: asyncio.gather(...), a TaskGroup or the `concurrently` fixture; "
            "or a budget without a speedup for this test"
        ),
    ]


def test_a_speedup_of_no_tasks_says_what_to_write():
    """Instead of a number that means nothing."""
    assert text(Violation(kind="speedup", limit=2.5)) == [
        "speedup at least 2.5 was promised, but the test started no tasks",
        "  use: asyncio.gather(...), a TaskGroup or the `concurrently` fixture",
    ]


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("uvloop.Loop", "asyncio's own loop for this test"),
        (
            "asyncio.unix_events._UnixSelectorEventLoop",
            "a budget without a speedup for this test",
        ),
    ],
)
def test_on_asyncios_own_loop_nobody_is_advised_to_use_that(kind, use):
    """Its tape is full, say."""
    lacks = NotFollowed(kind=kind, missing="room on its tape for more than 9 steps")
    lines = text(Violation(kind="unmeasured", limit=3.0), not_followed=(lacks,))
    assert lines[-1] == f"  use: {use}"


# ----------------------------------------------------------------- blocking

BLOCKING = Violation(kind="blocking", limit=0.1, actual=0.25)
ERROR = Policy(blocking="error", threshold=0.1)


@pytest.mark.parametrize(
    ("count", "steps", "said"),
    [
        (1_000, 1, ", 1,000 calls in one step"),
        (1_000, 3, ", 1,000 calls in 3 steps"),
        (3, 3, ", 3 times"),
        (1, 1, ""),
    ],
)
def test_a_stall_of_many_calls_says_calls_and_steps_apart(count, steps, said):
    """A step that made a thousand calls was not stalled a thousand times."""
    found = finding(
        kind="stall",
        seconds=0.25,
        step=0.25,
        count=count,
        steps=frozenset(map(float, range(steps))),
    )
    lines = text(BLOCKING, policy=ERROR, findings=(found,))
    assert lines[0] == f"event loop stalled 0.250 s (limit 0.100 s){said}"


def test_a_known_call_says_where_what_and_what_instead(tmp_path):
    """The user's line with its source."""
    source = tmp_path / "test_source.py"
    source.write_text("import time\n    time.sleep(0.25)\n")
    found = finding(
        file=str(source),
        line=2,
        held_up=1,
        held_up_for=0.2,
        count=3,
        advice="await asyncio.sleep(...)",
    )
    assert text(BLOCKING, policy=ERROR, findings=(found,)) == [
        "blocking call on the event loop, 0.250 s, 3 times",
        f"  {source}:2 in test_checkout",
        "      time.sleep(0.25)",
        "  calls time.sleep",
        "  held up 1 other callback, 0.200 s at most",
        "  use: await asyncio.sleep(...)",
    ]


def test_a_part_of_a_stall_says_how_long_the_whole_was():
    """A headline of less than the limit would look like a mistake."""
    part = finding(kind="stall", seconds=0.05, step=0.125)
    (headline, *_) = text(BLOCKING, findings=(part,))
    assert headline == "event loop stalled 0.125 s (limit 0.100 s), 50.0 ms of it here"
    whole = finding(kind="stall", seconds=0.12, step=0.125)
    (headline, *_) = text(BLOCKING, findings=(whole,))
    assert headline == "event loop stalled 0.120 s (limit 0.100 s)"


def test_a_stall_says_its_limit_and_how_the_time_was_spent():
    """And how many it held up."""
    found = finding(
        kind="stall",
        working=0.05,
        blocked=0.15,
        starved=0.05,
        held_up=2,
        held_up_for=0.25,
    )
    assert text(BLOCKING, policy=ERROR, findings=(found,)) == [
        "event loop stalled 0.250 s (limit 0.100 s)",
        f"  {FILE}:41 in test_checkout",
        "  calls time.sleep",
        "  working 50.0 ms, blocked 0.150 s, starved 50.0 ms",
        "  held up 2 other callbacks, 0.250 s at most",
    ]


@pytest.mark.parametrize(
    ("wait", "line"),
    [
        (("recvfrom", "10.0.0.7:5432"), "waited in recvfrom on 10.0.0.7:5432"),
        (("futex", "a lock"), "waited for a lock (futex)"),
        (("wait4", "process 7"), "waited for process 7 (wait4)"),
        (("epoll_wait", None), "waited in epoll_wait"),
    ],
)
def test_what_the_kernel_waited_for_is_one_line(wait, line):
    """Of several the one that was seen most often."""
    waits = ((Wait(call=wait[0], on=wait[1]), 3), (Wait(call="read"), 1))
    found = finding(call="lib.query", kind="stall", waits=waits)
    assert text(BLOCKING, policy=ERROR, findings=(found,))[3:] == [f"  {line}"]


def test_that_a_sleep_waited_for_its_timer_is_not_said():
    """It says so already."""
    waits = ((Wait(call="clock_nanosleep", on="a timer"), 3),)
    found = finding(call="time.sleep", kind="stall", waits=waits)
    assert len(text(BLOCKING, policy=ERROR, findings=(found,))) == 3


def test_starved_time_is_told_by_its_reason():
    """Not for a few milliseconds."""
    found = finding(kind="stall", stopped=0.2, kept_out=0.3)
    assert text(BLOCKING, policy=ERROR, findings=(found,))[3:] == [
        "  for 0.200 s of that the whole process stood still",
        "  for 0.300 s of that another thread kept the interpreter",
    ]
    found = finding(kind="stall", stopped=0.01, kept_out=0.01)
    assert len(text(BLOCKING, policy=ERROR, findings=(found,))) == 3


def test_a_call_deep_in_a_library_says_where_it_ended():
    """The call that the user wrote first, then down to what."""
    found = finding(call="requests.get", via=(standard("recv"),))
    lines = list(blocking_lines(verdict(policy=ERROR, findings=(found,))))
    assert lines[2].startswith("  calls requests.get, which blocked at ")
    assert lines[2].endswith("socket.py:9 in recv")


def test_a_busy_function_called_nothing():
    """It was busy itself."""
    found = finding(call="test_orders.test_checkout", busy=True)
    lines = list(blocking_lines(verdict(findings=(found,))))
    assert lines[2] == "  test_orders.test_checkout was busy itself"


def test_a_step_that_no_sample_shows_is_said_to_call_nothing():
    """It is named by its task, which nobody calls; that it worked may be known."""
    told = {"kind": "stall", "call": "Task-7", "unseen": True}
    (_, _, line, *_) = text(BLOCKING, findings=(finding(**told),))
    assert line == "  what Task-7 did was not seen"
    (_, _, line, *_) = text(BLOCKING, findings=(finding(**told, busy=True),))
    assert line == "  Task-7 was busy itself"


def test_a_function_is_not_taken_for_a_call_of_the_same_name():
    """A helper named sleep that calls time.sleep is not busy."""
    found = finding(call="time.sleep", function="sleep")
    lines = list(blocking_lines(verdict(findings=(found,))))
    assert lines[2] == "  calls time.sleep"


def test_what_was_allowed_is_not_shown_as_a_failure():
    """Only what broke the promise."""
    found = finding(allowed="why")
    assert list(blocking_lines(verdict(findings=(found,)))) == []


def test_very_many_places_are_counted_not_listed():
    """Ten are enough to begin with."""
    found = tuple(finding(line=n) for n in range(12))
    lines = list(blocking_lines(verdict(findings=found)))
    assert sum("blocking call" in line for line in lines) == 10
    assert lines[-1] == "… and 2 more places"


def test_an_unmeasured_test_says_why_and_what_to_do():
    """Never passed by silence."""
    lines = text(Violation(kind="unmeasured"))
    assert lines[0].startswith("not measured: ")
    assert lines[-1].startswith("  use: ")


def test_each_broken_promise_has_its_lines_in_turn():
    """The first is the headline."""
    lines = text(WALL, BLOCKING, policy=ERROR, findings=(finding(),))
    assert lines[0].startswith("wall clock")
    assert lines[1].startswith("blocking call")


# ------------------------------------------------------------------ many alike


def dead(number, error="ValueError: no"):
    return DeadTask(name=f"Task-{number}", error=error, stack=(user(7, "work"),))


def test_tasks_that_died_alike_are_told_of_once_with_a_count():
    """Thirty that died of one thing at one line; another one is told of by itself."""
    died = (*map(dead, range(30)), dead(30, "KeyError: 1"))
    lines = [
        line
        for line in background_lines(verdict(died=died))
        if line.startswith("background")
    ]
    assert lines == [
        "background task Task-0 died unseen: ValueError: no; so did 29 more",
        "background task Task-30 died unseen: KeyError: 1",
    ]


def waited(seconds, line):
    return PathLink(
        task="poll",
        kind="waiting",
        seconds=seconds,
        place=Frame(file="it.py", line=line, function="poll"),
        awaited="asyncio.sleep",
    )


def test_links_of_a_critical_path_that_are_alike_are_told_of_once():
    """With their sum and a count, since a loop awaits at one line in each turn."""
    several = waited(0.3, 7).longer(0.1, times=2)
    path = (waited(0.2, 7), waited(0.2, 8), several, waited(0.01, 7))
    assert [*path_lines(verdict(critical_path=path))] == [
        "0.600 s of 0.810 s: `poll` waited for asyncio.sleep (it.py:7), 4 times",
        "0.200 s of 0.810 s: `poll` waited for asyncio.sleep (it.py:8)",
    ]


@pytest.mark.parametrize(
    ("awaited", "told"),
    [
        (None, "`ask` waited, while `handle` kept the loop"),
        ("a Future", "`ask` waited for a Future, while `handle` kept the loop"),
    ],
)
def test_of_a_wait_it_is_told_who_kept_the_loop(awaited, told):
    """That is why it was so long, whoever ended it."""
    link = PathLink(
        task="ask",
        kind="waiting",
        seconds=0.5,
        awaited=awaited,
        by="handle (Task-7)",
        kept_by="handle",
    )
    lines = [*path_lines(verdict(critical_path=(link,)))]
    assert lines == [f"0.500 s of 0.500 s: {told}"]
