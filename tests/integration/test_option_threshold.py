"""``asyncbench_threshold``: the longest step that is no stall."""

from __future__ import annotations

SUITE = """
import asyncio, time
import pytest

pytestmark = pytest.mark.no_blocking(rules="none")

async def test_short():
    time.sleep(0.02)

async def test_long():
    time.sleep(0.25)

@pytest.mark.no_blocking(threshold=30)
async def test_own():
    time.sleep(0.25)
"""


def outcomes(short, long):
    return {"test_short": short, "test_long": long, "test_own": "passed"}


def test_by_default_it_is_a_tenth_of_a_second(play_once):
    """More than a blink, less than a stutter."""
    run = play_once(SUITE)
    assert run.outcomes == outcomes("passed", "failed")
    assert "(limit 0.100 s)" in run["test_long"].text


def test_ini_sets_it(play_once):
    """In any form of a duration."""
    run = play_once(SUITE, ini="asyncbench_threshold = 5ms")
    assert run.outcomes == outcomes("failed", "failed")
    assert "(limit 5.0 ms)" in run["test_short"].text


def test_the_command_line_wins_over_ini_and_the_marker_over_both(play):
    """From far to near."""
    run = play(SUITE, "--asyncbench-threshold=20s", ini="asyncbench_threshold = 20ms")
    assert run.outcomes == outcomes("passed", "passed")
