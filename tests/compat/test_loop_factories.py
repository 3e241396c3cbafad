"""pytest-asyncio's loop factories: a test that runs once on the loop of each."""

from __future__ import annotations

import importlib.util

import pytest
from pytest_asyncio import plugin

pytestmark = pytest.mark.skipif(
    not hasattr(plugin, "PytestAsyncioSpecs"), reason="pytest-asyncio has no such hook"
)

FACTORIES = """
import asyncio

class Loop(asyncio.SelectorEventLoop):
    pass

FACTORIES = {"plain": asyncio.new_event_loop, "own": Loop}

def pytest_asyncio_loop_factories(config, item):
    return FACTORIES
"""

BODY = """
import asyncio, time
import pytest

async def test_kind():
    assert type(asyncio.get_running_loop()).__name__ == "Loop"

@pytest.mark.no_blocking(threshold=60)
async def test_blocks():
    time.sleep(0.001)

@pytest.mark.no_blocking(threshold=60)
async def test_clean():
    await asyncio.sleep(0.01)

@pytest.mark.budget(0.15)
async def test_hung():
    await asyncio.sleep(60)

@pytest.mark.budget(60, speedup=1.1)
async def test_fast():
    await asyncio.gather(*(asyncio.sleep(0.5) for _ in range(5)))

@pytest.mark.concurrent(5)
async def test_copies():
    await asyncio.sleep(0.5)

async def test_run(concurrently):
    run = await concurrently(asyncio.sleep(0.01, 1), asyncio.sleep(0.01, 2))
    assert list(run) == [1, 2]

@pytest.mark.virtual_time
@pytest.mark.budget(100)
async def test_virtual(virtual_clock):
    await asyncio.sleep(60)
    assert virtual_clock.elapsed == 60
"""

EXPECTED = {
    "test_blocks": "failed",
    "test_clean": "passed",
    "test_hung": "failed",
    "test_fast": "passed",
    "test_copies": "passed",
    "test_run": "passed",
    "test_virtual": "passed",
}


def test_verdicts_are_the_same_on_the_loop_of_each_factory(play):
    """Each run of a test has a name, a record and a budget of its own."""
    run = play(BODY, conftest=FACTORIES)
    both = {
        f"{name}[{factory}]": outcome
        for name, outcome in EXPECTED.items()
        for factory in ("plain", "own")
    }
    kinds = {"test_kind[plain]": "failed", "test_kind[own]": "passed"}
    assert run.outcomes == both | kinds
    for factory in "plain", "own":
        record = run[f"test_blocks[{factory}]"].record
        assert [found["call"] for found in record["blocking"]] == ["time.sleep"]
        assert run[f"test_hung[{factory}]"].lines[0].startswith("wall clock ")
        assert run[f"test_fast[{factory}]"].record["speedup"] > 1.1
    assert any("time.sleep, 2 times in 2 tests" in line for line in run.summary)


def test_where_there_is_one_factory_names_are_as_ever(play_once):
    """Its name is hidden, and a record belongs to the test's plain name."""
    run = play_once(
        BODY, conftest=FACTORIES.replace('"plain": asyncio.new_event_loop, ', "")
    )
    assert run.outcomes == {"test_kind": "passed", **EXPECTED}
    assert all(run[name].watched for name in EXPECTED)


@pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)
def test_a_factory_of_uvloop_is_judged_by_what_can_be_known(play_once):
    """Blocking and budgets are; what needs its tasks followed, or its time, is not."""
    factories = (
        "\nimport uvloop\n\n"
        "def pytest_asyncio_loop_factories(config, item):\n"
        "    return {'uvloop': uvloop.new_event_loop}\n"
    )
    run = play_once(BODY, conftest=factories)
    assert run.outcomes == {
        "test_kind": "passed",
        **EXPECTED,
        "test_fast": "failed",
        "test_copies": "failed",
        "test_virtual": "error",
    }
    assert run["test_blocks"].record["blocking"][0]["call"] == "time.sleep"
    for name in "test_fast", "test_copies":
        assert "uvloop.Loop is not followed" in run[name].text
    assert "uvloop.Loop keeps time in C" in run["test_virtual"].text


SHARED = """
import asyncio
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOOPS = set()

@pytest.mark.virtual_time
async def test_one(virtual_clock):
    LOOPS.add(asyncio.get_running_loop())
    await asyncio.sleep(3600)
    assert virtual_clock.elapsed == 3600

@pytest.mark.virtual_time
async def test_two(virtual_clock):
    assert asyncio.get_running_loop() in LOOPS
    await asyncio.sleep(3600)
    assert virtual_clock.elapsed == 7200
"""


def test_a_loop_that_is_shared_has_a_clock_of_its_own_for_each_factory(play_once):
    """Time goes on from test to test in one loop, and not into another one."""
    run = play_once(SHARED, conftest=FACTORIES)
    assert set(run.outcomes.values()) == {"passed"}
    assert len(run.outcomes) == 4


APART = """
import asyncio
import pytest

@pytest.mark.asyncio(loop_scope="module", loop_factories=["plain"])
@pytest.mark.virtual_time
async def test_virtual():
    await asyncio.sleep(3600)

@pytest.mark.asyncio(loop_scope="module", loop_factories=["own"])
@pytest.mark.budget(30)
async def test_real():
    await asyncio.sleep(0.01)
"""


def test_loops_of_different_factories_may_live_in_different_times(play_once):
    """They are of one module, and yet not shared."""
    run = play_once(APART, conftest=FACTORIES)
    assert run.outcomes == {"test_virtual": "passed", "test_real": "passed"}
