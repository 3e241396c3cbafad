"""All tapes of one recorder, the tasks that are named on them, and what they tell."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from pytest_asyncbench._loops import AnyTask, label
from pytest_asyncbench._tracing.tape import Tape
from pytest_asyncbench._tracing.trace import Trace
from pytest_asyncbench._words.legible import error_of_ours

__all__ = ["Tapes"]


class _Known(weakref.ref[AnyTask]):
    """A task that has a number."""

    __slots__ = ("key",)

    key: int


class Tapes:
    """The tapes of all loops that were met, and a number for each task.

    Args:
        in_real_time: whether they are kept in real time.
    """

    def __init__(self, *, in_real_time: bool) -> None:
        self.in_real_time = in_real_time
        self.all: list[Tape] = []
        self.names: list[str] = []
        """What the task of each number is called."""
        self.tasks: list[weakref.ref[AnyTask] | None] = []
        """The task of each number; None where nobody ever saw more than its begin."""
        self.numbers: dict[int, int] = {}
        """By the ids of the living tasks."""
        self.older: set[int] = set()
        """The numbers of the tasks that had begun before their loop was met."""
        self.at_once: dict[int, int] = {}
        """By the number of a thread that does several things at once: how many."""
        self.failures: list[str] = []
        """What went wrong as a tape was read."""
        self._traces: dict[Tape, Trace] = {}
        numbers = self.numbers

        # One for all, and no method: there may be ten thousand tasks.
        def gone(known: weakref.ref[AnyTask]) -> None:
            if isinstance(known, _Known):
                numbers.pop(known.key, None)

        self._gone = gone

    # ------------------------------------------------------------------ tasks

    def number(self, task: AnyTask, name: str | None = None) -> int:
        """Give the number of a task, which it has from now on."""
        key = id(task)
        number = self.numbers.get(key)
        if number is not None:
            return number
        # As `reserve` and `bind`, without their calls: there may be ten thousand.
        self.names.append(name or label(task, None))
        number = self.numbers[key] = len(self.tasks)
        known = _Known(task, self._gone)
        known.key = key
        self.tasks.append(known)
        return number

    def number_of(self, task: AnyTask) -> int | None:
        """Give the number of a living task that has been seen."""
        return self.numbers.get(id(task))

    def reserve(self, name: str) -> int:
        """Give a number for a task that has yet to be found."""
        self.names.append(name)
        self.tasks.append(None)
        return len(self.names) - 1

    def bind(self, number: int, task: AnyTask) -> None:
        """Let a task have this number for as long as it lives."""
        known = _Known(task, self._gone)
        known.key = id(task)
        self.tasks[number] = known
        self.numbers[known.key] = number

    def task(self, number: int) -> AnyTask | None:
        """Give the task of a number; None where nobody holds it any more."""
        known = self.tasks[number]
        return None if known is None else known()

    def living(self) -> Iterator[AnyTask]:
        """Give the tasks that were seen, less those that nobody holds any more."""
        for number in range(len(self.tasks)):
            task = self.task(number)
            if task is not None:
                yield task

    def is_done(self, number: int) -> bool:
        """Tell whether the task of a number has ended."""
        known = self.tasks[number]  # as `task`: there may be ten thousand
        task = None if known is None else known()
        return task is None or task.done()

    # ----------------------------------------------------------------- traces

    def unreadable(self, error: Exception) -> None:
        """Take down that a tape could not be read: of its loop nothing is told."""
        self.failures.append(f"a trace could not be read: {error_of_ours(error)}")
        for tape in self.all:
            tape.view.missing = tape.view.missing or "trace that can be read"

    def last_read(self, tape: Tape, number: int) -> float | None:
        """Tell when a task's last step ended, of those that were read by now."""
        trace = self._traces.get(tape)
        if trace is None or number not in trace.last:
            return None
        return trace.ended[trace.last[number]]

    def trace(self, tape: Tape) -> Trace:
        """Give what a tape tells, up to now."""
        trace = self._traces.get(tape)
        if trace is None:
            trace = self._traces[tape] = Trace(tape)
        trace.up_to_now(self.older)
        return trace
