"""Functions in greenlets, on the loop's thread: SQLAlchemy's asyncio, and greenback."""

from __future__ import annotations

import importlib.util
import sys

import pytest

pytest.importorskip("greenlet", reason="there are no greenlets")
pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

SQLALCHEMY = """
import asyncio, time
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn

pytestmark = pytest.mark.no_blocking(threshold="200ms")

def quick():
    time.sleep(0.001)

def slow():
    ends = time.thread_time() + 0.5  # whatever else runs on the machine
    while time.thread_time() < ends:
        pass

@pytest.fixture
async def engine():
    engine = create_async_engine("sqlite+aiosqlite://")
    yield engine
    await engine.dispose()

async def test_quick():
    await greenlet_spawn(quick)

async def test_after_a_wait():
    def waits():
        await_only(asyncio.sleep(0.01))
        quick()
    await greenlet_spawn(waits)

async def test_slow(engine):
    async with engine.connect() as connection:
        await connection.run_sync(lambda connection: slow())

async def test_listener(engine):
    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def listener(*args):
        quick()
    async with engine.connect() as connection:
        await connection.execute(text("select 1"))

async def test_clean(engine):
    async with engine.connect() as connection:
        assert await connection.scalar(text("select 1")) == 1

async def allowed_here():
    await greenlet_spawn(quick)

@pytest.mark.no_blocking(allow=["*.allowed_here > time.sleep  # only here"])
async def test_allowed():
    await allowed_here()
    await greenlet_spawn(slow)

@pytest.mark.no_blocking(scope=["wsgiref"])
async def test_out_of_scope():
    await greenlet_spawn(quick)

@pytest.mark.no_blocking(scope=["test_it"])
async def test_in_scope():
    await greenlet_spawn(time.sleep, 0.001)

@pytest.mark.budget("300ms")
async def test_stuck():
    await greenlet_spawn(lambda: time.sleep(0.6))
"""


@pytest.fixture
def run(play_once):
    return play_once(SQLALCHEMY, subprocess=True)


@pytest.mark.parametrize("test", ["test_quick", "test_after_a_wait"])
def test_a_known_call_in_a_greenlet_is_told_by_its_line(run, test):
    """However quick it was, and also where the greenlet has waited before."""
    assert "calls time.sleep" in run[test].lines
    assert _places(run[test]) == ["quick"]


def test_a_listener_of_an_engine_is_told_by_its_line(run):
    """It is called deep in SQLAlchemy, and from a greenlet."""
    assert _places(run["test_listener"]) == ["quick"]


def test_a_long_step_in_a_greenlet_is_told_by_its_line(run):
    """The watchdog sees it from another thread."""
    assert run["test_slow"].lines[0].startswith("event loop stalled ")
    assert _places(run["test_slow"]) == ["slow"]


def test_what_waits_as_it_should_passes(run):
    """The database is in another thread, and is awaited."""
    assert run["test_clean"].outcome == "passed"


def test_callers_outside_of_the_greenlet_can_be_allowed(run):
    """And nobody else is let off by that."""
    (accepted,) = [
        each for each in run["test_allowed"].record["blocking"] if each["allowed"]
    ]
    assert accepted["allowance"].startswith("*.allowed_here > time.sleep  # only here")
    assert _places(run["test_allowed"]) == ["slow"]


def test_a_scope_looks_out_of_the_greenlet(run):
    """A call that a package outside of it asked for is that package's, too."""
    assert run["test_out_of_scope"].outcome == "passed"
    assert run["test_in_scope"].outcome == "failed"


def test_where_the_loop_stood_is_told_through_the_greenlet(run):
    """The line in it, and the line that waits for it."""
    text = "\n".join(run["test_stuck"].lines)
    assert "the loop was blocked when the budget ended" in text
    assert "in test_stuck.<lambda>" in text or "in <lambda>" in text
    assert "await greenlet_spawn(lambda: time.sleep(0.6))" in text


def _places(test):
    return sorted(
        each["function"].rpartition(".")[2]
        for each in test.record["blocking"]
        if not each["allowed"]
    )


GREENBACK = """
import asyncio, time
import greenback, pytest

@pytest.mark.no_blocking
async def test_it():
    await greenback.ensure_portal()
    def sync():
        greenback.await_(asyncio.sleep(0.01))
        time.sleep(0.001)
    sync()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("greenback") is None or sys.version_info < (3, 11),
    reason="greenback is not installed, or does not know asyncio's task of Python 3.10",
)
def test_the_task_of_a_greenback_portal_is_watched_alike(play_once):
    """Which runs in a greenlet as a whole."""
    run = play_once(GREENBACK, subprocess=True)
    assert _places(run["test_it"]) == ["sync"]
