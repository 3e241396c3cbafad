"""freezegun: figures stay real while the clock that the test sees is frozen."""

from __future__ import annotations

import subprocess
import sys

import pytest

SUITE = """
import asyncio, time, datetime
import pytest
from freezegun import freeze_time

# The first one looks at every module that there is, which takes a while.
with freeze_time("2020-01-01", real_asyncio=True):
    pass

@pytest.mark.no_blocking
@pytest.mark.budget(30, speedup=1.5)
@freeze_time("2020-01-01", real_asyncio=True)
async def test_real_asyncio():
    assert datetime.date.today() == datetime.date(2020, 1, 1)
    await asyncio.gather(*(asyncio.sleep(0.15) for _ in range(40)))

@pytest.mark.no_blocking
@freeze_time("2020-01-01", real_asyncio=True)
async def test_blocks():
    await asyncio.sleep(0)
    time.sleep(0.15)

@pytest.mark.budget(0.2)
@freeze_time("2020-01-01", real_asyncio=True)
async def test_hung():
    await asyncio.sleep(60)

@pytest.mark.budget(0.3)
async def test_frozen_asyncio():
    with freeze_time("2020-01-01"):
        await asyncio.sleep(0.01)

async def test_run(concurrently):
    with freeze_time("2020-01-01", real_asyncio=True):
        run = await concurrently.map(asyncio.sleep, [0.1] * 40)
    assert 0.1 <= run.wall < 10
    assert 1 < run.serial < 400
    assert run.speedup > 1.3

@pytest.mark.budget(0.1)
@freeze_time("2020-01-01")
def test_sync():
    import threading
    threading.Event().wait(0.3)
"""


@pytest.fixture
def suite(play_once):
    return play_once(SUITE)


def test_outcomes(suite):
    """As without freezegun; a frozen sleep never wakes and costs its budget."""
    assert suite.outcomes == {
        "test_real_asyncio": "passed",
        "test_blocks": "failed",
        "test_hung": "failed",
        "test_frozen_asyncio": "failed",
        "test_run": "passed",
        "test_sync": "failed",
    }


def test_figures_are_real(suite):
    """Wall, speedup and the length of a stall."""
    record = suite["test_real_asyncio"].record
    assert 0.15 <= record["wall"] < 20
    assert record["speedup"] > 1.5
    (entry,) = suite["test_blocks"].record["blocking"]
    assert entry["kind"] == "stall"
    assert 0.14 < entry["seconds"] < 20
    assert suite["test_sync"].record["wall"] > 0.25


def test_a_frozen_sleep_fails_within_its_budget(suite):
    """And the line at which it sleeps is named."""
    told = suite["test_frozen_asyncio"]
    assert 0.25 < told.record["wall"] < 20
    assert told.lines[0].startswith("wall clock ")
    assert "await asyncio.sleep(0.01)" in told.lines


LOADED_LATE = """
import sys
from freezegun import freeze_time
import pytest_asyncbench
with freeze_time("2020-01-01"):
    loaded = [name for name in sys.modules if "asyncbench._glue" in name]
    from pytest_asyncbench._words.clock import SYSTEM_CLOCK
print(loaded, SYSTEM_CLOCK.now.__module__, SYSTEM_CLOCK.monotonic.__module__)
"""


def test_what_is_loaded_under_a_freeze_reads_real_time_and_the_freeze_loads_nothing():
    """A test module may freeze the time before anybody has asked for a clock."""
    command = [sys.executable, "-c", LOADED_LATE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "time", "time"]
