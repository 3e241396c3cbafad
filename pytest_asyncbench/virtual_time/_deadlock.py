"""Who waits for what, in words, when nothing can wake a loop any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["describe_tasks"]

_MOST_TASKS = 50


def describe_tasks(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Give the lines that tell each task, what it awaits, where, and who holds it."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: _number(task.get_name()))
    for task in tasks[:_MOST_TASKS]:
        frames = list(_frames(task))
        yield f"  task {task.get_name()!r} awaits {_awaited(task, frames)}"
        for frame in reversed(frames):
            code = frame.f_code
            name = getattr(code, "co_qualname", code.co_name)
            yield f"    {code.co_filename}:{frame.f_lineno} in {name}"
    if len(tasks) > _MOST_TASKS:
        yield f"  and {len(tasks) - _MOST_TASKS} more tasks"
    if not tasks:
        yield "  no task is alive; the loop was run for something outside of tasks"


def _number(name: str) -> tuple[str, int]:
    stem, _, digits = name.rpartition("-")
    return (stem, int(digits)) if digits.isdigit() else (name, 0)


def _frames(task: asyncio.Task[Any]) -> Iterator[FrameType]:
    """Follow the chain of awaits inwards, from the task's own coroutine."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        for prefix, onwards in (("cr", "await"), ("gi", "yieldfrom"), ("ag", "await")):
            frame = getattr(awaited, f"{prefix}_frame", None)
            if frame is not None:
                yield frame
                awaited = getattr(awaited, f"{prefix}_{onwards}", None)
                break
        else:
            return


def _awaited(task: asyncio.Task[Any], frames: list[FrameType]) -> str:
    waiter = getattr(task, "_fut_waiter", None)
    if isinstance(waiter, asyncio.Task):
        return f"task {waiter.get_name()!r}"
    children = [child for child in getattr(waiter, "_children", ()) if not child.done()]
    if children:
        return "all of " + ", ".join(_child(child) for child in children[:10])
    for frame in reversed(frames):
        # asyncio's own primitives wait in a method: its object is what is awaited.
        if not frame.f_globals.get("__name__", "").startswith("asyncio"):
            break
        owner = frame.f_locals.get("self")
        if isinstance(owner, asyncio.AbstractEventLoop):
            return f"loop.{frame.f_code.co_name}()"
        if owner is not None and not isinstance(owner, asyncio.Future):
            return _holding(owner)
    return "its turn on the loop" if waiter is None else repr(waiter)


def _child(child: asyncio.Future[Any]) -> str:
    named = isinstance(child, asyncio.Task)
    return f"task {child.get_name()!r}" if named else repr(child)  # type: ignore[attr-defined]


def _holding(owner: Any) -> str:
    if isinstance(owner, (asyncio.Lock, asyncio.Semaphore, asyncio.Condition)):
        return f"{owner!r}, held by a task that asyncio does not record"
    if isinstance(owner, asyncio.Event):
        return f"{owner!r}, which nobody sets"
    return repr(owner)
