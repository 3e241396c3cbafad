"""A promise of `concurrently` that fails its test stands in the test's record."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio
import pytest
from pytest_asyncbench import BudgetExceeded

pytestmark = pytest.mark.virtual_time

async def in_turn(lock):
    async with lock:
        await asyncio.sleep(1)

def serial():
    lock = asyncio.Lock()
    return in_turn(lock), in_turn(lock)

async def test_too_long(concurrently):
    await concurrently(asyncio.sleep(9), within=3)

async def test_too_slow(concurrently):
    await concurrently(*serial(), speedup=2)

@pytest.mark.budget(speedup=3)
async def test_both(concurrently):
    await concurrently(*serial(), speedup=2)

async def test_in_a_group(concurrently):
    if not hasattr(asyncio, "TaskGroup"):
        await concurrently(*serial(), speedup=2)
    async with asyncio.TaskGroup() as group:
        group.create_task(concurrently(*serial(), speedup=2))

@pytest.mark.concurrent(2)
@pytest.mark.budget(speedup=None)
async def test_in_copies(concurrently):
    await concurrently(*serial(), speedup=2)

async def test_caught(concurrently):
    with pytest.raises(BudgetExceeded):
        await concurrently(asyncio.sleep(9), within=3)
    raise KeyError("its own")
"""

BROKEN = {
    "test_too_long": [("wall", 3.0, 3.0)],
    "test_too_slow": [("speedup", 2.0, 1.0)],
    "test_both": [("speedup", 2.0, 1.0), ("speedup", 3.0, 1.0)],
    "test_in_a_group": [("speedup", 2.0, 1.0)],
    "test_in_copies": [("speedup", 2.0, 1.0)],
    "test_caught": [],
}


@pytest.fixture
def suite(play):
    """Run in virtual time, in which all figures are known."""
    return play(SUITE)


@pytest.mark.parametrize("name", BROKEN)
def test_the_record_has_what_the_test_ended_with(suite, name):
    """Once, with the figures of the failure; and not what the test has caught."""
    assert suite[name].outcome == "failed"
    broken = suite[name].record["violations"]
    told = [(each["kind"], each["limit"], each["actual"]) for each in broken]
    assert told == [
        (kind, limit, pytest.approx(actual, abs=1e-3))
        for kind, limit, actual in BROKEN[name]
    ]


def test_what_was_cut_short_has_no_serial_time(suite):
    """Nobody knows how long its tasks would have gone on, one after another."""
    told = {name: suite[name].record for name in ("test_too_long", "test_too_slow")}
    assert {name: record["cut_short"] for name, record in told.items()} == {
        "test_too_long": True,
        "test_too_slow": False,
    }
    assert {name: record["serial"] is None for name, record in told.items()} == {
        "test_too_long": True,
        "test_too_slow": False,
    }


def test_reports_count_it(play_once, pytester):
    """They read the record, and nothing else."""
    play_once(SUITE, "--asyncbench-report=told.md")
    text = (pytester.path / "told.md").read_text(encoding="utf-8")
    assert "5 tests broke a promise." in text
    assert "test\\_too\\_slow | speedup at least 2 | 1.00 |" in text
