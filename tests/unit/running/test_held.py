"""What can be taken and must be given back, and what is left in a loop."""

from __future__ import annotations

import asyncio
from unittest.mock import MagicMock

import pytest

from pytest_asyncbench._running import Holdings, Order, run_alone, told
from pytest_asyncbench.virtual_time import VirtualClock


async def kept_lock():
    await asyncio.Lock().acquire()


async def kept_condition():
    await asyncio.Condition().acquire()


async def kept_places():
    places = asyncio.BoundedSemaphore(3)
    await places.acquire()
    await places.acquire()


async def item_not_done():
    queue = asyncio.Queue()
    queue.put_nowait(1)
    queue.put_nowait(2)
    await queue.get()


async def nothing():
    queue, signal = asyncio.Queue(), asyncio.Semaphore(0)
    signal.release()
    queue.put_nowait(1)
    async with asyncio.Lock(), asyncio.Condition(), asyncio.Semaphore(2):
        await asyncio.sleep(0)


SAID = {
    kept_lock: ["1 asyncio.Lock left held"],
    kept_condition: ["1 asyncio.Lock left held"],
    kept_places: ["2 places of asyncio.Semaphores not given back"],
    item_not_done: ["1 item of an asyncio.Queue taken, and no task_done() for it"],
    nothing: [],
}


@pytest.mark.parametrize("function", SAID)
def test_what_is_not_given_back_is_counted(function):
    """Though nobody but us knows of it any longer; a new run begins with none."""
    holdings = Holdings()
    with holdings.noting():
        asyncio.run(function())
        assert [*told(holdings.taken())] == SAID[function]
        holdings.begin()
        assert [*told(holdings.taken())] == []


def test_who_makes_one_outside_is_not_noted():
    """Nor is asyncio's own `__init__` another one after it."""
    before = asyncio.Lock.__init__
    holdings = Holdings()
    with holdings.noting():
        assert asyncio.Lock.__init__ is not before
    assert asyncio.Lock.__init__ is before
    asyncio.run(kept_lock())
    assert [*told(holdings.taken())] == []


def test_what_was_there_before_is_given_back_as_a_run_begins():
    """As far as the last run has taken it."""
    lock, held = asyncio.Lock(), asyncio.Lock()
    asyncio.run(held.acquire())
    holdings = Holdings()
    with holdings.noting():
        asyncio.run(lock.acquire())
        assert [*told(holdings.taken())] == ["1 asyncio.Lock left held"]
        holdings.begin()
        assert [*told(holdings.taken())] == []
    assert not lock.locked()
    assert held.locked()


def a_queue():
    queue = asyncio.Queue()

    async def gets_one():
        queue.put_nowait(1)
        await queue.get()

    return lambda: asyncio.run(gets_one())


def a_pool():
    pool = pytest.importorskip("sqlalchemy.pool")
    connections = pool.QueuePool(lambda: MagicMock())
    kept = []
    return lambda: kept.append(connections.connect())


def test_a_pool_that_was_stopped_as_it_closes_a_connection_has_lent_none():
    """Though it counts one less that stands in it."""
    sqlalchemy_pool = pytest.importorskip("sqlalchemy.pool")
    connection = MagicMock()
    connection.close.side_effect = asyncio.CancelledError
    pool = sqlalchemy_pool.QueuePool(lambda: connection)
    holdings = Holdings()
    with holdings.noting():
        lent = pool.connect()
        assert len([*told(holdings.taken())]) == 1
        lent.close()
        with pytest.raises(asyncio.CancelledError):
            pool.dispose()
        assert pool.checkedout() == 1
        assert [*told(holdings.taken())] == []


@pytest.mark.parametrize("made", ["before", "in the first run"])
@pytest.mark.parametrize("make", [a_queue, a_pool])
def test_what_an_earlier_run_has_left_is_not_told_of_a_later_one(make, made):
    """Of what outlives a run, and has nobody who could give back for the run."""
    holdings = Holdings()
    take = make() if made == "before" else None
    with holdings.noting():
        holdings.begin()
        take = take or make()
        take()
        assert len([*told(holdings.taken())]) == 1
        holdings.begin()
        assert [*told(holdings.taken())] == []
        if made == "before" or make is a_pool:
            take()
            assert len([*told(holdings.taken())]) == 1


async def beat():
    await asyncio.sleep(5)


async def starts_two():
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(5, beat.__call__)
    asyncio.get_running_loop().call_later(5, int).cancel()
    left = asyncio.create_task(beat(), name="heart")
    ended = asyncio.create_task(asyncio.sleep(0))
    await ended
    assert not left.done()


def test_tasks_and_timers_that_are_left_in_a_loop_are_named():
    """A task with its line; not what was cancelled or has ended."""
    order = Order()
    run_alone(starts_two, order, VirtualClock())
    task, timer = order.leaks
    assert task.what == "task 'heart'"
    assert task.place.line == beat.__code__.co_firstlineno + 1
    assert task.place.function == "beat"
    assert timer.what.startswith("callback ")
    assert timer.place is None


async def starts_and_ends():
    task = asyncio.create_task(beat())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


def test_who_ends_what_it_has_started_leaves_nothing():
    """Nor does a run that begins anew know of the one before."""
    order = Order()
    run_alone(starts_two, order, VirtualClock())
    order.begin()
    run_alone(starts_and_ends, order, VirtualClock())
    assert order.leaks == []
