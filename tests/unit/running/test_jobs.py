"""A job in a thread that is over at once gives way all the same."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from pytest_asyncbench._running.jobs import end_jobs_in_turn


class AtOnce(ThreadPoolExecutor):
    """A pool whose jobs are over as soon as they are handed over."""

    def submit(self, function, /, *args, **kwargs):
        future = super().submit(function, *args, **kwargs)
        future.exception()  # waits
        return future


class Refuses(ThreadPoolExecutor):
    """A pool that takes no job any more."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.cancel()
        return future


def _run(pool, function, *args, around=None):
    """Give what a job came to, and what else went on until then."""
    seen = []

    async def beside():
        seen.append("beside")

    async def main():
        loop = asyncio.get_running_loop()
        undo = end_jobs_in_turn(loop)
        try:
            task = asyncio.create_task(beside())
            job = loop.run_in_executor(pool, function, *args)
            assert not job.done()
            if around is not None:
                around(job)
            try:
                return await job
            finally:
                seen.append("awaited")
                await task
        finally:
            undo()
            assert "run_in_executor" not in vars(loop)

    with pool:
        return asyncio.run(main()), seen


def test_others_go_on_before_the_job_is_over():
    """As they do while a longer job lasts."""
    assert _run(AtOnce(), len, "four") == (4, ["beside", "awaited"])
    assert _run(ThreadPoolExecutor(), len, "four") == (4, ["beside", "awaited"])


def test_what_the_job_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        _run(AtOnce(), divmod, 1, 0)


@pytest.mark.parametrize(
    ("pool", "around"), [(AtOnce, asyncio.Future.cancel), (Refuses, None)]
)
def test_a_job_that_is_cancelled_ends_so(pool, around):
    """By who awaits it, or by the pool."""
    with pytest.raises(asyncio.CancelledError):
        _run(pool(), len, "four", around=around)
