"""Cancel a test's tasks at each of their awaits in turn, and look at what is left.

It knows loops and tasks. Who runs the test once more, and what is said of it, is for
others.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

from pytest_asyncbench._loops import (
    AnyTask,
    Entry,
    Lane,
    LaneQueue,
    names,
    stands_at,
    task_label,
)
from pytest_asyncbench._running.order import Order
from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.errors import Deadlock
from pytest_asyncbench._words.explored import Cancelled
from pytest_asyncbench._words.schedules import Wake
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.undo import replace
from pytest_asyncbench._words.units import many

__all__ = ["CancellingOrder", "Sweep"]

_MOST = 2_000
"""So many awaits are tried at most."""

_MAIN = "1"
"""The lane of the test itself."""

Run = Callable[[Order], BaseException | None]


class CancellingOrder(Order):
    """asyncio's own order, in which one task is cancelled at one of its awaits.

    Args:
        at: after which wake-up of the task; None for a run in which none is.
    """

    def __init__(self, at: Wake | None) -> None:
        self.at = at
        super().__init__()

    def begin(self) -> None:
        """Begin the run, or begin it anew."""
        super().begin()
        self.points: list[tuple[Wake, str]] = []
        """Where tasks were suspended, and what these are called."""
        self.cancelled: AnyTask | None = None
        self.place: Frame | None = None
        """The await at which it was cancelled."""
        self.name = ""
        self.left: Counter[str] = Counter()
        """The tasks that were alive as the test had ended."""
        self.open = 0
        """How many sockets and pipes the loop had by then."""
        self._stepping: tuple[Lane, int] | None = None

    @property
    def stepped(self) -> Callable[[Entry], object]:
        """What is told of each step as it begins, so that the last one is over."""
        return self._begins

    def _begins(self, entry: Entry) -> None:
        self.suspended()
        self._stepping = entry.lane, entry.wake
        self.trail.append(entry)

    def rest(self, queue: LaneQueue) -> None:
        """Hear that a loop polls."""
        self.suspended()
        super().rest(queue)

    def suspended(self) -> None:
        """Look at who was suspended by the step that is over."""
        if self._stepping is None:
            return
        lane, wake = self._stepping
        self._stepping = None
        task = lane.task() if lane.task is not None else None
        if task is None or task.done():
            return
        self.points.append(((lane.key, wake), task_label(task)))
        if (lane.key, wake) == self.at and self.cancelled is None:
            self.place, self.name = stands_at(task), task_label(task)
            self.cancelled = task
            task.cancel()

    def ended(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note what the body of the test has left."""
        self.suspended()
        self.left = Counter(map(_short_name, asyncio.all_tasks(loop)))
        selector = names.SELECTOR.get(loop)
        self.open = 0 if selector is None else len(selector.get_map())


def _short_name(task: AnyTask) -> str:
    # Less the number, which is another one in each run.
    return task_label(task).partition(" (Task-")[0]


class Sweep:
    """The cancellations of one test, each in a run of its own.

    Args:
        tasks: globs over the names of those that are cancelled; empty for all.
        holds: tells what of the user's own does not hold after a run.
    """

    def __init__(
        self, tasks: Sequence[str], holds: Callable[[], Iterator[str]]
    ) -> None:
        self._tasks = tasks
        self._holds = holds
        self._locks: list[weakref.ref[asyncio.Lock]] = []

    def sweep(self, run: Run) -> tuple[Swept, list[Cancelled]]:
        """Run the test with each cancellation; give those that left something wrong."""
        with self._locks_noted():
            plain = CancellingOrder(None)
            run(plain)
            points = [at for at, name in plain.points if self._is_meant(name)]
            found, tried = [], 0
            for at in points[:_MOST]:
                order = CancellingOrder(at)
                self._locks.clear()
                failure = run(order)
                tried += order.cancelled is not None
                faults = (*self._faults(order, plain, failure),)
                if faults:
                    found.append(
                        Cancelled(task=order.name, place=order.place, faults=faults)
                    )
        swept = Swept(points=len(points), tried=tried, failed=len(found))
        return swept, found

    def _is_meant(self, name: str) -> bool:
        if not self._tasks:
            return True
        known = (name, name.partition(" (")[0])
        return any(fnmatchcase(each, g) for g in self._tasks for each in known)

    def _faults(
        self,
        order: CancellingOrder,
        plain: CancellingOrder,
        failure: BaseException | None,
    ) -> Iterator[str]:
        task = order.cancelled
        if task is None:
            return
        if task.done() and not task.cancelled() and task.exception() is None:
            yield "the cancellation was swallowed: the task went on to its end"
        held = [lock for ref in self._locks if (lock := ref()) and lock.locked()]
        if held:
            yield f"{many(len(held), 'asyncio.Lock')} left held"
        hangs = isinstance(failure, Deadlock)
        # Another task may well wait for ever for what a cancelled one was to bring.
        if hangs and (held or (order.at is not None and order.at[0] == _MAIN)):
            yield "the test hangs for ever after it"
        left = sorted((order.left - plain.left).elements())
        if left and not hangs:
            yield f"left behind: {', '.join(f'task {name!r}' for name in left)}"
        if order.open > plain.open:
            more = order.open - plain.open
            yield f"{many(more, 'descriptor')} left open"
        yield from self._holds()

    @contextmanager
    def _locks_noted(self) -> Iterator[None]:
        original, locks = asyncio.Lock.__init__, self._locks

        def noted(lock: asyncio.Lock, *args: object, **options: object) -> None:
            original(lock, *args, **options)
            locks.append(weakref.ref(lock))

        undo = replace(asyncio.Lock, "__init__", noted)
        try:
            yield
        finally:
            undo()
