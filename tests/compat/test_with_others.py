"""anyio's own plugin, uvloop, and coverage's like: other hands on the same loop."""

from __future__ import annotations

import importlib.util
import sys

import pytest

ANYIO = """
import asyncio, time
import anyio, pytest

pytestmark = [pytest.mark.anyio, pytest.mark.no_blocking]

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_blocks():
    time.sleep(0.001)

async def test_clean():
    await anyio.sleep(0.01)
    await anyio.to_thread.run_sync(time.sleep, 0.15)

@pytest.mark.budget(0.15)
async def test_hung():
    await anyio.sleep(60)

@pytest.mark.budget(30, speedup=1.5)
async def test_group():
    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(anyio.sleep, 0.1)

async def test_run(concurrently):
    assert list(await concurrently(anyio.sleep(0.01), anyio.sleep(0.01))) == [None] * 2
"""

OUTCOMES = {
    "test_blocks": "failed",
    "test_clean": "passed",
    "test_hung": "failed",
    "test_group": "passed",
    "test_run": "passed",
}


def test_tests_that_anyio_runs_are_watched_alike(play_once):
    """Its task groups are tasks like any other."""
    run = play_once(ANYIO, "--asyncio-mode=strict")
    assert run.outcomes == OUTCOMES
    headline = run["test_hung"].lines[0]
    assert headline.startswith("wall clock ")
    assert headline.endswith("budget 0.150 s (marker)")
    assert run["test_group"].record["speedup"] > 1.5


ANYIO_SHARED = """
import asyncio, sys, time
import anyio, pytest

pytestmark = pytest.mark.anyio

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def shared():
    yield

@pytest.fixture
async def slow():
    yield
    await anyio.sleep(0.01)

@pytest.mark.budget(0.15)
async def test_late_in_its_last_step(shared, slow):
    await anyio.sleep(0)
    time.sleep(0.4)

@pytest.mark.budget(0.15)
async def test_caught(shared):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        pass

async def fail():
    raise ValueError("on purpose")

@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no TaskGroups")
async def test_group_that_fails(shared):
    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.sleep(60)

async def test_after_all_that(shared):
    await anyio.sleep(0)
"""


def test_a_budget_ends_in_its_test_where_one_task_runs_them_all(play_once):
    """No cancellation comes after the test, or is left for TaskGroups to find."""
    run = play_once(ANYIO_SHARED, "--asyncio-mode=strict")
    group = "passed" if sys.version_info >= (3, 11) else "skipped"
    assert run.outcomes == {
        "test_late_in_its_last_step": "failed",
        "test_caught": "failed",
        "test_group_that_fails": group,
        "test_after_all_that": "passed",
    }
    for name in "test_late_in_its_last_step", "test_caught":
        assert run[name].lines[0].startswith("wall clock ")
        assert run[name].lines[0].endswith("budget 0.150 s (marker)")
        assert [report["outcome"] for report in run[name].reports] == [
            "passed",
            "failed",
            "passed",
        ]


UVLOOP = """
import asyncio, time
import pytest, uvloop

@pytest.mark.no_blocking
def test_blocks():
    async def main():
        await asyncio.sleep(0)
        time.sleep(0.15)
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()

@pytest.mark.no_blocking
def test_clean():
    async def main():
        await asyncio.sleep(0.01)
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)
def test_a_test_in_uvloop_never_passes_by_silence(play_once):
    """It is measured and judged, or it is reported as unmeasured."""
    run = play_once(UVLOOP)
    assert run["test_blocks"].outcome == "failed"
    measured = not run["test_clean"].record["unmeasured"]
    assert run["test_clean"].outcome == ("passed" if measured else "failed")
    if measured:
        assert run["test_blocks"].record["blocking"][0]["call"] == "time.sleep"
    else:
        assert run["test_blocks"].lines[0].startswith("not measured")


CYCLES = """
import asyncio, gc, weakref
import pytest, uvloop

class Failure(Exception):
    pass

async def fail():
    raise Failure

async def main():
    task = asyncio.ensure_future(fail())
    await asyncio.wait([task])
    failure = weakref.ref(task.exception())
    await asyncio.sleep(0)
    del task
    return failure() is None

@pytest.mark.no_blocking
@pytest.mark.parametrize("make", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_freed(make):
    gc.collect()
    gc.disable()
    try:
        loop = make()
        assert loop.run_until_complete(main())
        loop.close()
    finally:
        gc.enable()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)
def test_a_failed_task_is_freed_as_it_would_be_without_us(play_once):
    """An exception's frames keep the frame of the step, which must keep nothing."""
    run = play_once(CYCLES)
    assert set(run.outcomes.values()) == {"passed"}, run


BLOCKBUSTER = """
import asyncio, time
import pytest
from blockbuster import blockbuster_ctx

@pytest.fixture(autouse=True)
def blockbuster():
    with blockbuster_ctx() as blockbuster:
        blockbuster.functions["time.sleep"].deactivate()
        yield

async def main(seconds=0.0):
    for _ in range(100):
        await asyncio.sleep(0)
    time.sleep(seconds)

@pytest.mark.no_blocking
@pytest.mark.budget(30)
async def test_clean():
    await main()

@pytest.mark.no_blocking
def test_clean_in_its_own_loop():
    asyncio.run(main())

@pytest.mark.no_blocking(rules="none")
async def test_blocks():
    await main(0.15)

@pytest.mark.budget(0.15)
async def test_hung(concurrently):
    await concurrently(asyncio.sleep(60), asyncio.sleep(60))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("blockbuster") is None, reason="blockbuster is missing"
)
def test_who_forbids_to_wait_for_locks_does_not_mean_ours(play_once):
    """A loop's thread waits for the watchdog at times, for fractions of a second."""
    run = play_once(BLOCKBUSTER, subprocess=True)
    assert run.outcomes == {
        "test_clean": "passed",
        "test_clean_in_its_own_loop": "passed",
        "test_blocks": "failed",
        "test_hung": "failed",
    }
    assert "BlockingError" not in run.out
    assert "itself" not in run.out


IMPORTS = """
import pytest

@pytest.mark.no_blocking
async def test_slow_import():
    import slow
"""

SLOW = """
import time
until = time.thread_time() + 0.25
while time.thread_time() < until:
    pass
"""


def test_importing_is_never_reported_however_slow(play_once, pytester):
    """It happens once, and nobody would move it to a thread."""
    (pytester.path / "slow.py").write_text(SLOW)
    run = play_once(IMPORTS)
    assert run["test_slow_import"].outcome == "passed"


TRACED = """
import asyncio, sys
import pytest

@pytest.mark.no_blocking
async def test_traced():
    def trace(frame, event, argument):
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        await asyncio.sleep(0.01)
        sum(range(1000))
    finally:
        sys.settrace(before)

@pytest.mark.no_blocking
async def test_imports():
    import wave, tabnanny
"""


def test_tracers_and_imports_are_never_reported(play_once):
    """Debuggers and coverage look at every line; an import reads files."""
    run = play_once(TRACED, "--asyncbench-rules=all")
    assert run.outcomes == {"test_traced": "passed", "test_imports": "passed"}
