"""Virtual time waits in real time for what is real, and for nothing else.

These tests have real peers, so real time passes in them; their limits lie far away.
"""

import asyncio
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.errors import Deadlock, VirtualTimeError
from pytest_asyncbench.virtual_time import VirtualClock, virtual_loop_factory

PATIENT = 5
on_unix = pytest.mark.skipif(os.name == "nt", reason="UNIX only")


class Ran:
    """One coroutine in virtual time: its result, and both times it took.

    A step takes no virtual time up to a limit, and on a busy machine a peer may have
    been at work in the meantime. What was really waited for it must have passed.
    """

    def __init__(self, make, **settings):
        clock = VirtualClock("2026-01-01T00:00:00Z")
        loop = virtual_loop_factory(clock, **settings)()
        began = SYSTEM_CLOCK.now()
        try:
            self.result = loop.run_until_complete(make(clock))
            self.real = SYSTEM_CLOCK.now() - began
            self.virtual, self.waited = clock.elapsed, clock.waited
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    @property
    def has_waited(self):
        """Whether it waited really, and its own clock went along to the microsecond."""
        return 0 < self.waited <= self.virtual + 1e-6


@contextmanager
def answering(after):
    """A peer in a thread that answers its one caller `after` real seconds."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = server.accept()
        with connection:
            received = connection.recv(100)
            time.sleep(after)
            connection.sendall(received)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()
    thread.join()
    server.close()


async def ask(address):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"hello")
    answer = await reader.readexactly(5)
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_thread_of_two_tenths_fits_into_ten_virtual_seconds():
    async def body(clock):
        await asyncio.wait_for(asyncio.to_thread(time.sleep, 0.2), 10)

    ran = Ran(body)
    assert ran.has_waited
    assert ran.virtual < PATIENT
    assert ran.real < PATIENT


def test_a_timeout_of_a_job_fires_when_it_is_really_over():
    release = threading.Event()

    async def body(clock):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(release.wait), 0.1)
        release.set()

    ran = Ran(body)
    assert ran.real >= 0.1
    assert 0.1 <= ran.virtual < PATIENT


def test_a_time_that_no_float_hits_is_due_beside_a_thread_as_well():
    """0.1 and 0.2 later is a little later than 0.3."""
    release = threading.Event()

    async def body(clock):
        await asyncio.sleep(0.1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(release.wait), 0.2)
        release.set()

    ran = Ran(body)
    assert 0.3 <= ran.virtual < PATIENT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_thread_that_waits_for_its_next_order_does_not_hold_the_clock():
    """aiosqlite's connections are such threads; with an order they count again."""
    orders = queue.SimpleQueue()

    def serve(loop):
        while True:
            answer = orders.get()
            if answer is None:
                break
            time.sleep(0.1)
            loop.call_soon_threadsafe(answer.set_result, "done")

    async def ask(loop):
        answer = loop.create_future()
        orders.put(answer)
        return await asyncio.wait_for(answer, 5)

    async def body(clock):
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=serve, args=[loop])
        thread.start()
        answers = [await ask(loop)]
        await asyncio.sleep(1000)
        answers.append(await ask(loop))
        orders.put(None)
        await asyncio.to_thread(thread.join)
        return answers

    ran = Ran(body)
    assert ran.result == ["done", "done"]
    assert 1000 < ran.virtual < 1000 + 2 * PATIENT
    assert ran.real < PATIENT


@pytest.mark.parametrize("older", [True, False], ids=["older", "younger"])
def test_a_peer_that_answers_after_a_tenth_is_in_time_for_five_seconds(older):
    async def body(clock):
        if older:
            return await asyncio.wait_for(ask(address), 5)
        with answering(0.1) as mine:
            return await asyncio.wait_for(ask(mine), 5)

    if older:
        with answering(0.1) as address:
            ran = Ran(body)
    else:
        ran = Ran(body)
    assert ran.result == b"hello"
    assert ran.has_waited
    assert ran.virtual < PATIENT


@pytest.mark.parametrize("seconds", [0, 1])
def test_fifty_echoes_within_the_loop_cost_no_real_waiting(seconds):
    async def echo(reader, writer):
        received = await reader.readexactly(5)
        await asyncio.sleep(seconds)
        writer.write(received)
        await writer.drain()
        writer.close()

    async def body(clock):
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        calls = (asyncio.wait_for(ask(address), 5) for _ in range(50))
        answers = await asyncio.gather(*calls)
        server.close()
        await server.wait_closed()
        return answers

    ran = Ran(body)
    assert ran.result == [b"hello"] * 50
    assert seconds <= ran.virtual < seconds + 0.5
    assert ran.real < PATIENT


@on_unix
def test_a_unix_server_in_the_loop_does_not_hold_its_timers(tmp_path):
    async def echo(reader, writer):
        await asyncio.sleep(100)
        writer.write(await reader.readexactly(5))
        writer.close()

    async def body(clock):
        path = str(tmp_path / "s")
        server = await asyncio.start_unix_server(echo, path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"hello")
        answer = await reader.readexactly(5)
        writer.close()
        server.close()
        return answer

    ran = Ran(body)
    assert ran.result == b"hello"
    assert ran.real < PATIENT < ran.virtual


def test_datagrams_within_the_loop_do_not_hold_its_timers():
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            loop = asyncio.get_running_loop()
            loop.call_later(100, self.transport.sendto, data, address)

    class Client(asyncio.DatagramProtocol):
        def __init__(self):
            self.answer = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, address):
            self.answer.set_result(data)

    async def body(clock):
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_datagram_endpoint(
            Echo, local_addr=("127.0.0.1", 0)
        )
        address = server.get_extra_info("sockname")
        client, protocol = await loop.create_datagram_endpoint(
            Client, remote_addr=address
        )
        client.sendto(b"hello")
        answer = await protocol.answer
        client.close()
        server.close()
        return answer

    ran = Ran(body)
    assert ran.result == b"hello"
    assert ran.real < PATIENT < ran.virtual


def test_a_subprocess_of_a_tenth_fits_into_thirty_virtual_seconds():
    async def body(clock):
        code = "import time; time.sleep(.1); print('done')"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", code, stdout=subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 30)
        return output.strip(), process.returncode

    ran = Ran(body)
    assert ran.result == (b"done", 0)
    assert ran.has_waited
    assert ran.virtual < 30


def test_polling_now_and_then_sees_a_thread_of_two_tenths_done_after_once():
    async def body(clock):
        job = asyncio.ensure_future(asyncio.to_thread(time.sleep, 0.2))
        polls = 0
        while not job.done():
            await asyncio.sleep(100)
            polls += 1
        return polls, clock.elapsed

    ran = Ran(body)
    assert ran.result == (1, 100.0)
    assert ran.real < PATIENT


def test_a_job_of_the_users_own_pool_is_waited_for_when_it_was_submitted_directly():
    async def body(clock):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()  # the worker waits for work now, and is idle
            await asyncio.sleep(100)
            idle = clock.elapsed
            job = asyncio.wrap_future(pool.submit(time.sleep, 0.1))
            await asyncio.wait_for(job, 10)
            return idle, clock.elapsed

    idle, after = Ran(body).result
    assert idle == 100
    assert after - idle < 10


def test_a_thread_of_anyio_is_waited_for_and_does_not_hold_the_clock_afterwards():
    anyio = pytest.importorskip("anyio")

    async def body(clock):
        with anyio.fail_after(10):
            await anyio.to_thread.run_sync(time.sleep, 0.1)
        worked = clock.elapsed
        await anyio.sleep(1000)
        return worked

    ran = Ran(body)
    assert ran.result < 10
    assert ran.real < PATIENT


def test_a_thread_that_calls_threadsafe_is_in_time():
    async def body(clock):
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        timer = threading.Timer(0.1, loop.call_soon_threadsafe, [event.set])
        timer.start()
        await asyncio.wait_for(event.wait(), 5)
        timer.join()

    ran = Ran(body)
    assert ran.has_waited
    assert ran.virtual < PATIENT


def test_a_thread_that_ends_without_a_word_leaves_a_deadlock():
    async def body(clock):
        threading.Thread(target=time.sleep, args=[0.05]).start()
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        Ran(body)


def test_an_older_threads_first_call_is_in_time_when_it_is_expected():
    go, loops = threading.Event(), []

    def work():
        go.wait()
        time.sleep(0.1)
        loops[0].call_soon_threadsafe(loops[1].set)

    thread = threading.Thread(target=work)
    thread.start()

    async def body(clock):
        loops[:] = asyncio.get_running_loop(), asyncio.Event()
        go.set()
        with clock.expecting("the worker's answer"):
            await asyncio.wait_for(loops[1].wait(), 5)

    assert Ran(body).virtual < PATIENT
    thread.join()


def test_a_thread_that_is_ignored_does_not_hold_the_clock():
    done = threading.Event()

    async def body(clock):
        thread = threading.Thread(target=done.wait, args=[PATIENT * 10])
        thread.start()
        clock.ignore_thread(thread)
        await asyncio.sleep(1000)
        done.set()
        thread.join()

    ran = Ran(body)
    assert ran.virtual == 1000
    assert ran.real < PATIENT


def idle_pair(loop):
    """One end registered with the loop, as a library keeps it; the other idle."""
    ours, theirs = socket.socketpair()
    loop.add_reader(ours, print)
    return ours, theirs


@pytest.mark.parametrize("named", [lambda sock: sock, lambda sock: sock.fileno()])
def test_a_descriptor_that_is_ignored_does_not_hold_the_clock(named):
    """Not even one that held it before, and whichever way it is named."""

    async def body(clock):
        loop = asyncio.get_running_loop()
        ours, theirs = idle_pair(loop)
        await asyncio.sleep(0.001)
        clock.ignore(named(ours))
        await asyncio.sleep(1000)
        loop.remove_reader(ours)
        ours.close()
        theirs.close()

    ran = Ran(body)
    assert ran.virtual == pytest.approx(1000, abs=1)
    assert ran.real < PATIENT


def test_a_transport_that_is_ignored_does_not_hold_the_clock():
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def body(clock):
            _, writer = await asyncio.open_connection(*server.getsockname())
            clock.ignore(writer.transport)
            await asyncio.sleep(1000)
            writer.close()
            await writer.wait_closed()

        assert Ran(body).real < PATIENT


def test_an_end_that_is_ignored_still_is_the_other_end_of_its_connection():
    """What answers it lives in this loop, as before, and does not hold the clock."""

    async def body(clock):
        served = asyncio.Event()

        async def serve(reader, writer):
            await reader.read()
            writer.close()
            await writer.wait_closed()
            served.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(*address)
        clock.ignore(writer.transport)
        await asyncio.sleep(1000)
        writer.close()
        await writer.wait_closed()
        await served.wait()
        server.close()

    assert Ran(body).real < PATIENT


@on_unix
def test_another_file_of_the_same_number_is_not_ignored():
    """A pool closes what it had ignored, and the next connection gets its number."""

    async def body(clock):
        loop = asyncio.get_running_loop()
        ours, theirs = idle_pair(loop)
        clock.ignore(ours)
        number = ours.fileno()
        loop.remove_reader(ours)
        theirs.close()
        ours.close()
        out, into = os.pipe()
        os.dup2(out, number)
        loop.add_reader(number, print)
        try:
            await asyncio.sleep(1000)
        finally:
            loop.remove_reader(number)
            for each in {out, into, number}:
                os.close(each)

    with pytest.raises(VirtualTimeError, match="of real time for pipe"):
        Ran(body, real_limit=0.1)


def test_what_holds_the_clock_for_nothing_is_named_with_its_descriptor_and_remedy():
    numbers = []

    async def body(clock):
        loop = asyncio.get_running_loop()
        ours, theirs = idle_pair(loop)
        numbers.append(ours.fileno())
        try:
            await asyncio.sleep(1000)
        finally:
            loop.remove_reader(ours)
            ours.close()
            theirs.close()

    with pytest.raises(VirtualTimeError) as caught:
        Ran(body, real_limit=0.1)
    told = str(caught.value).splitlines()[0]
    assert f"(descriptor {numbers[0]})" in told
    assert "virtual_clock.ignore() a descriptor that brings it nothing" in told


@pytest.mark.parametrize("thing", ["7", None, True, 1.5])
def test_what_is_no_file_cannot_be_ignored(thing):
    with pytest.raises(VirtualTimeError, match="takes a socket, a transport or a desc"):
        VirtualClock().ignore(thing)


def test_what_is_closed_cannot_be_ignored():
    closed = socket.socket()
    closed.close()
    with pytest.raises(VirtualTimeError, match="is closed"):
        VirtualClock().ignore(closed)


has_eventfd = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="Linux only")


@contextmanager
def registered_event(loop, callback=print):
    """An eventfd as libraries keep one with the loop."""
    event = os.eventfd(0)
    loop.add_reader(event, callback)
    try:
        yield event
    finally:
        loop.remove_reader(event)
        os.close(event)


@has_eventfd
def test_an_eventfd_of_an_idle_library_does_not_hold_the_clock():
    """aiofile's after its last file was closed: nobody waits for what it brings."""

    async def body(clock):
        with registered_event(asyncio.get_running_loop()):
            await asyncio.sleep(1000)

    assert Ran(body, real_limit=0.2).virtual == 1000


@has_eventfd
def test_an_eventfd_is_waited_for_while_somebody_awaits_what_it_brings():
    """No thread here is to write to it, so it is the kernel; here another process."""
    write = (
        "import os, sys, time; time.sleep(0.2); os.eventfd_write(int(sys.argv[1]), 1)"
    )

    async def body(clock):
        loop = asyncio.get_running_loop()
        answer = loop.create_future()

        def bring():
            os.eventfd_read(event)
            answer.set_result("answer")

        with registered_event(loop, bring) as event:
            command = [sys.executable, "-c", write, str(event)]
            with subprocess.Popen(command, pass_fds=[event]):
                return await asyncio.wait_for(answer, 3600)

    ran = Ran(body, real_limit=60)
    assert ran.result == "answer"


@on_unix
def test_an_alarm_that_is_set_comes_before_a_virtual_timeout():
    async def body(clock):
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGALRM, event.set)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            await asyncio.wait_for(event.wait(), 5)
        finally:
            loop.remove_signal_handler(signal.SIGALRM)

    ran = Ran(body)
    assert ran.has_waited
    assert ran.virtual < PATIENT


@on_unix
def test_a_signal_handler_alone_does_not_hold_the_timers():
    async def body(clock):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, print)
        await asyncio.sleep(1000)
        loop.remove_signal_handler(signal.SIGUSR1)

    assert Ran(body).real < PATIENT


@on_unix
def test_a_pipe_is_real_unless_the_loop_holds_both_its_ends():
    async def body(clock):
        loop = asyncio.get_running_loop()
        out, into = os.pipe()
        seen = loop.create_future()
        loop.add_reader(out, lambda: seen.set_result(os.read(out, 10)))
        writer = threading.Timer(0.1, os.write, [into, b"news"])
        writer.start()
        answer = await asyncio.wait_for(seen, 5)
        loop.remove_reader(out)
        writer.join()
        os.close(out)
        os.close(into)
        return answer

    assert Ran(body).result == b"news"


def test_a_peer_that_never_answers_is_an_error_at_the_real_limit():
    server = socket.create_server(("127.0.0.1", 0))

    async def body(clock):
        reader, writer = await asyncio.open_connection(*server.getsockname())
        try:
            await asyncio.wait_for(reader.read(), 100)
        finally:
            writer.close()

    with pytest.raises(VirtualTimeError, match="of real time for socket 127") as caught:
        Ran(body, real_limit=0.2)
    server.close()
    assert "real_limit=0.2" in str(caught.value)
    assert "test_wakers.py" in str(caught.value)


def test_a_listening_socket_alone_is_waited_for_and_then_an_error():
    async def body(clock):
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        try:
            await asyncio.sleep(1000)
            assert clock.elapsed == 1000
            await asyncio.Event().wait()
        finally:
            server.close()

    with pytest.raises(VirtualTimeError, match=r"waited \d+\.\d+ s of real time"):
        Ran(body, real_limit=0.2)
