"""What a suspended task waits for: its chain of awaits, and what stands at its end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from types import FrameType, MethodType
from typing import Any

from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.tasks import TASKS, task_label
from pytest_asyncbench._python import raw_frame, to_frame
from pytest_asyncbench._words.seen import Frame, Stack

__all__ = ["await_chain", "by_name"]

_PACKAGE = __name__.partition(".")[0]


def await_chain(task: asyncio.Task[Any]) -> tuple[Stack, str]:
    """Follow a suspended task's awaits; give its stack and what it waits for."""
    frames = [frame for _, frame in _chain(task)]
    frames.reverse()
    return tuple(_frame_of(frame) for frame in frames), _awaited(task, frames)


def by_name(task: asyncio.Task[Any]) -> tuple[str, int]:
    """Sort key that puts Task-2 before Task-10."""
    stem, _, digits = task.get_name().rpartition("-")
    return (stem, int(digits)) if digits.isdigit() else (task.get_name(), 0)


# What stands between an await and its asynchronous generator, or a coroutine that
# somebody called `__await__` on; it has no attribute that says whose it is.
_GO_BETWEENS = {
    "async_generator_asend",
    "async_generator_athrow",
    "anext_awaitable",
    "coroutine_wrapper",
}


def _chain(task: asyncio.Task[Any]) -> Iterator[tuple[Any, FrameType]]:
    """Give what a task awaits and its frame, from the outside in."""
    awaited: Any = names.COROUTINE.of(task)
    while awaited is not None:
        while type(awaited).__name__ in _GO_BETWEENS:
            awaited = next(iter(gc.get_referents(awaited)), None)
        frame, onwards = _suspended(awaited)
        if frame is None:
            return
        yield awaited, frame
        awaited = onwards


def _suspended(awaited: Any) -> tuple[FrameType | None, Any]:
    for prefix, onwards in (("cr", "await"), ("gi", "yieldfrom"), ("ag", "await")):
        frame = getattr(awaited, f"{prefix}_frame", None)
        if frame is not None:
            return frame, getattr(awaited, f"{prefix}_{onwards}", None)
    return None, None


def _frame_of(frame: FrameType) -> Frame:
    return to_frame(raw_frame(frame))


def _awaited(task: asyncio.Task[Any], innermost_first: list[FrameType]) -> str:
    waiter = names.WAITER.get(task)
    if isinstance(waiter, TASKS):
        return f"task {task_label(waiter)!r}"
    children = [each for each in names.CHILDREN.get(waiter) or () if not each.done()]
    if children:
        more = f" and {len(children) - 5} more" if len(children) > 5 else ""
        return f"all of {', '.join(map(_child, children[:5]))}{more}"
    if innermost_first and innermost_first[0].f_code.co_name != "__sleep0":
        module = innermost_first[0].f_globals.get("__name__", "")
        if module == f"{_PACKAGE}._running.together":
            return "what it runs concurrently"
        if module.partition(".")[0] == "asyncio":
            return _primitive(task, innermost_first)
    return "its turn on the loop" if waiter is None else _child(waiter)


def _asyncio_name(frame: FrameType) -> str:
    # Its primitives wait in methods; the class is not in the code's name on 3.10.
    owner = frame.f_locals.get("self")
    if owner is None:
        return _frame_of(frame).qualified
    return f"asyncio.{type(owner).__qualname__}.{frame.f_code.co_name}"


def _child(child: asyncio.Future[Any]) -> str:
    if isinstance(child, TASKS):
        return f"task {task_label(child)!r}"
    return f"a {type(child).__name__.lstrip('_')}"


def _primitive(task: asyncio.Task[Any], innermost_first: list[FrameType]) -> str:
    """Name asyncio's own call, and the object that it waits at where there is one."""
    called = _asyncio_name(innermost_first[0])
    for frame in innermost_first:
        if not frame.f_globals.get("__name__", "").startswith("asyncio"):
            break
        owner = frame.f_locals.get("self")
        if isinstance(owner, asyncio.Event):
            return f"{called}, which nobody has set"
        if isinstance(owner, (asyncio.Lock, asyncio.Semaphore, asyncio.Condition)):
            return f"{called}, held by {_holders(owner, task.get_loop())}"
    return called


def _holders(lock: Any, loop: asyncio.AbstractEventLoop) -> str:
    """Name the tasks that are inside of an ``async with`` on a lock.

    asyncio does not record who holds one. But a coroutine that is suspended in a
    ``with`` block keeps, on its stack of values, the exit that it will call.
    """
    tasks = sorted(asyncio.all_tasks(loop), key=by_name)
    names = [f"task {task_label(task)!r}" for task in tasks if _holds(task, lock)]
    return ", ".join(names) or "a task that asyncio does not record"


def _holds(task: asyncio.Task[Any], lock: Any) -> bool:
    chain = list(_chain(task))
    # Whoever waits to enter has the exit on its stack already.
    if any(_is_on(frame.f_locals.get("self"), lock) for _, frame in chain):
        return False
    return any(
        getattr(kept, "__name__", "") == "__aexit__" and _is_on(kept.__self__, lock)
        for awaited, frame in chain
        for kept in gc.get_referents(awaited, frame)  # the frame has it on 3.10
        if isinstance(kept, MethodType)
    )


def _is_on(owner: Any, lock: Any) -> bool:
    # A condition is entered through its lock.
    return owner is lock or (
        isinstance(owner, asyncio.Condition)
        and names.LOCK_OF_CONDITION.get(owner) is lock
    )
