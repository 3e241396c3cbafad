"""Subtests: a report for each beside the test's, and no verdict lost."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    pytest.version_tuple < (9, 0) and find_spec("pytest_subtests") is None,
    reason="subtests came with pytest 9, and pytest-subtests is not installed",
)

SUBTESTS = """
import asyncio, time
import pytest

@pytest.mark.no_blocking(threshold=60, rules="all")
async def test_innocent(subtests):
    for number in range(3):
        with subtests.test(number=number):
            await asyncio.sleep(0.01)

@pytest.mark.no_blocking(threshold=60)
async def test_blocks(subtests):
    with subtests.test("innocent"):
        await asyncio.sleep(0.01)
    with subtests.test("blocks"):
        time.sleep(0.001)

@pytest.mark.no_blocking(threshold=60)
async def test_blocks_and_fails(subtests):
    with subtests.test("fails"):
        time.sleep(0.001)
        assert False, "of its own"

@pytest.mark.no_blocking(threshold=60)
async def test_fails(subtests):
    with subtests.test("fails"):
        assert False, "of its own"

@pytest.mark.budget(0.15)
async def test_hung(subtests):
    with subtests.test("hangs"):
        await asyncio.sleep(60)
    with subtests.test("hangs, too"):
        await asyncio.sleep(60)

@pytest.mark.budget(60, speedup=1.1)
async def test_fast(subtests):
    with subtests.test("gathered"):
        await asyncio.gather(*(asyncio.sleep(0.5) for _ in range(5)))

async def test_run(concurrently, subtests):
    with subtests.test("in time"):
        await concurrently(asyncio.sleep(0.01), within=30)
    with subtests.test("too slow"):
        await concurrently(asyncio.sleep(60), within=0.1)

@pytest.mark.concurrent(5)
async def test_copies(subtests):
    with subtests.test("copied"):
        await asyncio.sleep(0.5)
"""


@pytest.fixture
def run(play):
    return play(SUBTESTS)


def test_the_test_has_its_verdict_whatever_its_subtests_came_to(run):
    """What blocked in one of them is the test's, beside the failures of its own."""
    assert run.outcomes == {
        "test_innocent": "passed",
        "test_blocks": "failed",
        "test_blocks_and_fails": "failed",
        "test_fails": "failed",
        "test_hung": "failed",
        "test_fast": "passed",
        "test_run": "failed",
        "test_copies": "passed",
    }
    for name in "test_blocks", "test_blocks_and_fails":
        assert run[name].record["blocking"][0]["call"] == "time.sleep"
        assert "blocking call on the event loop" in run[name].text
    assert "of its own" in run["test_blocks_and_fails"].text
    assert run["test_fails"].record["blocking"] == []
    assert run["test_fast"].record["speedup"] > 1.1


def test_a_budget_holds_though_subtests_swallow_the_cancellation(run):
    """Each subtest that hangs is cancelled, and says by whom; then the test fails."""
    told = run["test_hung"]
    assert "wall clock " in told.text
    assert told.text.count("cancelled, since the budget of the test was over") == 2
    assert "CancelledError" not in told.text
    (broken,) = told.record["violations"]
    assert (broken["kind"], broken["limit"]) == ("wall", 0.15)


def test_a_run_within_a_subtest_fails_that_one(run):
    """It raises as ever, and the subtest tells of it."""
    assert "wall clock " in run["test_run"].text
    (told,) = (line for line in run.lines if "SUBFAIL" in line and "test_run" in line)
    assert "[too slow]" in told


def test_a_test_is_counted_once(run):
    """Its record is in its own last report, however many subtests report beside it."""
    assert run.summary[0].startswith("8 tests and ")
    found = [line for line in run.summary if "time.sleep" in line]
    assert len(found) == 2
    assert all(line.endswith("1 time in 1 test") for line in found)


UNITTEST = """
import asyncio, time, unittest
import pytest

@pytest.mark.no_blocking(threshold=60)
class TestIt(unittest.IsolatedAsyncioTestCase):
    async def test_blocks(self):
        for number in range(3):
            with self.subTest(number=number):
                time.sleep(0.001)

    async def test_blocks_and_fails(self):
        for number in range(3):
            with self.subTest(number=number):
                time.sleep(0.001)
                self.assertEqual(number, 1, "of its own")

    async def test_clean(self):
        with self.subTest():
            await asyncio.sleep(0.01)

    @pytest.mark.budget(0.15)
    async def test_hung(self):
        for number in range(2):
            with self.subTest(number=number):
                await asyncio.sleep(60)
"""


def test_subtests_of_unittest_hide_nothing(play_once):
    """pytest 9 reports them likewise."""
    run = play_once(UNITTEST)
    assert run.outcomes == {
        "test_blocks": "failed",
        "test_blocks_and_fails": "failed",
        "test_clean": "passed",
        "test_hung": "failed",
    }
    for name in "test_blocks", "test_blocks_and_fails":
        (found,) = run[name].record["blocking"]
        assert (found["call"], found["count"]) == ("time.sleep", 3)
    assert "of its own" in run["test_blocks_and_fails"].text
    assert [each["kind"] for each in run["test_hung"].record["violations"]] == ["wall"]
