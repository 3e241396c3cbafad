"""Cancel a test's tasks at each of their awaits in turn, and look at what is left.

It knows loops and tasks. Who runs the test once more, and what is said of it, is for
others.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import Any

from pytest_asyncbench._loops import (
    AnyTask,
    Entry,
    Lane,
    LaneQueue,
    names,
    stands_at,
    task_label,
)
from pytest_asyncbench._python import is_of_pool, started_for
from pytest_asyncbench._running.order import Order
from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.errors import Deadlock
from pytest_asyncbench._words.explored import Cancelled
from pytest_asyncbench._words.schedules import Wake
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.undo import Undo, nothing, replace
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
        locks: those that the run has made so far.
        holds: tells what of the user's own does not hold.
    """

    def __init__(
        self,
        at: Wake | None,
        locks: Sequence[weakref.ref[asyncio.Lock]],
        holds: Callable[[], Iterator[str]],
    ) -> None:
        self.at = at
        self._locks = locks
        self._holds = holds
        self._until_closed = ExitStack()
        super().__init__()

    def begin(self) -> None:
        """Begin the run, or begin it anew."""
        super().begin()
        self.points: list[tuple[Wake, str]] = []
        """Where tasks were suspended, and what these are called."""
        self._cancelled: AnyTask | None = None
        self.has_cancelled = False
        self.swallowed = False
        """Whether the task went on to its end."""
        self.broken: tuple[str, ...] = ()
        """What of the user's own did not hold."""
        self.place: Frame | None = None
        """The await at which it was cancelled."""
        self.name = ""
        self.left: Counter[str] = Counter()
        """The tasks of the test that were alive after it had ended."""
        self.held = 0
        """How many locks were held by then."""
        self.threads: Counter[str] = Counter()
        """The threads that it has started, and that went on."""
        self.told: Counter[str] = Counter()
        """What the loop was told that nobody looked at."""
        self._before = {*threading.enumerate()}
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

    def rest(self, queue: LaneQueue, timer: asyncio.TimerHandle | None = None) -> None:
        """Hear that a loop polls."""
        self.suspended()
        super().rest(queue, timer)

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
        if (lane.key, wake) == self.at and not self.has_cancelled:
            self.place, self.name = stands_at(task), task_label(task)
            self._cancelled, self.has_cancelled = task, True
            task.cancel()

    def watch_failures(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Hear of what a loop is told that nobody looks at, until `close`."""
        self._until_closed.callback(super().watch_failures(loop))
        return nothing

    def close(self) -> None:
        """Hear no more: finalizers have told what they had to tell."""
        self._until_closed.close()

    def failed(self, context: dict[str, Any]) -> None:
        """Hear what a finalizer tells the loop's exception handler."""
        self.told[str(context.get("message"))] += 1
        super().failed(context)

    def ended(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note what the body of the test has left, once the others had their turns."""
        self.suspended()
        loop.run_until_complete(_settled())
        # Now, while the frames of what has failed are there, and all that they hold.
        locks = [lock for ref in self._locks if (lock := ref()) is not None]
        self.held = sum(lock.locked() for lock in locks)
        self.broken = tuple(self._holds())
        # Up to 3.10 a task keeps the frames of its cancellation.
        task, self._cancelled = self._cancelled, None
        if task is not None and task.done() and not task.cancelled():
            self.swallowed = task.exception() is None
        tasks = [
            lane.task()
            for queue in self.queues
            for lane in queue.lanes
            if lane.task is not None and _is_of_test(lane.key)
        ]
        alive = [task for task in tasks if task is not None and not task.done()]
        self.left = Counter(map(_short_name, alive))
        selector = names.SELECTOR.get(loop)
        self.open = 0 if selector is None else len(selector.get_map())
        self.threads = Counter(_threads_since(self._before))


async def _settled() -> None:
    """Let others react to what the test has closed or cancelled last."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    selector = names.SELECTOR.get(asyncio.get_running_loop())
    if selector is not None and len(selector.get_map()) > 1:
        for _ in range(_TURNS):
            await asyncio.sleep(_PAUSE)


_TURNS, _PAUSE = 10, 0.002

_TO_END = 0.2
"""How long a thread has to end that was told to, in seconds."""


def _threads_since(before: set[threading.Thread]) -> Iterator[str]:
    """Name the threads that were started since then, less an executor's."""
    for thread in threading.enumerate():
        if thread not in before and not is_of_pool(thread):
            thread.join(_TO_END)
            if thread.is_alive():
                yield started_for(thread) or thread.name


def _is_of_test(lane: str) -> bool:
    return lane.partition(".")[0] == _MAIN


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
            plain = CancellingOrder(None, self._locks, self._holds)
            run(plain)
            plain.close()
            points = [at for at, name in plain.points if self._is_meant(at[0], name)]
            found, tried = [], 0
            for at in points[:_MOST]:
                self._locks.clear()
                order = CancellingOrder(at, self._locks, self._holds)
                hangs = isinstance(run(order), Deadlock)
                # Of what only the failure has kept alive, finalizers tell now.
                gc.collect(1)
                order.close()
                tried += order.has_cancelled
                faults = (*self._faults(order, plain, hangs=hangs),)
                if faults:
                    found.append(
                        Cancelled(task=order.name, place=order.place, faults=faults)
                    )
        swept = Swept(points=len(points), tried=tried, failed=len(found))
        return swept, found

    def _is_meant(self, lane: str, name: str) -> bool:
        # Who serves a connection was started by what came from outside.
        if not self._tasks:
            return _is_of_test(lane)
        known = (name, name.partition(" (")[0])
        return any(fnmatchcase(each, g) for g in self._tasks for each in known)

    def _faults(
        self,
        order: CancellingOrder,
        plain: CancellingOrder,
        *,
        hangs: bool,
    ) -> Iterator[str]:
        if not order.has_cancelled:
            return
        if order.swallowed:
            yield "the cancellation was swallowed: the task went on to its end"
        held = order.held - plain.held
        if held > 0:
            yield f"{many(held, 'asyncio.Lock')} left held"
        # Another task may well wait for ever for what a cancelled one was to bring.
        if hangs and (held > 0 or (order.at is not None and order.at[0] == _MAIN)):
            yield "the test hangs for ever after it"
        left = sorted((order.left - plain.left).elements())
        if left and not hangs:
            yield f"left behind: {', '.join(f'task {name!r}' for name in left)}"
        if order.open > plain.open:
            more = order.open - plain.open
            yield f"{many(more, 'descriptor')} left open"
        threads = sorted((order.threads - plain.threads).elements())
        if threads:
            yield f"left running: {', '.join(f'thread {each}' for each in threads)}"
        told = sorted((order.told - plain.told).elements())
        yield from (f"the loop was told: {each}" for each in told)
        yield from order.broken

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
