"""The record: what is told of a test, as a value and as JSON."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from by_hand import library, standard, user

from pytest_asyncbench._words.decided import (
    Comparison,
    Finding,
    Holds,
    TaskTrace,
    TookTurns,
    Verdict,
    Violation,
)
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Allowance, Budget, Policy
from pytest_asyncbench._words.record import Record, record_of
from pytest_asyncbench._words.seen import (
    AwaitedTask,
    Elapsed,
    Frame,
    NotFollowed,
    Overrun,
    Wait,
)

FINDING = Finding(
    kind="call",
    call="time.sleep",
    file="shop/pricing.py",
    line=88,
    function="price_of",
    seconds=0.25,
    working=0.01,
    blocked=0.24,
    starved=0.0,
    stopped=0.0,
    kept_out=0.0,
    waits=((Wait(call="recvfrom", on="127.0.0.1:5432"), 4),),
    held_up=3,
    held_up_for=0.2,
    count=2,
    allowed=None,
    advice="await asyncio.sleep(...)",
    holds=Holds(way="shares", longest=0.005),
    via=(Frame(file="x", line=1, function="f"),),
)
TASKS = (
    TaskTrace(name="one", started=100.0, finished=100.5, running=0.1, waiting=0.4),
    TaskTrace(name="two", started=100.0, finished=None),
)
COMPARISON = Comparison(tasks=TASKS, wall=0.5, serial=2.0)
LINE = Frame(file="shop/orders.py", line=41, function="pay")
OVERRUN = Overrun(
    tasks=(
        AwaitedTask(name="the test", stack=(), awaits="Task-7", seconds=0.3),
        AwaitedTask(
            name="Task-7",
            stack=(standard(), library(), LINE, user()),
            awaits="a Future",
            seconds=None,
        ),
    ),
    stuck=(LINE, user()),
    left=(AwaitedTask(name="Task-8", stack=(), awaits="x", seconds=1.0),),
    cancelled=True,
)
PROBLEMS = (
    Problem(kind="failed", text="it fell over"),
    Problem(kind="absent", target="time.slep", text="rule 'time.slep': no such name"),
)
BROKEN = (
    Violation(kind="wall", limit=0.5, actual=0.75),
    Violation(kind="speedup", limit=3.0),
)


def full():
    """A verdict in which each field has something to say."""
    return verdict(
        policy=Policy(
            budget=Budget(within=0.5, speedup=3.0),
            blocking="error",
            allow=(Allowance(caller="*", call="x", reason="r", source="marker"),),
        ),
        loops=("asyncio.Loop",),
        comparison=COMPARISON,
        budget_met=False,
        findings=(FINDING, dataclasses.replace(FINDING, allowed="why", step=0.25)),
        violations=BROKEN,
        accepted=(Violation(kind="wall"),),
        overrun=OVERRUN,
        problems=PROBLEMS,
        not_followed=(NotFollowed(kind="loops.Other", missing="_ready"),),
        took_turns=TookTurns(threads=12, least=0.005, most=0.04, count=7),
    )


def verdict(**facts):
    given = {
        "policy": Policy(),
        "elapsed": Elapsed(wall=1.5, starved=0.125),
        "steps": 7,
        **facts,
    }
    return Verdict(**given)


def test_the_record_has_the_documented_shape():
    """Every documented field is there, under its name, with JSON's own types."""
    policy = Policy(budget=Budget(within=2.0, speedup=3.0), blocking="report")
    record = record_of(
        verdict(
            policy=policy, comparison=COMPARISON, budget_met=True, findings=(FINDING,)
        )
    ).to_json()
    assert record == {
        "version": 1,
        "wall": 1.5,
        "serial": 2.0,
        "speedup": 4.0,
        "starved": 0.125,
        "virtual": None,
        "budget": {"within": 2.0, "speedup": 3.0, "met": True},
        "blocking": [
            {
                "kind": "call",
                "call": "time.sleep",
                "file": "shop/pricing.py",
                "line": 88,
                "function": "price_of",
                "seconds": 0.25,
                "step": None,
                "working": 0.01,
                "blocked": 0.24,
                "starved": 0.0,
                "stopped": 0.0,
                "kept_out": 0.0,
                "waits": [{"call": "recvfrom", "on": "127.0.0.1:5432", "seen": 4}],
                "held_up": 3,
                "held_up_for": 0.2,
                "count": 2,
                "allowed": None,
                "allowance": None,
                "advice": "await asyncio.sleep(...)",
                "fingerprint": "price_of > time.sleep",
                "sampled": False,
                "baseline": None,
                "interpreter": "shares",
                "handed": None,
            }
        ],
        "unused": [],
        "steps": 7,
        "loops": [],
        "mode": "report",
        "waived": [],
        "unmeasured": False,
        "problems": [],
        "problem_parts": [],
        "not_followed": [],
        "violations": [],
        "together": 0.5,
        "too_short": False,
        "budget_setup": None,
        "budget_teardown": None,
        "repeated": None,
        "died": [],
        "overrun": None,
        "near_stalls": [],
        "what_if": [],
        "critical_path": [],
        "waited": None,
        "timeline": None,
        "debugged": False,
        "schedules": None,
        "courses": None,
        "cancellations": None,
        "leaks": [],
        "took_turns": None,
        "cut_short": False,
    }
    assert json.loads(json.dumps(record)) == record


def test_what_is_not_known_is_null():
    """A test without budget and tasks has nulls, not zeros."""
    record = record_of(verdict(elapsed=Elapsed(wall=1.0))).to_json()
    assert record["serial"] is record["speedup"] is record["starved"] is None
    assert record["budget"] is None
    assert record["blocking"] == []


def test_a_budget_that_was_broken_is_not_met():
    """The record says so even where only one part was promised."""
    policy = Policy(budget=Budget(within=1.0))
    record = record_of(verdict(policy=policy, budget_met=False)).to_json()
    assert record["budget"] == {"within": 1.0, "speedup": None, "met": False}


# ---------------------------------------------------------------- what it gained


def test_what_broke_a_budget_is_told_with_limit_and_actual():
    """Null where nothing could be measured; the first gives the failure its name."""
    assert record_of(full()).to_json()["violations"] == [
        {"kind": "wall", "limit": 0.5, "actual": 0.75},
        {"kind": "speedup", "limit": 3.0, "actual": None},
    ]


def test_who_was_alive_is_told_with_what_each_awaited_and_where():
    """At the user's line, whatever of a library's awaits further in."""
    the_test, task = record_of(full()).to_json()["overrun"]["alive"]
    assert the_test == {
        "name": "the test",
        "awaits": "Task-7",
        "seconds": 0.3,
        "place": None,
    }
    assert task == {
        "name": "Task-7",
        "awaits": "a Future",
        "seconds": None,
        "place": {"file": "shop/orders.py", "line": 41, "function": "pay"},
    }


def test_a_task_that_is_a_librarys_alone_has_that_place():
    """Better than none."""
    task = AwaitedTask(name="t", stack=(library(line=7),), awaits="x", seconds=None)
    record = record_of(verdict(overrun=Overrun(tasks=(task,))))
    assert record.overrun.alive[0].place.line == 7


def test_where_the_loop_was_stuck_is_told_innermost_first():
    """As the stack was when the budget ended."""
    stuck = record_of(full()).to_json()["overrun"]["stuck"]
    assert [place["line"] for place in stuck] == [41, user().line]


def test_of_ten_thousand_tasks_a_hundred_are_told_and_all_are_counted():
    """A record goes into JUnit XML, and through the wire from a worker."""
    task = AwaitedTask(name="t", stack=(), awaits="x", seconds=None)
    overrun = record_of(verdict(overrun=Overrun(tasks=(task,) * 10_000))).overrun
    assert (len(overrun.alive), overrun.count) == (100, 10_000)


def test_a_problem_is_a_sentence_and_its_parts():
    """Who reads the record need not take the sentence apart."""
    record = record_of(full())
    assert record.problems == (
        "it fell over",
        "not watched: rule 'time.slep': no such name",
    )
    assert record.problem_parts == PROBLEMS


def test_the_moments_of_a_timeline_are_in_the_value_only():
    """They are of a clock that means nothing in another process."""
    record = record_of(full())
    assert record.tasks == TASKS
    assert "tasks" not in record.to_json()


# -------------------------------------------------------------- there and back


@pytest.mark.parametrize("given", [verdict, full])
def test_a_record_comes_back_as_it_was(given):
    """All but what is of the value only."""
    record = record_of(given())
    back = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert back == dataclasses.replace(record, tasks=())
    assert back.to_json() == record.to_json()


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(odd):
    """JSON has no word for it, and other readers than Python's refuse ours."""
    record = record_of(
        verdict(
            comparison=Comparison(tasks=(), wall=1.0, serial=odd),
            violations=(Violation(kind="speedup", limit=odd, actual=odd),),
            overrun=Overrun(
                tasks=(AwaitedTask(name="t", stack=(), awaits="x", seconds=odd),),
                farthest=odd,
            ),
        )
    )
    assert record.serial is record.speedup is None
    assert json.dumps(record.to_json(), allow_nan=False)


def test_what_a_later_version_adds_is_passed_over():
    """At every depth."""
    written = record_of(full()).to_json()
    expected = Record.from_json(written)
    written["added_later"] = {}
    written["budget"]["setup"] = 1.0
    written["overrun"]["alive"][0]["since"] = 2.0
    assert Record.from_json(written) == expected


def test_what_an_earlier_one_lacked_is_as_if_nothing_had_been():
    """Fields that were added have a default."""
    written = record_of(verdict()).to_json()
    for name in ("problem_parts", "violations", "overrun"):
        del written[name]
    assert Record.from_json(written) == record_of(verdict())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"version": 2}, "it is of version 2; known here is 1"),
        ({"wall": "long"}, "record.wall is 'long', which is no float"),
        ({"wall": None}, "record.wall is None, which is no float"),
        ({"steps": True}, "record.steps is True, which is no int"),
        ({"loops": "x"}, "record.loops is 'x', which is no list"),
        ({"budget": {"within": 1}}, "record.budget lacks 'speedup'"),
        ({"blocking": [3]}, "record.blocking is 3, which is no object"),
    ],
)
def test_what_is_no_record_is_refused(changed, error):
    """With the place and the reason, before anything is made of it."""
    with pytest.raises(ValueError, match=error):
        Record.from_json({**record_of(verdict()).to_json(), **changed})


@pytest.mark.parametrize("json", [[], None, "x"])
def test_what_is_no_object_is_no_record(json):
    """A property of this name may be somebody else's."""
    with pytest.raises(ValueError, match="which is no object"):
        Record.from_json(json)


def test_a_record_without_a_version_is_refused():
    """Nothing says then what its fields mean."""
    with pytest.raises(ValueError, match="record lacks 'version'"):
        Record.from_json({})
