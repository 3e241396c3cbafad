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
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from _shapes import accept, concurrently, work

__all__ = [
    "PlayedQueue",
    "Worker",
    "ask",
    "concurrently",
    "default_pool",
    "eager",
    "in_thread",
    "own_thread",
    "sent_to",
    "served_by_thread",
    "served_here",
    "started_pool",
    "work",
    "worker",
]


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


# ---------------------------------------------------------------------- tasks


def eager(coroutine: Any) -> Any:
    """Make a task that runs at once, up to its first wait."""
    return asyncio.eager_task_factory(asyncio.get_running_loop(), coroutine)


class Worker:
    """A background task that deals with orders, one after another."""

    def __init__(self, sleep: float, working: float) -> None:
        self._orders: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        self._sleep = sleep
        self._working = working

    async def serve(self) -> None:
        while True:
            order = await self._orders.get()
            await asyncio.sleep(self._sleep)
            work(self._working)
            order.set_result(None)

    async def order(self) -> None:
        done = asyncio.get_running_loop().create_future()
        self._orders.put_nowait(done)
        await done


def worker(cleanup: AsyncExitStack, *, sleep: float, working: float) -> Worker:
    made = Worker(sleep, working)
    cleanup.push_async_callback(ended, asyncio.create_task(made.serve()))
    return made


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


# -------------------------------------------------------------------- threads


async def started_pool(cleanup: AsyncExitStack, workers: int) -> ThreadPoolExecutor:
    """Start all threads of a pool: the start of one takes its time, too."""
    pool = ThreadPoolExecutor(workers)
    cleanup.callback(pool.shutdown)
    loop = asyncio.get_running_loop()
    together = threading.Barrier(workers)
    await asyncio.gather(
        *(loop.run_in_executor(pool, together.wait) for _ in range(workers))
    )
    return pool


async def default_pool(cleanup: AsyncExitStack) -> None:
    """Let `asyncio.to_thread` have a thread for each job that a program can have."""
    pool = await started_pool(cleanup, 16)
    asyncio.get_running_loop().set_default_executor(pool)


async def in_thread(seconds: float) -> None:
    """Wait for a thread that is started for nothing else."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def sleep() -> None:
        time.sleep(seconds)
        loop.call_soon_threadsafe(done.set_result, None)

    thread = threading.Thread(target=sleep)
    thread.start()
    await done
    thread.join()


def own_thread(cleanup: AsyncExitStack) -> queue.SimpleQueue[Any]:
    """Start a thread that deals with jobs, one after another."""
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def serve() -> None:
        while (job := jobs.get()) is not None:
            seconds, tell = job
            time.sleep(seconds)
            tell()

    threading.Thread(target=serve, daemon=True).start()
    cleanup.callback(jobs.put, None)
    return jobs


async def sent_to(jobs: queue.SimpleQueue[Any], seconds: float) -> None:
    """Give a job to such a thread, and wait for its end."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    jobs.put((seconds, partial(loop.call_soon_threadsafe, done.set_result, None)))
    await done


# -------------------------------------------------------------------- sockets


def served_by_thread(cleanup: AsyncExitStack, *, sleep: float) -> int:
    """Start a server with a thread for each connection; give its port."""

    def answer(connection: socket.socket) -> None:
        with connection:
            while connection.recv(100):
                time.sleep(sleep)
                connection.sendall(b"answer\n")

    server = socket.create_server(("127.0.0.1", 0))
    cleanup.callback(server.close)
    cleanup.callback(server.shutdown, socket.SHUT_RDWR)
    threading.Thread(target=accept, args=[server, answer], daemon=True).start()
    return int(server.getsockname()[1])


async def served_here(cleanup: AsyncExitStack, *, sleep: float, working: float) -> int:
    """Start a server in this loop; give its port."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while await reader.readline():
            work(working)
            await asyncio.sleep(sleep)
            writer.write(b"answer\n")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    cleanup.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


async def ask(port: int, times: int) -> None:
    """Open a connection, ask and await each answer, and close it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(times):
        writer.write(b"question\n")
        await reader.readline()
    writer.close()
    await writer.wait_closed()
