"""Everything but a test's own body: fixtures, protocols, readers, other loops."""
# What is written here is the case itself, and marks end the lines.

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
import unittest

import pytest
import pytest_asyncio

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


# ---------------------------------------------------------------- fixtures


@pytest_asyncio.fixture
async def slow_to_start():
    """Block before the test."""
    time.sleep(0.1)  # <- test_fixture_setup blocks: time.sleep


@pytest_asyncio.fixture
async def slow_to_end():
    """Block after the test."""
    yield
    time.sleep(0.1)  # <- test_fixture_teardown blocks: time.sleep


@pytest.fixture
async def slow_in_both():
    """Block before and after the test."""
    time.sleep(0.1)  # <- test_fixture_both blocks: time.sleep
    yield
    time.sleep(0.1)  # <- test_fixture_both blocks: time.sleep


@pytest_asyncio.fixture
async def leaves_a_task():
    """Leave a task that blocks while the test runs."""

    async def work():
        await asyncio.sleep(0.01)
        time.sleep(0.1)  # <- test_fixture_task blocks: time.sleep

    task = asyncio.create_task(work())
    yield
    await task


async def test_fixture_setup(slow_to_start):
    pass


async def test_fixture_teardown(slow_to_end):
    pass


async def test_fixture_both(slow_in_both):
    pass


async def test_fixture_task(leaves_a_task):
    await asyncio.sleep(0.02)


# --------------------------------------------------------------- protocols


async def _talk(protocol):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    await asyncio.sleep(0.02)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.02)
    server.close()


async def test_connection_made():
    class Slow(asyncio.Protocol):
        def connection_made(self, transport):
            time.sleep(0.1)  # <- blocks: time.sleep

    await _talk(Slow)


async def test_data_received():
    class Slow(asyncio.Protocol):
        def data_received(self, data):
            time.sleep(0.1)  # <- blocks: time.sleep

    await _talk(Slow)


async def test_connection_lost():
    class Slow(asyncio.Protocol):
        def connection_lost(self, error):
            time.sleep(0.1)  # <- blocks: time.sleep

    await _talk(Slow)


async def test_eof_received():
    class Slow(asyncio.Protocol):
        def eof_received(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    await _talk(Slow)


async def test_buffered_protocol():
    class Slow(asyncio.BufferedProtocol):
        def get_buffer(self, sizehint):
            return bytearray(100)

        def buffer_updated(self, nbytes):
            time.sleep(0.1)  # <- blocks: time.sleep

    await _talk(Slow)


async def test_datagram_received():
    class Slow(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        Slow, local_addr=("127.0.0.1", 0)
    )
    transport.sendto(b"x", transport.get_extra_info("sockname"))
    await asyncio.sleep(0.02)
    transport.close()


async def test_protocol_factory():
    def slow():
        time.sleep(0.1)  # <- blocks: time.sleep
        return asyncio.Protocol()

    await _talk(slow)


async def test_stream_handler():
    async def handle(reader, writer):
        await reader.read(1)
        time.sleep(0.1)  # <- blocks: time.sleep
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x")
    await reader.read()
    writer.close()
    server.close()


@posix
async def test_add_reader():
    def readable():
        time.sleep(0.1)  # <- blocks: time.sleep
        loop.remove_reader(read)

    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    loop.add_reader(read, readable)
    os.write(write, b"x")
    await asyncio.sleep(0.02)
    os.close(read)
    os.close(write)


async def test_add_writer():
    def writable():
        time.sleep(0.1)  # <- blocks: time.sleep
        loop.remove_writer(ours)

    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop.add_writer(ours, writable)
    await asyncio.sleep(0.02)
    ours.close()
    theirs.close()


@posix
async def test_subprocess_protocol():
    class Slow(asyncio.SubprocessProtocol):
        def pipe_data_received(self, fd, data):
            time.sleep(0.1)  # <- blocks: time.sleep

        def process_exited(self):
            done.set_result(None)

    loop = asyncio.get_running_loop()
    done = loop.create_future()
    transport, _ = await loop.subprocess_exec(Slow, "/bin/echo", "hello")
    await done
    await asyncio.sleep(0.05)
    transport.close()


# ------------------------------------------------------------- other loops


def test_asyncio_run_in_a_sync_test():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    asyncio.run(work())


def test_loop_in_a_thread():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    thread.join()


async def test_second_loop_in_a_thread():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.to_thread(asyncio.run, work())


def test_two_loops_one_after_another():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    asyncio.run(asyncio.sleep(0))
    asyncio.run(work())


def test_loop_by_hand():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.new_event_loop()
    loop.run_until_complete(work())
    loop.close()


def test_loop_on_select():
    import selectors

    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(work())
    loop.close()


def test_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = uvloop.new_event_loop()
    loop.run_until_complete(work())
    loop.close()


def test_callback_in_uvloop():
    uvloop = pytest.importorskip("uvloop")

    def callback():
        sum(range(5_000_000))  # <- blocks: builtins.sum

    loop = uvloop.new_event_loop()
    loop.call_soon(callback)
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


class TestUnittest(unittest.IsolatedAsyncioTestCase):
    """What the standard library's own test case runs."""

    async def test_isolated(self):
        """Block in a test method."""
        time.sleep(0.1)  # <- blocks: time.sleep

    async def asyncSetUp(self):
        """Do nothing."""


@pytest.mark.anyio
async def test_anyio(anyio_backend):
    time.sleep(0.1)  # <- blocks: time.sleep


@pytest.fixture
def anyio_backend():
    """Run anyio on asyncio."""
    return "asyncio"


async def test_concurrency_in_the_test():
    async def good():
        for _ in range(20):
            await asyncio.sleep(0.005)

    async def bad():
        await asyncio.sleep(0.02)
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.gather(good(), good(), bad())


async def test_debug_mode():
    asyncio.get_running_loop().set_debug(True)
    await asyncio.sleep(0)
    time.sleep(0.1)  # <- blocks: time.sleep


async def test_frozen_time():
    from freezegun import freeze_time

    with freeze_time("2020-01-01", real_asyncio=True):
        await asyncio.sleep(0)
        time.sleep(0.1)  # <- blocks: time.sleep
