"""A run on a build without a GIL, as far as it can be had on one that has it."""

from __future__ import annotations

import pytest

from pytest_asyncbench._glue.settings import NO_GIL
from pytest_asyncbench._python import gil

SUITE = """
import asyncio, time
import pytest

@pytest.mark.no_blocking
async def test_blocks():
    time.sleep(0.15)

@pytest.mark.no_blocking
async def test_clean():
    await asyncio.sleep(0.01)
    await asyncio.to_thread(time.sleep, 0.15)

@pytest.mark.virtual_time
async def test_virtual(virtual_clock):
    await asyncio.to_thread(int)
    await asyncio.sleep(3600)
"""


@pytest.fixture(autouse=True)
def no_gil(monkeypatch):
    monkeypatch.setattr(gil, "_is_enabled", lambda: False)


@pytest.mark.parametrize("ini", ["", "asyncbench_blocking = error"])
def test_verdicts_stand_and_the_run_says_once_what_it_does_not_know(play_once, ini):
    """Whether a setting or only a marker asked for something."""
    run = play_once(SUITE, ini=ini)
    assert run.outcomes == {
        "test_blocks": "failed",
        "test_clean": "passed",
        "test_virtual": "passed",
    }
    assert run["test_blocks"].record["blocking"][0]["call"] == "time.sleep"
    assert run.lines.count(NO_GIL) == 1


def test_a_run_that_asks_for_nothing_says_nothing(play_once):
    """It needs to know nothing, either."""
    assert NO_GIL not in play_once("def test_one(): pass").lines
