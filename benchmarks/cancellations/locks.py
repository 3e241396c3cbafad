"""Locks, semaphores and events that a cancelled task keeps, or never sets."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

pytestmark = pytest.mark.cancellations

has_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="no TaskGroup")


# --------------------------------------------------------------- lock kept


async def faulty_lock_kept() -> None:
    """What comes between acquire and release may be cancelled."""
    lock = asyncio.Lock()

    async def use() -> None:
        await lock.acquire()
        await asyncio.sleep(0.1)  # leaves: 1 asyncio.Lock left held
        lock.release()

    await asyncio.gather(use())


async def repaired_lock_kept() -> None:
    lock = asyncio.Lock()

    async def use() -> None:
        async with lock:
            await asyncio.sleep(0.1)

    await asyncio.gather(use(), use(), use())


# --------------------------------------------- a timeout around the acquire


async def faulty_timeout_around_acquire() -> None:
    """The timeout covers the acquire alone, and nothing covers what follows."""
    lock = asyncio.Lock()

    async def use() -> None:
        await asyncio.wait_for(lock.acquire(), timeout=1)
        await asyncio.sleep(0.1)  # leaves: 1 asyncio.Lock left held
        lock.release()

    await asyncio.gather(use())


async def repaired_timeout_around_acquire() -> None:
    lock = asyncio.Lock()

    async def use() -> None:
        await asyncio.wait_for(lock.acquire(), timeout=1)
        try:
            await asyncio.sleep(0.1)
        finally:
            lock.release()

    tasks = [asyncio.create_task(use()) for _ in range(2)]
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --------------------------------------------------------- semaphore kept


async def faulty_semaphore_kept() -> None:
    """A failure gives the place back, a cancellation does not: it is no Exception."""
    places = asyncio.Semaphore(2)

    async def request() -> None:
        await places.acquire()
        try:
            await asyncio.sleep(0.1)  # leaves: 1 place of an asyncio.Semaphore
        except Exception:
            places.release()
            raise
        places.release()

    await asyncio.gather(request())


async def repaired_semaphore_kept() -> None:
    places = asyncio.Semaphore(2)

    async def request() -> None:
        await places.acquire()
        try:
            await asyncio.sleep(0.1)
        finally:
            places.release()

    await asyncio.gather(*(request() for _ in range(5)))


# ----------------------------------------- a lock in an asynchronous generator


async def faulty_generator_not_closed() -> None:
    """A generator that nobody closes stands at its yield, inside of its lock."""
    lock = asyncio.Lock()

    async def rows() -> AsyncIterator[int]:
        async with lock:
            for row in range(2):
                yield row

    async for _ in rows():
        await asyncio.sleep(0)  # leaves: 1 asyncio.Lock left held


async def repaired_generator_not_closed() -> None:
    lock = asyncio.Lock()

    async def rows() -> AsyncIterator[int]:
        async with lock:
            for row in range(2):
                yield row

    async with contextlib.aclosing(rows()) as each:
        async for _ in each:
            await asyncio.sleep(0)


# -------------------------------------------------------- event never set


@has_groups
async def faulty_event_never_set() -> None:
    """Who waits for the event waits for ever."""
    ready = asyncio.Event()

    async def load() -> None:
        await asyncio.sleep(0.1)  # leaves: task 'serve' waits for ever
        ready.set()

    async def serve() -> None:
        await ready.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(load())
        group.create_task(serve())


@has_groups
async def repaired_event_never_set() -> None:
    ready = asyncio.Event()

    async def load() -> None:
        try:
            await asyncio.sleep(0.1)
        finally:
            ready.set()

    async def serve() -> None:
        await ready.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(load())
        group.create_task(serve())


# ------------------------------------------------------ a flight never ended


async def faulty_flight_never_ended() -> None:
    """Who loads first is cancelled, and the others wait for what it was to bring."""
    flights: dict[str, asyncio.Event] = {}

    async def load(name: str) -> None:
        if name in flights:
            await flights[name].wait()
            return
        flights[name] = asyncio.Event()
        await asyncio.sleep(0.1)  # leaves: task 'load' waits for ever
        flights.pop(name).set()

    await asyncio.gather(load("a"), load("a"))


async def repaired_flight_never_ended() -> None:
    flights: dict[str, asyncio.Event] = {}

    async def load(name: str) -> None:
        if name in flights:
            await flights[name].wait()
            return
        flights[name] = asyncio.Event()
        try:
            await asyncio.sleep(0.1)
        finally:
            flights.pop(name).set()

    await asyncio.gather(load("a"), load("a"))
