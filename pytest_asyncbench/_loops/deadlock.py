"""Who waits for what, in words, when nothing can wake a loop any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import filterfalse

from pytest_asyncbench._loops.awaiting import await_chain, by_name
from pytest_asyncbench._loops.tasks import task_label
from pytest_asyncbench._words.units import where
from pytest_asyncbench._words.whose import is_plumbing

__all__ = ["describe_tasks"]

_MOST_TASKS = 50


def describe_tasks(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Give the lines that tell each task, what it awaits, where, and who holds it."""
    tasks = sorted(asyncio.all_tasks(loop), key=by_name)
    for task in tasks[:_MOST_TASKS]:
        stack, awaits = await_chain(task)
        yield f"  task {task_label(task)!r} waits for {awaits}"
        for frame in filterfalse(is_plumbing, stack):
            yield f"    {where(frame.file, frame.line, frame.function)}"
    if len(tasks) > _MOST_TASKS:
        yield f"  and {len(tasks) - _MOST_TASKS} more tasks"
    if not tasks:
        yield "  no task is alive; the loop was run for something outside of tasks"
