"""Eager tasks in whole runs: counted, named, and never looked into when over."""

from __future__ import annotations

import sys

import pytest

SUITE = """
import asyncio
import pytest


async def now():
    return 1


@pytest.mark.budget("10s")
async def test_over_at_once():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(*(now() for _ in range(4)))


@pytest.mark.budget("10s", speedup=3)
async def test_by_constructor():
    loop = asyncio.get_running_loop()
    many = [asyncio.sleep(0.1) for _ in range(40)]
    await asyncio.gather(*(asyncio.Task(s, loop=loop, eager_start=True) for s in many))


@pytest.mark.budget("200ms")
async def test_hangs():
    loop = asyncio.get_running_loop()
    done = asyncio.Task(now(), loop=loop, eager_start=True)
    hung = asyncio.Task(asyncio.sleep(60), loop=loop, eager_start=True)
    await asyncio.gather(done, hung)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_are_as_good_as_any(play):
    """They make a speedup, crash nothing, and one that hangs is said to wait."""
    run = play(SUITE)
    assert run["test_over_at_once"].outcome == "passed"
    assert run["test_by_constructor"].outcome == "passed"
    assert run["test_hangs"].outcome == "failed"
    told = [each for each in run["test_hangs"].lines if "for asyncio.sleep" in each]
    assert "has waited" in told[0]


FACTORIES = """
import asyncio
import pytest


@pytest.mark.parametrize("number", range(3))
@pytest.mark.budget("10s", speedup=1.5)
async def test_own_factory(number):
    made = []

    def factory(loop, coro, **kwargs):
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **kwargs)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    await asyncio.gather(*(loop.create_task(asyncio.sleep(0.1)) for _ in range(3)))
    assert len(made) == 3
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
"""


def test_a_factory_that_the_test_sets_makes_its_tasks(play_once):
    """In each of several tests, and they are followed."""
    assert set(play_once(FACTORIES).outcomes.values()) == {"passed"}
