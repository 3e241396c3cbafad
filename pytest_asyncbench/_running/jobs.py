"""Have a job in a thread end no sooner than the loop's next turn.

Problem: from 3.14 on a job that is over before asyncio asks for its end is done at
once, and who awaits it goes on without giving way (see ``findings/``). Whether it is
depends on the threads alone; and with our wrappers around, a short job mostly is. Then
no schedule has anything in between, though all others may go on while a longer job
lasts. What we do: the loop is told in its next turn, as it was before 3.14.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["end_jobs_in_turn"]

R = TypeVar("R")


def end_jobs_in_turn(loop: asyncio.AbstractEventLoop) -> Undo:
    """Stand in for a loop's ``run_in_executor``; return what ends that."""
    original = loop.run_in_executor

    def run_in_executor(
        executor: Executor | None, func: Callable[..., R], *args: object
    ) -> asyncio.Future[R]:
        job = original(executor, func, *args)
        return _in_turn(loop, job) if job.done() else job

    return replace(loop, "run_in_executor", run_in_executor)


def _in_turn(
    loop: asyncio.AbstractEventLoop, job: asyncio.Future[R]
) -> asyncio.Future[R]:
    later: asyncio.Future[R] = loop.create_future()

    def end(job: asyncio.Future[R]) -> None:
        if later.cancelled():
            return
        if job.cancelled():
            later.cancel()
        elif (error := job.exception()) is not None:
            later.set_exception(error)
        else:
            later.set_result(job.result())

    job.add_done_callback(end)
    return later
