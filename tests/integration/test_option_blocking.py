"""``asyncbench_blocking``: what a blocking call does to tests that carry no marker."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, time
import pytest

async def test_blocks():
    time.sleep(0.15)

async def test_clean():
    await asyncio.sleep(0)

def test_sync():
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_marked():
    time.sleep(0.001)

async def test_own_failure():
    time.sleep(0.001)
    assert 1 == 2, "my own"
"""

MARKED = {"test_marked": "failed", "test_own_failure": "failed"}


def outcomes(blocks):
    passed = {"test_clean": "passed", "test_sync": "passed"}
    return {"test_blocks": blocks, **passed, **MARKED}


def test_unasked_it_is_off(play_once):
    """An installed plugin changes no outcome, and unmarked tests are not watched."""
    run = play_once(SUITE)
    assert run.outcomes == outcomes("passed")
    assert not run["test_blocks"].watched


def test_report_lists_and_fails_nothing(play_once):
    """A section of the test and the summary; ini."""
    run = play_once(SUITE, ini="asyncbench_blocking = report")
    assert run.outcomes == outcomes("passed")
    assert "event loop stalled" in run["test_blocks"].sections
    assert run["test_blocks"].record["mode"] == "report"
    assert any("test_it.py:5 in test_blocks: time.sleep" in n for n in run.summary)


def test_warn_warns_at_the_test(play_once):
    """pytest's own warnings summary has it."""
    run = play_once(SUITE, "--asyncbench-blocking=warn")
    assert run.outcomes == outcomes("passed")
    shown = "\n".join(run.section("warnings summary"))
    assert "test_it.py::test_blocks" in shown
    assert "BlockingCallWarning: event loop stalled" in shown
    assert "test_it.py:5 in test_blocks" in shown


def test_warn_under_warnings_as_errors_fails_the_test_with_the_warning(play_once):
    """As any other warning would; it is no failure of the plugin."""
    run = play_once(SUITE, "--asyncbench-blocking=warn", "-W", "error")
    assert run.outcomes == outcomes("failed")
    assert run["test_blocks"].lines[0].startswith("event loop stalled")
    assert "itself failed" not in run.out
    assert "itself could not" not in run.out
    assert "AssertionError: my own" in run["test_own_failure"].text


TEARDOWN = """
import time
import pytest_asyncio

@pytest_asyncio.fixture
async def leaves_slowly():
    yield
    time.sleep(0.01)

async def test_body_is_clean(leaves_slowly):
    pass
"""


def test_warn_under_warnings_as_errors_holds_for_teardown_as_well(play_once):
    """There it is an error of its own."""
    run = play_once(TEARDOWN, "--asyncbench-blocking=warn", "-W", "error")
    assert run.outcomes == {"test_body_is_clean": "error"}
    assert "blocking call on the event loop" in run["test_body_is_clean"].text
    assert "itself could not" not in run.out


def test_error_fails_async_tests_that_block(play):
    """Also those without a marker; the command line wins over ini."""
    run = play(SUITE, "--asyncbench-blocking=error", ini="asyncbench_blocking = off")
    assert run.outcomes == outcomes("failed")
    assert run["test_blocks"].lines[0].startswith("event loop stalled")


COUNTS_THREADS = """
import asyncio, threading

def test_threads():
    before = threading.active_count(), threading.enumerate()

    async def main():
        await asyncio.sleep(0)
        assert (threading.active_count(), threading.enumerate()) == before

    asyncio.run(main())
"""


def test_code_that_counts_its_threads_does_not_see_ours(play_once):
    """A library's test for threads that it leaks stays as it is."""
    run = play_once(COUNTS_THREADS, "--asyncbench-blocking=report")
    assert run.outcomes == {"test_threads": "passed"}
    assert run["test_threads"].record["steps"] > 0


@pytest.mark.parametrize(
    ("args", "mode"),
    [
        (["--asyncbench"], "report"),
        (["--asyncbench", "--asyncbench-blocking=warn"], "warn"),
    ],
)
def test_the_name_alone_is_short_for_a_report(play_once, args, mode):
    """What one writes to have a look; the whole option may come after it."""
    assert play_once(COUNTS_THREADS, *args)["test_threads"].record["mode"] == mode
