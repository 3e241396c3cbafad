"""A loop that another thread of the process keeps waiting: who did, and who did not."""

from __future__ import annotations

import re
import sys

import pytest

from pytest_asyncbench._python import has_gil

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="no account of each thread"),
    pytest.mark.skipif(not has_gil(), reason="no thread can keep the interpreter"),
]

SUITE = """
    import asyncio
    import time
    import zlib

    import pytest

    BIG = b"asyncbench" * 3_000_000


    async def beside(function, *args):
        async def tick():
            while True:
                await asyncio.sleep(0.01)

        await asyncio.to_thread(int)  # the pool has its thread by then
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        await asyncio.to_thread(function, *args)
        ticking.cancel()


    def power():
        return pow(3, 3_000_000)


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_kept(blocking_calls):
        for _ in range(50):  # on a busy machine it may be the machine's all the same
            await beside(power)
            if any(found.call.endswith(("pow", "power")) for found in blocking_calls):
                break


    @pytest.mark.no_blocking(threshold="300ms")
    # Where the call was over, what the thread was given to do is allowed.
    @pytest.mark.allow_blocking("once", calls=["*.pow*"])
    async def test_allowed():
        await beside(power)


    @pytest.mark.no_blocking(threshold="1s")
    async def test_innocent():
        await beside(zlib.compress, BIG)
        await beside(time.sleep, 0.3)
"""


def test_a_call_in_a_thread_that_keeps_the_interpreter_fails_its_test(pytester):
    """With what the thread was at, and what was handed to it.

    Mostly that is the very call, at its line, as `test_keepers.py` asserts; where the
    thread has gone on before anybody came to look, it is what it was given to do. Where
    that is allowed nothing fails, and calls that let go of the interpreter keep nobody
    waiting.
    """
    pytester.makepyfile(test_shop=SUITE)
    result = pytester.runpytest_subprocess("-o", "asyncio_mode=auto")
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(
        [
            "E   event loop kept waiting * (limit 40.0 ms) by a thread*",
            "E     *pow*kept the interpreter*",
            "E     held up * other callback*",
            "E     use: a process*",
        ]
    )


CROWD = """
    import asyncio
    import threading

    import pytest


    @pytest.mark.no_blocking(threshold="60s")
    async def test_crowd():
        over = threading.Event()

        def share():
            while not over.is_set():
                sum(range(100))

        threads = [threading.Thread(target=share) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(60):
            await asyncio.sleep(0.005)
        over.set()
        for thread in threads:
            thread.join()
"""


def test_threads_that_take_turns_are_told_in_the_summary_and_fail_nothing(pytester):
    """Each gives the interpreter up when it is asked; the loop waits for all of them.

    Where the machine let none of them work for most of the time, it was the machine.
    """
    pytester.makepyfile(test_shop=CROWD)
    for _ in range(20):
        result = pytester.runpytest_subprocess("-o", "asyncio_mode=auto")
        result.assert_outcomes(passed=1)
        told = [line for line in result.outlines if "took turns" in line]
        if told:
            break
    (line,) = told
    assert re.fullmatch(
        r"late by \d+ to \d+ ms, [2-4] threads took turns: test_shop.py::test_crowd",
        line,
    )


INNOCENT = """
    import _thread
    import asyncio
    import ctypes
    import hashlib
    import time

    import pytest

    usleep = ctypes.PyDLL(None).usleep  # keeps the interpreter in its sleep


    async def work(rounds):
        await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"a", b"b", rounds)


    def keeps():
        time.sleep(0.1)
        pow(3, 1_000_000)


    def sleeps():
        time.sleep(0.1)
        usleep(150_000)


    @pytest.mark.no_blocking(threshold="40ms")
    @pytest.mark.parametrize(
        ("beside", "rounds"), [(keeps, 600_000), (sleeps, 2_400_000)]
    )
    async def test_beside(beside, rounds):
        async def tick():
            while True:
                await asyncio.sleep(0.01)

        await asyncio.to_thread(int)  # the pool has its thread by then
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        _thread.start_new_thread(beside, ())  # one that threading does not know
        await work(rounds)
        ticking.cancel()
"""


def test_who_works_beside_a_thread_that_python_does_not_know_is_not_to_blame(pytester):
    """Of who keeps the interpreter nothing is known; that it may be another one is."""
    pytester.makepyfile(test_shop=INNOCENT)
    result = pytester.runpytest_subprocess("-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=2)


COLLECTED = """
    import asyncio
    import gc

    import pytest

    HELD = [[number] for number in range(1_000_000)]


    async def beside(function):
        async def tick():
            while True:
                await asyncio.sleep(0.01)

        await asyncio.to_thread(int)  # the pool has its thread by then
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        await asyncio.to_thread(function)
        ticking.cancel()


    def fills():
        gc.disable()
        held = [[] for _ in range(700_000)]
        gc.enable()
        for _ in range(100_000):
            held.append([])


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_asked(blocking_calls):
        for _ in range(50):  # on a busy machine it may be the machine's all the same
            await beside(gc.collect)
            if blocking_calls:
                break


    @pytest.mark.no_blocking(threshold="40ms")
    @pytest.mark.skipif("sys.version_info[:2] == (3, 14)", reason="collects in parts")
    async def test_met(blocking_calls):
        for _ in range(50):
            await beside(fills)
            if any(found.call == "the garbage collector" for found in blocking_calls):
                break
"""


def test_a_collection_in_a_thread_counts_where_it_was_asked_for(pytester):
    """And is accepted, as one in a step is, where it only met that thread."""
    pytester.makepyfile(test_shop=COLLECTED)
    result = pytester.runpytest_subprocess("-o", "asyncio_mode=auto", "-rfE")
    result.stdout.fnmatch_lines(
        [
            "E     hands gc.collect to a thread, which kept the interpreter",
            "E     use: `gc.collect()` before the loop runs*",
            "FAILED test_shop.py::test_asked*",
        ]
    )
    if sys.version_info[:2] != (3, 14):
        result.stdout.fnmatch_lines(
            ["allowed * time*: the garbage collector runs when it likes"]
        )
