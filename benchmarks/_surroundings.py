"""What random programs stand on: servers, workers, threads, a nested run.

A program's text, see `_programs.py`, calls these by name. What takes a `cleanup` is
there before the strands begin and goes when all have ended, as a fixture's would.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from _answering import accept, served
from _by_hand import HandTime, Lane
from _shapes import concurrently, work

__all__ = ["PlayedQueue", "Surroundings", "eager", "start_all"]

T = TypeVar("T")


class PlayedQueue:
    """A queue to one strand alone: what others do with it has been done already."""

    async def put(self, item: object) -> None:
        """Find room, as if all had been taken."""

    async def get(self) -> None:
        """Find an item, as if all had been put."""

    def task_done(self) -> None:
        """Tell nobody: who waits for it is another strand."""

    async def join(self) -> None:
        """Find each item dealt with."""


def eager(coroutine: Any) -> Any:
    """Make a task that runs at once, up to its first wait."""
    return asyncio.eager_task_factory(asyncio.get_running_loop(), coroutine)


async def start_all(pool: ThreadPoolExecutor, workers: int) -> None:
    """Start all threads of a pool: the start of one takes its time, too."""
    loop = asyncio.get_running_loop()
    together = threading.Barrier(workers)
    await asyncio.gather(
        *(loop.run_in_executor(pool, together.wait) for _ in range(workers))
    )


class RealTime:
    """Time as it is; it has the methods of `HandTime` that programs need."""

    def work(self, seconds: float) -> None:
        work(seconds)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def lane(self, workers: float = 0) -> Lane:
        return Lane()

    def enter(self, lane: Lane) -> None:
        """Nothing is to be known of a thread."""

    def asked(self, lane: Lane, ask: Callable[[], T]) -> T:
        return ask()

    def answered(self, by: socket.socket) -> None:
        """Nobody counts."""


class Worker:
    """A background task that deals with orders, one after another."""

    def __init__(self, sleep: float, work: Callable[[], None]) -> None:
        self._orders: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        self._sleep = sleep
        self._work = work

    async def serve(self) -> None:
        while True:
            order = await self._orders.get()
            await asyncio.sleep(self._sleep)
            self._work()
            order.set_result(None)

    async def order(self) -> None:
        done = asyncio.get_running_loop().create_future()
        self._orders.put_nowait(done)
        await done


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Surroundings:
    """All that a program's text may name, in one kind of time.

    Args:
        threads: whether servers are threads of this process, as they are by hand.
    """

    def __init__(
        self, by_hand: HandTime | None = None, *, threads: bool = False
    ) -> None:
        self._by_hand = by_hand
        self._threads = threads or by_hand is not None
        self.time = by_hand or RealTime()
        self.work = self.time.work
        self._ports: dict[int, Lane] = {}

    PlayedQueue = PlayedQueue
    eager = staticmethod(eager)
    concurrently = staticmethod(concurrently)

    def worker(
        self, cleanup: AsyncExitStack, *, sleep: float, working: float
    ) -> Worker:
        made = Worker(sleep, partial(self.work, working))
        cleanup.push_async_callback(ended, asyncio.create_task(made.serve()))
        return made

    # ---------------------------------------------------------------- threads

    async def started_pool(
        self, cleanup: AsyncExitStack, workers: int
    ) -> ThreadPoolExecutor:
        if self._by_hand is not None:
            pool = self._by_hand.pool(workers)
        else:
            pool = ThreadPoolExecutor(workers)
            await start_all(pool, workers)
        cleanup.callback(pool.shutdown)
        return pool

    async def default_pool(self, cleanup: AsyncExitStack) -> None:
        """Let `asyncio.to_thread` have a thread for each job of a program."""
        pool = await self.started_pool(cleanup, 16)
        asyncio.get_running_loop().set_default_executor(pool)

    async def in_thread(self, seconds: float) -> None:
        """Wait for a thread that is started for nothing else."""
        loop, lane = asyncio.get_running_loop(), self.time.lane()
        done = loop.create_future()

        def sleep() -> None:
            self.time.enter(lane)
            self.time.sleep(seconds)
            loop.call_soon_threadsafe(done.set_result, None)

        thread = threading.Thread(target=sleep)
        self.time.asked(lane, thread.start)
        await done
        thread.join()

    def own_thread(self, cleanup: AsyncExitStack) -> Any:
        """Start a thread that deals with jobs, one after another."""
        jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        lane = self.time.lane(1)

        def serve() -> None:
            self.time.enter(lane)
            while (job := jobs.get()) is not None:
                seconds, tell = job
                self.time.sleep(seconds)
                tell()

        threading.Thread(target=serve, daemon=True).start()
        cleanup.callback(jobs.put, None)
        return jobs, lane

    async def sent_to(self, thread: Any, seconds: float) -> None:
        """Give a job to such a thread, and wait for its end."""
        jobs, lane = thread
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        tell = partial(loop.call_soon_threadsafe, done.set_result, None)
        self.time.asked(lane, partial(jobs.put, (seconds, tell)))
        await done

    # ---------------------------------------------------------------- sockets

    def served(self, cleanup: AsyncExitStack, *, sleep: float) -> int:
        """Start a server with a thread for each connection; give its port."""
        if not self._threads:
            return served(sleep)
        lane = self.time.lane()

        def answer(connection: socket.socket) -> None:
            self.time.enter(lane)
            with connection:
                while connection.recv(100):
                    self.time.sleep(sleep)
                    connection.sendall(b"answer\n")
                    self.time.answered(connection)

        server = socket.create_server(("127.0.0.1", 0))
        cleanup.callback(server.close)
        cleanup.callback(server.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=accept, args=[server, answer], daemon=True).start()
        port = int(server.getsockname()[1])
        self._ports[port] = lane
        return port

    async def served_here(
        self, cleanup: AsyncExitStack, *, sleep: float, working: float
    ) -> int:
        """Start a server in this loop; give its port."""

        async def handle(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while await reader.readline():
                self.work(working)
                await asyncio.sleep(sleep)
                writer.write(b"answer\n")
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        cleanup.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    async def ask(self, port: int, times: int) -> None:
        """Open a connection, ask and await each answer, and close it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(times):
            write = partial(writer.write, b"question\n")
            if port in self._ports:
                self.time.asked(self._ports[port], write)
            else:
                write()
            await reader.readline()
        writer.close()
        await writer.wait_closed()
