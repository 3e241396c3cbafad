"""Virtual time under pytest-asyncio: both modes, every scope, its loop factories."""

from __future__ import annotations

import pytest
from pytest_asyncio import plugin

BODY = """
    async def test_one{self_and}virtual_clock):
        LOOPS.append(asyncio.get_running_loop())
        await asyncio.sleep(3600)
        assert virtual_clock.elapsed == 3600

    async def test_two{self_and}virtual_clock, service):
        shared = asyncio.get_running_loop() is LOOPS[0]
        assert shared is {shared}
        before = 3600 if shared else 0
        assert service == before + 5
        await asyncio.sleep(5)
        assert virtual_clock.elapsed == before + 10
        assert datetime.datetime.now() == START + datetime.timedelta(
            seconds=virtual_clock.elapsed)

    @pytest.mark.budget(10)
    async def test_hung{self}:
        await asyncio.sleep(60)

    @pytest.mark.budget(10, speedup=2)
    async def test_budget_begins_with_the_test{self}:
        await asyncio.gather(asyncio.sleep(10), asyncio.sleep(10))

    async def test_deadlock{self}:
        await asyncio.Event().wait()

    async def test_after_a_deadlock{self_and}concurrently):
        run = await concurrently(asyncio.sleep(100), asyncio.sleep(100))
        assert (run.virtual, run.speedup) == (100, 2)
"""

HEAD = """
import asyncio, datetime
import pytest, pytest_asyncio

LOOPS = []
START = datetime.datetime(2026, 1, 1)
pytestmark = [
    pytest.mark.virtual_time("2026-01-01"),
    pytest.mark.asyncio(loop_scope="{scope}"),
]

@pytest_asyncio.fixture(loop_scope="{scope}")
async def service(virtual_clock):
    await asyncio.sleep(5)
    yield virtual_clock.elapsed
    await asyncio.sleep(5)
"""

EXPECTED = {
    "test_one": "passed",
    "test_two": "passed",
    "test_hung": "failed",
    "test_budget_begins_with_the_test": "passed",
    "test_deadlock": "failed",
    "test_after_a_deadlock": "passed",
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
def test_virtual_time_is_the_same_in_every_mode_and_scope(play_once, mode, scope):
    """Tests that share a loop share its clock, which goes on from test to test."""
    run = play_once(source(scope), f"--asyncio-mode={mode}")
    assert run.outcomes == EXPECTED
    told = run["test_hung"].lines[0]
    assert told == "virtual clock 10.000 s, budget 10.000 s (marker)"
    assert run["test_deadlock"].lines[0].startswith("deadlock at virtual ")


def test_virtual_time_is_the_same_with_workers(play_once):
    """One mode and scope stands for all."""
    run = play_once(source("session"), "--dist=loadfile", workers=True)
    assert run.outcomes == EXPECTED


MIXED = """
import asyncio
import pytest

@pytest.mark.asyncio(loop_scope="{scope}")
class TestIt:
    @pytest.mark.virtual_time
    async def test_virtual(self):
        raise AssertionError("it ran")

    {other}
    async def test_other(self):
        raise AssertionError("it ran")
"""


@pytest.mark.parametrize("scope", ["class", "module", "session"])
@pytest.mark.parametrize("other", ["", "@pytest.mark.virtual_time('2020-01-01')"])
def test_two_times_in_one_loop_end_the_run_at_collection(play, scope, other):
    """Both tests are named, in workers, too."""
    run = play(MIXED.format(scope=scope, other=other))
    assert run.status == 4
    assert run.outcomes == {}
    assert "it ran" not in run.out
    told = " ".join((run.out + run.err).split())
    assert (
        "test_it.py::TestIt::test_other: shares its loop with "
        "test_it.py::TestIt::test_virtual, and only one of them is in virtual time, "
        "or their virtual times differ; mark both alike, or give each a loop of "
        "its own (loop_scope='function')"
    ) in told


APART = """
import asyncio, time
import pytest

@pytest.mark.virtual_time
async def test_virtual(virtual_clock):
    await asyncio.sleep(3600)
    assert virtual_clock.elapsed == 3600

async def test_real():
    assert asyncio.get_running_loop().time() > 0
    began = time.perf_counter()
    await asyncio.sleep(0.05)
    assert time.perf_counter() - began > 0.04

@pytest.mark.asyncio(loop_scope="module")
async def test_of_the_module():
    began = time.perf_counter()
    await asyncio.sleep(0.05)
    assert time.perf_counter() - began > 0.04

def test_sync():
    pass
"""


def test_tests_with_loops_of_their_own_may_differ(play):
    """Virtual and real side by side."""
    run = play(APART)
    assert set(run.outcomes.values()) == {"passed"}
    assert len(run.outcomes) == 4


WIDER = """
import asyncio, time
import pytest, pytest_asyncio

@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def service():
    yield asyncio.get_running_loop()

@pytest.mark.virtual_time
async def test_virtual(service, virtual_clock):
    await asyncio.sleep(3600)
    assert virtual_clock.elapsed == 3600
    assert "time" not in vars(service)

@pytest.mark.asyncio(loop_scope="session")
async def test_real():
    began = time.perf_counter()
    await asyncio.sleep(0.1)
    assert time.perf_counter() - began > 0.09
"""


def test_the_loop_of_a_wider_fixture_stays_real(play_once):
    """Tests that ask for nothing run in it later."""
    run = play_once(WIDER)
    assert run.outcomes == {"test_virtual": "passed", "test_real": "passed"}


FACTORY = """
import asyncio
import pytest
from conftest import LoopOfMine

@pytest.mark.virtual_time
async def test_virtual(virtual_clock):
    loop = asyncio.get_running_loop()
    assert type(loop) is LoopOfMine
    await asyncio.sleep(3600)
    assert virtual_clock.elapsed == loop.time() == 3600
    async with asyncio.Lock():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)
    assert loop.time() == 7200

async def test_real():
    assert type(asyncio.get_running_loop()) is LoopOfMine
    assert "time" not in vars(asyncio.get_running_loop())
"""


@pytest.mark.skipif(
    not hasattr(plugin, "PytestAsyncioSpecs"), reason="pytest-asyncio has no such hook"
)
def test_a_loop_of_the_users_own_factory_becomes_virtual(play):
    """It is given to pytest-asyncio as ever, and needs to know nothing of us."""
    run = play(
        FACTORY,
        conftest="\nimport asyncio\n"
        "class LoopOfMine(asyncio.SelectorEventLoop):\n    pass\n"
        "def pytest_asyncio_loop_factories(config, item):\n"
        "    return {'mine': LoopOfMine}\n",
    )
    assert set(run.outcomes.values()) == {"passed"}, run
    assert len(run.outcomes) == 2
