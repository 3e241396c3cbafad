"""Eager tasks that nobody is told of: those made by ``asyncio.Task`` itself.

Problem: such a task takes its first step within its constructor, which is written in C
and calls neither a task factory nor ``create_task``. What we do: the constructor asks
its loop whether it runs, and there the begin is seen; which task it was shows at the
end of the step around it. What still fails: it is not known when the first step ended
of a task that goes on. So what it worked in that step is booked to its creator, which
makes serial time smaller.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from pytest_asyncbench._loops import by_name, names, task_label
from pytest_asyncbench._python import getframe
from pytest_asyncbench._words.clock import current_thread_ids
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from pytest_asyncbench._loops import AnyTask, LoopView
    from pytest_asyncbench._tracing.strands import Trace

__all__ = ["Start", "Starts", "has_begun"]

_IN_PYTHON = names.PY_TASK.of(asyncio.tasks).__init__.__code__


class Start:
    """The begin of an eager task: its account, and the task once that is known."""

    __slots__ = ("task", "trace")

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.task: AnyTask | None = None


class Starts:
    """Notices eager tasks as they begin.

    Args:
        traces: the accounts that are known, by task.
        begin: opens the account of a task that begins now in this loop.
        note: keeps a start until the end of the step around it.
    """

    def __init__(
        self,
        traces: dict[AnyTask, Trace],
        begin: Callable[[asyncio.AbstractEventLoop], Trace],
        note: Callable[[asyncio.AbstractEventLoop, Start], None],
    ) -> None:
        self._traces = traces
        self._begin = begin
        self._note = note
        self._newest: list[Start] = []
        """Those of the step in progress whose task is not known, in their order."""
        self.announced = False
        """Whether the next one is seen by who creates it."""

    def watch(self, view: LoopView) -> Undo:
        """Notice the eager tasks of a loop, until undone."""
        loop, original = view.loop, view.loop.is_running

        def is_running() -> bool:
            running: bool = original()
            here = running and current_thread_ids()[0] == view.thread
            if here and _constructs(getframe(1)):
                self._begun(loop)
            return running

        return replace(loop, "is_running", is_running)

    def _begun(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.announced:
            self.announced = False
            return
        start = Start(self._begin(loop))
        self._newest.append(start)
        self._note(loop, start)

    def running(self, task: AnyTask) -> Trace | None:
        """Give the account of a task in its first step, where that was noticed."""
        if not self._newest:
            return None
        start = self._newest.pop()
        self._bind(start, task)
        return start.trace

    def _bind(self, start: Start, task: AnyTask) -> None:
        start.task = task
        self._traces[task] = start.trace

    def settle(
        self, loop: asyncio.AbstractEventLoop, starts: Sequence[Start], ended: float
    ) -> float:
        """Find out at the end of a step which tasks began in it, and that they wait.

        Returns:
            The seconds of the step that are theirs: of those that are over already.
        """
        self._newest.clear()
        begun = iter(self._unknown(loop))
        lent = 0.0
        for start, until in zip(starts, _ends(starts, ended), strict=True):
            task = start.task or next(begun, None)
            if task is None or task.done():
                lent += _is_over(start.trace, until)
                if task is not None:
                    self._traces.pop(task, None)
            else:
                self._bind(start, task)
                start.trace.strand.name = start.trace.strand.name or task_label(task)
                start.trace.last = ended
                start.trace.take_marks()
        return lent

    def _unknown(self, loop: asyncio.AbstractEventLoop) -> list[AnyTask]:
        alive = (task for task in asyncio.all_tasks(loop) if task not in self._traces)
        return sorted(filter(has_begun, alive), key=by_name)


def _ends(starts: Sequence[Start], ended: float) -> list[float]:
    # Each is taken to end when the next one begins, or with the step. It ended by then.
    return [*(start.trace.started for start in starts[1:]), ended][: len(starts)]


def _is_over(trace: Trace, ended: float) -> float:
    """Close the account of a task that ended within its first step."""
    trace.finished = ended
    trace.strand.name = trace.strand.name or "a task that ended at once"
    trace.strand.spend(ended - trace.started)
    return ended - trace.started


def has_begun(task: AnyTask) -> bool:
    """Tell whether a task has taken its first step."""
    if task.done():
        return True
    work = names.COROUTINE.of(task)
    return (
        inspect.iscoroutine(work)
        and inspect.getcoroutinestate(work) != inspect.CORO_CREATED
    )


def _constructs(frame: FrameType) -> bool:
    # Code that calls `is_running` itself has the name in it. The constructor in C has
    # no frame, so that of its caller is seen, which does not.
    code = frame.f_code
    return code is _IN_PYTHON or "is_running" not in code.co_names
