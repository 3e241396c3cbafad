"""The record: the shape that reports, workers and JUnit XML all read."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_asyncbench._words import decided, promised, seen
from pytest_asyncbench._words.decided import Comparison, Finding, TaskTrace, Verdict
from pytest_asyncbench._words.promised import Budget, Policy
from pytest_asyncbench._words.seen import Elapsed, Frame, Wait

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
    via=(Frame(file="x", line=1, function="f"),),
)
COMPARISON = Comparison(tasks=(), wall=0.5, serial=2.0)


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
    record = verdict(
        policy=policy, comparison=COMPARISON, budget_met=True, findings=(FINDING,)
    ).record()
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
            }
        ],
        "unused": [],
        "steps": 7,
        "loops": [],
        "mode": "report",
        "waived": [],
        "unmeasured": False,
        "problems": [],
    }
    assert json.loads(json.dumps(record)) == record


def test_what_is_not_known_is_null():
    """A test without budget and tasks has nulls, not zeros."""
    record = verdict(elapsed=Elapsed(wall=1.0)).record()
    assert record["serial"] is record["speedup"] is record["starved"] is None
    assert record["budget"] is None
    assert record["blocking"] == []


def test_a_budget_that_was_broken_is_not_met():
    """The record says so even where only one part was promised."""
    policy = Policy(budget=Budget(within=1.0))
    record = verdict(policy=policy, budget_met=False).record()
    assert record["budget"] == {"within": 1.0, "speedup": None, "met": False}


def test_speedup_is_unknown_where_nothing_took_time():
    """Zero over zero is no number."""
    assert Comparison(tasks=(), wall=0.0, serial=0.0).speedup is None
    assert COMPARISON.speedup == 4.0


def test_errors_are_laid_over_a_comparison():
    """Each task gets its own, and the rest stays."""
    tasks = tuple(TaskTrace(name=n, started=0.0, finished=1.0) for n in "ab")
    error = ValueError()
    changed = Comparison(tasks=tasks, wall=1.0, serial=2.0).with_errors([None, error])
    assert [task.exception for task in changed.tasks] == [None, error]
    assert (changed.wall, changed.serial) == (1.0, 2.0)


@pytest.mark.parametrize(
    "kind",
    [
        each
        for module in (promised, seen, decided)
        for each in map(vars(module).get, module.__all__)
        if dataclasses.is_dataclass(each)
    ],
)
def test_every_word_is_a_frozen_value_with_a_sentence(kind):
    """Nobody changes a fact or a decision after it was made."""
    assert kind.__dataclass_params__.frozen
    assert kind.__doc__.split("\n")[0].endswith((".", ":"))
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_a_frame_is_matched_by_its_qualified_name():
    """A frame without a module still has a name."""
    frame = Frame(file="f.py", line=1, function="Cart.price", module="shop.cart")
    assert frame.qualified == "shop.cart.Cart.price"
    assert Frame(file="f.py", line=1, function="f").qualified == "f"
