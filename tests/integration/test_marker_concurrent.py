"""``@pytest.mark.concurrent``: the test's own body, many times at once, in one loop."""

from __future__ import annotations

import re

import pytest

SUITE = """
import asyncio, contextvars, time
import pytest

COUNT = contextvars.ContextVar("count", default=0)

@pytest.fixture
def shared():
    return []

@pytest.mark.concurrent(40)
async def test_meet(shared):
    shared.append(asyncio.get_running_loop())
    COUNT.set(COUNT.get() + 1)
    while len(shared) < 40:
        await asyncio.sleep(0.001)
    assert len(set(shared)) == 1
    assert COUNT.get() == 1
    await asyncio.sleep(0.05)

@pytest.mark.concurrent(3)
async def test_all_fail(shared):
    shared.append(1)
    number = len(shared)
    await asyncio.sleep(0.01 * number)
    assert number == 0, f"I was number {number}"

@pytest.mark.concurrent(4)
async def test_one_fails(shared):
    shared.append(1)
    number = len(shared)
    await asyncio.sleep(0.05)
    assert number != 3

@pytest.mark.concurrent(3)
async def test_one_skips_and_one_fails(shared):
    shared.append(1)
    number = len(shared)
    if number == 1:
        pytest.skip("not for the first")
    assert number != 3, "I am the third"

@pytest.mark.concurrent(2)
async def test_all_skip():
    pytest.skip("not today")

@pytest.mark.concurrent(3)
async def test_blocking():
    time.sleep(0.3)

@pytest.mark.concurrent(3)
@pytest.mark.budget(speedup=None)
async def test_blocking_is_promised():
    time.sleep(0.02)

@pytest.mark.budget(30, speedup=2)
class TestAsPromised:
    @pytest.mark.concurrent(3)
    @pytest.mark.budget(speedup=None)
    async def test_no_speedup_is_promised(self):
        time.sleep(0.02)

@pytest.mark.concurrent(40)
@pytest.mark.budget(30, speedup=3)
async def test_fast():
    await asyncio.sleep(0.1)

@pytest.mark.concurrent(3)
@pytest.mark.budget(0.15)
async def test_hung():
    await asyncio.sleep(60)

@pytest.mark.virtual_time
@pytest.mark.concurrent(3)
async def test_brief():
    pass

@pytest.mark.virtual_time
@pytest.mark.concurrent(3)
async def test_as_brief():
    pass

@pytest.mark.virtual_time
@pytest.mark.concurrent(3)
@pytest.mark.budget(speedup=2)
async def test_brief_with_a_number():
    pass

@pytest.mark.concurrent(1)
async def test_single():
    time.sleep(0.001)

@pytest.mark.concurrent(40)
@pytest.mark.parametrize("value", [7])
async def test_parametrized(value):
    await asyncio.sleep(0.05)
    assert value == 7
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_outcomes(suite):
    """Copies that are faster than one after another pass, others do not."""
    failed = {n for n, outcome in suite.outcomes.items() if outcome == "failed"}
    assert failed == {
        "test_all_fail",
        "test_one_fails",
        "test_one_skips_and_one_fails",
        "test_blocking",
        "test_brief_with_a_number",
        "test_hung",
    }
    assert suite["test_all_skip"].outcome == "skipped"
    assert suite["test_parametrized[7]"].outcome == "passed"


def test_copies_run_at_once_and_beat_one_after_another(suite):
    """Forty that wait for each other to arrive; each with its own contextvars."""
    assert suite["test_meet"].record["speedup"] > 1


def test_all_failures_are_reported_with_the_number_of_the_copy(suite):
    """The first as itself, the further ones in its notes."""
    text = suite["test_all_fail"].text
    assert "I was number 1" in text
    assert "in copy 1 of 3" in text
    assert "copy 2 of 3 failed, too: AssertionError: I was number 2" in text
    assert "copy 3 of 3 failed, too: AssertionError: I was number 3" in text


def test_a_copy_that_skips_hides_no_failure_of_another(suite):
    """The failure counts, and the skip is told with it."""
    text = suite["test_one_skips_and_one_fails"].text
    assert "I am the third" in text
    assert "copy 1 of 3 failed, too: Skipped: not for the first" in text


def test_one_failure_is_named_alone(suite):
    """The other copies are not mentioned."""
    text = suite["test_one_fails"].text
    assert "in copy 3 of 4" in text
    assert "failed, too" not in text


def test_copies_that_block_each_other_are_not_concurrent(suite):
    """With no number given they must beat serial."""
    blocking = suite["test_blocking"]
    lines = blocking.lines
    # Never above one, and as far below as the machine spends between the copies.
    assert blocking.record["speedup"] <= 1
    assert re.match(r"speedup [01]\.\d+, promised more than 1: ", lines[0])
    assert any(line.startswith("copy 1 |") for line in lines)
    assert "time.sleep(0.3)" in lines


def test_a_number_that_is_given_is_what_counts(suite):
    """And where it is None there is none, whatever its class says."""
    blocked = suite["test_blocking_is_promised"]
    assert (blocked.outcome, blocked.record["budget"]) == ("passed", None)
    promised = {"within": 30.0, "speedup": None, "met": True}
    assert suite["test_no_speedup_is_promised"].outcome == "passed"
    assert suite["test_no_speedup_is_promised"].record["budget"] == promised
    assert suite["test_fast"].record["speedup"] > 3


def test_what_takes_no_time_is_not_compared(suite):
    """It passes and is told once, unless a number was named that can't be told.

    Here in virtual time, where no machine can make a millisecond of nothing.
    """
    assert suite["test_brief"].record["too_short"]
    told = [line for line in suite.summary if "no time worth comparing" in line]
    (line,) = told
    assert line.startswith("not judged: the speedup of 2 tests")
    # Of two workers either may be done first.
    assert line.endswith(("::test_brief)", "::test_as_brief)"))
    assert suite["test_brief_with_a_number"].lines[0] == (
        "speedup at least 2 was promised, and can't be told: "
        "no task took as much as a millisecond"
    )


def test_a_budget_holds_for_all_copies_together(suite):
    """Each of them is listed."""
    lines = suite["test_hung"].lines
    assert lines[0].startswith("wall clock ")
    assert lines[0].endswith("budget 0.150 s (marker)")
    assert "4 tasks still alive when the budget ended" in lines
    for number in (1, 2, 3):
        assert any(line.startswith(f"copy {number} has waited") for line in lines)
