"""anyio 4.16: how its plugin comes to run a test, and on which loop."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version

import pytest

pytest.importorskip("anyio")
pytestmark = pytest.mark.skipif(
    tuple(map(int, version("anyio").split(".")[:2])) < (4, 16),
    reason="anyio's plugin is older",
)

BODY = """
import asyncio, time
import anyio, pytest

@pytest.mark.no_blocking(threshold=60)
async def test_blocks():
    time.sleep(0.001)

@pytest.mark.no_blocking(threshold=60)
async def test_clean():
    await anyio.sleep(0.01)

@pytest.mark.budget(0.15)
async def test_hung():
    await anyio.sleep(60)

@pytest.mark.budget(60, speedup=1.1)
async def test_group():
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(anyio.sleep, 0.5)

@pytest.mark.concurrent(5)
async def test_copies():
    await anyio.sleep(0.5)

async def test_run(concurrently):
    assert list(await concurrently(anyio.sleep(0.01), anyio.sleep(0.01))) == [None] * 2
"""

OUTCOMES = {
    "test_blocks[asyncio]": "failed",
    "test_clean[asyncio]": "passed",
    "test_hung[asyncio]": "failed",
    "test_group[asyncio]": "passed",
    "test_copies[asyncio]": "passed",
    "test_run[asyncio]": "passed",
}

ONLY_ASYNCIO = """
@pytest.fixture(scope="module", params=["asyncio"])
def anyio_backend(request):
    return request.param
"""

MARKED_BY_A_HOOK = """
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker("anyio")
"""


def told_alike(run):
    assert run.outcomes == OUTCOMES
    assert run["test_blocks[asyncio]"].record["blocking"][0]["call"] == "time.sleep"
    hung = run["test_hung[asyncio]"]
    assert hung.lines[0].startswith("wall clock ")
    # The task in which the plugin waits for the test is none of the test's.
    assert "1 task still alive when the budget ended" in hung.lines
    assert run["test_group[asyncio]"].record["speedup"] > 1.1
    assert all(run[name].watched for name in OUTCOMES)


def test_its_auto_mode_needs_no_marker(play):
    """Each async test is anyio's, and watched as any."""
    told_alike(
        play(
            BODY + ONLY_ASYNCIO,
            "--asyncio-mode=strict",
            ini="anyio_mode = auto",
        )
    )


def test_a_test_that_comes_back_once_for_each_backend_is_watched(play):
    """Where a hook has marked it, another test stands in its place after collection."""
    told_alike(play(BODY, "--asyncio-mode=strict", conftest=MARKED_BY_A_HOOK))


def test_such_a_test_is_watched_where_only_a_setting_asks(play_once):
    """It has no marker of ours, and is no less one of the run's tests."""
    source = "import time\n\nasync def test_blocks():\n    time.sleep(0.001)\n"
    run = play_once(
        source,
        "--asyncio-mode=strict",
        ini="asyncbench_blocking = error",
        conftest=MARKED_BY_A_HOOK,
    )
    assert run.outcomes == {"test_blocks[asyncio]": "failed"}


@pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)
def test_on_uvloop_it_is_judged_by_what_can_be_known(play_once):
    """Blocking and budgets are; who waits for whom isn't, and is said not to be."""
    backend = """
@pytest.fixture
def anyio_backend():
    return "asyncio", {"use_uvloop": True}
"""
    run = play_once(BODY + backend, "--asyncio-mode=strict", ini="anyio_mode = auto")
    assert run.outcomes == {
        "test_blocks": "failed",
        "test_clean": "passed",
        "test_hung": "failed",
        "test_group": "failed",
        "test_copies": "failed",
        "test_run": "passed",
    }
    assert run["test_blocks"].record["blocking"][0]["call"] == "time.sleep"
    for name in "test_group", "test_copies":
        assert "uvloop.Loop is not followed" in run[name].text
