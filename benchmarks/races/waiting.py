"""Locks, events, conditions and semaphores: lost wake-ups, deadlocks, leaks."""

from __future__ import annotations

import asyncio
import contextlib


async def _io(steps: int = 1) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


# ------------------------------------------------------------ lost wake-up


async def racy_lost_wake_up() -> None:
    """A waiter comes after the one notification, and sleeps for ever."""
    condition = asyncio.Condition()
    ready: list[int] = []

    async def consume() -> None:
        async with condition:
            await condition.wait()
            ready.pop()

    async def produce() -> None:
        await _io(3)
        async with condition:
            ready.append(1)
            condition.notify()

    await asyncio.gather(consume(), produce())


async def repaired_lost_wake_up() -> None:
    condition = asyncio.Condition()
    ready: list[int] = []

    async def consume() -> None:
        async with condition:
            await condition.wait_for(lambda: ready)
            ready.pop()

    async def produce() -> None:
        await _io(3)
        async with condition:
            ready.append(1)
            condition.notify()

    await asyncio.gather(consume(), produce())


async def racy_event_cleared() -> None:
    """An event is set and cleared again before somebody looks at it."""
    event = asyncio.Event()
    went: list[int] = []

    async def wait(latency: int) -> None:
        await _io(latency)
        await event.wait()
        went.append(latency)

    async def pulse() -> None:
        await _io(4)
        event.set()
        await _io()
        event.clear()

    await asyncio.gather(wait(0), wait(2), pulse())
    assert len(went) == 2


async def repaired_event_cleared() -> None:
    event = asyncio.Event()
    went: list[int] = []

    async def wait(latency: int) -> None:
        await _io(latency)
        await event.wait()
        went.append(latency)

    async def pulse() -> None:
        await _io(4)
        event.set()

    await asyncio.gather(wait(0), wait(2), pulse())
    assert len(went) == 2


# ---------------------------------------------------------------- deadlock


async def racy_deadlock() -> None:
    """Two transfers take the locks of their accounts in different orders."""
    a, b = asyncio.Lock(), asyncio.Lock()

    async def transfer(first: asyncio.Lock, second: asyncio.Lock, wait: int) -> None:
        await _io(wait)
        async with first:
            await _io()
            async with second:
                await _io()

    await asyncio.gather(transfer(a, b, 0), transfer(b, a, 4))


async def repaired_deadlock() -> None:
    a, b = asyncio.Lock(), asyncio.Lock()

    async def transfer(first: asyncio.Lock, second: asyncio.Lock, wait: int) -> None:
        await _io(wait)
        async with first:
            await _io()
            async with second:
                await _io()

    await asyncio.gather(transfer(a, b, 0), transfer(a, b, 4))


async def racy_three_philosophers() -> None:
    """Each takes the fork at the left and waits for that at the right."""
    forks = [asyncio.Lock() for _ in range(3)]

    async def dine(seat: int) -> None:
        await _io(3 * seat)
        async with forks[seat]:
            await _io()
            async with forks[(seat + 1) % 3]:
                await _io()

    await asyncio.gather(*(dine(seat) for seat in range(3)))


async def repaired_three_philosophers() -> None:
    forks = [asyncio.Lock() for _ in range(3)]

    async def dine(seat: int) -> None:
        await _io(3 * seat)
        first, second = sorted((seat, (seat + 1) % 3))
        async with forks[first]:
            await _io()
            async with forks[second]:
                await _io()

    await asyncio.gather(*(dine(seat) for seat in range(3)))


# -------------------------------------------------------- lock that leaks


async def racy_lock_leaked_on_cancel() -> None:
    """A cancellation between acquire and try leaves the lock held."""
    lock = asyncio.Lock()

    async def use() -> None:
        await lock.acquire()
        await _io()
        try:
            await _io()
        finally:
            lock.release()

    task = asyncio.create_task(use())
    await _io(4)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not lock.locked()


async def repaired_lock_leaked_on_cancel() -> None:
    lock = asyncio.Lock()

    async def use() -> None:
        async with lock:
            await _io(2)

    task = asyncio.create_task(use())
    await _io(4)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not lock.locked()


# --------------------------------------------------------------- semaphore


async def racy_semaphore_by_hand() -> None:
    """A limit of two that is looked at before it is counted."""
    active, most = 0, 0

    async def request(latency: int) -> None:
        nonlocal active, most
        await _io(latency)
        while active >= 2:
            await _io()
        await _io()
        active += 1
        most = max(most, active)
        await _io()
        active -= 1

    await asyncio.gather(request(0), request(1), request(4))
    assert most <= 2


async def repaired_semaphore_by_hand() -> None:
    active, most = 0, 0
    limit = asyncio.Semaphore(2)

    async def request(latency: int) -> None:
        nonlocal active, most
        await _io(latency)
        async with limit:
            active += 1
            most = max(most, active)
            await _io()
            active -= 1

    await asyncio.gather(request(0), request(1), request(4))
    assert most <= 2


# ------------------------------------------------------------------ timing


async def racy_timeout_loses_item() -> None:
    """A get that times out just as the item comes: the item is gone."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    got: list[int] = []

    async def consume() -> None:
        getting = asyncio.ensure_future(queue.get())
        done, _ = await asyncio.wait({getting}, timeout=1.0)
        if done:
            got.append(getting.result())
        else:
            await _io(2)
            getting.cancel()

    async def produce() -> None:
        await asyncio.sleep(1.0)
        await _io(5)
        await queue.put(1)

    await asyncio.gather(produce(), consume())
    assert got or not queue.empty()


async def repaired_timeout_loses_item() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    got: list[int] = []

    async def consume() -> None:
        getting = asyncio.ensure_future(queue.get())
        await asyncio.wait({getting}, timeout=1.0)
        await _io()
        if getting.done() or not getting.cancel():
            got.append(getting.result())
            return
        with contextlib.suppress(asyncio.CancelledError):
            got.append(await getting)

    async def produce() -> None:
        await asyncio.sleep(1.0)
        await queue.put(1)

    await asyncio.gather(produce(), consume())
    assert got or not queue.empty()


async def racy_two_timers() -> None:
    """A lease ends in the moment in which it is renewed."""
    lease, lost = {"until": 1.0}, []
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def renew() -> None:
        await asyncio.sleep(1.0)
        lease["until"] = 2.0

    async def expire() -> None:
        await asyncio.sleep(1.0)
        await _io()
        if lease["until"] <= loop.time() - began:
            lost.append("lease")

    await asyncio.gather(renew(), expire())
    assert not lost


async def repaired_two_timers() -> None:
    lease, lost = {"until": 1.0}, []
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def renew() -> None:
        await asyncio.sleep(0.5)
        lease["until"] = 2.0

    async def expire() -> None:
        await asyncio.sleep(1.0)
        await _io()
        if lease["until"] <= loop.time() - began:
            lost.append("lease")

    await asyncio.gather(renew(), expire())
    assert not lost
