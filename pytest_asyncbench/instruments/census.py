"""Follow tasks: for how long each runs, what ends each of its waits, who started it.

The loop's queue is first in, first out. So beside it runs a queue of *origins*: who
put each callback there, and when. A step takes the origin at its head, and puts one
at the tail for each callback that it has added. What stands in the loop's queue
without an origin was put there by the loop itself, after its poll: a timer that was
due, or I/O that was ready. A callback that is no task's step (a timer that completes
a future, say) hands its own origin on to what it wakes.

Families are what serial time is made of: a coroutine that was given, with the tasks
that it starts. What is collected here are facts; `_accounting` adds them up.

A background task belongs to no family: a server's handler, a worker behind a queue.
What a family wakes serves that family: its time is the family's, until it has woken
the family in return. Waking goes through sockets, too, where both ends are in this
loop: without that, five clients of a server that computes would seem to have waited
five times as long as each alone.

What is bounded rather than known: I/O became ready no earlier than the last poll
that did not report it; a worker, or a thread that is no executor's, worked for one
family no earlier than it last woke another. A background task that no family ever
woke is taken to pass on what comes from outside, as the reader of a shared connection
does, and the whole wait counts.
"""

from __future__ import annotations

import asyncio
import functools
import math
import threading
from asyncio.events import TimerHandle
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pytest_asyncbench._clock import Clock
from pytest_asyncbench._model import FamilyTrace
from pytest_asyncbench._undo import replace
from pytest_asyncbench.instruments.steps import (
    LongStep,
    LoopView,
    Runner,
    Views,
    hand_to_asyncio,
)

__all__ = ["Census", "Group"]

_BLOCKED_POLL = 0.0005
"""A poll that lasted longer than this did wait: its events came as it returned."""

_LONG_STEP = 0.001
"""Steps longer than this are remembered for a while, see `Census._ran_since`."""


class Job:
    """A function in an executor's thread: when it ran."""

    __slots__ = ("finished", "started")

    def __init__(self) -> None:
        self.started = 0.0
        self.finished = 0.0


class Family:
    """A coroutine that was given, with all tasks it starts."""

    __slots__ = ("group", "name", "outer", "queued", "root", "running", "waits")

    def __init__(self, group: Group | None, outer: Family | None, name: str) -> None:
        self.group = group
        self.outer = outer
        self.name = name
        self.running = 0.0
        self.queued = 0.0
        self.waits: list[tuple[float, float]] = []
        self.root: Trace | None = None

    def and_outer(self) -> Iterator[Family]:
        """Give this family and those that it is part of."""
        family: Family | None = self
        while family is not None:
            yield family
            family = family.outer

    def trace(self) -> FamilyTrace:
        """Give what is known by now, as a value."""
        return FamilyTrace(
            name=self.name,
            started=self.root.started if self.root else None,
            finished=self.root.finished if self.root else None,
            running=self.running,
            queued=self.queued,
            waits=tuple(self.waits),
        )


class Group:
    """Coroutines that are started side by side: each is a family."""

    __slots__ = ("families",)

    def __init__(self) -> None:
        self.families: list[Family] = []

    def traces(self) -> tuple[FamilyTrace, ...]:
        """Give each family's account, in the order in which they were started."""
        return tuple(family.trace() for family in self.families)


class Trace:
    """The account of one task."""

    __slots__ = (
        "family",
        "finished",
        "last",
        "mark",
        "outer_marks",
        "served",
        "started",
    )

    def __init__(self, family: Family, started: float) -> None:
        self.family = family
        self.started = started
        self.finished: float | None = None
        self.last = math.inf
        """When its last step ended: its wait began. Not before the first step."""
        self.mark = family.running
        """How long its family had been running by then."""
        self.outer_marks: tuple[float, ...] = ()
        self.served: tuple[Family, float] | None = None
        """The family that it woke last, and when; for tasks of no family."""


Origin = tuple[float, "Trace | None", "Job | None"]
"""When a callback became ready, the task that made it so, the job that did."""

_FAMILY: ContextVar[Family] = ContextVar("asyncbench_family")


class _FromThread(functools.partial):  # type: ignore[type-arg]
    """A callback that another thread put on the loop, and when."""

    origin: Origin


class _Ledger:
    """What the census keeps for one loop."""

    __slots__ = ("io_ready", "long", "origins", "polled", "ready")

    def __init__(self, loop: Any, now: float) -> None:
        self.ready: deque[Any] = loop._ready
        self.origins: deque[Origin | None] = deque()
        self.polled = now
        self.io_ready = now
        """No I/O that the last poll reported was ready before this."""
        self.long: deque[tuple[float, float, Family]] = deque(maxlen=64)


class Census:
    """The account of every task of every loop, while it is installed."""

    def __init__(self, clock: Clock, limit: float, long_step: LongStep) -> None:
        self._now = clock.now
        self._limit = limit
        self._long_step = long_step
        self._traces: dict[Any, Trace] = {}
        self._ledgers: dict[Any, _Ledger] = {}
        self._nobody = Family(None, None, "")
        self._bodies: dict[Trace, Group] = {}
        self._of_loops: Group | None = None
        self._given: dict[Any, Group] = {}
        self._expected: Group | None = None
        self._in_thread = threading.local()

    # ------------------------------------------------------------- groups

    def body(self) -> Group:
        """Make a family of each task that the current one starts from now on."""
        group = Group()
        task = asyncio.current_task()
        if task is not None:
            self._bodies[self._trace_of(task)] = group
        return group

    def bodies(self) -> Group:
        """Do so for every task that a loop is started with, all in one group."""
        self._of_loops = group = Group()
        return group

    @contextmanager
    def starting(self, group: Group) -> Iterator[None]:
        """Make families of `group` of the tasks that are created in this block."""
        outer, self._expected = self._expected, group
        try:
            yield
        finally:
            self._expected = outer

    def adopt(self, task: asyncio.Task[Any], group: Group) -> None:
        """Make a family of a task that has not taken a step yet."""
        # An eager one took that step while it was created, and is adopted already.
        if task not in self._traces and not task.done():
            self._given[task] = group

    def waiting_since(self, task: asyncio.Task[Any]) -> float | None:
        """Tell when the last step of a living task ended, if it has taken one."""
        trace = self._traces.get(task)
        return None if trace is None or trace.last == math.inf else trace.last

    def _trace_of(self, task: asyncio.Task[Any]) -> Trace:
        trace = self._traces.get(task)
        if trace is None:
            trace = self._traces[task] = Trace(self._nobody, self._now())
        return trace

    def _begin(
        self,
        task: asyncio.Task[Any],
        creator: Trace | None,
        at: float,
        group: Group | None = None,
    ) -> Trace:
        outer = creator.family if creator else self._nobody
        body = self._bodies.get(creator) if creator else None
        # Given to a run inside the test's body, it is a family of both: of the run's
        # group and, around that, of the body's.
        for owner in (body, group):
            if owner is not None:
                family = Family(
                    owner, None if outer is self._nobody else outer, task.get_name()
                )
                owner.families.append(family)
                outer = family
        trace = self._traces[task] = Trace(outer, at)
        for owned in outer.and_outer():
            if owned.root is None and owned is not self._nobody:
                owned.root = trace
        trace.outer_marks = tuple(family.running for family in outer.and_outer())
        return trace

    # -------------------------------------------------------------- loops

    def meet(self, view: LoopView) -> None:
        """Begin to keep the account of a loop."""
        loop = view.loop
        self._ledgers[loop] = _Ledger(loop, self._now())
        view.undo.append(replace(loop._selector, "select", self._poll(view)))
        view.undo.append(replace(loop, "call_soon_threadsafe", self._threadsafe(loop)))
        view.undo.append(replace(loop, "run_in_executor", self._executor(loop)))
        if loop.get_task_factory() is not None:
            view.undo.append(self._watch_factory(loop))

    def _poll(self, view: LoopView) -> Callable[..., Any]:
        now, ledger = self._now, self._ledgers[view.loop]
        poll = view.loop._selector.select

        def select(timeout: float | None = None) -> Any:
            began = now()
            events = poll(timeout)
            ended = now()
            ledger.io_ready = ended if ended - began > _BLOCKED_POLL else ledger.polled
            ledger.polled = ended
            if not ledger.ready:
                ledger.origins.clear()
            view.last = now()
            return events

        return select

    def _threadsafe(self, loop: Any) -> Callable[..., Any]:
        original = loop.call_soon_threadsafe
        now, in_thread = self._now, self._in_thread

        def call_soon_threadsafe(callback: Any, *args: Any, context: Any = None) -> Any:
            marked = _FromThread(callback)
            marked.origin = (now(), None, getattr(in_thread, "job", None))
            return original(marked, *args, context=context)

        return call_soon_threadsafe

    def _executor(self, loop: Any) -> Callable[..., Any]:
        original = loop.run_in_executor
        now, in_thread = self._now, self._in_thread

        def run_in_executor(executor: Any, func: Callable[..., Any], *args: Any) -> Any:
            # What goes to another process is pickled, and stays as it is.
            if executor is not None and not isinstance(executor, ThreadPoolExecutor):
                return original(executor, func, *args)
            job = Job()

            @functools.wraps(func)
            def timed(*args: Any) -> Any:
                job.started = now()
                in_thread.job = job
                return func(*args)

            return original(executor, timed, *args)

        return run_in_executor

    def _watch_factory(self, loop: Any) -> Callable[[], None]:
        # An eager task takes its first steps inside its creation, where no callback
        # of the loop's shows it.
        original = loop.get_task_factory()

        def factory(loop: Any, coro: Any, **kwargs: Any) -> Any:
            began = self._now()
            creator = asyncio.current_task(loop)
            task = original(loop, coro, **kwargs)
            ended = self._now()
            if isinstance(task, asyncio.Task) and task not in self._traces:
                known = None if creator is None else self._trace_of(creator)
                trace = self._begin(task, known, began, self._expected)
                self._ran(trace, ended - began, ended)
                if task.done():
                    self._finish(task, trace, ended)
            return task

        loop.set_task_factory(factory)
        return lambda: loop.set_task_factory(original)

    def _ran(self, trace: Trace, spent: float, now: float) -> None:
        for family in trace.family.and_outer():
            family.running += spent
        self._mark(trace, now)

    def _mark(self, trace: Trace, now: float) -> None:
        trace.last = now
        trace.mark = trace.family.running
        if trace.family.outer is not None:
            trace.outer_marks = tuple(f.running for f in trace.family.and_outer())

    def _finish(self, task: Any, trace: Trace, now: float) -> None:
        trace.finished = now
        # The task must be free to go: nothing here may keep it alive.
        self._traces.pop(task, None)

    # -------------------------------------------------------------- steps

    def runner(self, views: Views, original: Runner) -> Runner:
        """Make what stands in for ``Handle._run``."""
        now, limit, long_step = self._now, self._limit, self._long_step
        ledgers, known_trace = self._ledgers, self._traces.get
        nobody = self._nobody

        # One long function because it runs at every step: a call more would cost
        # a tenth of what asyncio itself does in a step.
        def _run(self_: Any) -> None:
            view = views[self_._loop]
            ledger = ledgers[self_._loop]
            callback = self_._callback
            ready, origins = ledger.ready, ledger.origins
            before = len(ready)
            if len(origins) != before + 1:
                self._align(ledger, before + 1)
            origin = origins.popleft()
            try:
                self_._context.run(callback, *self_._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                hand_to_asyncio(original, self_, error)
            ended = now()
            began = view.last
            spent = ended - began
            task = getattr(callback, "__self__", None)
            trace = known_trace(task) if task is not None else None
            if trace is None:
                trace, handed_on = self._strange(self_, callback, task, origin, began)
            else:
                handed_on = None
                if origin is None:
                    origin = self._from_loop(ledger, self_, began)
                if origin[1] is trace:
                    trace.family.queued += began - origin[0]
                else:
                    self._woken(trace, origin, began, ledger)
            if trace is not None:
                family = trace.family
                family.running += spent
                trace.last = ended
                trace.mark = family.running
                if family.outer is not None:
                    self._outer_ran(trace, spent)
                if task is not None and task.done():
                    self._finish(task, trace, ended)
                if spent > _LONG_STEP and family is not nobody:
                    ledger.long.append((began, ended, family))
            added = len(ready) - before
            if added == 1:
                origins.append(handed_on or (ended, trace, None))
            elif added:
                origins.extend([handed_on or (ended, trace, None)] * added)
            if spent > limit:
                long_step(view, self_, ended)
                ended = now()
            view.last = ended
            view.steps += 1
            self_ = None

        return _run

    def _align(self, ledger: _Ledger, length: int) -> None:
        # Longer: the loop passed over callbacks that were cancelled. Shorter: it has
        # added its own, after the poll.
        origins = ledger.origins
        while len(origins) > length:
            origins.popleft()
        origins.extend([None] * (length - len(origins)))

    def _from_loop(self, ledger: _Ledger, handle: Any, began: float) -> Origin:
        if isinstance(handle, TimerHandle):
            late = handle._loop.time() - handle._when  # type: ignore[attr-defined]
            return min(began, self._now() - max(0.0, late)), None, None
        return min(began, ledger.io_ready), None, None

    def _strange(
        self, handle: Any, callback: Any, task: Any, origin: Origin | None, began: float
    ) -> tuple[Trace | None, Origin | None]:
        """Deal with a step of a task not seen before, or of no task."""
        ledger = self._ledgers[handle._loop]
        if isinstance(callback, _FromThread):
            origin = callback.origin
        if origin is None:
            origin = self._from_loop(ledger, handle, began)
        if isinstance(task, asyncio.Task):
            return self._first_step(task, handle, origin, began), None
        family = handle._context.get(_FAMILY)
        if family is not None:
            spent = self._now() - began
            for owner in family.and_outer():
                owner.running += spent
        ready_at, waker, job = origin
        if waker is not None:  # a wake-up from within: no earlier than now
            return None, (self._now(), waker, None)
        return None, (ready_at, None, job)

    def _first_step(
        self, task: asyncio.Task[Any], handle: Any, origin: Origin, began: float
    ) -> Trace:
        trace = self._begin(task, origin[1], origin[0], self._given.pop(task, None))
        if trace.family is self._nobody:
            trace.family = handle._context.get(_FAMILY) or self._nobody
            if origin[1] is None and self._of_loops is not None:
                self._bodies[trace] = self._of_loops
        if trace.family is not self._nobody:
            handle._context.run(_FAMILY.set, trace.family)
        trace.family.queued += began - origin[0]
        return trace

    def _woken(
        self, trace: Trace, origin: Origin, began: float, ledger: _Ledger
    ) -> None:
        """Account for the wait that has ended with this step of `trace`."""
        ready_at, waker, job = origin
        own = trace.family
        own.queued += max(0.0, began - ready_at)
        if own is self._nobody or (waker is not None and waker.family is own):
            return None
        since = trace.last if job is None else max(trace.last, job.started)
        if waker is not None and waker.family is self._nobody:
            since = max(since, self._busy_elsewhere(waker, own, ready_at))
        elif waker is not None:
            return self._woken_by_relative(trace, waker, since, ready_at, ledger)
        self._waited(trace, since, ready_at, ledger, own.and_outer())
        return None

    def _woken_by_relative(
        self, trace: Trace, waker: Trace, since: float, until: float, ledger: _Ledger
    ) -> None:
        # Ended by another family of the same group: alone it would not have waited.
        # To a family that holds only one of the two it was the outside world.
        theirs = set(waker.family.and_outer())
        groups = {family.group for family in theirs}
        outside = [
            family
            for family in trace.family.and_outer()
            if family not in theirs and family.group not in groups
        ]
        self._waited(trace, since, until, ledger, iter(outside))

    def _busy_elsewhere(self, waker: Trace, family: Family, at: float) -> float:
        before, waker.served = waker.served, (family, at)
        return before[1] if before and before[0] is not family else 0.0

    def _waited(
        self,
        trace: Trace,
        since: float,
        until: float,
        ledger: _Ledger,
        families: Iterator[Family],
    ) -> None:
        if until <= since:
            return
        own = trace.family
        marks = dict(zip(own.and_outer(), trace.outer_marks, strict=False))
        marks[own] = trace.mark
        for family in families:
            if family is not self._nobody:
                ran = family.running - self._ran_since(ledger, family, until)
                family.waits.append((since - marks.get(family, 0.0), until - ran))

    def _ran_since(self, ledger: _Ledger, family: Family, since: float) -> float:
        # A wait ends when its timer is due, and is noticed later: what the family
        # ran in between lies after the wait. Short steps do not matter.
        ran = 0.0
        for began, ended, owner in reversed(ledger.long):
            if ended <= since:
                break
            if family in owner.and_outer():
                ran += ended - max(began, since)
        return ran

    def _outer_ran(self, trace: Trace, spent: float) -> None:
        for family in trace.family.and_outer():
            if family is not trace.family:
                family.running += spent
        trace.outer_marks = tuple(f.running for f in trace.family.and_outer())
