"""``@pytest.mark.budget``: time and speedup that a test promises."""

from __future__ import annotations

import sys

import pytest

from pytest_asyncbench._python import has_gil

SUITE = """
import asyncio, contextlib, threading, time
from datetime import timedelta
import pytest

async def fetch(seconds):
    await asyncio.sleep(seconds)

@pytest.mark.budget(30)
async def test_in_time():
    await fetch(0)

@pytest.mark.budget(0.15)
async def test_hung():
    child = asyncio.create_task(fetch(60), name="child")
    await asyncio.wait({child})

@pytest.mark.budget("150ms")
async def test_unit():
    await fetch(60)

@pytest.mark.budget(timedelta(milliseconds=150))
async def test_timedelta():
    await fetch(60)

@pytest.mark.budget(within="150ms")
async def test_keyword():
    await fetch(60)

@pytest.mark.budget(0.1)
async def test_blocked():
    time.sleep(0.3)

@pytest.mark.budget(0.1)
def test_sync():
    asyncio.run(fetch(60))

@pytest.mark.budget(0.1)
def test_sync_without_a_loop():
    threading.Event().wait(0.3)

@pytest.mark.budget(speedup=3)
async def test_fast():
    await asyncio.gather(*(fetch(0.1) for _ in range(80)))

@pytest.mark.budget(speedup=3)
async def test_slow():
    for _ in range(2):
        await asyncio.gather(fetch(0.05))

@pytest.mark.budget(speedup=2)
async def test_alone():
    await fetch(0)

@pytest.mark.budget(30, speedup=1.5)
def test_sync_speedup():
    async def main():
        await asyncio.gather(*(fetch(0.1) for _ in range(40)))
    asyncio.run(main())

@pytest.mark.budget(30, speedup=1.5)
def test_by_hand():
    loop = asyncio.new_event_loop()
    naps = [loop.create_task(fetch(0.1)) for _ in range(40)]
    loop.run_until_complete(asyncio.gather(*naps))
    loop.close()

@pytest.mark.budget(30, speedup=3)
async def test_computes_in_threads():
    def work():
        sum(number * number for number in range(500_000))
    await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))

@pytest.mark.budget(0.15)
def test_between_two_runs():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(fetch(0.01))
    time.sleep(1)
    loop.run_until_complete(fetch(0.01))
    loop.close()

@pytest.mark.budget(0.15)
async def test_caught():
    with contextlib.suppress(asyncio.CancelledError):
        await fetch(60)

@pytest.mark.budget(0.15)
async def test_stubborn():
    for _ in range(2):
        with contextlib.suppress(asyncio.CancelledError):
            await fetch(60)

@pytest.mark.budget(30)
async def test_inner_timeout():
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(fetch(60), 0.05)

@pytest.mark.budget(0.15)
async def test_inner_timeout_is_longer():
    await asyncio.wait_for(fetch(60), 30)

@pytest.mark.budget(30)
async def test_own_cancellation():
    task = asyncio.current_task()
    asyncio.get_running_loop().call_soon(task.cancel)
    try:
        await fetch(60)
    except asyncio.CancelledError:
        getattr(task, "uncancel", int)()

@pytest.mark.budget(0.15)
async def test_own_failure():
    try:
        await fetch(60)
    finally:
        assert 1 == 2, "while cleaning up"

@pytest.mark.budget(0.1)
async def test_own_failure_after_the_budget():
    time.sleep(0.3)
    assert 1 == 2, "my own"

@pytest.mark.budget(30)
class TestNearest:
    @pytest.mark.budget(0.15)
    async def test_nearer(self):
        await fetch(60)

    @pytest.mark.budget(speedup=1.5)
    async def test_the_open_part_is_inherited(self):
        await asyncio.gather(*(fetch(0.1) for _ in range(40)))

async def test_after_all_that():
    await fetch(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


PASS = (
    "test_in_time",
    "test_fast",
    "test_sync_speedup",
    "test_by_hand",
    "test_inner_timeout",
    "test_own_cancellation",
    "test_the_open_part_is_inherited",
    "test_after_all_that",
)


def test_who_keeps_the_promise_passes(suite):
    """And nobody else."""
    passed = {n for n, outcome in suite.outcomes.items() if outcome == "passed"}
    assert passed == set(PASS)
    assert suite.status == 1


@pytest.mark.parametrize(
    "name",
    ["test_hung", "test_unit", "test_timedelta", "test_keyword", "test_caught"],
)
def test_a_hung_test_costs_its_budget_and_no_more(suite, name):
    """Seconds, "150ms", "1.5s" or timedelta: it is cancelled when they are over."""
    told = suite[name]
    assert told.outcome == "failed"
    assert 0.1 < told.record["wall"] < 10
    assert told.record["budget"] == {"within": 0.15, "speedup": None, "met": False}
    assert told.lines[0].startswith("wall clock ")
    assert told.lines[0].endswith("budget 0.150 s (marker)")


def test_the_failure_lists_every_task_alive_and_what_each_waits_for(suite):
    """With the user's line and its source."""
    lines = suite["test_hung"].lines
    assert "2 tasks still alive when the budget ended" in lines
    at = next(n for n, line in enumerate(lines) if line.startswith("child has waited"))
    assert lines[at].endswith("for asyncio.sleep")
    assert lines[at + 1] == "test_it.py:6 in fetch"
    assert lines[at + 2] == "await asyncio.sleep(seconds)"
    assert "await asyncio.wait({child})" in lines


def test_the_text_is_no_traceback_through_the_plugin(suite):
    """A person sees promise, fact and line; none of our files."""
    assert "_glue" not in suite["test_hung"].text
    assert "CancelledError" not in suite["test_hung"].text


def test_a_blocked_loop_shows_where_it_stood_when_the_budget_ended(suite):
    """It could not be cancelled; it is failed at its end."""
    told = suite["test_blocked"]
    assert told.outcome == "failed"
    assert 0.25 < told.record["wall"] < 10
    assert "the loop was blocked when the budget ended, at" in told.lines
    assert "time.sleep(0.3)" in told.lines


def test_a_sync_test_that_runs_no_loop_is_measured_and_judged_at_its_end(suite):
    """The report shows where it stood when the budget ended."""
    told = suite["test_sync_without_a_loop"]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")
    assert told.lines[0].endswith("budget 0.100 s (marker)")
    assert told.record["wall"] > 0.25
    assert told.record["overrun"]["stood"]
    assert (
        "no task could be cancelled when the budget ended; the test stood at"
        in told.lines
    )
    assert "threading.Event().wait(0.3)" in told.lines


def test_a_sync_test_that_runs_a_loop_is_ended_at_its_budget(suite):
    """With the report of an async one."""
    told = suite["test_sync"]
    assert told.outcome == "failed"
    assert 0.1 < told.record["wall"] < 10
    assert "1 task still alive when the budget ended" in told.lines


def test_a_speedup_compares_the_tasks_that_the_body_started(suite):
    """Eighty naps at once; two in a row."""
    assert suite["test_fast"].record["speedup"] > 3
    assert suite["test_sync_speedup"].record["speedup"] > 1.5
    assert suite["test_by_hand"].record["speedup"] > 1.5
    slow = suite["test_slow"]
    assert slow.outcome == "failed"
    assert slow.lines[0].startswith("speedup ")
    assert "promised at least 3" in slow.lines[0]
    assert 0 < slow.record["speedup"] < 1.5


@pytest.mark.skipif(
    sys.platform != "linux" or not has_gil(), reason="nobody tells, or there is none"
)
def test_threads_that_compute_side_by_side_are_not_faster(suite):
    """Each of them lasts as long as all, since they share the interpreter.

    On a busy machine who has that stands in the run queue as well, and how long others
    wait for it then is known less well: so it is not asked for less.
    """
    told = suite["test_computes_in_threads"]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("speedup ")


def test_what_a_sync_test_does_between_two_runs_of_a_loop_counts(suite):
    """The loop was not kept waiting then: nobody ran it."""
    told = suite["test_between_two_runs"]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")


def test_a_speedup_of_no_tasks_says_what_to_write(suite):
    """Instead of passing by silence."""
    lines = suite["test_alone"].lines
    assert lines[0].endswith("was promised, but the test started no tasks")


def test_a_test_that_goes_on_after_its_cancellation_still_fails(suite):
    """Swallowing it once or again hides nothing."""
    stubborn = suite["test_stubborn"]
    assert stubborn.outcome == "failed"
    assert 1.0 < stubborn.record["wall"] < 20
    assert stubborn.lines[0].startswith("wall clock ")


def test_a_timeout_inside_is_the_tests_own_affair(suite):
    """Shorter than the budget it is a TimeoutError, longer it does not matter."""
    assert suite["test_inner_timeout"].outcome == "passed"
    longer = suite["test_inner_timeout_is_longer"]
    assert longer.lines[0].startswith("wall clock ")
    assert "await asyncio.wait_for(fetch(60), 30)" in longer.lines


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("test_own_failure", "while cleaning up"),
        ("test_own_failure_after_the_budget", "my own"),
    ],
)
def test_the_tests_own_failure_is_added_to_not_replaced(suite, name, own):
    """The assertion is shown as ever, the verdict beneath it or in our section."""
    told = suite[name]
    assert told.outcome == "failed"
    assert f"AssertionError: {own}" in told.text
    assert told.record["budget"]["met"] is False
    assert "wall clock " in told.text + told.sections


def test_the_nearest_marker_wins_and_inherits_what_it_leaves_open(suite):
    """A test's own over its class's."""
    assert suite["test_nearer"].record["budget"]["within"] == 0.15
    inherited = suite["test_the_open_part_is_inherited"].record["budget"]
    assert inherited == {"within": 30.0, "speedup": 1.5, "met": True}


def test_a_test_without_a_marker_is_not_watched(suite):
    """Unasked, nothing is measured."""
    assert not suite["test_after_all_that"].watched


DEBUGGED = """
import asyncio, io, time, types
import pytest

def debug(seconds):
    said = io.StringIO(f"import time; time.sleep({seconds})\\ncontinue\\n")
    breakpoint(stdin=said, stdout=io.StringIO(), nosigint=True)

@pytest.mark.budget(0.15)
async def test_longer_than_the_budget():
    await asyncio.sleep(0)
    debug(0.4)
    await asyncio.sleep(0)

@pytest.mark.budget(0.3)
async def test_most_of_the_budget():
    debug(0.2)
    await asyncio.sleep(0.3)

@pytest.mark.budget(0.15)
async def test_in_a_thread():
    await asyncio.to_thread(debug, 0.4)

@pytest.mark.budget(0.15)
def test_sync():
    debug(0.4)

@pytest.mark.budget(speedup=3)
async def test_speedup():
    async def fetch(number):
        await asyncio.sleep(0.05)
        if number == 1:
            debug(0.4)
    await asyncio.gather(*(fetch(number) for number in range(4)))

async def test_fixture(concurrently):
    async def work():
        debug(0.4)
    await concurrently(work(), within=0.15)

pydevd = types.ModuleType("pydevd")
exec("def do_wait_suspend(stand): stand()", vars(pydevd))

@pytest.mark.budget(0.15)
async def test_of_an_ide():
    pydevd.do_wait_suspend(lambda: time.sleep(0.4))
    await asyncio.sleep(0)

@pytest.mark.budget(0.15)
async def test_after_the_budget():
    try:
        await asyncio.sleep(60)
    finally:
        debug(0.1)

@pytest.fixture
def before():
    debug(0.1)

@pytest.mark.budget(0.15)
async def test_before_the_call(before):
    await asyncio.sleep(60)

@pytest.mark.budget(30)
async def test_quick():
    debug(0)

@pytest.mark.budget(0.15)
async def test_next():
    await asyncio.sleep(60)
"""

WAIVED = {
    "test_longer_than_the_budget": ["wall"],
    "test_most_of_the_budget": ["wall"],
    "test_in_a_thread": ["wall"],
    "test_sync": ["wall"],
    "test_speedup": ["speedup"],
    "test_of_an_ide": ["wall"],
}


def test_a_budget_is_not_judged_where_a_debugger_stood(play_once):
    """A person's time is not the test's; what was over before, or after, still is."""
    run = play_once(DEBUGGED, "--asyncbench-summary=all")
    assert run.outcomes == {
        **dict.fromkeys(WAIVED, "passed"),
        "test_fixture": "passed",
        "test_after_the_budget": "failed",
        "test_before_the_call": "failed",
        "test_quick": "passed",
        "test_next": "failed",
    }
    told = {name: run[name].record["waived"] for name in run.outcomes}
    assert {name: waived for name, waived in told.items() if waived} == WAIVED
    assert [line for line in run.summary if line.startswith("not judged")] == [
        f"not judged: the budget of test_it.py::{name}, since a debugger stood in it"
        for name in WAIVED
    ]
    why = "; not judged, since a debugger stood in the test"
    for name in *WAIVED, "test_fixture":
        assert run[name].sections.endswith(why)
    assert run["test_quick"].sections == ""
    assert run["test_after_the_budget"].lines[0].startswith("wall clock ")
    assert run["test_after_the_budget"].lines[0].endswith("budget 0.150 s (marker)")


SKIPS = """
import asyncio, time, unittest
import pytest

async def connect(skip):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        skip("no server here")

@pytest.mark.budget(0.15)
async def test_skips():
    await connect(pytest.skip)

@pytest.mark.budget(0.15)
def test_sync():
    asyncio.run(connect(pytest.skip))

class TestCase(unittest.IsolatedAsyncioTestCase):
    @pytest.mark.budget(0.15)
    async def test_of_unittest(self):
        await connect(self.skipTest)

@pytest.fixture
async def server():
    await connect(pytest.skip)

@pytest.mark.budget(setup=0.15)
async def test_set_up(server):
    pass

@pytest.mark.budget(0.15)
async def test_is_known():
    await connect(pytest.xfail)

@pytest.mark.budget(0.1)
async def test_skips_by_itself():
    time.sleep(0.3)
    raise unittest.SkipTest("no server here")

@pytest.mark.budget(30)
async def test_skips_in_time():
    pytest.skip("no server here")
"""


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("test_skips", "failed"),
        ("test_sync", "failed"),
        ("test_of_unittest", "failed"),
        ("test_set_up", "error"),
        ("test_is_known", "xfailed"),
        ("test_skips_by_itself", "skipped"),
        ("test_skips_in_time", "skipped"),
    ],
)
def test_a_skip_because_it_was_cancelled_hides_no_broken_budget(play, name, outcome):
    """It is told with the failure; a skip of the test's own stays one."""
    told = play(SKIPS)[name]
    assert told.outcome == outcome
    broken = outcome in ("failed", "error")
    skipped = "it skipped when it was cancelled: no server here"
    assert (skipped in told.lines) == broken
    if broken:
        assert told.lines[0].startswith("wall clock ")
    assert ("wall clock" in told.sections) == (
        name in ("test_is_known", "test_skips_by_itself")
    )


ASKED_IN = """
import asyncio
import pytest

async def fetch():
    await asyncio.sleep(60)

@pytest.mark.asyncio
@pytest.mark.budget(0.2)
async def test_async():
    await fetch()

@pytest.mark.budget(0.2)
def test_sync():
    asyncio.run(fetch())
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [("test_async", "await fetch()"), ("test_sync", "asyncio.run(fetch())")],
)
def test_pdb_leads_to_where_the_test_stood_when_its_budget_was_over(
    pytester, name, line
):
    """Frames of the plugin's and of pytest's alone tell nothing of what hangs."""
    pytester.makepyfile(ASKED_IN)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pdb"]
    ended = pytester.run(*command, "-k", name, stdin=b"where\nquit\n")
    ended.stdout.fnmatch_lines(f"-> {line}")
