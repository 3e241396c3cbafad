"""What is looked back on once a test is judged never changes what was judged."""

from __future__ import annotations

import pytest

from pytest_asyncbench._glue import hindsight
from pytest_asyncbench._glue.hindsight import with_hindsight
from pytest_asyncbench._words.decided import (
    Comparison,
    Finding,
    TaskTrace,
    Verdict,
    Violation,
)
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Elapsed


class Broken:
    """A group that can't be read."""

    def whole(self):
        raise ValueError("broken")


def verdict(*broken, **facts):
    return Verdict(
        policy=Policy(), elapsed=Elapsed(wall=1.0), steps=1, violations=broken, **facts
    )


def stall(allowed):
    place = {"file": "a.py", "line": 1, "function": "f"}
    facts = {"kind": "stall", "call": "time.sleep", "step": 0.5, "allowed": allowed}
    return Finding(**place, **facts, seconds=0.5)


def test_a_failure_of_ours_is_told_and_the_verdict_stands():
    """It is a problem of the plugin's, beside the broken promise."""
    problems = []
    judged = verdict(Violation(kind="wall", limit=0.5, actual=1.0))
    assert with_hindsight(judged, Broken(), problems.append) is judged
    assert [each.text for each in problems] == [
        "can't look back on the test: ValueError('broken')"
    ]


def test_nobody_looks_back_on_a_test_that_kept_its_promises():
    """Nothing is worked out where nobody would read it."""
    problems = []
    judged = verdict()
    assert with_hindsight(judged, Broken(), problems.append) is judged
    assert problems == []


def test_nobody_looks_back_on_what_is_accepted():
    """Its place is not told of, so *if this were awaited* would be of nothing."""
    problems = []
    judged = verdict(findings=(stall("a module is imported once"),))
    with_hindsight(judged, Broken(), problems.append)
    assert problems == []
    with_hindsight(verdict(findings=(stall(None),)), Broken(), problems.append)
    assert len(problems) == 1


class Whole:
    """A group that is read as one."""

    def whole(self):
        return self


def test_two_are_said_to_be_no_more_than_twice_as_fast(monkeypatch):
    """However much of what would be gained was starved, and so is forgiven already."""
    monkeypatch.setattr(hindsight, "saved", lambda whole, cases: [1.7])
    two = [TaskTrace(name="a", started=0.0, finished=2.0, running=1.0)] * 2
    compared = Comparison(tasks=two, wall=1.8, serial=1.8, forgiven=0.2)
    slow = Violation(kind="speedup", limit=2.0, actual=1.0)
    monkeypatch.setattr(hindsight, "_path", lambda whole: ())
    judged = verdict(slow, comparison=compared, findings=(stall(None),))
    (case,) = with_hindsight(judged, Whole(), pytest.fail).what_if
    assert (case.together, case.speedup) == (pytest.approx(0.9), pytest.approx(2.0))
