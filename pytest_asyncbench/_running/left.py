"""What a run of a test has left when its body is over.

Who is about to end by itself is waited for, so that only what stays is told of.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from pytest_asyncbench._loops import AnyTask, names, task_label
from pytest_asyncbench._python import is_of_pool, started_for
from pytest_asyncbench._words.errors import Deadlock, RealLimitExceeded
from pytest_asyncbench._words.held import sleep

__all__ = [
    "descriptors",
    "let_end",
    "settle",
    "short_name",
    "threads_since",
]

_TURNS = 10
"""So many turns others have to react to what the test has closed or cancelled last."""

_PAUSES, _PAUSE = 40, 0.002
"""So often, and for so many real seconds, what comes from outside is waited for."""

_MOMENT = 1e-6
"""So many seconds are next to nothing on a loop's clock."""

_TO_END = 0.2
"""How long a thread has to end that was told to, in real seconds."""


def settle(loop: asyncio.AbstractEventLoop, is_clean: Callable[[], bool]) -> None:
    """Let others react to what the test has done last, until nothing more is left."""
    with suppress(Deadlock, RealLimitExceeded):
        loop.run_until_complete(_turns())
        for _ in range(_PAUSES):
            if is_clean():
                return
            sleep(_PAUSE)
            loop.run_until_complete(asyncio.sleep(_MOMENT))


def let_end(
    loop: asyncio.AbstractEventLoop,
    tasks: Collection[AnyTask],
    *,
    turns: int,
    within: float,
) -> None:
    """Let tasks go on to their own end.

    Args:
        loop: theirs.
        tasks: those that are waited for.
        turns: for how many turns of the loop they are.
        within: and then for how long on its clock, in seconds.
    """

    async def ended() -> None:
        for _ in range(turns):
            if all(task.done() for task in tasks):
                return
            await asyncio.sleep(0)
        await asyncio.wait(tasks, timeout=within)

    if tasks:
        with suppress(Deadlock, RealLimitExceeded):
            loop.run_until_complete(ended())


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    # Virtual time goes on once the threads that are at work have come to their end.
    await asyncio.sleep(_MOMENT)


def descriptors(loop: asyncio.AbstractEventLoop) -> int:
    """Count the sockets and pipes that a loop listens to."""
    selector = names.SELECTOR.get(loop)
    return 0 if selector is None else len(selector.get_map() or ())


def threads_since(before: Collection[threading.Thread]) -> Iterator[str]:
    """Name the threads that were started since then, less an executor's."""
    for thread in threading.enumerate():
        if thread not in before and not is_of_pool(thread):
            thread.join(_TO_END)
            if thread.is_alive():
                yield started_for(thread) or thread.name


def short_name(task: AnyTask) -> str:
    """Name a task less its number, which is another one in each run."""
    return task_label(task).partition(" (Task-")[0]
