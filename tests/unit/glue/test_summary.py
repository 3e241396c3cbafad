"""The summary of a run, which is made of the records that reports carry."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

from pytest_asyncbench._glue.properties import RecordWriter
from pytest_asyncbench._glue.summary import Summary
from pytest_asyncbench._words.decided import Finding, TookTurns, Verdict
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed

OFF = Policy()


def property_of(verdict):
    """Give the property that carries the record of a verdict."""
    return RecordWriter().property_of(record_of(verdict).to_json())


def told_of(*properties, policy=OFF):
    """Give the lines of a summary that has heard of one test with these properties."""
    summary = Summary(policy)
    report = SimpleNamespace(nodeid="t.py::x", when="teardown")
    report.user_properties = [*properties]
    summary.pytest_runtest_logreport(report)
    return list(summary.lines())


def test_a_record_that_can_not_be_read_is_told_and_stops_nothing():
    """A worker may have another version of the plugin; the run's outcomes stand."""
    assert told_of(("asyncbench", json.dumps({"version": 2}))) == [
        "0 tests and 0 steps measured",
        "not read: the record of t.py::x: it is of version 2; known here is 1",
    ]
    assert told_of(("asyncbench", "no JSON at all"))[1].startswith("not read: ")


def test_properties_of_others_are_none_of_ours():
    """Also one of our name that holds something else than a text."""
    assert told_of(("speed", "fast"), ("asyncbench", 3)) == []


def test_a_test_that_was_not_measured_is_not_counted_as_measured():
    """It is told of once, by its name."""
    verdict = Verdict(policy=OFF, elapsed=Elapsed(wall=1.0), steps=0, unmeasured=True)
    assert told_of(property_of(verdict))[:2] == [
        "0 tests and 0 steps measured",
        "not measured: t.py::x asked to be watched, and no step was seen",
    ]


def test_threads_that_took_turns_are_told_once_for_their_test():
    """With how late they made its loop, and how many they were."""
    turns = TookTurns(threads=12, least=0.005, most=0.04, count=31)
    verdict = Verdict(policy=OFF, elapsed=Elapsed(wall=1.0), steps=1, took_turns=turns)
    assert told_of(property_of(verdict)) == [
        "1 test and 1 step measured",
        "late by 5 to 40 ms, 12 threads took turns: t.py::x",
    ]


def test_what_virtual_time_saved_is_the_virtual_less_the_wall_of_each_test():
    """Though their records are alike else: 10 - 2 and 10 - 0.5 s."""
    both = [
        Verdict(policy=OFF, elapsed=Elapsed(wall=wall, virtual=10.0), steps=1)
        for wall in (2.0, 0.5)
    ]
    lines = told_of(*map(property_of, both), policy=replace(OFF, virtual_time="on"))
    assert "virtual time saved 17.5 s of real time in 1 test" in lines


def test_a_rule_that_is_not_watched_is_no_failure_of_ours():
    """Each kind of problem is told by its kind, not by how its text begins."""
    problems = (
        Problem(kind="failed", text="not watched: by mistake"),
        Problem(kind="unwrappable", target="os.sep", text="rule 'os.sep': no call"),
    )
    verdict = Verdict(
        policy=Policy(), elapsed=Elapsed(wall=1.0), steps=1, problems=problems
    )
    assert told_of(property_of(verdict))[1:] == [
        "pytest-asyncbench itself failed: not watched: by mistake; outcomes stand",
        "not watched: rule 'os.sep': no call",
    ]


def test_it_fits_a_screen_whatever_there_is_to_tell():
    """Of each kind the first few, and how many more there are; `all` tells them all."""
    problems = tuple(
        Problem(kind="absent", target=f"m{number}", text=f"no m{number}")
        for number in range(30)
    )
    findings = tuple(
        Finding(
            kind="call",
            call="time.sleep",
            file="/home/user/shop.py",
            line=number,
            function="f",
            seconds=0.1,
            advice="x",
            allowed=f"reason {number}" if number % 2 else None,
        )
        for number in range(60)
    )
    policy = Policy(blocking="report")
    verdict = Verdict(
        policy=policy,
        elapsed=Elapsed(wall=1.0),
        steps=1,
        findings=findings,
        problems=problems,
        unmeasured=True,
    )
    told = property_of(verdict)
    lines = told_of(told, policy=policy)
    assert len(lines) <= 21
    assert sum("more (--asyncbench-summary=all)" in line for line in lines) == 3
    whole = told_of(told, policy=replace(policy, summary="all"))
    assert len(whole) == 1 + 1 + 60 + 30 + 30 + 1 + 1
