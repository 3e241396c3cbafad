"""What a run tells of the tests that it still learns."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pytest_asyncbench._glue.history import Historian
from pytest_asyncbench._glue.properties import PROPERTY
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.promised import Budget, Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed

AUTO = Policy(budget=Budget(auto=True), history_mode="read")
KNOWN = "t.py::known"


def told_of(nodeid, budget=None, steps=1):
    """Have a run of one test end, and give what it tells."""
    experience = SimpleNamespace(budget_of={KNOWN: Budget(within=1.0)}.get)
    historian = Historian(
        AUTO, experience, SimpleNamespace(identity="one", partial="-k")
    )
    verdict = Verdict(
        policy=Policy(budget=budget), elapsed=Elapsed(wall=1.0), steps=steps
    )
    text = json.dumps(record_of(verdict).to_json())
    historian.pytest_runtest_logreport(
        SimpleNamespace(
            nodeid=nodeid,
            passed=True,
            when="teardown",
            user_properties=[(PROPERTY, text)],
        )
    )
    historian.pytest_sessionfinish(pytest.ExitCode.OK)
    return historian.lines()


@pytest.mark.parametrize("budget", [None, Budget(speedup=2.0)])
def test_who_has_no_time_for_lack_of_runs_is_told_of(budget):
    """Also where a speedup is written."""
    (line,) = told_of("t.py::new", budget)
    assert line.startswith("budget auto: 1 test with fewer than 10 passed runs on this")


def test_who_is_held_or_has_nothing_to_learn_is_not_counted():
    """It has a time of its own, enough is known, or it has run no loop."""
    assert told_of("t.py::new", Budget(within=60.0)) == []
    assert told_of(KNOWN) == []
    assert told_of("t.py::sync", steps=0) == []
