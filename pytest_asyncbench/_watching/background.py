"""Tasks that died of an exception at which nobody looked.

asyncio tells of such a task when it is collected, by the loop's exception handler,
which only logs. At one that is told of there nobody can look any more. Those that are
still held when the test is over are asked then.

A task that had begun before the test is another one's. On a loop whose tasks can't be
followed, only those are seen that are collected.
"""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from pytest_asyncbench._loops import (
    TASKS,
    AnyTask,
    LoopView,
    has_begun,
    names,
    task_label,
)
from pytest_asyncbench._python import raised_at
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.seen import DeadTask
from pytest_asyncbench._words.undo import replace

__all__ = ["Background"]

_Context = dict[str, Any]
"""What asyncio tells an exception handler; the keys and types are asyncio's."""

_MOST = 100
"""So many are told of in full."""


class Background:
    """What became of the tasks that a test has started."""

    def __init__(self) -> None:
        self._older: dict[int, tuple[weakref.ref[AnyTask], str]] = {}
        """The tasks that had begun before the test, with their names, by their ids."""
        self.known: Callable[[], Iterable[AnyTask]] = tuple
        """Gives the tasks that were seen and are held by somebody."""
        self._unseen: list[DeadTask] = []

    def meet(self, view: LoopView) -> None:
        """Begin to listen to a loop."""
        for task in asyncio.all_tasks(view.loop):
            if has_begun(task):
                self._older[id(task)] = weakref.ref(task), legible.name(task.get_name)
        handle = functools.partial(self._handle, view.loop.call_exception_handler)
        view.undo.append(replace(view.loop, "call_exception_handler", handle))

    def take(self, *, at_the_end: bool) -> tuple[DeadTask, ...]:
        """Give those at whose exception nobody can look any more, each once.

        Args:
            at_the_end: those as well at whose exception nobody has looked so far.
        """
        if at_the_end:
            for task in self.known():
                if task.done() and not task.cancelled() and names.UNSEEN.of(task):
                    self._add(task, names.EXCEPTION.of(task), is_held=True)
        found, self._unseen = tuple(self._unseen), []
        return found

    def _handle(self, handle: Callable[[_Context], object], context: _Context) -> None:
        # In the loop's thread, or where the task is collected: nothing of ours may
        # escape into that.
        with suppress(Exception):
            task = context.get("task") or context.get("future")
            error = context.get("exception")
            if isinstance(task, TASKS) and isinstance(error, BaseException):
                self._add(task, error)
        handle(context)

    def _add(
        self, task: AnyTask, error: BaseException | None, *, is_held: bool = False
    ) -> None:
        if error is None or self._is_older(task, is_held=is_held):
            return
        if len(self._unseen) < _MOST:
            self._unseen.append(
                DeadTask(
                    name=task_label(task),
                    error=_told(error),
                    stack=raised_at(error),
                )
            )

    def _is_older(self, task: AnyTask, *, is_held: bool) -> bool:
        if id(task) not in self._older:
            return False
        known, name = self._older[id(task)]
        older = known()
        if older is not None or is_held:
            return older is task
        # No reference leads to one that is collected with a cycle. A newer task may
        # have the address of an older one, and has another name then.
        return legible.name(task.get_name) == name


def _told(error: BaseException) -> str:
    """Give what the last line of a traceback says of an exception."""
    kind, text = type(error).__qualname__, legible.text(lambda: error)
    return f"{kind}: {text}" if text else kind
