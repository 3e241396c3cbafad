"""``budget(setup=, teardown=)`` and their settings: what a test's fixtures may take."""

from __future__ import annotations

import json

import pytest

SUITE = """
import asyncio, threading
import pytest

@pytest.fixture
async def hangs():
    await asyncio.sleep(60)
    yield "never"

@pytest.fixture
async def hangs_at_the_end():
    yield "early"
    await asyncio.sleep(60)

@pytest.fixture
def runs_a_loop():
    asyncio.run(asyncio.sleep(60))

@pytest.fixture
def stands():
    threading.Event().wait(0.3)

@pytest.fixture
async def quick():
    await asyncio.sleep(0)
    yield "quick"
    await asyncio.sleep(0)

@pytest.mark.budget(setup="200ms")
async def test_hangs(hangs):
    pass

@pytest.mark.budget(setup="200ms")
async def test_hangs_again(hangs):
    pass

@pytest.mark.budget(teardown="200ms")
async def test_at_the_end(hangs_at_the_end):
    pass

@pytest.mark.budget(setup="200ms")
async def test_runs_a_loop(runs_a_loop):
    pass

@pytest.mark.budget(setup="200ms")
def test_stands(stands):
    pass

@pytest.mark.budget("40s", setup="50s", teardown="60s")
async def test_quick(quick):
    assert quick == "quick"

@pytest.mark.budget("30s")
async def test_only_the_call(stands):
    pass
"""

IN_TIME = ("test_quick", "test_only_the_call")


@pytest.fixture
def suite(play):
    return play(SUITE)


def records(told):
    """Give each of a test's records: a later report's may say more."""
    properties = [pair for each in told.reports for pair in each["properties"]]
    return [json.loads(value) for name, value in properties if name == "asyncbench"]


def test_a_fixture_that_hangs_ends_at_its_budget(suite):
    """The test is an error in the phase that was too long, and the others are whole."""
    ended = {n: outcome for n, outcome in suite.outcomes.items() if n not in IN_TIME}
    assert ended == dict.fromkeys(ended, "error")
    assert len(ended) == 5
    for name in IN_TIME:
        assert suite[name].outcome == "passed"


@pytest.mark.parametrize("name", ["test_hangs", "test_hangs_again"])
def test_the_failure_says_what_the_fixture_awaits(suite, name):
    """Also for the second test that wants it, for which it is set up anew."""
    lines = suite[name].lines
    assert lines[0].startswith("wall clock ")
    assert lines[0].endswith(" in the fixtures' set-up, budget 0.200 s (marker)")
    assert "await asyncio.sleep(60)" in lines
    assert any(line.endswith("in hangs") for line in lines)


def test_a_sync_fixture_that_runs_a_loop_is_ended(suite):
    """By the tasks of that loop."""
    lines = suite["test_runs_a_loop"].lines
    assert lines[1 + ("forgiven" in lines[1])].startswith("1 task still alive")


def test_a_sync_fixture_that_runs_none_is_judged_at_its_end(suite):
    """The failure shows where it stood when the budget was over."""
    lines = suite["test_stands"].lines
    assert lines[0].endswith("budget 0.200 s (marker)")
    assert "threading.Event().wait(0.3)" in lines


def test_the_teardown_has_a_budget_of_its_own(suite):
    """The test itself has passed; that it was torn down too slowly is an error."""
    told = suite["test_at_the_end"]
    assert [report["outcome"] for report in told.reports] == [
        "passed",
        "passed",
        "failed",
    ]
    assert told.lines[0].startswith("wall clock ")
    assert " in the fixtures' teardown, budget " in told.lines[0]
    assert "await asyncio.sleep(60)" in told.lines


def test_the_record_says_which_phase_broke_its_promise(suite):
    """Whatever the call has kept."""
    for name, phase in (("test_hangs", "setup"), ("test_at_the_end", "teardown")):
        record = records(suite[name])[-1]
        (broken,) = record["violations"]
        assert broken["kind"] == phase
        assert broken["limit"] == record[f"budget_{phase}"] == 0.2 < broken["actual"]
        assert record["budget"] is None
        assert record["overrun"]["cancelled"]
    assert records(suite["test_hangs"])[-1]["wall"] == 0
    kept = records(suite["test_quick"])[-1]
    assert kept["violations"] == []
    assert (kept["budget_setup"], kept["budget_teardown"]) == (50, 60)
    assert kept["budget"] == {"within": 40, "speedup": None, "met": True}


OF_ALL = """
import asyncio
import pytest

@pytest.fixture
async def hangs():
    await asyncio.sleep(60)

@pytest.fixture
async def hangs_at_the_end():
    yield
    await asyncio.sleep(60)

async def test_hangs(hangs):
    pass

@pytest.mark.budget(setup="300ms")
async def test_own(hangs):
    pass

async def test_at_the_end(hangs_at_the_end):
    pass
"""


def test_the_settings_hold_for_every_async_test(play_once):
    """A test's own wins, and the command line over the ini file."""
    ini = "asyncbench_budget_setup = 1h\nasyncbench_budget_teardown = 250ms"
    run = play_once(OF_ALL, "--asyncbench-budget-setup=0.2", ini=ini)
    assert set(run.outcomes.values()) == {"error"}
    assert run["test_hangs"].lines[0].endswith("budget 0.200 s (command line)")
    assert run["test_own"].lines[0].endswith("budget 0.300 s (marker)")
    assert run["test_at_the_end"].lines[0].endswith("budget 0.250 s (ini)")


def test_none_takes_the_settings_back(play_once):
    """And what is no duration ends the run before the first test."""
    ini = "asyncbench_budget_setup = 1us\nasyncbench_budget_teardown = 1us"
    none = ("--asyncbench-budget-setup=none", "--asyncbench-budget-teardown=none")
    assert play_once(QUICK, *none, ini=ini).outcomes == {"test_quick": "passed"}
    assert play_once(QUICK, ini=ini).outcomes == {"test_quick": "error"}
    run = play_once(QUICK, ini="asyncbench_budget_setup = soon")
    assert run.status == 4
    assert "asyncbench (ini): budget_setup: 'soon' is no duration" in run.err


QUICK = """
import asyncio

async def test_quick():
    await asyncio.sleep(0)
"""
