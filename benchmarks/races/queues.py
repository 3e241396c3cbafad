"""Queues, pools, connections and generators that several tasks use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


async def _io(steps: int = 1) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


# -------------------------------------------------------------- queue join


async def racy_queue_join() -> None:
    """An item is called done before what it led to is in the queue."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    done: list[int] = []

    async def work() -> None:
        while True:
            item = await queue.get()
            done.append(item)
            queue.task_done()
            if item == 1:
                await _io()
                await queue.put(2)

    queue.put_nowait(1)
    workers = [asyncio.create_task(work())]
    await _io()
    await queue.join()
    await _io(4)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert done == [1, 2]


async def repaired_queue_join() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    done: list[int] = []

    async def work() -> None:
        while True:
            item = await queue.get()
            done.append(item)
            if item == 1:
                await queue.put(2)
            queue.task_done()

    queue.put_nowait(1)
    workers = [asyncio.create_task(work())]
    await _io()
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert done == [1, 2]


async def racy_empty_then_get() -> None:
    """Two workers see one item, and one waits for ever for another."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    done: list[int] = []

    async def work(latency: int) -> None:
        await _io(latency)
        while not queue.empty():
            await _io()
            done.append(await queue.get())

    await asyncio.gather(work(0), work(3))
    assert done == [1]


async def repaired_empty_then_get() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    done: list[int] = []

    async def work(latency: int) -> None:
        await _io(latency)
        while True:
            try:
                done.append(queue.get_nowait())
            except asyncio.QueueEmpty:
                return
            await _io()

    await asyncio.gather(work(0), work(3))
    assert done == [1]


async def racy_sentinel() -> None:
    """The end is put into the queue by the first producer that is ready."""
    queue: asyncio.Queue[int | None] = asyncio.Queue()
    got: list[int] = []

    async def produce(items: list[int], *, ends: bool) -> None:
        for item in items:
            await _io()
            await queue.put(item)
        if ends:
            await _io(2)
            await queue.put(None)

    async def consume() -> None:
        while (item := await queue.get()) is not None:
            got.append(item)

    await asyncio.gather(
        produce([1, 2], ends=False), produce([3, 4], ends=True), consume()
    )
    assert sorted(got) == [1, 2, 3, 4]


async def repaired_sentinel() -> None:
    queue: asyncio.Queue[int | None] = asyncio.Queue()
    got: list[int] = []

    async def produce(items: list[int]) -> None:
        for item in items:
            await _io()
            await queue.put(item)

    async def consume() -> None:
        while (item := await queue.get()) is not None:
            got.append(item)

    consuming = asyncio.create_task(consume())
    await asyncio.gather(produce([1, 2]), produce([3, 4]))
    await queue.put(None)
    await consuming
    assert sorted(got) == [1, 2, 3, 4]


# ------------------------------------------------------------------- pools


class _Connection:
    def __init__(self) -> None:
        self.closed = 0
        self.users = 0

    async def query(self) -> int:
        if self.closed:
            raise RuntimeError("the connection is closed")
        self.users += 1
        await _io()
        self.users -= 1
        if self.users:
            raise RuntimeError("two use one connection")
        return 1

    async def close(self) -> None:
        await _io()
        self.closed += 1
        if self.closed > 1:
            raise RuntimeError("closed twice")


async def racy_use_after_close() -> None:
    """The connection is closed while a report still reads from it."""
    connection = _Connection()

    async def report() -> None:
        await _io(1)
        assert await connection.query() == 1

    async def stop() -> None:
        await _io(3)
        await connection.close()

    await asyncio.gather(report(), stop())


async def repaired_use_after_close() -> None:
    connection = _Connection()

    async def report() -> None:
        await _io(1)
        assert await connection.query() == 1

    reporting = asyncio.create_task(report())
    await reporting
    await connection.close()


async def racy_double_close() -> None:
    """Whoever is done last closes; two take themselves for the last."""
    connection, users = _Connection(), 2

    async def use(latency: int) -> None:
        nonlocal users
        await _io(latency)
        users -= 1
        await _io()
        if users == 0:
            await connection.close()

    await asyncio.gather(use(0), use(3))
    assert connection.closed == 1


async def repaired_double_close() -> None:
    connection, users = _Connection(), 2

    async def use(latency: int) -> None:
        nonlocal users
        await _io(latency)
        users -= 1
        if users == 0:
            await connection.close()

    await asyncio.gather(use(0), use(3))
    assert connection.closed == 1


async def racy_pool_hands_out_twice() -> None:
    """A free connection is looked for, checked, and only then marked as taken."""
    free = [_Connection()]

    async def request(latency: int) -> None:
        await _io(latency)
        while not free:
            await _io()
        connection = free[-1]
        await _io()
        if connection in free:
            free.remove(connection)
        await connection.query()
        free.append(connection)

    await asyncio.gather(request(0), request(5))


async def repaired_pool_hands_out_twice() -> None:
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    free.put_nowait(_Connection())

    async def request(latency: int) -> None:
        await _io(latency)
        connection = await free.get()
        await connection.query()
        free.put_nowait(connection)

    await asyncio.gather(request(0), request(5))


async def racy_pool_leaks_on_cancel() -> None:
    """A request that is cancelled while it waits keeps what it was handed."""
    free: asyncio.Queue[int] = asyncio.Queue()
    free.put_nowait(1)

    async def request() -> None:
        connection = await free.get()
        await _io()
        await _io()
        free.put_nowait(connection)

    task = asyncio.create_task(request())
    await _io(5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert free.qsize() == 1


async def repaired_pool_leaks_on_cancel() -> None:
    free: asyncio.Queue[int] = asyncio.Queue()
    free.put_nowait(1)

    async def request() -> None:
        connection = await free.get()
        try:
            await _io(2)
        finally:
            free.put_nowait(connection)

    task = asyncio.create_task(request())
    await _io(5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert free.qsize() == 1


# -------------------------------------------------------------- generators


async def racy_shared_generator() -> None:
    """Two tasks take pages from one generator, at the same time."""

    async def pages() -> AsyncIterator[int]:
        for number in range(4):
            await _io()
            yield number

    source = pages()
    got: list[int] = []

    async def read(count: int, latency: int) -> None:
        await _io(latency)
        while count:
            got.append(await source.__anext__())
            count -= 1

    await asyncio.gather(read(2, 0), read(2, 6))
    assert sorted(got) == [0, 1, 2, 3]


async def repaired_shared_generator() -> None:
    async def pages() -> AsyncIterator[int]:
        for number in range(4):
            await _io()
            yield number

    source, lock = pages(), asyncio.Lock()
    got: list[int] = []

    async def read(count: int, latency: int) -> None:
        await _io(latency)
        for _ in range(count):
            async with lock:
                got.append(await source.__anext__())

    await asyncio.gather(read(2, 0), read(2, 6))
    assert sorted(got) == [0, 1, 2, 3]


# ------------------------------------------------------------------- order


async def racy_messages_out_of_order() -> None:
    """Each message is handled by a task of its own, and one overtakes another."""
    handled: list[int] = []

    async def handle(number: int) -> None:
        await _io(1)
        handled.append(number)

    tasks = []
    for number in range(3):
        tasks.append(asyncio.create_task(handle(number)))
        await _io()
    await asyncio.gather(*tasks)
    assert handled == [0, 1, 2]


async def repaired_messages_out_of_order() -> None:
    handled: list[int] = []
    inbox: asyncio.Queue[int | None] = asyncio.Queue()

    async def handle() -> None:
        while (number := await inbox.get()) is not None:
            await _io(1)
            handled.append(number)

    handling = asyncio.create_task(handle())
    for number in (0, 1, 2, None):
        await inbox.put(number)
        await _io()
    await handling
    assert handled == [0, 1, 2]


async def racy_callback_too_late() -> None:
    """A result is read before the callback that stores it has run."""
    results: list[int] = []

    async def work() -> int:
        await _io()
        return 7

    async def wait_for_it(task: asyncio.Task[int]) -> None:
        await task
        await _io()
        assert results == [7]

    async def keep(task: asyncio.Task[int]) -> None:
        value = await task
        results.append(value)

    task = asyncio.create_task(work())
    await asyncio.gather(keep(task), wait_for_it(task))


async def repaired_callback_too_late() -> None:
    results: list[int] = []

    async def work() -> int:
        await _io()
        results.append(7)
        return 7

    async def wait_for_it(task: asyncio.Task[int]) -> None:
        await task
        await _io()
        assert results == [7]

    task = asyncio.create_task(work())
    await asyncio.gather(wait_for_it(task))


async def racy_config_reload() -> None:
    """A reload replaces two settings, one after the other, under a request."""
    config = {"host": "a", "port": 1}
    known = {("a", 1), ("b", 2)}

    async def reload() -> None:
        await _io(5)
        config["host"] = "b"
        await _io()
        config["port"] = 2

    async def request() -> None:
        host = config["host"]
        await _io(2)
        assert (host, config["port"]) in known

    await asyncio.gather(request(), reload())


async def repaired_config_reload() -> None:
    config = ("a", 1)
    known = {("a", 1), ("b", 2)}

    async def reload() -> None:
        nonlocal config
        await _io(6)
        config = ("b", 2)

    async def request() -> None:
        seen = config
        await _io(2)
        assert seen in known

    await asyncio.gather(request(), reload())
