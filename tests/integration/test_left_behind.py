"""What does not end when its budget does: it is named, and left behind."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, contextlib
import pytest

pytestmark = pytest.mark.budget("200ms")
hanging = set()

async def clean_up_for_ever():
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.get_running_loop().create_future()

async def test_hangs_in_its_cleanup():
    await clean_up_for_ever()

async def test_swallows_all():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def test_child():
    await asyncio.gather(clean_up_for_ever(), return_exceptions=True)

async def test_left_a_task():
    hanging.add(asyncio.create_task(clean_up_for_ever(), name="the cleaner"))
    await asyncio.sleep(60)

async def test_parts():
    for _ in range(5):
        with contextlib.suppress(BaseException):  # as pytest's subtests do
            await asyncio.sleep(60)

@pytest.mark.budget(30)
async def test_later():
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE, ini="asyncbench_real_limit = 300ms")


LEFT = "test_hangs_in_its_cleanup", "test_swallows_all", "test_child"


@pytest.mark.parametrize("name", LEFT)
def test_a_test_that_never_ends_is_ended_without_it(suite, name):
    """Its failure is the budget's, and names what was left."""
    told = suite[name]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")
    assert any(
        line.endswith("cancelled and not ended; the test ended without them")
        for line in told.lines
    )
    assert told.record["overrun"]["left"][0]["name"] == "the test"
    assert "RuntimeError" not in told.text


def test_a_loop_is_closed_without_a_task_that_never_ends(suite):
    """The report of the teardown names it."""
    told = suite["test_left_a_task"]
    assert told.outcome == "failed"
    assert "1 task cancelled and not ended; the loop is closed" in suite.out
    assert "the cleaner has waited" in suite.out


def test_a_test_whose_parts_all_hang_is_ended(suite):
    """Each of them swallows the cancellation."""
    told = suite["test_parts"]
    assert told.outcome == "failed"
    assert told.record["overrun"]["cancelled"]


def test_later_tests_are_whole(suite):
    """Whatever was left behind."""
    assert suite["test_later"].outcome == "passed", suite["test_later"].text
