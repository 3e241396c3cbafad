"""The programs that ``what_if.py`` measures: one blocking place each, and its repair.

Each is written once: where it blocks, it asks whether it is repaired. A wait is then
awaited, and work goes to another process. No more than two work at once, so that a
machine with two processors has one for each. In none does the repair bring a wait that
the blocked run knows nothing of, as it would where the place stands under a lock that
nobody else could even try to take while the loop was blocked.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from _shapes import Call, accept, calls, work
from _surroundings import start_all

__all__ = ["PROGRAMS", "Circumstances", "Program"]


@dataclass(frozen=True)
class Circumstances:
    """What a program finds when it is made."""

    repaired: bool
    cleanup: AsyncExitStack
    processes: Executor | None
    """Those to work in, for a program that does."""

    async def works(self, function: Callable[..., object], *arguments: object) -> None:
        """Do some work: on the loop, or, repaired, in another process."""
        if self.repaired:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.processes, partial(function, *arguments))
        else:
            function(*arguments)

    async def in_thread(self, function: Callable[..., object], *given: object) -> None:
        """Do what waits: on the loop, or, repaired, in a thread."""
        if self.repaired:
            await asyncio.to_thread(function, *given)
        else:
            function(*given)

    async def sleep(self, seconds: float) -> None:
        if self.repaired:
            await asyncio.sleep(seconds)
        else:
            time.sleep(seconds)


Setup = Callable[[Circumstances], Awaitable[list[Call]]]


@dataclass(frozen=True)
class Program:
    """Some coroutines with a place that blocks, made anew for each run."""

    name: str
    setup: Setup
    works: bool


PROGRAMS: list[Program] = []


def program(name: str, *, works: bool = False) -> Callable[[Setup], Setup]:
    def put(setup: Setup) -> Setup:
        PROGRAMS.append(Program(name, setup, works))
        return setup

    return put


async def pool_of(cleanup: AsyncExitStack, workers: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(workers)
    cleanup.callback(pool.shutdown)
    await start_all(pool, workers)
    return pool


async def threads_at_hand(cleanup: AsyncExitStack) -> None:
    asyncio.get_running_loop().set_default_executor(await pool_of(cleanup, 8))


def after(seconds: float, function: Callable[..., object], *given: object) -> None:
    """Have a thread call it in a while."""

    def late() -> None:
        time.sleep(seconds)
        function(*given)

    threading.Thread(target=late, daemon=True).start()


# ---------------------------------------------------------------------- sleep


@program("time.sleep in each of four, between sleeps")
async def _(here: Circumstances) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.sleep(0.03)
        await here.sleep(seconds)
        await asyncio.sleep(0.03)

    return calls(one, *[0.05] * 4)


@program("time.sleep in one of four")
async def _(here: Circumstances) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.sleep(seconds)
        work(0.01)
        await asyncio.sleep(seconds)

    async def blocks() -> None:
        await asyncio.sleep(0.02)
        await here.sleep(0.12)
        work(0.01)

    return [blocks, *calls(one, 0.05, 0.06, 0.07)]


@program("time.sleep again and again")
async def _(here: Circumstances) -> list[Call]:
    async def one() -> None:
        await asyncio.sleep(0.15)

    async def blocks() -> None:
        for _ in range(4):
            await asyncio.sleep(0.01)
            await here.sleep(0.03)

    return [blocks, blocks, one, one]


@program("time.sleep under a semaphore of two")
async def _(here: Circumstances) -> list[Call]:
    semaphore = asyncio.Semaphore(2)

    async def one(seconds: float) -> None:
        async with semaphore:
            await here.sleep(seconds)
            await asyncio.sleep(0.03)

    return calls(one, 0.04, 0.05, 0.06, 0.04)


@program("time.sleep in a gathered task of each")
async def _(here: Circumstances) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.gather(
            asyncio.sleep(0.08), here.sleep(seconds), asyncio.sleep(0.04)
        )
        work(0.01)

    return calls(one, 0.05, 0.06, 0.07)


@program("time.sleep in an async generator")
async def _(here: Circumstances) -> list[Call]:
    async def numbers() -> Any:
        for number in range(3):
            await here.sleep(0.03)
            yield number

    async def one() -> None:
        async for _ in numbers():
            await asyncio.sleep(0.01)

    return [one, one, partial(asyncio.sleep, 0.1)]


@program("time.sleep in a worker behind a queue")
async def _(here: Circumstances) -> list[Call]:
    orders: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def serve() -> None:
        while True:
            order = await orders.get()
            await here.sleep(0.04)
            order.set_result(None)
            await asyncio.sleep(0.005)

    async def one(seconds: float) -> None:
        order = asyncio.get_running_loop().create_future()
        orders.put_nowait(order)
        await order
        await asyncio.sleep(seconds)

    here.cleanup.callback(asyncio.create_task(serve()).cancel)
    return calls(one, 0.1, 0.02, 0.05)


# ------------------------------------------------------------- sockets, pipes


def answering(cleanup: AsyncExitStack, seconds: float) -> tuple[str, int]:
    """Start a thread for each connection, which answers each time after a while."""

    def answer(connection: socket.socket) -> None:
        with connection:
            while connection.recv(100):
                time.sleep(seconds)
                connection.sendall(b"answer")

    server = socket.create_server(("127.0.0.1", 0))
    cleanup.callback(server.close)
    cleanup.callback(server.shutdown, socket.SHUT_RDWR)
    threading.Thread(target=accept, args=[server, answer], daemon=True).start()
    address: tuple[str, int] = server.getsockname()
    return address


def connected(here: Circumstances, address: tuple[str, int]) -> socket.socket:
    connection = here.cleanup.enter_context(socket.create_connection(address))
    connection.setblocking(not here.repaired)
    return connection


async def received(here: Circumstances, connection: socket.socket) -> None:
    if here.repaired:
        await asyncio.get_running_loop().sock_recv(connection, 100)
    else:
        connection.recv(100)


@program("socket.recv in one of three")
async def _(here: Circumstances) -> list[Call]:
    connection = connected(here, answering(here.cleanup, 0.08))

    async def asks() -> None:
        connection.send(b"question")
        await received(here, connection)
        await asyncio.sleep(0.03)

    return [asks, *calls(asyncio.sleep, 0.06, 0.1)]


@program("socket.recv in each of three")
async def _(here: Circumstances) -> list[Call]:
    address = answering(here.cleanup, 0.06)
    connections = [connected(here, address) for _ in range(3)]

    async def asks(connection: socket.socket) -> None:
        await asyncio.sleep(0.02)
        connection.send(b"question")
        await received(here, connection)
        await asyncio.sleep(0.03)

    return calls(asks, *connections)


@program("os.read of a pipe")
async def _(here: Circumstances) -> list[Call]:
    await threads_at_hand(here.cleanup)
    reader, writer = os.pipe()
    here.cleanup.callback(os.close, reader)
    here.cleanup.callback(os.close, writer)

    async def reads() -> None:
        after(0.09, os.write, writer, b"line")
        await here.in_thread(os.read, reader, 100)

    return [reads, *calls(asyncio.sleep, 0.05, 0.12)]


class Slow(BaseHTTPRequestHandler):
    """Answers after a while, in a thread of the server's."""

    def do_GET(self) -> None:
        time.sleep(0.07)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@program("a page fetched with http.client")
async def _(here: Circumstances) -> list[Call]:
    await threads_at_hand(here.cleanup)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    here.cleanup.callback(server.server_close)
    here.cleanup.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()

    def fetch() -> None:
        host, port = server.server_address[:2]
        connection = http.client.HTTPConnection(str(host), port)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            connection.getresponse().read()

    async def page() -> None:
        await here.in_thread(fetch)
        await asyncio.sleep(0.02)

    return [page, page, partial(asyncio.sleep, 0.06)]


# ------------------------------------------------------- threads, processes


@program("threading.Lock that a thread holds")
async def _(here: Circumstances) -> list[Call]:
    await threads_at_hand(here.cleanup)
    lock = threading.Lock()

    async def enters() -> None:
        await asyncio.sleep(0.02)
        lock.acquire()
        after(0.08, lock.release)
        await here.in_thread(lock.acquire)
        lock.release()

    return [enters, *calls(asyncio.sleep, 0.05, 0.12)]


@program("threading.Event that a thread sets")
async def _(here: Circumstances) -> list[Call]:
    await threads_at_hand(here.cleanup)

    async def waits(seconds: float) -> None:
        event = threading.Event()
        after(seconds, event.set)
        await here.in_thread(event.wait)
        await asyncio.sleep(seconds / 2)

    return calls(waits, 0.04, 0.06, 0.08)


@program("the result of a job in a pool")
async def _(here: Circumstances) -> list[Call]:
    pool = await pool_of(here.cleanup, 4)

    async def waits(seconds: float) -> None:
        job = pool.submit(time.sleep, seconds)
        if here.repaired:
            await asyncio.wrap_future(job)
        else:
            job.result()
        await asyncio.sleep(0.03)

    return calls(waits, 0.05, 0.06, 0.07)


@program("subprocess.run")
async def _(here: Circumstances) -> list[Call]:
    await threads_at_hand(here.cleanup)

    async def runs() -> None:
        await here.in_thread(subprocess.run, ["sleep", "0.12"])
        await asyncio.sleep(0.02)

    return [runs, *calls(asyncio.sleep, 0.1, 0.11)]


# ----------------------------------------------------------------------- work

TEXT = json.dumps([{"number": n, "name": str(n)} for n in range(40_000)])


def parse() -> None:
    json.loads(TEXT)


def search() -> None:
    re.search(r"(a+)+$", "a" * 20 + "b")


@program("work in one of three", works=True)
async def _(here: Circumstances) -> list[Call]:
    async def one(seconds: float) -> None:
        await asyncio.sleep(seconds)
        work(0.005)
        await asyncio.sleep(seconds)

    async def works() -> None:
        await asyncio.sleep(0.02)
        await here.works(work, 0.1)

    return [works, *calls(one, 0.05, 0.06)]


@program("work in each of two, beside sleeps", works=True)
async def _(here: Circumstances) -> list[Call]:
    async def works(seconds: float) -> None:
        await asyncio.sleep(0.03)
        await here.works(work, seconds)
        await asyncio.sleep(0.03)

    return [*calls(works, 0.06, 0.07), *calls(asyncio.sleep, 0.1, 0.12)]


@program("json.loads of a long text", works=True)
async def _(here: Circumstances) -> list[Call]:
    async def loads() -> None:
        for _ in range(4):
            await here.works(parse)
            await asyncio.sleep(0.01)

    return [loads, *calls(asyncio.sleep, 0.1, 0.15)]


@program("a key derived with hashlib", works=True)
async def _(here: Circumstances) -> list[Call]:
    async def login(seconds: float) -> None:
        await asyncio.sleep(seconds)
        await here.works(hashlib.pbkdf2_hmac, "sha256", b"word", b"salt", 150_000)
        await asyncio.sleep(0.02)

    return [*calls(login, 0.01, 0.12), *calls(asyncio.sleep, 0.1)]


@program("a regular expression that goes astray", works=True)
async def _(here: Circumstances) -> list[Call]:
    async def validates() -> None:
        await asyncio.sleep(0.02)
        await here.works(search)
        await asyncio.sleep(0.02)

    return [validates, *calls(asyncio.sleep, 0.08, 0.1)]
