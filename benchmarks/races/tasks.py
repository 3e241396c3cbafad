"""Tasks that end, fail, are cancelled or time out while others count on them."""

from __future__ import annotations

import asyncio
import contextlib


async def _io(steps: int = 1) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


# --------------------------------------------------------- swallowed cancel


async def racy_swallowed_cancellation() -> None:
    """A worker takes a cancellation for a failed request, and goes on."""
    finished: list[str] = []

    async def worker() -> None:
        for attempt in range(2):
            try:
                await _io(2)
                finished.append("request")
                return
            except BaseException:
                if attempt:
                    raise

    task = asyncio.create_task(worker())
    await _io(4)
    cancelled = task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not cancelled or not finished


async def repaired_swallowed_cancellation() -> None:
    finished: list[str] = []

    async def worker() -> None:
        for attempt in range(2):
            try:
                await _io(2)
                finished.append("request")
                return
            except Exception:
                if attempt:
                    raise

    task = asyncio.create_task(worker())
    await _io(4)
    cancelled = task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not cancelled or not finished


async def racy_cancelled_before_it_began() -> None:
    """What a task is to clean up in its `finally` was taken before it began."""
    open_files = ["log"]

    async def write() -> None:
        try:
            await _io()
        finally:
            open_files.remove("log")

    task = asyncio.create_task(write())
    stop = asyncio.Event()

    async def stopper() -> None:
        await _io()
        task.cancel()
        stop.set()

    other = asyncio.create_task(stopper())
    await stop.wait()
    await asyncio.gather(task, other, return_exceptions=True)
    assert open_files == []


async def repaired_cancelled_before_it_began() -> None:
    open_files: list[str] = []

    async def write() -> None:
        open_files.append("log")
        try:
            await _io()
        finally:
            open_files.remove("log")

    task = asyncio.create_task(write())
    stop = asyncio.Event()

    async def stopper() -> None:
        await _io()
        task.cancel()
        stop.set()

    other = asyncio.create_task(stopper())
    await stop.wait()
    await asyncio.gather(task, other, return_exceptions=True)
    assert open_files == []


# ------------------------------------------------------------- gather's side


async def racy_gather_side_effects() -> None:
    """One of a gather fails; what the other has done meanwhile is not undone."""
    charged: list[str] = []

    async def check() -> None:
        await _io()
        raise ValueError("no stock")

    async def charge() -> None:
        await _io(6)
        charged.append("card")

    async def order() -> str:
        charging = asyncio.create_task(charge())
        try:
            await asyncio.gather(check(), charging)
        except ValueError:
            charging.cancel()
            return "refused"
        return "done"

    if await order() == "refused":
        assert charged == []


async def repaired_gather_side_effects() -> None:
    charged: list[str] = []

    async def check() -> None:
        await _io()
        raise ValueError("no stock")

    async def charge() -> None:
        await _io(3)
        charged.append("card")

    async def order() -> str:
        try:
            await check()
        except ValueError:
            return "refused"
        await charge()
        return "done"

    if await order() == "refused":
        assert charged == []


# ------------------------------------------------------------ sibling fails


async def racy_sibling_of_a_failed_one() -> None:
    """A sibling writes its result before it hears that another one has failed."""
    saved: list[int] = []
    failed = asyncio.Event()

    async def fetch() -> None:
        await _io(1)
        failed.set()

    async def save() -> None:
        await _io(3)
        saved.append(1)

    saver = asyncio.create_task(save())
    fetcher = asyncio.create_task(fetch())
    await failed.wait()
    saver.cancel()
    await asyncio.gather(saver, fetcher, return_exceptions=True)
    assert saved == []


async def repaired_sibling_of_a_failed_one() -> None:
    saved: list[int] = []
    failed = asyncio.Event()

    async def fetch() -> None:
        await _io(1)
        failed.set()

    async def save() -> None:
        await _io(3)
        if not failed.is_set():
            saved.append(1)

    fetcher = asyncio.create_task(fetch())
    await failed.wait()
    saver = asyncio.create_task(save())
    saver.cancel()
    await asyncio.gather(saver, fetcher, return_exceptions=True)
    assert saved == []


# ---------------------------------------------------------- first completed


async def racy_first_completed() -> None:
    """Both mirrors answer at once, and the second answer is thrown away."""
    used: list[str] = []

    async def mirror(name: str, latency: int) -> str:
        await _io(latency)
        used.append(name)
        return name

    tasks = [
        asyncio.create_task(mirror("a", 1)),
        asyncio.create_task(mirror("b", 4)),
    ]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    assert len(used) == len(done) == 1


async def repaired_first_completed() -> None:
    async def mirror(name: str, latency: int) -> str:
        await _io(latency)
        return name

    tasks = [
        asyncio.create_task(mirror("a", 1)),
        asyncio.create_task(mirror("b", 4)),
    ]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    assert {task.result() for task in done} <= {"a", "b"}


# -------------------------------------------------------------- retry twice


async def racy_retry_twice() -> None:
    """An order is sent again, since its answer was late, and comes twice."""
    orders: list[int] = []
    answered = asyncio.Event()

    async def server() -> None:
        await _io(2)
        orders.append(1)
        await _io()
        answered.set()

    async def client() -> None:
        tasks = [asyncio.create_task(server())]
        await _io(7)
        if not answered.is_set():
            tasks.append(asyncio.create_task(server()))
        await asyncio.gather(*tasks)

    await client()
    assert orders == [1]


async def repaired_retry_twice() -> None:
    orders: set[int] = set()
    answered = asyncio.Event()

    async def server(key: int) -> None:
        await _io(2)
        orders.add(key)
        await _io()
        answered.set()

    async def client() -> None:
        tasks = [asyncio.create_task(server(1))]
        await _io(7)
        if not answered.is_set():
            tasks.append(asyncio.create_task(server(1)))
        await asyncio.gather(*tasks)

    await client()
    assert orders == {1}


# ------------------------------------------------------------------- shield


async def racy_shielded_write() -> None:
    """A caller that was cancelled goes on before the shielded write is over."""
    disk: list[str] = []

    async def write() -> None:
        await _io(2)
        disk.append("saved")

    async def save() -> None:
        await asyncio.shield(asyncio.ensure_future(write()))

    task = asyncio.create_task(save())
    await _io(2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await _io(2)
    assert disk == ["saved"]


async def repaired_shielded_write() -> None:
    disk: list[str] = []
    writing: list[asyncio.Future[None]] = []

    async def write() -> None:
        await _io(2)
        disk.append("saved")

    async def save() -> None:
        writing.append(asyncio.ensure_future(write()))
        await asyncio.shield(writing[0])

    task = asyncio.create_task(save())
    while not writing:
        await _io()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await writing[0]
    assert disk == ["saved"]


# ----------------------------------------------------------- nobody looked


async def racy_background_dies() -> None:
    """A heartbeat dies if the connection is not there yet, and nobody looks."""
    connection: dict[str, bool] = {}

    async def connect() -> None:
        await _io(2)
        connection["open"] = True

    async def heartbeat() -> None:
        await _io(4)
        assert connection["open"]

    beating = asyncio.create_task(heartbeat())
    await connect()
    await _io(6)
    del beating


async def repaired_background_dies() -> None:
    connection: dict[str, bool] = {}

    async def connect() -> None:
        await _io(2)
        connection["open"] = True

    async def heartbeat() -> None:
        await _io(4)
        assert connection["open"]

    await connect()
    await asyncio.create_task(heartbeat())


# ---------------------------------------------------------------- shutdown


async def racy_shutdown() -> None:
    """A service is stopped while a request is still on its way to it."""
    running = True
    served: list[int] = []

    async def serve(number: int, latency: int) -> None:
        await _io(latency)
        if not running:
            raise RuntimeError("the service is closed")
        served.append(number)

    async def stop() -> None:
        nonlocal running
        await _io(5)
        running = False

    await asyncio.gather(serve(1, 1), serve(2, 3), stop())
    assert served == [1, 2]


async def repaired_shutdown() -> None:
    running = True
    served: list[int] = []

    async def serve(number: int, latency: int) -> None:
        await _io(latency)
        if not running:
            raise RuntimeError("the service is closed")
        served.append(number)

    async def stop() -> None:
        nonlocal running
        await _io(5)
        running = False

    await asyncio.gather(serve(1, 1), serve(2, 3))
    await stop()
    assert sorted(served) == [1, 2]


async def racy_started_twice() -> None:
    """`start` is called by two, and each starts the pump."""
    pumps: list[int] = []
    started = False

    async def start(latency: int) -> None:
        nonlocal started
        await _io(latency)
        if started:
            return
        await _io(1)
        started = True
        pumps.append(1)

    async def user(latency: int) -> None:
        await _io()
        await start(latency)

    await asyncio.gather(user(0), user(2), user(5))
    assert len(pumps) == 1


async def repaired_started_twice() -> None:
    pumps: list[int] = []
    started = False

    async def start(latency: int) -> None:
        nonlocal started
        await _io(latency)
        if started:
            return
        started = True
        await _io(1)
        pumps.append(1)

    async def user(latency: int) -> None:
        await _io()
        await start(latency)

    await asyncio.gather(user(0), user(2), user(5))
    assert len(pumps) == 1
