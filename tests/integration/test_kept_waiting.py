"""A loop that another thread of the process keeps waiting: who did, and who did not."""

from __future__ import annotations

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
