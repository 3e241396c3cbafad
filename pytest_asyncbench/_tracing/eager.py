"""Eager tasks that nobody is told of: those made by ``asyncio.Task`` itself.

Problem: such a task takes its first step within its constructor, which is written in C
and calls neither a task factory nor ``create_task``. What we do: the constructor asks
its loop whether it runs, and there the begin is seen; which task it was shows at the
end of the step around it. What still fails: it is not known when the first step ended
of a task that goes on. It is taken to end when the next one begins, or with the step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from pytest_asyncbench._loops import (
    by_name,
    has_begun,
    names,
    stand_in,
    task_label,
    who_calls,
)
from pytest_asyncbench._python import getframe
from pytest_asyncbench._tracing.tape import BEGUN, INLINE
from pytest_asyncbench._words.clock import current_thread_ids
from pytest_asyncbench._words.undo import Undo

if TYPE_CHECKING:
    from pytest_asyncbench._loops import AnyTask
    from pytest_asyncbench._tracing.tape import Tape
    from pytest_asyncbench._tracing.tapes import Tapes

__all__ = ["Starts"]

_IN_PYTHON = names.PY_TASK.of(asyncio.tasks).__init__.__code__

_ENDED_AT_ONCE = "a task that ended at once"


class Starts:
    """Notes eager tasks as they begin.

    On a tape, `open` has those that have begun in the step in progress: each within the
    one before it. `begun` has those whose task is to be found, in their order.
    """

    def __init__(self, tapes: Tapes, now: Callable[[], float]) -> None:
        self._tapes = tapes
        self._now = now
        self._heeded: dict[Tape, Callable[[Tape], None]] = {}
        """What a loop needs from its first eager task on, and does not have yet."""
        self._creators: dict[int, int] = {}
        """By the number of a task in `open`: the id of the task that created it."""
        self.announced = False
        """Whether the next one is seen by who creates it."""

    def watch(self, tape: Tape, first: Callable[[Tape], None]) -> Undo:
        """Notice the eager tasks of a loop, until undone; call `first` at the first."""
        view, loop = tape.view, tape.view.loop
        self._heeded[tape] = first

        def noticing(original: Callable[[], bool]) -> Callable[[], bool]:
            def is_running() -> bool:
                running = original()
                here = running and current_thread_ids()[0] == view.thread
                if here and _constructs(who_calls(getframe(1))):
                    self._begins(tape)
                return running

            return is_running

        restore = stand_in(loop, "is_running", noticing)

        def undo() -> None:
            restore()
            # Most tests have none: it leads back here, and would stay as a cycle.
            self._heeded.pop(tape, None)

        return undo

    def _begins(self, tape: Tape) -> None:
        if self.announced:
            self.announced = False
            return
        self.end_those_beside(tape)
        tape.take_account(self._now())
        number = self._tapes.reserve("")
        self._creators[number] = id(asyncio.current_task(tape.view.loop))
        tape.begun.append(number)
        self._note(tape, BEGUN)
        tape.open.append(number)
        first = self._heeded.pop(tape, None)
        if first is not None:
            first(tape)

    def end_those_beside(self, tape: Tape) -> None:
        """Before a task begins: end the one that the same task has created before.

        With it all that began within its first step.
        """
        if not tape.open:
            return
        current = asyncio.current_task(tape.view.loop)
        creators = [self._creators.get(number) for number in tape.open]
        if id(current) in creators:
            for _ in creators[creators.index(id(current)) :]:
                self._note(tape, tape.open.pop())
        elif current is not None and self._tapes.number_of(current) is None:
            # It is the one that began last, and creates another in its first step.
            self._found(tape.open[-1], current)

    def end_all(self, tape: Tape) -> None:
        """End the first steps of all that have begun in what is ending now."""
        while tape.open:
            self._note(tape, tape.open.pop())

    def settle(self, tape: Tape) -> None:
        """Find out at the end of a step which tasks began in it."""
        self.end_all(tape)
        found = iter(self._unknown(tape.view.loop))
        for number in tape.begun:
            self._creators.pop(number, None)
            if self._tapes.tasks[number] is not None:
                continue
            task = next(found, None)
            if task is not None:
                self._found(number, task)
            else:
                self._tapes.names[number] = _ENDED_AT_ONCE
        tape.begun.clear()

    def _found(self, number: int, task: AnyTask) -> None:
        self._tapes.names[number] = task_label(task)
        self._tapes.bind(number, task)

    def _note(self, tape: Tape, who: int) -> None:
        tape.note((who, INLINE, len(tape.ready), self._now()))

    def _unknown(self, loop: asyncio.AbstractEventLoop) -> list[AnyTask]:
        known = self._tapes.number_of
        alive = (task for task in asyncio.all_tasks(loop) if known(task) is None)
        return sorted(filter(has_begun, alive), key=by_name)


def _constructs(frame: FrameType) -> bool:
    # Code that calls `is_running` itself has the name in it. The constructor in C has
    # no frame, so that of its caller is seen, which does not.
    code = frame.f_code
    return code is _IN_PYTHON or "is_running" not in code.co_names
