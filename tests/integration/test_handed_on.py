"""Tests that nothing is seen of share their instruments, and nothing else."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, pathlib, sys, threading, time
import pytest

pytestmark = pytest.mark.asyncio

SEEN = []

def own_threads():
    found = []
    for task in pathlib.Path("/proc/self/task").glob("*"):
        if (task / "comm").read_text().strip() == "asyncbench":
            found.append(task.name)
    return found

async def quiet():
    await asyncio.sleep(0)
    SEEN.append(own_threads())

async def test_first(): await quiet()
async def test_second(): await quiet()
def test_without_a_loop(): pass
def test_with_a_loop_of_its_own(): asyncio.run(quiet())
async def test_third(): await quiet()

async def test_stalls():
    time.sleep(0.3)

async def test_after_a_stall(): await quiet()

async def test_imports():
    import slowly
    await asyncio.sleep(0)

async def test_calls_what_was_imported():
    await asyncio.sleep(0)
    sys.modules["slowly"].fetch()

@pytest.mark.budget("30s")
async def test_followed():
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

async def test_after_one_that_was_followed(): await quiet()

@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_how_many_threads():
    assert SEEN[0] == SEEN[1] == SEEN[2] == SEEN[3]
    assert all(len(threads) == 1 for threads in SEEN)
"""

CONFTEST = """
import pathlib
pathlib.Path(__file__).with_name("slowly.py").write_text(
    "def fetch(): pass\\n"
)
"""

ARGS = ("-o", "asyncbench_calls=network: slowly.fetch  # await it")


@pytest.fixture
def played(play_once):
    return play_once(SUITE, "--asyncbench-blocking=report", *ARGS, conftest=CONFTEST)


def test_one_thread_serves_tests_that_nothing_is_seen_of(played):
    assert played["test_how_many_threads"].outcome == "passed"


def test_a_stall_is_told_of_the_test_that_had_it_alone(played):
    blamed = [name for name in played.outcomes if played[name].record["blocking"]]
    assert blamed == ["test_stalls", "test_calls_what_was_imported"]


def test_what_a_test_before_has_imported_is_a_known_call(played):
    (found,) = played["test_calls_what_was_imported"].record["blocking"]
    assert found["call"] == "slowly.fetch"


def test_each_record_has_the_steps_of_its_own_test(played):
    alike = ("test_first", "test_second", "test_third")
    (steps,) = {played[name].record["steps"] for name in alike}
    assert steps > 0
    assert played["test_without_a_loop"].record["steps"] == 0
    assert played["test_with_a_loop_of_its_own"].record["steps"] > 0
