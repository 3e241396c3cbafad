"""freeze_time around async code in real time: real figures, and clear errors."""

from __future__ import annotations

import re

import pytest

SUITE = """
import asyncio, datetime, time
import pytest
from freezegun import freeze_time

# The first one looks at every module that there is, which takes a while.
with freeze_time("2020-01-01", real_asyncio=True):
    pass

@pytest.mark.budget(30, speedup=1.5)
@freeze_time("2020-01-01", real_asyncio=True)
async def test_real_asyncio():
    assert time.time() == 1577836800
    await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(40)))

@pytest.mark.budget(30)
@freeze_time("2020-01-01", real_asyncio=True)
async def test_nested_in_real_asyncio():
    with freeze_time("2021-01-01"):
        await asyncio.sleep(0.1)

@pytest.mark.budget(0.3)
@freeze_time("2020-01-01")
async def test_decorated():
    await asyncio.sleep(0.01)

@pytest.mark.budget(0.3)
async def test_with():
    with freeze_time("2020-01-01"):
        await asyncio.sleep(0.01)

@pytest.mark.budget(0.3)
@freeze_time("2020-01-01")
async def test_nested():
    with freeze_time("2021-01-01"):
        await asyncio.sleep(0.01)

@pytest.mark.budget(0.3)
async def test_armed_before_the_freeze():
    sleeper = asyncio.create_task(asyncio.sleep(0.05), name="sleeper")
    await asyncio.sleep(0)
    # Its time is far in the future of a loop that stands at 1970.
    with freeze_time("1970-01-01"):
        await sleeper

@pytest.mark.budget(0.3)
async def test_left_frozen(request):
    freezer = freeze_time("2020-01-01")
    freezer.start()
    request.addfinalizer(freezer.stop)
    await asyncio.sleep(0.01)

@pytest.mark.budget(0.3)
async def test_armed_in_the_freeze():
    with freeze_time("2020-01-01"):
        sleeper = asyncio.create_task(asyncio.sleep(0.05), name="sleeper")
        await asyncio.sleep(0)
    # Fifty years are left of it now.
    await sleeper

@pytest.fixture
def frozen():
    with freeze_time("2020-01-01"):
        yield

@pytest.mark.budget(0.3)
async def test_fixture(frozen):
    await asyncio.sleep(0.01)

@pytest.mark.budget(0.3)
async def test_timeout():
    with freeze_time("2020-01-01"):
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)

async def test_concurrently(concurrently):
    with freeze_time("2020-01-01"):
        await concurrently(asyncio.sleep(0.01), within=0.3)

@pytest.mark.budget(0.3)
async def test_hung_in_real_time():
    await asyncio.sleep(60)

@pytest.mark.budget(30)
async def test_afterwards():
    await asyncio.sleep(0.05)
    assert time.time() > 1577836800
"""

FROZEN = [
    "test_decorated",
    "test_with",
    "test_nested",
    "test_armed_before_the_freeze",
    "test_left_frozen",
    "test_fixture",
    "test_timeout",
]


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_outcomes(suite):
    """Each ends, and those after it are as if nothing had been."""
    expected = dict.fromkeys(FROZEN, "failed") | {
        "test_armed_in_the_freeze": "failed",
        "test_real_asyncio": "passed",
        "test_nested_in_real_asyncio": "passed",
        "test_concurrently": "failed",
        "test_hung_in_real_time": "failed",
        "test_afterwards": "passed",
    }
    assert suite.outcomes == expected


def test_real_asyncio_keeps_our_figures_real(suite):
    """The test sees 2020, the record what it really took."""
    record = suite["test_real_asyncio"].record
    assert 0.09 < record["wall"] < 20
    assert record["speedup"] > 1.5
    assert record["virtual"] is None
    assert 0.09 < suite["test_nested_in_real_asyncio"].record["wall"] < 20


@pytest.mark.parametrize("name", FROZEN)
def test_a_hang_under_a_frozen_clock_says_so_and_what_to_write(suite, name):
    """Within its budget; then the task and the line at which it hangs."""
    told = suite[name]
    assert told.lines[0].startswith("wall clock ")
    assert told.lines[0].endswith("budget 0.300 s (marker)")
    lines = [line for line in told.lines if "waiting for a processor" not in line]
    assert lines[1:3] == [
        "the loop's clock is frozen: no asyncio.sleep or timeout can end",
        (
            "use: freeze_time(..., real_asyncio=True), before timers are set, or "
            "@pytest.mark.virtual_time"
        ),
    ]
    assert "still alive when the budget ended" in lines[3]
    assert 0.25 < told.record["wall"] < 20


def test_a_timer_that_outlives_its_freeze_says_so(suite):
    """By then the clock is real again, and the timer decades away."""
    told = suite["test_armed_in_the_freeze"].text
    assert re.search(
        r"a timer is due in \d\d years: it was set while freeze_time stood\n"
        r".*use: freeze_time\(..., real_asyncio=True\)",
        told,
    )
    assert "sleeper has waited" in told


def test_the_fixtures_budget_says_so_as_well(suite):
    """Though it cancels only what it has started."""
    text = suite["test_concurrently"].text
    assert "the loop's clock is frozen: no asyncio.sleep or timeout can end" in text


def test_a_hang_in_real_time_does_not_blame_a_frozen_clock(suite):
    """Nobody froze it."""
    assert "frozen" not in suite["test_hung_in_real_time"].text


LEFT_ON = """
import time
import pytest
from freezegun import freeze_time

@pytest.mark.virtual_time("2026-01-01")
async def test_leaves_a_freeze_on():
    freeze_time("2030-01-01").start()

def test_finds_that_freeze():
    assert time.gmtime().tm_year == 2030
"""


def test_a_freeze_that_a_virtual_test_leaves_on_is_its_own(play_once):
    """The virtual time goes with its test all the same."""
    run = play_once(LEFT_ON, subprocess=True)
    assert set(run.outcomes.values()) == {"passed"}, run
