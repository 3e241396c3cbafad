"""``asyncbench_budget``: a budget for every async test that has none of its own."""

from __future__ import annotations

SUITE = """
import asyncio, threading
import pytest

async def test_hangs():
    await asyncio.sleep(60)

async def test_quick():
    await asyncio.sleep(0)

def test_sync():
    threading.Event().wait(0.3)

@pytest.mark.budget(0.3)
async def test_own():
    await asyncio.sleep(60)

@pytest.mark.budget(speedup=1.5)
async def test_open():
    await asyncio.gather(asyncio.sleep(60), asyncio.sleep(60))
"""

OUTCOMES = {
    "test_hangs": "failed",
    "test_quick": "passed",
    "test_sync": "passed",
    "test_own": "failed",
    "test_open": "failed",
}


def test_ini_gives_every_async_test_a_budget(play_once):
    """Not sync ones; a test's own wins, and inherits what it leaves open."""
    run = play_once(SUITE, ini="asyncbench_budget = 150ms")
    assert run.outcomes == OUTCOMES
    assert run["test_hangs"].lines[0].endswith("budget 0.150 s (ini)")
    assert run["test_own"].lines[0].endswith("budget 0.300 s (marker)")
    assert run["test_open"].record["budget"]["within"] == 0.15


def test_the_command_line_wins_over_ini(play):
    """And is named as the source."""
    run = play(SUITE, "--asyncbench-budget=0.15", ini="asyncbench_budget = 1h")
    assert run.outcomes == OUTCOMES
    assert run["test_hangs"].lines[0].endswith("budget 0.150 s (command line)")


def test_none_takes_it_back(play_once):
    """The command line's over the ini file's; an empty value would be no word."""
    ini = "asyncbench_budget = 1us\nasyncbench_scope = json"
    settings = ("--asyncbench-budget=none", "--asyncbench-scope=none")
    report = "--asyncbench-blocking=error"
    run = play_once(BRIEF, report, *settings, ini=ini)
    assert run.outcomes == {"test_brief": "passed", "test_blocks": "failed"}
    assert run["test_brief"].record["budget"] is None
    run = play_once(BRIEF, report, ini=ini)
    assert "budget 1 µs (ini)" in run["test_brief"].lines[0]


BRIEF = """
import asyncio, time

async def test_brief():
    await asyncio.sleep(0)

async def test_blocks():
    time.sleep(0.001)
"""
