"""A system that counts a sleep as time in the run queue forgives nobody anything.

Linux 6.18 does so with three in a thousand, beside other work. So here each sleep is.
"""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells the account"
)

CONFTEST = """
import pytest
from pytest_asyncbench._words import clock

lied = []
_real = clock.SystemClock._run_queue_account

def _lying(self, native):
    starved, slices = _real(self, native)
    return starved + sum(lied), slices

def pytest_configure():
    clock.SystemClock._run_queue_account = _lying

def pytest_unconfigure():
    clock.SystemClock._run_queue_account = _real

@pytest.fixture
def untrue():
    return lied.append
"""

SUITE = """
import asyncio, time
import pytest

@pytest.mark.budget("0.25s")
async def test_timer(untrue):
    for _ in range(5):
        await asyncio.sleep(0.1)
        untrue(0.1)

@pytest.mark.budget("0.25s")
async def test_blocking(untrue):
    time.sleep(0.5)
    untrue(0.5)

@pytest.mark.budget(speedup=3)
async def test_speedup(untrue):
    async def call():
        time.sleep(0.3)
        untrue(0.3)
    await asyncio.gather(*(call() for _ in range(4)))

@pytest.mark.no_blocking(rules="none", threshold="0.25s")
async def test_stall(untrue):
    time.sleep(0.5)
    untrue(0.5)
"""


def test_no_sleep_is_forgiven(play_once):
    """Neither by a budget, nor by a speedup, nor of a stall."""
    run = play_once(SUITE, conftest=CONFTEST)
    assert set(run.outcomes.values()) == {"failed"}
    for name in run.outcomes:
        assert run[name].record["starved"] < 0.25, name
