"""What a task and a step of a loop are called, and where their code is written."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
from collections.abc import Callable
from pathlib import PurePosixPath
from types import CodeType, CoroutineType

from pytest_asyncbench._loops import names
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.seen import Frame

__all__ = [
    "TASKS",
    "behind",
    "caller_in_c",
    "describe_callback",
    "has_begun",
    "is_running",
    "label",
    "leave_behind",
    "task_label",
    "written_at",
]

TASKS: tuple[type[names.AnyTask], ...] = (asyncio.Task, names.PY_TASK.of(asyncio.tasks))
"""asyncio's task in C and the one in Python, of which 3.10's backport of Runner is."""


def written_at(callback: Callable[..., object]) -> CodeType | None:
    """Give the code of a step: of a task's coroutine, or of a function."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, TASKS):
        return getattr(names.COROUTINE.of(owner), "cr_code", None)
    while isinstance(callback, functools.partial):
        callback = callback.func
    return getattr(callback, "__code__", None)


def caller_in_c() -> Frame | None:
    """Tell of the running task's coroutine, where that is one from Cython.

    It stands on no stack. None where the task runs one in Python, or no task does.
    """
    task = asyncio.current_task()
    coroutine = None if task is None else names.COROUTINE.get(task)
    code = getattr(coroutine, "cr_code", None)
    if isinstance(coroutine, CoroutineType) or not isinstance(code, CodeType):
        return None
    # It has no module; but its file is told as it lies in its package.
    return Frame(
        file=code.co_filename,
        line=code.co_firstlineno,
        function=str(getattr(coroutine, "__qualname__", code.co_name)),
        module=".".join(PurePosixPath(code.co_filename).with_suffix("").parts),
    )


def has_begun(task: names.AnyTask) -> bool:
    """Tell whether a task has taken its first step."""
    if task.done():
        return True
    work = names.COROUTINE.of(task)
    return (
        inspect.iscoroutine(work)
        and inspect.getcoroutinestate(work) != inspect.CORO_CREATED
    )


def is_running(task: names.AnyTask) -> bool:
    """Tell, from any thread, whether a task is in the middle of a step."""
    return bool(getattr(names.COROUTINE.of(task), "cr_running", False))


def task_label(task: names.AnyTask) -> str:
    """Name a task: as it was named, or by its coroutine where nobody named it."""
    return label(task, None)


def label(task: names.AnyTask, work: object | None) -> str:
    """Name a task that runs `work`, or whose coroutine can be asked for."""
    name = legible.name(task.get_name)
    # On 3.12 and 3.13 a task is called None that a factory made and nobody named. One
    # whose name is empty would read as no task.
    nameless = name == "None" or not name.strip()
    unnamed = nameless or name.startswith("Task-")
    if not unnamed:
        return name
    work = names.COROUTINE.of(task) if work is None else work
    if type(work).__name__ in _OF_GENERATORS:
        work = next(iter(gc.get_referents(work)), work)
    coroutine = _qualname(work) or _qualname(behind(work))
    if coroutine is None:
        return name
    short = coroutine.rpartition("<locals>.")[2]
    return short if nameless else f"{short} ({name})"


def _qualname(work: object) -> str | None:
    name = legible.attribute(work, "__qualname__")
    return name if isinstance(name, str) else None


def behind(work: object) -> object:
    """Give the coroutine to which what stands for it hands all on, as aiohttp's do."""
    if isinstance(work, CoroutineType):
        return work
    held = [each for each in gc.get_referents(work) if isinstance(each, CoroutineType)]
    return held[0] if len(held) == 1 else work


_OF_GENERATORS = {"async_generator_asend", "async_generator_athrow"}
"""What asks an asynchronous generator for an item, or closes it; it has no name."""


def describe_callback(callback: Callable[..., object]) -> str:
    """Name the step that ran `callback`: a task by its name, else the function."""
    owner = legible.attribute(callback, "__self__")
    if isinstance(owner, TASKS):
        return task_label(owner)
    while isinstance(callback, functools.partial):
        callback = callback.func
    name = legible.attribute(callback, "__qualname__") or type(callback).__qualname__
    module = legible.attribute(callback, "__module__")
    return f"{module}.{name}" if module else str(name)


def leave_behind(task: names.AnyTask) -> None:
    """Have whoever closes the loop of a task not wait for it."""
    unregister = names.UNREGISTER.get(asyncio)
    if unregister is not None:
        unregister(task)
    names.LOG_PENDING.put(task, False)
