"""pytest-asyncio: both modes, and every scope that a loop can have."""

from __future__ import annotations

import pytest

BODY = """
    async def test_blocks{self}:
        time.sleep(0.001)

    @pytest.mark.budget(0.15)
    async def test_hung{self}:
        await asyncio.sleep(60)

    @pytest.mark.budget(30, speedup=1.5)
    async def test_fast{self}:
        await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(40)))

    @pytest.mark.concurrent(40)
    async def test_copies{self}:
        await asyncio.sleep(0.05)

    async def test_run{self_and}concurrently):
        assert list(await concurrently(give(1), give(2))) == [1, 2]

    async def test_clean{self}:
        LOOPS.append(asyncio.get_running_loop())
        await asyncio.sleep(0)

    async def test_the_same_loop{self}:
        assert (LOOPS[0] is asyncio.get_running_loop()) is {shared}
"""

HEAD = """
import asyncio, time
import pytest

LOOPS = []

async def give(value):
    await asyncio.sleep(0.01)
    return value

pytestmark = [pytest.mark.no_blocking, pytest.mark.asyncio(loop_scope="{scope}")]
"""

EXPECTED = {
    "test_blocks": "failed",
    "test_hung": "failed",
    "test_fast": "passed",
    "test_copies": "passed",
    "test_run": "passed",
    "test_clean": "passed",
    "test_the_same_loop": "passed",
}


def source(scope):
    in_class = scope == "class"
    body = BODY.format(
        self="(self)" if in_class else "()",
        self_and="(self, " if in_class else "(",
        shared=scope != "function",
    )
    if in_class:
        return HEAD.format(scope=scope) + "\nclass TestAll:" + body
    return HEAD.format(scope=scope) + body.replace("\n    ", "\n")


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_verdicts_are_the_same_in_every_mode_and_scope(play_once, mode, scope):
    """Whoever made the loop, and whoever has used it before."""
    run = play_once(source(scope), f"--asyncio-mode={mode}")
    assert run.outcomes == EXPECTED
    assert run["test_blocks"].record["blocking"][0]["call"] == "time.sleep"
    assert run["test_fast"].record["speedup"] > 1.5


def test_verdicts_are_the_same_with_workers(play_once):
    """One mode and scope stands for all."""
    run = play_once(source("session"), "--dist=loadfile", workers=True)
    assert run.outcomes == EXPECTED


FIXTURES = """
import asyncio, time
import pytest, pytest_asyncio

@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service():
    async def serve():
        while True:
            time.sleep(0.001)
            await asyncio.sleep(0.01)
    task = asyncio.create_task(serve())
    yield
    task.cancel()

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.no_blocking
async def test_background_task_of_a_wider_fixture(service):
    await asyncio.sleep(0.05)

@pytest.mark.asyncio(loop_scope="module")
async def test_unwatched(service):
    await asyncio.sleep(0.05)

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.budget(0.15)
async def test_hung(service):
    await asyncio.sleep(60)

@pytest.mark.asyncio(loop_scope="module")
async def test_the_service_still_runs(service):
    assert len(asyncio.all_tasks()) == 2
"""


def test_a_background_task_of_a_wider_fixture_is_watched_and_left_alone(play_once):
    """It blocks the loop of the test; and a budget cancels the test alone."""
    run = play_once(FIXTURES)
    assert run.outcomes == {
        "test_background_task_of_a_wider_fixture": "failed",
        "test_unwatched": "passed",
        "test_hung": "failed",
        "test_the_service_still_runs": "passed",
    }
    text = run["test_background_task_of_a_wider_fixture"].text
    assert "time.sleep(0.001)" in text


DEBUG = """
import asyncio, time
import pytest

@pytest.mark.no_blocking
async def test_debug():
    asyncio.get_running_loop().set_debug(True)
    await asyncio.sleep(0.01)

@pytest.mark.no_blocking
async def test_debug_blocks():
    asyncio.get_running_loop().set_debug(True)
    await asyncio.sleep(0.01)
    time.sleep(0.001)
"""


def test_asyncios_debug_mode_is_no_obstacle(play_once):
    """Its own work around each step is not blamed on anybody."""
    run = play_once(DEBUG)
    assert run.outcomes == {"test_debug": "passed", "test_debug_blocks": "failed"}


PLANNED = """
import pytest

@pytest.fixture
async def planned():
    raise AssertionError("it was set up")

@pytest.mark.no_blocking
async def test_planned(planned):
    raise AssertionError("it ran")
"""


def test_a_run_that_only_plans_has_no_loops(play_once):
    """Nothing runs, so nothing can be watched, and nobody is told off for it."""
    run = play_once(PLANNED, "--setup-plan", ini="asyncbench_blocking = error")
    assert run.status == 0
    assert any("SETUP    F planned" in line for line in run.lines)
    assert run.summary == []
