"""The `blocking_calls` fixture: a list that grows, and places that are fine."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, select, time
import pytest
from pytest_asyncbench import Finding, PolicyError

async def test_live(blocking_calls):
    assert len(blocking_calls) == 0
    assert not blocking_calls
    time.sleep(0.001)
    await asyncio.sleep(0)
    (call,) = blocking_calls
    assert isinstance(call, Finding)
    assert (call.call, call.kind, call.function) == ("time.sleep", "call", "test_live")
    assert blocking_calls[0] == call
    time.sleep(0.001)
    await asyncio.sleep(0)
    assert len(blocking_calls) == 2
    assert "time.sleep" in repr(blocking_calls)

async def test_clear(blocking_calls):
    time.sleep(0.001)
    await asyncio.sleep(0)
    blocking_calls.clear()
    assert list(blocking_calls) == []

@pytest.mark.no_blocking
async def test_cleared_does_not_count(blocking_calls):
    time.sleep(0.001)
    await asyncio.sleep(0)
    blocking_calls.clear()

@pytest.mark.no_blocking
async def test_cleared_in_its_step(blocking_calls):
    for _ in range(2):
        time.sleep(0.15)
        blocking_calls.clear()
    await asyncio.sleep(0)

@pytest.mark.no_blocking
async def test_clearing_ends_at_once(blocking_calls):
    blocking_calls.clear()
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_allowed(blocking_calls):
    with blocking_calls.allowed("warms up"):
        time.sleep(0.001)
    await asyncio.sleep(0)
    assert [call.allowed for call in blocking_calls] == ["warms up"]

@pytest.mark.no_blocking
async def test_allowed_ends(blocking_calls):
    with blocking_calls.allowed("warms up"):
        await asyncio.sleep(0)
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_paused(blocking_calls):
    with blocking_calls.paused():
        time.sleep(0.15)
    await asyncio.sleep(0)
    assert list(blocking_calls) == []

@pytest.mark.no_blocking
async def test_paused_ends_on_an_error(blocking_calls):
    with pytest.raises(KeyError), blocking_calls.paused():
        raise KeyError
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_only(blocking_calls):
    time.sleep(0.001)
    for _ in range(2):
        with blocking_calls.only(), blocking_calls.only():
            select.select([], [], [], 0.001)
            await asyncio.sleep(0)
        time.sleep(0.15)
        await asyncio.sleep(0)
    assert [call.call for call in blocking_calls] == ["select.select"]

@pytest.mark.no_blocking
async def test_only_what_is_fine(blocking_calls):
    time.sleep(0.001)
    with pytest.raises(KeyError), blocking_calls.only():
        raise KeyError
    time.sleep(0.15)

async def test_equal(blocking_calls):
    assert blocking_calls == [] == list(blocking_calls)
    assert not blocking_calls != ()
    time.sleep(0.001)
    await asyncio.sleep(0)
    assert blocking_calls == list(blocking_calls) != []
    assert blocking_calls != None

async def test_shown(blocking_calls):
    time.sleep(0.001)
    await asyncio.sleep(0)
    assert blocking_calls == []

async def test_no_reason(blocking_calls):
    for wrong in ("", "  ", None):
        with pytest.raises(PolicyError, match="is no reason"):
            blocking_calls.allowed(wrong)

async def test_only_listed(blocking_calls):
    time.sleep(0.15)

@pytest.mark.no_blocking
async def test_both(blocking_calls):
    time.sleep(0.001)
    await asyncio.sleep(0)
    assert len(blocking_calls) == 1

def test_sync(blocking_calls):
    async def main():
        time.sleep(0.001)
    asyncio.run(main())
    assert [call.function.rpartition(".")[2] for call in blocking_calls] == ["main"]

@pytest.fixture
async def accepting(blocking_calls):
    yield
    with blocking_calls.allowed("flushes at the end"):
        time.sleep(0.001)

@pytest.mark.no_blocking
async def test_accepted_in_teardown(accepting):
    await asyncio.sleep(0)

@pytest.fixture
async def curious(blocking_calls):
    yield
    time.sleep(0.001)
    await asyncio.sleep(0)
    list(blocking_calls)

@pytest.fixture
async def clearing(blocking_calls):
    yield
    blocking_calls.clear()
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_cleared_in_teardown(clearing, blocking_calls):
    with blocking_calls.allowed("warms up"):
        time.sleep(0.001)

@pytest.mark.no_blocking
async def test_cleared_within_a_run(concurrently, blocking_calls):
    time.sleep(0.001)
    await asyncio.sleep(0)
    async def one():
        blocking_calls.clear()
        with blocking_calls.allowed("warms up"):
            time.sleep(0.001)
    run = await concurrently(one())
    assert [call.allowed for call in run.blocking] == ["warms up"]

@pytest.mark.no_blocking
async def test_looked_at_in_teardown(curious):
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_every_use_is_right(suite):
    """What each inner test asserts holds; those that block unaccepted fail."""
    outcomes = suite.outcomes
    wrong = {n for n, outcome in outcomes.items() if outcome == "failed"}
    assert wrong == {
        "test_clearing_ends_at_once",
        "test_allowed_ends",
        "test_paused_ends_on_an_error",
        "test_both",
        "test_only",
        "test_shown",
    }


def test_asking_for_the_fixture_reports_and_does_not_fail(suite):
    """It is on as `report`: a section, a record, no failure."""
    told = suite["test_only_listed"]
    assert told.outcome == "passed"
    assert "event loop stalled" in told.sections
    assert [entry["call"] for entry in told.record["blocking"]] == ["time.sleep"]


def test_cleared_calls_are_not_in_the_record(suite):
    """They do not count against the test either."""
    assert suite["test_cleared_does_not_count"].record["blocking"] == []
    assert suite["test_cleared_in_its_step"].record["blocking"] == []


def test_only_what_blocks_in_the_block_counts(suite):
    """However often it is entered, and nothing before, between or after."""
    (entry,) = suite["test_only"].record["blocking"]
    assert (entry["call"], entry["count"]) == ("select.select", 2)
    assert suite["test_only_what_is_fine"].record["blocking"] == []


def test_an_assertion_on_the_list_shows_places(suite):
    """And no raw values."""
    text = suite["test_shown"].text
    assert "<time.sleep at test_it.py:" in text
    assert "Finding(" not in text


def test_a_block_holds_in_a_fixtures_teardown(suite):
    """What blocks there is judged after the test, with the same blocks."""
    assert suite["test_accepted_in_teardown"].outcome == "passed"


def test_what_blocks_after_a_clear_counts_wherever_that_was(suite):
    """What was there before is no measure of what has been added since."""
    assert suite["test_cleared_in_teardown"].outcome == "error"
    assert suite["test_cleared_within_a_run"].outcome == "passed"


def test_looking_at_the_list_changes_no_verdict(suite):
    """Not even in a teardown."""
    assert suite["test_looked_at_in_teardown"].outcome == "error"


def test_a_lack_of_reason_is_told_at_the_tests_line(play_once):
    """No line of the plugin's is shown."""
    run = play_once(
        """
        def test_no_reason(blocking_calls):
            with blocking_calls.allowed(""):
                pass
        """
    )
    text = run["test_no_reason"].text
    assert "'' is no reason; say why blocking is fine here" in text
    assert "test_it.py:2: PolicyError" in text
    assert "pytest_asyncbench/" not in text.replace("\\", "/")
