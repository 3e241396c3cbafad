"""The body of a test several times at once, as `concurrent` asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from pytest_asyncbench._glue.failures import failure_of, with_others
from pytest_asyncbench._running import Job, Together

if TYPE_CHECKING:
    from pytest_asyncbench._tracing import Recorder

__all__ = ["in_copies"]


async def in_copies(
    call: Callable[[], Awaitable[None]],
    copies: int,
    recorder: Recorder | None = None,
) -> None:
    """Run the body of a test so many times at once.

    Args:
        call: runs it once.
        copies: how many times.
        recorder: follows the tasks, and is told what runs as each ends.
    """
    jobs = [Job(f"copy {number}", call) for number in range(1, copies + 1)]
    # They are the body's tasks, so the body's group has them already.
    together = Together(jobs, keep_going=True)
    with nullcontext() if recorder is None else recorder.telling(together):
        await together.run()
    if not together.failed:
        return
    failed = [
        (job.name, error)
        for job, task in zip(jobs, together.tasks, strict=True)
        if (error := failure_of(task)) is not None
    ]
    if failed:
        raise with_others(failed, f"of {copies}")
