"""What a task and a step of a loop are called, and where their code is written."""

from __future__ import annotations

import asyncio
import functools
from types import CodeType
from typing import Any

from pytest_asyncbench._loops import names

__all__ = ["TASKS", "describe_callback", "task_label", "written_at"]

TASKS: tuple[type[Any], ...] = (asyncio.Task, names.PY_TASK.of(asyncio.tasks))
"""asyncio's task in C and the one in Python, of which 3.10's backport of Runner is."""


def written_at(callback: Any) -> CodeType | None:
    """Give the code of a step: of a task's coroutine, or of a function."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, TASKS):
        return getattr(owner.get_coro(), "cr_code", None)
    while isinstance(callback, functools.partial):
        callback = callback.func
    return getattr(callback, "__code__", None)


def task_label(task: asyncio.Task[Any]) -> str:
    """Name a task: as it was named, or by its coroutine where nobody named it."""
    name = task.get_name()
    if not name.startswith("Task-"):
        return name
    coroutine = getattr(task.get_coro(), "__qualname__", None)
    return (
        f"{str(coroutine).rpartition('<locals>.')[2]} ({name})" if coroutine else name
    )


def describe_callback(callback: Any) -> str:
    """Name the step that ran `callback`: a task by its name, else the function."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, TASKS):
        return task_label(owner)
    while isinstance(callback, functools.partial):
        callback = callback.func
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    module = getattr(callback, "__module__", None)
    return f"{module}.{name}" if module else str(name)
