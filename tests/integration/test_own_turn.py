"""What a loop does by itself, between two steps, and who is blamed for it."""

from __future__ import annotations

SUITE = """
    import asyncio
    import gc

    import pytest

    MANY = 60_000


    @pytest.fixture(autouse=True)
    def no_collections():
        gc.disable()
        yield
        gc.enable()


    def timers(blocking_calls, due):
        loop = asyncio.get_running_loop()
        with blocking_calls.paused():
            return [loop.call_at(loop.time() + due, int) for _ in range(MANY)]


    def is_told(blocking_calls):
        with blocking_calls.paused():
            return any(found.call == "the loop's own turn" for found in blocking_calls)


    @pytest.mark.no_blocking(threshold="10ms")
    async def test_cancelled(blocking_calls):
        for _ in range(50):  # the machine may stand still just then
            handles = timers(blocking_calls, 1000)
            with blocking_calls.paused():
                for handle in handles[: int(0.6 * MANY)]:
                    handle.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if is_told(blocking_calls):
                break


    @pytest.mark.no_blocking(threshold="10ms")
    async def test_due(blocking_calls):
        for _ in range(50):
            timers(blocking_calls, 0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if is_told(blocking_calls):
                break


    @pytest.mark.no_blocking(threshold="10ms")
    @pytest.mark.allow_blocking("many at once", calls=["the loop's own turn"])
    async def test_allowed(blocking_calls):
        timers(blocking_calls, 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


    @pytest.mark.no_blocking(threshold="10ms")
    async def test_rests(blocking_calls):
        await asyncio.sleep(0.2)
"""


def test_what_a_loop_does_between_two_steps_is_told_as_its_own(pytester):
    """Whether it takes cancelled timers out of its heap, or those that are due.

    The step after it is not blamed, nor is a poll that waits.
    """
    pytester.makepyfile(test_shop=SUITE)
    result = pytester.runpytest_subprocess("-o", "asyncio_mode=auto", "-rfE")
    result.assert_outcomes(passed=2, failed=2)
    for test in ("test_cancelled", "test_due"):
        result.stdout.fnmatch_lines(
            [
                f"* {test} *",
                "E   event loop stalled * (limit 10.0 ms)*",
                "E     *asyncio*base_events.py:* in *_run_once",
                "E     the loop's own turn, in no step: asyncio went through *",
                "E     use: fewer timers at once*",
            ]
        )
    result.stdout.no_fnmatch_line("*.sleep*blocked*")
