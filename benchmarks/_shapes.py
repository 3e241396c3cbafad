"""The shapes of work that ``serial.py`` measures, each a row of `SHAPES`."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from _answering import accept

from pytest_asyncbench._running.together import Together, jobs_from
from pytest_asyncbench._tracing import Recorder

__all__ = ["RECORDER", "SHAPES", "Call", "Shape", "concurrently", "work"]

RECORDER: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
"""What follows the tasks of the shape that runs, if anything does."""

Call = Callable[[], Awaitable[Any]]
Setup = Callable[[AsyncExitStack], Awaitable[list[Call]]]


@dataclass(frozen=True)
class Shape:
    """Some coroutines, made anew for each run in the loop that is to run them."""

    name: str
    setup: Setup
    limit: int | None = None
    alone: Setup | None = None
    """What to run one after another, where that is made in another way."""


SHAPES: list[Shape] = []


def shape(
    name: str, *, limit: int | None = None, since: tuple[int, int] = (3, 10)
) -> Callable[[Setup], Setup]:
    """Put a shape into the table, where this Python can run it."""

    def put(setup: Setup) -> Setup:
        if sys.version_info >= since:
            SHAPES.append(Shape(name, setup, limit))
        return setup

    return put


def work(seconds: float) -> None:
    """Keep the processor busy. Time off the processor is not counted."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def concurrently(*given: Call) -> None:
    """Do what the fixture of this name does within a run."""
    await Together(jobs_from(given), recorder=RECORDER.get()).run()


def calls(function: Callable[..., Awaitable[Any]], *arguments: Any) -> list[Call]:
    return [lambda each=each: function(each) for each in arguments]


# ---------------------------------------------------------- sleeping, working


@shape("equal sleeps")
async def _(_: AsyncExitStack) -> list[Call]:
    return calls(asyncio.sleep, *[0.05] * 6)


@shape("unequal sleeps")
async def _(_: AsyncExitStack) -> list[Call]:
    return calls(asyncio.sleep, 0.09, 0.01, 0.05, 0.03, 0.07)


@shape("processor before a sleep")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        work(seconds)
        await asyncio.sleep(0.05)

    return calls(one, *[0.03] * 5)


@shape("processor after a sleep")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.sleep(0.05)
        work(seconds)

    return calls(one, *[0.03] * 5)


@shape("processor around sleeps, unequal")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        for _ in range(4):
            work(seconds)
            await asyncio.sleep(seconds * 2)

    return calls(one, 0.002, 0.005, 0.008, 0.011)


@shape("time.sleep and nothing else")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        time.sleep(seconds)

    return calls(one, *[0.05] * 5)


@shape("time.sleep between sleeps")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.sleep(seconds)
        time.sleep(seconds)
        await asyncio.sleep(seconds)

    return calls(one, *[0.03] * 5)


@shape("yields and nothing else")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)
            work(0.0002)

    return calls(one, *[200] * 5)


@shape("1,000 sleeps of 10 ms")
async def _(_: AsyncExitStack) -> list[Call]:
    return calls(asyncio.sleep, *[0.01] * 1000)


# ------------------------------------------------------------- tasks in tasks


@shape("gather in each")
async def _(_: AsyncExitStack) -> list[Call]:
    async def leaf(seconds: float) -> None:
        await asyncio.sleep(seconds)
        work(0.005)

    async def one(seconds: float) -> None:
        await asyncio.gather(leaf(seconds), leaf(seconds / 2), leaf(seconds))
        await asyncio.sleep(0.01)

    return calls(one, 0.02, 0.04, 0.06)


@shape("TaskGroup in each", since=(3, 11))
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            for i in range(3):
                group.create_task(asyncio.sleep(seconds * i))
            work(0.005)
        work(0.005)

    return calls(one, 0.01, 0.02, 0.03)


async def works_between(wait: float, seconds: float) -> None:
    await asyncio.sleep(wait)
    work(seconds)
    await asyncio.sleep(wait)


@shape("work beside a sleep, in a TaskGroup in each", since=(3, 11))
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0.1))
            group.create_task(works_between(0.05, seconds))

    return calls(one, *[0.025] * 4)


@shape("the same with gather")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.gather(asyncio.sleep(0.1), works_between(0.05, seconds))

    return calls(one, *[0.025] * 4)


@shape("work beside sleeps, unequal")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.gather(
            asyncio.sleep(0.06), works_between(0.02, seconds), works_between(0.03, 0.01)
        )

    return calls(one, 0.005, 0.01, 0.02, 0.03)


@shape("work beside a thread in each")
async def _(_: AsyncExitStack) -> list[Call]:
    await started_pool(4)

    async def one(seconds: float) -> None:
        await asyncio.gather(
            asyncio.to_thread(time.sleep, 0.08), works_between(0.03, seconds)
        )

    return calls(one, *[0.02] * 4)


@shape("eager tasks", since=(3, 12))
async def _(_: AsyncExitStack) -> list[Call]:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def leaf(seconds: float) -> None:
        work(0.005)
        await asyncio.sleep(seconds)

    async def one(seconds: float) -> None:
        work(0.01)
        await asyncio.gather(leaf(seconds), leaf(0))
        work(0.01)

    return calls(one, 0.02, 0.03, 0.04, 0.05)


@shape("wait_for that ends in time")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.wait_for(asyncio.sleep(seconds), 1)
        work(0.005)

    return calls(one, 0.02, 0.04, 0.06, 0.08)


@shape("wait_for that times out")
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(1), seconds)
        work(0.005)

    return calls(one, 0.02, 0.04, 0.06, 0.08)


@shape("limit=2", limit=2)
async def _(_: AsyncExitStack) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.sleep(seconds)
        work(0.005)

    return calls(one, *[0.02, 0.04] * 4)


# -------------------------------------------------- one waiting for another


def guarded(guard: Callable[[], Any]) -> Setup:
    async def setup(_: AsyncExitStack) -> list[Call]:
        inside = guard()

        async def one(seconds: float) -> None:
            async with inside:
                await asyncio.sleep(seconds)

        return calls(one, *[0.03, 0.05] * 3)

    return setup


shape("Semaphore(1) around all")(guarded(lambda: asyncio.Semaphore(1)))
shape("Semaphore(2) around all")(guarded(lambda: asyncio.Semaphore(2)))


@shape("a lock around a part")
async def _(_: AsyncExitStack) -> list[Call]:
    lock = asyncio.Lock()

    async def one(seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with lock:
            await asyncio.sleep(0.03)
            work(0.005)
        await asyncio.sleep(seconds)

    return calls(one, 0.01, 0.02, 0.01, 0.03, 0.02)


@shape("a queue, a producer, two consumers")
async def _(_: AsyncExitStack) -> list[Call]:
    items: asyncio.Queue[int] = asyncio.Queue()

    async def produce() -> None:
        for item in range(10):
            await asyncio.sleep(0.01)
            items.put_nowait(item)

    async def consume() -> None:
        for _ in range(5):
            await items.get()
            await asyncio.sleep(0.015)

    return [produce, consume, consume]


@shape("an event that one sets for all")
async def _(_: AsyncExitStack) -> list[Call]:
    event = asyncio.Event()

    async def open_it() -> None:
        await asyncio.sleep(0.06)
        event.set()

    async def one() -> None:
        await asyncio.sleep(0.02)
        await event.wait()
        await asyncio.sleep(0.03)

    return [open_it, one, one, one]


@shape("a worker behind a queue")
async def _(cleanup: AsyncExitStack) -> list[Call]:
    orders: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def serve() -> None:
        while True:
            order = await orders.get()
            await asyncio.sleep(0.02)
            work(0.005)
            order.set_result(None)

    async def one(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order = asyncio.get_running_loop().create_future()
        orders.put_nowait(order)
        await order

    cleanup.callback(asyncio.create_task(serve()).cancel)
    return calls(one, 0.01, 0.01, 0.03, 0.01, 0.02)


# ------------------------------------------------------- threads and sockets


async def started_pool(workers: int) -> None:
    """Start all workers: one after another, one thread would do for all jobs."""
    pool = ThreadPoolExecutor(workers)
    asyncio.get_running_loop().set_default_executor(pool)
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.01) for _ in range(workers)))


def threads(jobs: int, workers: int) -> Setup:
    async def setup(_: AsyncExitStack) -> list[Call]:
        await started_pool(workers)

        async def one(seconds: float) -> None:
            await asyncio.to_thread(time.sleep, seconds)
            work(0.0005)

        return calls(one, *[0.03, 0.05] * (jobs // 2))

    return setup


shape("to_thread, a worker for each")(threads(6, 6))
shape("to_thread, 12 jobs for 3 workers")(threads(12, 3))


@shape("to_thread beside a sleep")
async def _(_: AsyncExitStack) -> list[Call]:
    await started_pool(4)

    async def one(seconds: float) -> None:
        await asyncio.gather(
            asyncio.to_thread(time.sleep, seconds), asyncio.sleep(0.02)
        )
        work(0.0005)

    return calls(one, 0.01, 0.02, 0.03, 0.04)


@shape("a thread of its own, one job at a time")
async def _(cleanup: AsyncExitStack) -> list[Call]:
    jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    def serve() -> None:
        while (job := jobs.get()) is not None:
            time.sleep(0.02)
            job()

    async def one(count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            done = loop.create_future()
            jobs.put(partial(loop.call_soon_threadsafe, done.set_result, None))
            await done
            work(0.002)

    threading.Thread(target=serve, daemon=True).start()
    cleanup.callback(jobs.put, None)
    return calls(one, 1, 2, 3, 1)


def answer(connection: socket.socket) -> None:
    with connection:
        while connection.recv(100):
            time.sleep(0.03)
            connection.sendall(b"answer\n")


def answer_late(connection: socket.socket) -> None:
    """Send each line back after a while, in which others may come."""

    def send(line: bytes, at: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        connection.sendall(line)

    with ThreadPoolExecutor(1) as pool, connection, connection.makefile("rb") as lines:
        pool.submit(time.sleep, 0)  # its thread takes a while to start
        for line in lines:
            pool.submit(send, line, time.monotonic() + 0.04)


async def client(port: int, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(requests):
        writer.write(b"question\n")
        await reader.readline()
        work(0.001)
    writer.close()
    await writer.wait_closed()


def served_here(handling: float, thinking: float) -> Setup:
    async def setup(cleanup: AsyncExitStack) -> list[Call]:
        async def handle(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while await reader.readline():
                work(handling)
                await asyncio.sleep(thinking)
                writer.write(b"answer\n")
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        cleanup.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        return calls(lambda requests: client(port, requests), 3, 4, 5, 3, 4)

    return setup


@shape("one connection that all share")
async def _(cleanup: AsyncExitStack) -> list[Call]:
    server = socket.create_server(("127.0.0.1", 0))
    cleanup.callback(server.close)
    cleanup.callback(server.shutdown, socket.SHUT_RDWR)
    threading.Thread(target=accept, args=[server, answer_late], daemon=True).start()
    reader, writer = await asyncio.open_connection(*server.getsockname())
    cleanup.callback(writer.close)
    waiting: dict[bytes, asyncio.Future[None]] = {}

    async def read() -> None:
        while line := await reader.readline():
            waiting.pop(line).set_result(None)

    async def one(number: int) -> None:
        line = b"%d\n" % number
        waiting[line] = asyncio.get_running_loop().create_future()
        writer.write(line)
        await waiting[line]

    cleanup.callback(asyncio.create_task(read()).cancel)
    return calls(one, 1, 2, 3, 4, 5)


shape("sockets, a server in this loop")(served_here(0.0, 0.02))
shape("the same, the server works, too")(served_here(0.005, 0.02))
shape("the same, it does nothing else")(served_here(0.02, 0.0))


@shape("sockets, a server in a thread")
async def _(cleanup: AsyncExitStack) -> list[Call]:
    server = socket.create_server(("127.0.0.1", 0))
    cleanup.callback(server.close)
    cleanup.callback(server.shutdown, socket.SHUT_RDWR)
    threading.Thread(target=accept, args=[server, answer], daemon=True).start()
    port = server.getsockname()[1]
    return calls(lambda requests: client(port, requests), 3, 4, 5, 3, 4)


@shape("some of each")
async def _(cleanup: AsyncExitStack) -> list[Call]:
    gathered: list[Call] = []
    for setup in (
        guarded(lambda: asyncio.Semaphore(1)),
        threads(4, 2),
        served_here(0.002, 0.01),
    ):
        gathered += await setup(cleanup)

    async def one() -> None:
        work(0.02)
        await asyncio.wait_for(asyncio.gather(*[asyncio.sleep(0.03)] * 1), 1)

    return [*gathered, one, one]
