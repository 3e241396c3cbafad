"""What a suspended task waits for: its chain of awaits, and what stands at its end."""

from __future__ import annotations

import asyncio
import gc
from types import FrameType
from typing import Any

from pytest_asyncbench._model import Frame, Stack
from pytest_asyncbench.instruments._stack import TASKS, task_label, to_stack

__all__ = ["await_chain", "by_name"]

_PACKAGE = __name__.partition(".")[0]


def await_chain(task: asyncio.Task[Any]) -> tuple[Stack, str]:
    """Follow a suspended task's awaits; give its stack and what it waits for."""
    frames: list[FrameType] = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame, awaited = _suspended(awaited)
        if frame is None:
            break
        frames.append(frame)
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


def _suspended(awaited: Any) -> tuple[FrameType | None, Any]:
    while type(awaited).__name__ in _GO_BETWEENS:
        awaited = next(iter(gc.get_referents(awaited)), None)
    for prefix, onwards in (("cr", "await"), ("gi", "yieldfrom"), ("ag", "await")):
        frame = getattr(awaited, f"{prefix}_frame", None)
        if frame is not None:
            return frame, getattr(awaited, f"{prefix}_{onwards}", None)
    return None, None


def _frame_of(frame: FrameType) -> Frame:
    return to_stack((None, ((frame.f_code, frame.f_lineno or 0, frame.f_globals),)))[0]


def _awaited(task: asyncio.Task[Any], innermost_first: list[FrameType]) -> str:
    waiter = getattr(task, "_fut_waiter", None)
    if isinstance(waiter, TASKS):
        return f"task {task_label(waiter)!r}"
    children = [child for child in getattr(waiter, "_children", ()) if not child.done()]
    if children:
        more = f" and {len(children) - 5} more" if len(children) > 5 else ""
        return f"all of {', '.join(map(_child, children[:5]))}{more}"
    if innermost_first and innermost_first[0].f_code.co_name != "__sleep0":
        module = innermost_first[0].f_globals.get("__name__", "")
        if module == f"{_PACKAGE}.concurrency":
            return "what it runs concurrently"
        if module.partition(".")[0] == "asyncio":
            return _primitive(innermost_first)
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


def _primitive(innermost_first: list[FrameType]) -> str:
    """Name asyncio's own call, and the object that it waits at where there is one."""
    called = _asyncio_name(innermost_first[0])
    for frame in innermost_first:
        if not frame.f_globals.get("__name__", "").startswith("asyncio"):
            break
        owner = frame.f_locals.get("self")
        if isinstance(owner, asyncio.Event):
            return f"{called}, which nobody has set"
        if isinstance(owner, (asyncio.Lock, asyncio.Semaphore, asyncio.Condition)):
            return f"{called}, held by a task that asyncio does not record"
    return called
