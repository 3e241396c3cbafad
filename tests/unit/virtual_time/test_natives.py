"""Threads that Python did not start, and the futures that they end in virtual time.

Real threads, made by the system's own call. What they must not be waited for is shown
by a short real limit, and what they must be by a timer an hour away.
"""

import asyncio
import ctypes
import hashlib
import os
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from pytest_asyncbench._python import count_natives, name_native, named_of, natives
from pytest_asyncbench._words.errors import Deadlock, RealLimitExceeded
from pytest_asyncbench.virtual_time import VirtualClock, virtual_loop_factory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

HOUR = 3600

_LIBC = ctypes.CDLL(None)
_START = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


@contextmanager
def native(work, *args):
    """Run a function in a thread that Python did not start, and wait for that."""

    @_START
    def start(nothing):
        work(*args)

    thread = ctypes.c_ulong()
    assert _LIBC.pthread_create(ctypes.byref(thread), None, start, None) == 0
    try:
        yield
    finally:
        _LIBC.pthread_join(thread, None)


def computes(seconds=0.2):
    """Use so much of a processor, and mostly without the interpreter."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 5000)


def lived(body, real_limit=60):
    """Run it in virtual time; give its result and how far the clock went."""
    clock = VirtualClock("2026-01-01T00:00:00Z")
    loop = virtual_loop_factory(clock, real_limit=real_limit)()
    try:
        return loop.run_until_complete(body(loop)), clock.elapsed
    finally:
        loop.close()


def answers(future, wait, *args):
    wait(*args)
    future.get_loop().call_soon_threadsafe(future.set_result, "answer")


def test_the_result_of_a_native_thread_at_work_comes_before_a_timeout():
    """As polars gives it: a future of the loop's, ended from a thread in Rust."""

    async def body(loop):
        future = loop.create_future()
        with native(answers, future, computes):
            return await asyncio.wait_for(future, HOUR)

    result, elapsed = lived(body)
    assert result == "answer"
    assert elapsed < HOUR


def test_it_is_no_deadlock_to_wait_for_it_alone():
    """Nor where the thread waits for something that nobody can see from here."""

    async def body(loop, wait):
        future = loop.create_future()
        with native(answers, future, wait, 0.2):
            return await future

    assert lived(lambda loop: body(loop, computes))[0] == "answer"
    assert lived(lambda loop: body(loop, time.sleep))[0] == "answer"


def test_one_that_keeps_silent_is_named_at_the_real_limit():
    """With what cannot be known of it."""
    reader, writer = os.pipe()

    async def body(loop):
        await loop.create_future()

    told = r"for native thread '.*' \(what it waits for can't be seen\), and nothing"
    with native(os.read, reader, 1):
        try:
            with pytest.raises(RealLimitExceeded, match=told):
                lived(body, real_limit=0.2)
        finally:
            os.write(writer, b"x")
    os.close(reader)
    os.close(writer)


def test_a_native_thread_that_rests_is_waited_for_by_nobody():
    """Pools keep theirs for as long as the process lives."""
    rests = threading.Lock()
    rests.acquire()

    async def body(loop):
        await loop.create_future()

    with native(rests.acquire):
        try:
            with pytest.raises(Deadlock):
                lived(body)
        finally:
            rests.release()


def test_the_work_of_a_native_thread_holds_no_clock_that_nobody_awaits():
    """Whoever sleeps, or waits for a task or an event, waits for no such thread."""
    over = []

    def works():
        while not over:
            computes(0.01)

    async def body(loop):
        event = asyncio.Event()
        waits = asyncio.create_task(event.wait())
        await asyncio.sleep(HOUR)
        event.set()
        await asyncio.gather(waits, asyncio.sleep(HOUR))

    with native(works):
        try:
            assert lived(body, real_limit=0.2)[1] == 2 * HOUR
        finally:
            over.append(True)


def test_one_that_has_called_the_loop_does_not_hold_it_from_then_on():
    """threading has a name for it since then, which may outlive it."""

    async def body(loop):
        future = loop.create_future()
        with native(answers, future, computes, 0.01):
            result = await future
        await asyncio.sleep(HOUR)
        return result

    # Alone it would be nobody's business which threads there are.
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        assert lived(body, real_limit=1)[0] == "answer"
    finally:
        over.set()
        other.join()


def test_who_is_native_is_told_from_who_is_not():
    """By the system, which counts both."""
    stays, begun, ids = threading.Event(), threading.Event(), []

    def work():
        ids.append(threading.get_native_id())
        begun.set()
        stays.wait()

    thread = threading.Thread(target=stays.wait)
    thread.start()
    try:
        with native(work):
            try:
                begun.wait()
                assert count_natives() >= 1
                assert ids[0] in natives()
                assert thread.native_id not in natives()
                name_native(ids[0], "of_ours")
                assert named_of(ids[0]) == "of_ours"
            finally:
                stays.set()
    finally:
        thread.join()
    assert named_of(2**22 + 1) is None
