"""Whoever runs the loop: unittest, `asyncio.run`, another thread, Hypothesis's like."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, sys, time, threading, unittest
import pytest

class TestCase(unittest.IsolatedAsyncioTestCase):
    @pytest.mark.no_blocking
    async def test_blocks(self):
        time.sleep(0.001)

    @pytest.mark.no_blocking
    async def test_clean(self):
        await asyncio.sleep(0.01)

    @pytest.mark.budget(0.15)
    async def test_hung(self):
        await asyncio.sleep(60)

    @pytest.mark.budget(30, speedup=1.5)
    async def test_fast(self):
        await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(40)))

    @pytest.mark.no_blocking
    async def test_own_failure(self):
        time.sleep(0.001)
        self.assertEqual(1, 2)

    @pytest.mark.no_blocking
    async def test_skipped(self):
        time.sleep(0.001)
        self.skipTest("not today")

    @pytest.mark.no_blocking
    @unittest.expectedFailure
    async def test_expected(self):
        raise AssertionError("expected")

    @pytest.mark.concurrent(40)
    async def test_copies(self):
        await asyncio.sleep(0.05)

class TestTearDown(unittest.IsolatedAsyncioTestCase):
    async def asyncTearDown(self):
        await asyncio.sleep(0.01)
        print("torn down")

    @pytest.mark.budget(0.15)
    async def test_late_in_its_last_step(self):
        time.sleep(0.4)

class TestSetUp(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        time.sleep(0.001)

    @pytest.mark.no_blocking
    async def test_set_up_blocks(self):
        await asyncio.sleep(0)

class TestPlainCase(unittest.TestCase):
    @pytest.mark.no_blocking
    def test_own_run(self):
        async def main():
            time.sleep(0.001)
        asyncio.run(main())

@pytest.mark.budget(30, speedup=1.5)
def test_runs_two_loops():
    async def main():
        await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(40)))
    asyncio.run(main())
    asyncio.run(main())

@pytest.mark.no_blocking
def test_loop_in_a_thread():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    async def work():
        time.sleep(0.15)
    asyncio.run_coroutine_threadsafe(work(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

@pytest.mark.no_blocking
def test_loop_that_moved_to_a_thread():
    async def nothing():
        pass
    async def work():
        time.sleep(0.001)
        time.sleep(0.15)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(nothing())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(work(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_outcomes(suite):
    """Each as under pytest-asyncio."""
    assert suite.outcomes == {
        "test_blocks": "failed",
        "test_clean": "passed",
        "test_hung": "failed",
        "test_fast": "passed",
        "test_own_failure": "failed",
        "test_skipped": "skipped",
        "test_expected": "xfailed",
        "test_copies": "passed",
        "test_late_in_its_last_step": "failed",
        "test_set_up_blocks": "failed",
        "test_own_run": "failed",
        "test_runs_two_loops": "passed",
        "test_loop_in_a_thread": "failed",
        "test_loop_that_moved_to_a_thread": "failed",
    }


def test_a_hung_unittest_is_cancelled_at_its_budget(suite):
    """With the line at which it waited."""
    told = suite["test_hung"]
    assert 0.1 < told.record["wall"] < 10
    assert told.lines[0].startswith("wall clock ")
    assert "await asyncio.sleep(60)" in told.lines


def test_a_test_that_ended_late_is_not_cancelled_any_more(suite):
    """Its host's task goes on, and the budget is broken all the same."""
    told = suite["test_late_in_its_last_step"]
    assert told.lines[0].startswith("wall clock ")
    assert told.lines[0].endswith("budget 0.150 s (marker)")
    assert "the loop was blocked when the budget ended, at" in told.lines
    assert ["Captured stdout call", "torn down\n"] in told.reports[1]["sections"]


def test_a_failure_of_unittests_is_kept_and_added_to(suite):
    """It keeps failures to itself until the report."""
    told = suite["test_own_failure"]
    assert "AssertionError: 1 != 2" in told.text
    assert told.record["blocking"][0]["call"] == "time.sleep"


def test_what_async_set_up_does_counts(suite):
    """At its own line."""
    assert (
        suite["test_set_up_blocks"]
        .record["blocking"][0]["function"]
        .endswith("asyncSetUp")
    )


def test_speedups_are_those_of_the_loops_tasks(suite):
    """In unittest and in a test that runs its loops itself."""
    assert suite["test_fast"].record["speedup"] > 1.5
    assert suite["test_runs_two_loops"].record["speedup"] > 1.5


def test_a_stall_of_a_loop_in_a_thread_is_found(suite):
    """At its line, though the test's own thread only waited."""
    (entry,) = suite["test_loop_in_a_thread"].record["blocking"]
    assert (entry["kind"], entry["call"]) == ("stall", "time.sleep")


def test_a_loop_that_moved_to_another_thread_is_looked_at_there(suite):
    """Its quick calls are found as well, and where its time went."""
    entries = suite["test_loop_that_moved_to_a_thread"].record["blocking"]
    slow = max(entries, key=lambda entry: entry["seconds"])
    assert {entry["call"] for entry in entries} == {"time.sleep"}
    assert sum(entry["count"] for entry in entries) == 2
    assert slow["working"] < 0.1 < slow["seconds"]


ELSEWHERE = """
import pytest

async def test_unmarked():
    pass

@pytest.mark.no_blocking
async def test_asked():
    pass

@pytest.mark.budget(30)
async def test_budget():
    pass
"""

NO_LOOP = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        pyfuncitem.obj().send(None)
    except StopIteration:
        return True
"""


@pytest.mark.parametrize("mode", ["report", "error"])
def test_what_runs_outside_of_asyncio_runs_as_it_would_without_us(play_once, mode):
    """As trio's tests do, which a setting for the whole project does not mean."""
    run = play_once(
        ELSEWHERE,
        "--asyncio-mode=strict",
        f"--asyncbench-blocking={mode}",
        conftest=NO_LOOP,
    )
    asked = "failed" if mode == "error" else "passed"
    assert run["test_unmarked"].outcome == "passed"
    assert run["test_unmarked"].record["unmeasured"] is False
    assert run["test_unmarked"].record["problems"] == []
    assert run["test_budget"].outcome == asked
    assert run["test_asked"].outcome == "failed"
    assert "not measured" in run["test_asked"].text
