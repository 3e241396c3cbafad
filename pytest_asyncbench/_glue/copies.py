"""The body of a test several times at once, as `concurrent` asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pytest_asyncbench._glue.failures import failure_of, with_others
from pytest_asyncbench._running import Job, Together

__all__ = ["in_copies"]


async def in_copies(call: Callable[[], Awaitable[None]], copies: int) -> None:
    """Run the body of a test so many times at once."""
    jobs = [Job(f"copy {number}", call) for number in range(1, copies + 1)]
    # They are the body's tasks, so the body's group has them already.
    together = Together(jobs, keep_going=True)
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
