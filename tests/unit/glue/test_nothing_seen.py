"""Tests in which nothing was seen are judged once, and the others each by itself."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from pytest_asyncbench._glue.nothing_seen import NothingSeen
from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Budget, Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed, Observations

QUIET = Observations(
    elapsed=Elapsed(wall=0.5, starved=0.125), steps=3, loops=("asyncio",)
)


def seen(**changes):
    return replace(QUIET, **changes)


POLICIES = [
    Policy(blocking="report", asked=True),
    Policy(blocking="error", asked=True),
    Policy(blocking="error"),
    Policy(),
    Policy(budget=Budget(within=0.25)),
    Policy(budget=Budget(speedup=2.0)),
]

_OFTEN_OTHER = {"elapsed", "steps", "loops"}

SEEN = [
    seen(),
    seen(elapsed=Elapsed(wall=0.125)),
    seen(steps=0),
    seen(steps=0, loops=()),
    seen(loops=("asyncio", "uvloop")),
    seen(elapsed=Elapsed(wall=0.5, virtual=12.0, waited=0.25)),
    seen(problems=(Problem(kind="failed", text="broken"),)),
    seen(untaken=True),
    seen(debugged=True),
    seen(),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_verdict_and_record_are_those_of_the_judge(policy):
    """Whatever was judged before; each in its turn, and all of them twice."""
    nothing_seen = NothingSeen(())
    for each in SEEN * 2:
        verdict = nothing_seen.judge(policy, each)
        assert verdict == judge(policy, each)
        assert nothing_seen.record_of(verdict) == record_of(verdict).to_json()


def test_of_those_of_which_nothing_was_seen_one_record_is_made(monkeypatch):
    """Or all of this would be in vain; of one before the last it is made anew."""
    made = []
    monkeypatch.setattr(
        "pytest_asyncbench._glue.nothing_seen.record_of",
        lambda verdict: made.append(verdict) or record_of(verdict),
    )
    nothing_seen = NothingSeen(())
    first, second = (
        nothing_seen.judge(POLICIES[0], seen(steps=steps)) for steps in (1, 2)
    )
    nothing_seen.record_of(second)
    assert len(made) == 1
    nothing_seen.record_of(first)
    assert made[1:] == [first]


def test_under_a_budget_those_that_were_in_time_are_judged_once(monkeypatch):
    """What no budget is broken by is not looked at; who was late is judged anew."""
    judged = []
    monkeypatch.setattr(
        "pytest_asyncbench._glue.nothing_seen.judge",
        lambda policy, seen, rules: judged.append(seen) or judge(policy, seen, rules),
    )
    nothing_seen = NothingSeen(())
    policy = Policy(budget=Budget(within=0.25))
    in_time = seen(elapsed=Elapsed(wall=0.125))
    for each in (in_time, in_time, QUIET):
        nothing_seen.judge(policy, each)
    assert judged == [in_time, QUIET]


def test_other_policies_are_judged_by_themselves():
    nothing_seen = NothingSeen(())
    for policy in [*POLICIES, *POLICIES]:
        assert nothing_seen.judge(policy, QUIET) == judge(policy, QUIET)


@pytest.mark.parametrize(
    "field",
    sorted({each.name for each in fields(Observations)} - _OFTEN_OTHER),
)
def test_whatever_else_was_seen_is_judged_by_itself(monkeypatch, field):
    """A field that is added to what is seen is among them, too."""
    judged = []
    monkeypatch.setattr(
        "pytest_asyncbench._glue.nothing_seen.judge",
        lambda policy, seen, rules: judged.append(seen) or judge(policy, QUIET),
    )
    other = seen()
    vars(other)[field] = "something else"
    nothing_seen = NothingSeen(())
    for each in (QUIET, seen(steps=5)):
        nothing_seen.judge(POLICIES[0], each)
    assert judged == [QUIET]
    nothing_seen.judge(POLICIES[0], other)
    assert judged[1:] == [other]
