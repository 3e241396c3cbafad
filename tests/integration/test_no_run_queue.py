"""A run where the system does not tell run-queue time, as on macOS and Windows."""

from __future__ import annotations

import pytest

from pytest_asyncbench._glue.settings import NO_RUN_QUEUE
from pytest_asyncbench._words import clock

SUITE = """
import asyncio, time
import pytest

@pytest.mark.budget("300ms")
async def test_hangs():
    await asyncio.sleep(60)

@pytest.mark.budget("60s", speedup=2)
async def test_together():
    await asyncio.gather(*(asyncio.sleep(0.2) for _ in range(40)))

@pytest.mark.no_blocking
async def test_blocks():
    time.sleep(0.3)
"""


@pytest.fixture
def hidden(monkeypatch):
    monkeypatch.setattr(clock, "_ACCOUNT", "/no/such/file/{}")


@pytest.mark.parametrize("ini", ["", "asyncbench_blocking = error"])
def test_verdicts_stand_and_the_header_says_what_is_not_known(hidden, play_once, ini):
    """What was starved is null in the record, and not zero."""
    run = play_once(SUITE, ini=ini)
    assert run.outcomes == {
        "test_hangs": "failed",
        "test_together": "passed",
        "test_blocks": "failed",
    }
    assert run.lines.count(NO_RUN_QUEUE) == 1
    assert run["test_hangs"].record["starved"] is None
    assert run["test_hangs"].lines[1] == (
        "whether the machine was busy elsewhere can't be told on this platform"
    )


def test_a_run_that_asks_for_nothing_says_nothing(hidden, play_once):
    """It needs to know nothing, either."""
    assert NO_RUN_QUEUE not in play_once("def test_one(): pass").lines
