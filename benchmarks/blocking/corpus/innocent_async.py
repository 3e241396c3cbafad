"""Code that does not block: asyncio's own work, offloaded work, short steps."""
# What is written here is the case itself, and marks end the lines.

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import aiosqlite
import anyio
import anyio.to_thread
import pytest
import pytest_asyncio
import requests
from aiohttp import ClientSession, web

# --------------------------------------------------------------- offloaded


async def test_to_thread_sleep():
    await asyncio.to_thread(time.sleep, 0.1)


async def test_run_in_executor():
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, time.sleep, 0.1)


async def test_own_executor():
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        await asyncio.gather(
            *(loop.run_in_executor(pool, time.sleep, 0.06) for _ in range(4))
        )


async def test_to_thread_requests(slow_http):
    await asyncio.to_thread(requests.get, slow_http)


async def test_to_thread_subprocess():
    await asyncio.to_thread(subprocess.run, ["sleep", "0.1"], check=True)


async def test_to_thread_file(tmp_path):
    await asyncio.to_thread((tmp_path / "file").write_text, "hello")


async def test_to_thread_sqlite(tmp_path):
    def work():
        with contextlib.closing(sqlite3.connect(tmp_path / "db")) as database:
            database.execute("create table t (i)")

    await asyncio.to_thread(work)


async def test_to_thread_hash():
    await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"a", b"b", 200_000)


async def test_to_thread_lock(after):
    lock = threading.Lock()
    lock.acquire()
    after(lock.release)
    await asyncio.to_thread(lock.acquire)


async def test_anyio_to_thread():
    await anyio.to_thread.run_sync(time.sleep, 0.1)


async def test_wrapped_future():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        await asyncio.wrap_future(pool.submit(time.sleep, 0.1))


async def test_process_pool():
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(pool, abs, -1)
        await asyncio.to_thread(pool.shutdown)


async def test_thread_of_ones_own():
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def work():
        time.sleep(0.1)
        loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=work)
    thread.start()
    await done.wait()
    await asyncio.to_thread(thread.join)


async def test_loop_of_ones_own_in_a_thread():
    def work():
        time.sleep(0.1)
        asyncio.run(asyncio.sleep(0.1))
        time.sleep(0.1)

    await asyncio.to_thread(work)


async def test_default_executor_shut_down():
    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(None, time.sleep, 0.1)
    await loop.shutdown_default_executor()
    await job


# ------------------------------------------------------------- short steps


def _work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def test_thousands_of_short_steps():
    for _ in range(3000):
        _work(0.0001)
        await asyncio.sleep(0)


async def test_many_tasks_of_5_ms():
    async def work():
        _work(0.005)

    await asyncio.gather(*(work() for _ in range(60)))


async def test_many_callbacks():
    loop = asyncio.get_running_loop()
    for _ in range(5000):
        loop.call_soon(_work, 0.00002)
    await asyncio.sleep(0.01)


async def test_step_of_eight_tenths():
    _work(0.04)
    await asyncio.sleep(0)
    _work(0.04)


async def test_many_awaits_that_do_not_suspend():
    async def nothing():
        return 1

    for _ in range(1000):
        await nothing()


async def test_many_timers():
    await asyncio.gather(*(asyncio.sleep(0.001 * i) for i in range(100)))


async def test_async_generator():
    async def pages():
        for page in range(100):
            _work(0.001)
            await asyncio.sleep(0)
            yield page

    assert [page async for page in pages()]


# --------------------------------------------------------- asyncio's waits


async def test_asyncio_sleep():
    await asyncio.sleep(0.2)


async def test_idle_loop():
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, event.set)
    await event.wait()


async def test_wait_for_times_out():
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.1)


async def test_queue():
    items = asyncio.Queue(1)

    async def produce():
        for item in range(10):
            await items.put(item)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(produce())
    for _ in range(10):
        await items.get()
    await task


async def test_lock_and_condition():
    lock, condition = asyncio.Lock(), asyncio.Condition()
    async with lock, condition:
        condition.notify_all()
    with pytest.raises(asyncio.TimeoutError):
        async with condition:
            await asyncio.wait_for(condition.wait(), 0.1)


async def test_semaphore():
    gate = asyncio.Semaphore(1)

    async def work():
        async with gate:
            await asyncio.sleep(0.03)

    await asyncio.gather(*(work() for _ in range(4)))


async def test_cancelled_tasks():
    tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(100)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ----------------------------------------------------- asyncio's own calls


async def test_subprocess_exec():
    process = await asyncio.create_subprocess_exec("sleep", "0.1")
    await process.wait()


async def test_subprocess_shell():
    process = await asyncio.create_subprocess_shell(
        "sleep 0.1; echo done", stdout=asyncio.subprocess.PIPE
    )
    assert (await process.communicate())[0] == b"done\n"


async def test_subprocess_killed():
    process = await asyncio.create_subprocess_exec("sleep", "60")
    process.kill()
    await process.wait()


async def test_subprocess_with_input():
    process = await asyncio.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert (await process.communicate(b"hello"))[0] == b"hello"


async def test_name_lookup():
    loop = asyncio.get_running_loop()
    await loop.getaddrinfo("localhost", 80)
    await loop.getnameinfo(("127.0.0.1", 80))


async def test_connection_by_name():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "localhost", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("localhost", port)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def test_unix_server(tmp_path):
    path = str(tmp_path / "socket")
    server = await asyncio.start_unix_server(lambda r, w: w.close(), path)
    reader, writer = await asyncio.open_unix_connection(path)
    await reader.read()
    writer.close()
    server.close()


async def test_datagrams():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    transport.sendto(b"x", transport.get_extra_info("sockname"))
    await asyncio.sleep(0.01)
    transport.close()


async def test_pipes():
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    transport, _ = await loop.connect_read_pipe(
        asyncio.Protocol, os.fdopen(read, "rb", 0)
    )
    os.write(write, b"x")
    await asyncio.sleep(0.01)
    transport.close()
    os.close(write)


async def test_sock_methods():
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    await loop.sock_sendall(ours, b"hello")
    assert await loop.sock_recv(theirs, 5) == b"hello"
    ours.close()
    theirs.close()


async def test_sock_connect():
    loop = asyncio.get_running_loop()
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        client.setblocking(False)
        await loop.sock_connect(client, server.getsockname())
        accepted, _ = await loop.sock_accept(server)
        accepted.close()


async def test_sendfile(tmp_path):
    path = tmp_path / "file"
    await asyncio.to_thread(path.write_bytes, bytes(100_000))
    file = await asyncio.to_thread(open, path, "rb")
    received = asyncio.get_running_loop().create_future()

    async def take(reader, writer):
        received.set_result(len(await reader.read()))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await asyncio.get_running_loop().sendfile(writer.transport, file)
    writer.close()
    assert await received == 100_000
    server.close()
    file.close()


async def test_signal_handler():
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await heard.wait()
    loop.remove_signal_handler(signal.SIGUSR1)


def test_asyncio_run():
    time.sleep(0.1)
    asyncio.run(asyncio.sleep(0.1))
    time.sleep(0.1)
    asyncio.run(asyncio.sleep(0))


def test_runner():
    if sys.version_info < (3, 11):
        pytest.skip("Runner is 3.11's")
    with asyncio.Runner(debug=True) as runner:
        runner.run(asyncio.sleep(0.1))
        time.sleep(0.1)
        runner.run(asyncio.sleep(0))


def test_loop_that_is_stopped_and_goes_on():
    loop = asyncio.new_event_loop()
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    time.sleep(0.1)
    loop.run_until_complete(asyncio.sleep(0.01))
    time.sleep(0.1)
    loop.close()


def test_uvloop():
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()

    async def work():
        await asyncio.sleep(0.1)
        process = await asyncio.create_subprocess_exec("sleep", "0.1")
        await process.wait()
        await loop.getaddrinfo("localhost", 80)

    loop.run_until_complete(work())
    time.sleep(0.1)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


# --------------------------------------------------------------- libraries


async def test_aiohttp():
    async def page(request):
        await asyncio.sleep(0.1)
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with (
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/") as response,
    ):
        assert await response.text() == "hello"
    await runner.cleanup()


async def test_aiosqlite(tmp_path):
    async with aiosqlite.connect(tmp_path / "db") as database:
        await database.execute("create table t (i)")
        await database.commit()


async def test_anyio_task_group():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0.1)
        with anyio.move_on_after(0.05):
            await anyio.sleep(1)


async def test_anyio_process():
    await anyio.run_process(["sleep", "0.1"])


async def test_anyio_path(tmp_path):
    await (anyio.Path(tmp_path) / "file").write_text("hello")


# ---------------------------------------------------------------- fixtures


@pytest_asyncio.fixture
async def server():
    """Give a server of asyncio's."""
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    yield server
    server.close()
    await server.wait_closed()


@pytest.fixture
def slow_sync():
    """Sleep outside of any loop, before and after the test."""
    time.sleep(0.1)
    yield
    time.sleep(0.1)


@pytest_asyncio.fixture
async def slow_async():
    """Wait as a coroutine should, before and after the test."""
    await asyncio.sleep(0.1)
    yield
    await asyncio.sleep(0.1)


async def test_async_fixture(server):
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.read()
    writer.close()


async def test_sync_fixture(slow_sync):
    await asyncio.sleep(0)


async def test_sync_fixture_after_an_async_one(server, slow_sync):
    await asyncio.sleep(0)


async def test_slow_async_fixture(slow_async):
    await asyncio.sleep(0)


async def test_partial_offloaded():
    work = functools.partial(time.sleep, 0.1)
    await asyncio.get_running_loop().run_in_executor(None, work)
