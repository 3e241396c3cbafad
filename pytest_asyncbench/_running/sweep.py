"""Cancel a test's tasks at each of their awaits in turn, and look at what is left.

It knows loops and tasks. Who runs the test once more, and what is said of it, is for
others.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeVar

from pytest_asyncbench._loops import (
    AnyTask,
    Entry,
    Lane,
    LaneQueue,
    awaited_tasks,
    closes_a_generator,
    is_internal,
    is_told_to_end,
    leaves_a_group,
    makes_a_server,
    may_mistake_cancellation,
    names,
    stands_at,
    task_label,
    waits_for_a_lock,
    waits_for_ever,
)
from pytest_asyncbench._running.accepting import refuse_for_closed_servers
from pytest_asyncbench._running.explorer import unrepeatable
from pytest_asyncbench._running.heard import heard
from pytest_asyncbench._running.held import Holdings, told
from pytest_asyncbench._running.left import (
    descriptors,
    let_end,
    settle,
    short_name,
    threads_since,
)
from pytest_asyncbench._running.order import Order
from pytest_asyncbench._running.started import is_begun_by_a_library
from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.errors import (
    Deadlock,
    RealLimitExceeded,
    UnmeasuredError,
)
from pytest_asyncbench._words.explored import Cancelled
from pytest_asyncbench._words.schedules import Wake
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.undo import Undo, nothing, replace
from pytest_asyncbench._words.units import many
from pytest_asyncbench._words.whose import is_users

__all__ = ["CancellingOrder", "NoSuchTaskError", "Sweep"]

_MOST = 2_000
"""So many awaits are tried at most."""

_LONGER = 1.0
"""So many seconds more than the undisturbed run others may take to their end."""

T = TypeVar("T")
Run = Callable[[Order], BaseException | None]


class CancellingOrder(Order):
    """asyncio's own order, in which one task is cancelled at one of its awaits.

    Args:
        at: after which wake-up of the task; None for a run in which none is.
        plain: that run.
        holdings: what can be taken in it, and must be given back.
        warned: what finalizers warn of; emptied as the run begins.
        holds: tells what of the user's own does not hold.
    """

    def __init__(
        self,
        at: Wake | None,
        plain: CancellingOrder | None,
        holdings: Holdings,
        warned: Counter[str],
        holds: Callable[[], Iterator[str]],
    ) -> None:
        self.at = at
        self._plain = plain
        self._holdings = holdings
        self._warned = warned
        self._holds = holds
        self._until_closed = ExitStack()
        super().__init__()
        if plain is not None:
            self.silence = plain.lasted + _LONGER

    def begin(self) -> None:
        """Begin the run, or begin it anew."""
        super().begin()
        self.points: list[tuple[Wake, str]] = []
        """Where tasks were suspended, and what these are called."""
        self._of_libraries: set[Lane] = set()
        """Those of the tasks that a library has begun for itself."""
        self.out_of_reach: set[Wake] = set()
        """Where one of these was suspended, with none of the user's code in it."""
        self._is_in_body = True
        self._has_passed = False
        """Whether its body has come to its end."""
        self._cancelled: AnyTask | None = None
        self.has_cancelled = False
        self._is_excused = False
        """Whether it can't know that it was cancelled, and not whom it waits for."""
        self._of_group: list[AnyTask] = []
        """Those that a group awaited as the task was cancelled in the midst of that."""
        self.swallowed = False
        """Whether the task went on to its end."""
        self.broken: tuple[str, ...] = ()
        """What of the user's own did not hold."""
        self.place: Frame | None = None
        """The await at which it was cancelled."""
        self.name = ""
        self.left: Counter[str] = Counter()
        """The tasks of the test, and of who was cancelled, that were alive after it."""
        self.stuck: Counter[str] = Counter()
        """Those that wait for ever for what others should have told them."""
        self.taken: Counter[str] = Counter()
        """What was not given back by then."""
        self.threads: Counter[str] = Counter()
        """The threads that it has started, and that went on."""
        self.told: Counter[str] = Counter()
        """What the loop was told that nobody looked at."""
        self.warned: Counter[str] = Counter()
        """What finalizers have warned of."""
        self.are_others_busy = False
        """Whether others wait for what does not come, and keep what they have."""
        self.open = 0
        """How many sockets and pipes the loop had by then."""
        self.lasted = 0.0
        """For how long the loop ran, in seconds of its own."""
        self._began = 0.0
        self._before = {*threading.enumerate()}
        self._stepping: tuple[Lane, Wake] | None = None
        self._is_over = False

    def queue(self) -> LaneQueue:
        """Make the queue of one loop; with the first, what is left is this run's."""
        if not self.queues:
            gc.collect()
            self._warned.clear()
        return super().queue()

    def made(self, lane: Lane, task: AnyTask) -> None:
        """Note whose each task is, as it is made."""
        if is_begun_by_a_library(task):
            self._of_libraries.add(lane)

    def bring(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Have a fresh loop run in this order, and look at it once the test is over."""
        original = loop.run_until_complete

        def run_until_complete(future: Awaitable[T]) -> T:
            try:
                return original(future)
            finally:
                # Before `asyncio.run` cancels what is left, and closes the loop.
                if self.main is not None and not self._is_over:
                    self.ended(loop)

        with ExitStack() as undo:
            undo.callback(super().bring(loop))
            undo.callback(refuse_for_closed_servers(loop))
            undo.callback(replace(loop, "run_until_complete", run_until_complete))
            return undo.pop_all().close

    # ----------------------------------------------------------- in the run

    def awaits_body(self) -> None:
        """Hear that the task is yet to come that the body of the test is called in."""
        super().awaits_body()
        self._is_in_body = False

    @contextmanager
    def body(self) -> Iterator[None]:
        """Hear that the current task is in the body of the test."""
        with super().body():
            self._is_in_body = True
            try:
                yield
                self._has_passed = True
            finally:
                self._is_in_body = False

    @property
    def is_disturbed(self) -> bool:
        """Whether a task is cancelled in it: what that leaves is told as its fault."""
        return self.at is not None

    @property
    def stepped(self) -> Callable[[Entry], object]:
        """What is told of each step as it begins, so that the last one is over."""
        return self._begins

    def _begins(self, entry: Entry) -> None:
        self.suspended()
        if not self.trail:
            self._began = asyncio.get_running_loop().time()
        self._stepping = entry[:2]
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
        if self._is_over or not self._is_in_body:
            return
        task = lane.task() if lane.task is not None else None
        if task is None or task.done():
            return
        if self.at is None and not (makes_a_server(task) or is_internal(task)):
            self.points.append((wake, task_label(task)))
            if self._is_of_library(lane) and not _is_in_users_code(task):
                self.out_of_reach.add(wake)
        if wake == self.at and not self.has_cancelled:
            self.place, self.name = stands_at(task), task_label(task)
            if leaves_a_group(task):
                own = [each for key, each in self._known() if self._is_own(key)]
                self._of_group = [each for each in own if each is not task]
            self._is_excused = may_mistake_cancellation(task) or any(
                map(is_told_to_end, self._of_group)
            )
            self._cancelled, self.has_cancelled = task, True
            task.cancel()

    def watch_failures(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Hear of what a loop is told that nobody looks at, until `close`."""
        self._until_closed.callback(super().watch_failures(loop))
        return nothing

    def close(self) -> None:
        """Hear no more: finalizers have told what they had to tell."""
        self._until_closed.close()
        self.warned = Counter(self._warned)

    def failed(self, context: dict[str, Any]) -> None:
        """Hear what a finalizer tells the loop's exception handler."""
        if not self._is_of_a_server(context):
            self.told[str(context.get("message"))] += 1
        super().failed(context)

    def _is_of_a_server(self, context: Mapping[str, Any]) -> bool:
        """Tell whether who serves a connection has failed, since its peer went away."""
        lane = getattr(context.get("future") or context.get("task"), "lane", None)
        if isinstance(lane, Lane):
            return not self.is_of_test(lane.key)
        return str(context.get("message")).startswith(_SERVING)

    # -------------------------------------------------------- at its end

    def ended(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note what the body of the test has left, once the others had their turns."""
        if self._is_over:
            return
        self.suspended()
        self._is_over = True
        at_once = self._taken_at_once()
        self._let_others_end(loop)
        settle(loop, partial(self._is_clean, loop))
        self._look_at_tasks()
        # Now, while the frames of what has failed are there, and all that they hold.
        self.taken = self._holdings.taken() | at_once
        # Up to 3.10 a task keeps the frames of its cancellation.
        task, self._cancelled = self._cancelled, None
        others, self._of_group = self._of_group, []
        if task is not None and not self._is_excused and not any(map(_failed, others)):
            has_passed = self.is_main and self._has_passed
            self.swallowed = has_passed or _went_on(task)
        self.open = descriptors(loop)
        self.threads = Counter(threads_since(self._before))

    def _taken_at_once(self) -> Counter[str]:
        """Count what is taken though no task is left that could give it back.

        An asynchronous generator that nobody has closed does so once it is collected.
        """
        at_work = [task for _, task in self._known() if not task.done()]
        is_over = all(map(closes_a_generator, at_work))
        return self._holdings.taken() if is_over else Counter()

    def _let_others_end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let those go on that are not of who was cancelled, as they would without."""
        if self._plain is None:
            self.lasted = loop.time() - self._began
        elif not any(lane == self.main for lane, _ in self._alive()):
            others = [task for lane, task in self._alive() if not self._is_own(lane)]
            within = self._plain.lasted + _LONGER
            let_end(loop, others, turns=self._plain.steps, within=within)

    def _alive(self) -> list[tuple[str, AnyTask]]:
        """Give the tasks of the test that have not ended, and their lanes."""
        return [
            (lane, task)
            for lane, task in self._known()
            if not task.done() and self.is_of_test(lane)
        ]

    def _known(self) -> list[tuple[str, AnyTask]]:
        """Give the tasks that somebody still has, and their lanes."""
        lanes = [lane for queue in self.queues for lane in queue.lanes]
        known = [(lane.key, lane.task()) for lane in lanes if lane.task is not None]
        return [(lane, task) for lane, task in known if task is not None]

    @property
    def main(self) -> str | None:
        """The lane of the test itself, once that has begun."""
        return self.bodies[0] if self.bodies else None

    @property
    def is_main(self) -> bool:
        """Whether it is the test itself that is cancelled."""
        return self.at is not None and self.at[0] == self.main

    def _is_of_library(self, lane: Lane) -> bool:
        """Tell whether a library has begun a task; who hosts the test is none."""
        return lane in self._of_libraries and lane.key not in self.bodies

    def is_of_test(self, lane: str) -> bool:
        """Tell whether a task is the test's own, and not of what came from outside."""
        return f"{lane}.".startswith(f"{self.main}.")

    def _is_own(self, lane: str) -> bool:
        """Tell whether a task was started by who was cancelled, or is that itself."""
        cancelled = self.main if self.at is None else self.at[0]
        return f"{lane}.".startswith(f"{cancelled}.")

    def _is_clean(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether nothing more is left than after the undisturbed run."""
        plain = self._plain
        self.broken = tuple(self._holds())
        if plain is None or self.broken:
            return descriptors(loop) <= 1 and not self._alive() and not self.broken
        left = Counter(short_name(task) for _, task in self._alive())
        return descriptors(loop) <= plain.open and not left - plain.left

    def _look_at_tasks(self) -> None:
        """Note who is left, and who of the others will never go on."""
        alive = self._alive()
        own = [task for lane, task in alive if self._is_own(lane)]
        others = [task for lane, task in alive if not self._is_own(lane)]
        self.left = Counter(map(short_name, own))
        stuck = [*filter(waits_for_ever, others)]
        self.stuck = Counter(map(short_name, stuck))
        self.are_others_busy = any(
            task not in stuck and not waits_for_a_lock(task) and not awaited_tasks(task)
            for task in others
        )


def _is_in_users_code(task: AnyTask) -> bool:
    """Tell whether a suspended task is, though what it awaits may be a library's."""
    place = stands_at(task)
    return place is not None and is_users(place.file)


def _went_on(task: AnyTask) -> bool:
    """Tell whether a task that was cancelled has come to its own end."""
    return task.done() and not task.cancelled() and task.exception() is None


def _failed(task: AnyTask) -> bool:
    return task.done() and names.EXCEPTION.get(task) is not None


_SERVING = (
    "Error on transport creation for incoming connection",
    "Unhandled exception in client_connected_cb",
    "Exception in callback StreamReaderProtocol.connection_made.",
)


class NoSuchTaskError(UnmeasuredError):
    """Those are to be cancelled that have a name which no task that awaits has."""


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
        self._holdings = Holdings()
        self._warned: Counter[str] = Counter()

    def sweep(self, run: Run) -> tuple[Swept, list[Cancelled]]:
        """Run the test with each cancellation; give those that left something wrong.

        Raises:
            UnmeasuredError: it has failed though nothing was cancelled.
            NoSuchTaskError: no task that awaits has a name that was asked for.
        """
        with self._holdings.noting(), heard(self._warned), _collecting():
            plain, failure = self._run(None, None, run)
            if failure is not None:
                raise UnmeasuredError(unrepeatable(failure))
            points = [*filter(partial(self._is_meant, plain), plain.points)]
            if self._tasks and not points:
                raise NoSuchTaskError(self._unknown(plain))
            found, tried = [], 0
            for at, _ in points[:_MOST]:
                order, failure = self._run(at, plain, run)
                tried += order.has_cancelled
                faults = (*_faults(order, plain, failure),)
                if faults:
                    found.append(
                        Cancelled(task=order.name, place=order.place, faults=faults)
                    )
        swept = Swept(points=len(points), tried=tried, failed=len(found))
        return swept, found

    def _run(
        self, at: Wake | None, plain: CancellingOrder | None, run: Run
    ) -> tuple[CancellingOrder, BaseException | None]:
        """Run the test once; give what came of it, and a failure without its frames."""
        self._holdings.begin()
        order = CancellingOrder(at, plain, self._holdings, self._warned, self._holds)
        failure = run(order)
        if failure is not None:
            failure = failure.with_traceback(None)
            failure.__context__ = None
        # Of what only the failure has kept alive, finalizers tell now.
        gc.collect()
        order.close()
        return order, failure

    def _unknown(self, plain: CancellingOrder) -> str:
        asked = ", ".join(map(repr, self._tasks))
        known = dict.fromkeys(
            name for at, name in plain.points if plain.is_of_test(at[0])
        )
        return f"no task that awaits is named {asked}; those that do are: " + (
            ", ".join(known) or "none"
        )

    def _is_meant(self, plain: CancellingOrder, point: tuple[Wake, str]) -> bool:
        at, name = point
        # Who serves a connection was started by what came from outside.
        if not self._tasks:
            return plain.is_of_test(at[0]) and at not in plain.out_of_reach
        known = (name, name.partition(" (")[0])
        return any(fnmatchcase(each, g) for g in self._tasks for each in known)


def _faults(
    order: CancellingOrder, plain: CancellingOrder, failure: BaseException | None
) -> Iterator[str]:
    if not order.has_cancelled:
        return
    if order.swallowed:
        yield "the cancellation was swallowed: the task went on to its end"
    # Who waits for an item that will not come keeps what it has meanwhile.
    taken = Counter() if order.are_others_busy else order.taken - plain.taken
    yield from told(taken)
    is_cut = isinstance(failure, (Deadlock, RealLimitExceeded))
    # Another task may well wait for ever for what a cancelled one was to bring.
    if is_cut and (taken or order.is_main):
        yield _HANGS if isinstance(failure, Deadlock) else _KEEPS_SILENT
    yield from _of_tasks(order, plain, is_cut=is_cut)
    # Who was cut short in the midst of a wait keeps what it has meanwhile.
    if not (is_cut and (order.are_others_busy or order.is_main)):
        yield from _left_open(order, plain)
    yield from order.broken


_HANGS = "the test hangs for ever after it"
_KEEPS_SILENT = (
    "the test waits after it for something real, which kept silent for real_limit"
)


def _left_open(order: CancellingOrder, plain: CancellingOrder) -> Iterator[str]:
    if order.open > plain.open:
        more = order.open - plain.open
        yield f"{many(more, 'descriptor')} left open"
    threads = sorted((order.threads - plain.threads).elements())
    if threads:
        yield f"left running: {', '.join(f'thread {each}' for each in threads)}"
    finalizers = sorted((order.told - plain.told).elements())
    yield from (f"the loop was told: {each}" for each in finalizers)
    for each in sorted((order.warned - plain.warned).elements()):
        # Some tell the loop as well.
        if not each.startswith((*finalizers,)):
            yield f"left to the garbage collector: {each}"


def _of_tasks(
    order: CancellingOrder, plain: CancellingOrder, *, is_cut: bool
) -> Iterator[str]:
    stuck = sorted((order.stuck - plain.left).elements())
    if stuck:
        waiting = ", ".join(f"task {name!r}" for name in stuck)
        yield f"{waiting} waits for ever for what it was to tell"
    left = sorted((order.left - plain.left).elements())
    if left and not is_cut:
        yield f"left behind: {', '.join(f'task {name!r}' for name in left)}"


@contextmanager
def _collecting() -> Iterator[None]:
    """Have the garbage of each run be collected at its end, and nothing older."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
