"""Follow tasks: for how long each runs, what ends each of its waits, who started it.

The loop's queue is first in, first out. So beside it runs a queue of *origins*: who
put each callback there, and when. A step takes the origin at its head, and puts one
at the tail for each callback that it has added. What stands in the loop's queue
without an origin was put there by the loop itself, after its poll: a timer that was
due, or I/O that was ready. A callback that is no task's step (a timer that completes
a future, say) hands its own origin on to what it wakes.

Strands are what serial time is made of: a coroutine that was given, with the tasks
that it starts. Their accounts (`strands`) hold facts; `accounting` adds them up.

A background task belongs to no strand: a server's handler, a worker behind a queue.
What a strand wakes serves that strand: its time is the strand's, until it has woken
the strand in return. Waking goes through sockets, too, where both ends are in this
loop: without that, five clients of a server that computes would seem to have waited
five times as long as each alone.

What is bounded rather than known: I/O became ready no earlier than the last poll
that did not report it; a worker, or a thread that is no executor's, worked for one
strand no earlier than it last woke another. A background task that no strand ever
woke is taken to pass on what comes from outside, as the reader of a shared connection
does, and the whole wait counts. To the coroutines of a run inside the test's body,
what else the body has started is background, too, with that bound on its work.
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
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pytest_asyncbench._loops import (
    TASKS,
    AnyCoroutine,
    AnyFuture,
    AnyTask,
    Links,
    LongStep,
    LoopView,
    Views,
    end_last,
    hand_to_asyncio,
    label,
    names,
    running_loop,
    task_label,
    watch_writes,
)
from pytest_asyncbench._tracing.eager import Start, Starts, has_begun
from pytest_asyncbench._tracing.strands import (
    Account,
    Creator,
    Group,
    Origin,
    Strand,
    ThreadCall,
    Trace,
)
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextvars import Context
    from selectors import SelectorKey

__all__ = ["Census"]

P = ParamSpec("P")
R = TypeVar("R")

_Poll = Callable[[float | None], "list[tuple[SelectorKey, int]]"]
_Factory = Callable[..., AnyFuture]

_BLOCKED_POLL = 0.0005
"""A poll that lasted longer than this did wait: its events came as it returned."""

_LONG_STEP = 0.001
"""Steps longer than this are remembered for a while, see `Census._ran_since`."""

_NEEDED = (names.READY, names.SELECTOR)
"""What a loop must have to be followed."""

_STRAND: ContextVar[Strand] = ContextVar("asyncbench_strand")


class _FromThread(functools.partial[object]):
    """A callback that another thread put on the loop, and when."""

    origin: Origin


class _Ledger:
    """What the census keeps for one loop."""

    __slots__ = (
        "early",
        "io_ready",
        "last",
        "links",
        "long",
        "origin",
        "origins",
        "polled",
        "ready",
        "unsettled",
        "view",
    )

    def __init__(self, view: LoopView, now: LivedSeconds) -> None:
        self.view = view
        self.links: Links[Trace | None] = Links()
        self.unsettled: list[Any] = self.links.fresh
        """What the end of the step in progress has to deal with: transports that were
        written to, and eager tasks that were noticed as they began."""
        self.ready = names.READY.of(view.loop)
        self.origins: deque[Origin | None] = deque()
        self.origin: Origin | None = None
        """That of the step in progress."""
        self.early: Trace | None = None
        """The account of the step in progress, where it was needed before its end."""
        self.last = now
        """As `LoopView.last`, but in the time of the census."""
        self.polled = now
        self.io_ready = now
        """No I/O that the last poll reported was ready before this."""
        self.long: deque[tuple[float, float, Strand]] = deque(maxlen=64)


class Census:
    """The account of every task of every loop, while it is installed.

    It is kept in `time`, where a test lives in another than real time. Whether a step
    was long is a question of real time all the same.
    """

    def __init__(
        self,
        clock: Clock,
        limit: float,
        long_step: LongStep,
        time: Callable[[], VirtualSeconds] | None = None,
    ) -> None:
        self.also_ended: Callable[[AnyTask], None] | None = None
        """Called with each task that ends, in its loop's thread."""
        self._clock = clock
        self._real = clock.now
        self._now: Callable[[], LivedSeconds] = time or clock.now
        self._in_real_time = time is None
        self._limit = limit
        self._long_step = long_step
        self._traces: dict[AnyTask, Trace] = {}
        self._ledgers: dict[asyncio.AbstractEventLoop, _Ledger] = {}
        self._unwatch_writes: Undo
        self._nobody = Strand(None, None, "")
        self._bodies: dict[Trace, Group] = {}
        self._newest_body: Group | None = None
        self._of_loops: Group | None = None
        self._given: dict[AnyTask, Group] = {}
        self._expected: Group | None = None
        self._newborn: Trace | None = None
        self._in_thread = threading.local()
        self._starts = Starts(
            self._traces,
            lambda loop: self._begin(
                self._creator(loop), self._now(), "", self._expected
            ),
            lambda loop, start: self._ledgers[loop].unsettled.append(start),
        )

    # ------------------------------------------------------------- groups

    def body(self) -> Group:
        """Make a strand of each task that the current one starts from now on."""
        group = self._body_group()
        task = asyncio.current_task()
        if task is not None:
            self._hosts(self._trace_of(task), group)
        return group

    def bodies(self) -> Group:
        """Do as `body` does for each task that a loop is started with, in one group."""
        self._of_loops = group = self._body_group()
        return group

    def _body_group(self) -> Group:
        # The others are measured as a whole by who runs them.
        group = Group(self._account if self._in_real_time else None)
        self._newest_body = group
        return group

    def _account(self) -> Account:
        thread = current_thread_ids()
        return thread[1], self._clock.processor(*thread).starved

    @contextmanager
    def starting(self, group: Group) -> Iterator[None]:
        """Make strands of `group` of the tasks that are created in this block."""
        outer, self._expected = self._expected, group
        try:
            yield
        finally:
            self._expected = outer

    def adopt(self, task: AnyTask, group: Group) -> None:
        """Make a strand of a task that has not taken a step yet."""
        # An eager one took that step while it was created, before it had its name.
        known = self._traces.get(task)
        if known is not None:
            known.strand.name = legible.name(task.get_name)
        elif not task.done():
            self._given[task] = group

    def waiting_for(self, task: AnyTask) -> float | None:
        """Tell how long ago the last step of a living task ended, if it took one."""
        trace = self._traces.get(task)
        return (
            None
            if trace is None or trace.last == math.inf
            else (self._now() - trace.last)
        )

    def creator_of(self, task: AnyTask) -> Creator:
        """Tell what created a living task; another one, where that is not known."""
        trace = self._traces.get(task)
        return "task" if trace is None else (trace.background or trace).creator

    def _hosts(self, trace: Trace, group: Group) -> None:
        self._bodies[trace] = group
        trace.host = True

    def _trace_of(self, task: AnyTask) -> Trace:
        trace = self._traces.get(task)
        if trace is None:
            trace = self._traces[task] = Trace(self._nobody, self._now())
        return trace

    def _begin(
        self, creator: Trace | None, at: float, name: str, group: Group | None = None
    ) -> Trace:
        strand = creator.strand if creator else self._nobody
        body = None
        if creator is not None and (creator.host or group is not None):
            creator.host = True
            body = self._bodies.get(creator)
        # Given to a run inside the test's body, it is a strand of both: of the run's
        # group and, around that, of the body's.
        for owner in (body, group):
            if owner is not None:
                outer = None if strand is self._nobody else strand
                strand = Strand(owner, outer, name)
                owner.add(strand)
        trace = Trace(strand, at)
        owned: Strand | None = strand
        while owned is not None and owned.root is None and owned is not self._nobody:
            owned.root = trace
            owned = owned.outer
        return trace

    # -------------------------------------------------------------- loops

    def meet(self, view: LoopView) -> None:
        """Begin to keep the account of a loop, if it can be followed."""
        loop = view.loop
        view.missing = names.first_missing(loop, _NEEDED)
        if view.foreign:
            view.missing = f"{names.RUN_ONCE.name} that runs its steps"
        if view.missing is not None:
            return
        if not self._ledgers:  # once for all loops: their transports are of one class
            self._unwatch_writes = watch_writes(self._links_of)
        self._ledgers[loop] = _Ledger(view, self._now())
        view.undo.append(functools.partial(self._forget, loop))
        # Tasks that a wider fixture left running belong to nobody's strand.
        for task in asyncio.all_tasks(loop):
            if has_begun(task):
                self._trace_of(task)
        view.undo.append(replace(names.SELECTOR.of(loop), "select", self._poll(view)))
        view.undo.append(replace(loop, "call_soon_threadsafe", self._threadsafe(loop)))
        view.undo.append(replace(loop, "run_in_executor", self._executor(loop)))
        self._watch_factory(view)
        self._watch_create(view)
        view.undo.append(self._starts.watch(view))

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        del self._ledgers[loop]
        if not self._ledgers:
            self._unwatch_writes()

    def _links_of(self, loop: asyncio.AbstractEventLoop) -> Links[Trace | None] | None:
        ledger = self._ledgers.get(loop)
        return None if ledger is None else ledger.links

    def _poll(self, view: LoopView) -> _Poll:
        now, real, ledger = self._now, self._real, self._ledgers[view.loop]
        poll = names.SELECTOR.of(view.loop).select

        def select(timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
            began = now()
            events = poll(timeout)
            ended = now()
            ledger.io_ready = ended if ended - began > _BLOCKED_POLL else ledger.polled
            ledger.polled = ended
            if not ledger.ready:
                ledger.origins.clear()
            ledger.last = now()
            view.last = ledger.last if now is real else real()
            return events

        return select

    def _threadsafe(
        self, loop: asyncio.AbstractEventLoop
    ) -> Callable[..., asyncio.Handle]:
        original = loop.call_soon_threadsafe
        now, in_thread = self._now, self._in_thread

        def call_soon_threadsafe(
            callback: Callable[..., object],
            *args: object,
            context: Context | None = None,
        ) -> asyncio.Handle:
            marked = _FromThread(callback)
            call = getattr(in_thread, "call", None)
            marked.origin = (now(), None if call else self._thread(), call)
            return original(marked, *args, context=context)

        return call_soon_threadsafe

    def _thread(self) -> Trace | None:
        # A thread does one thing at a time, unless it runs a loop of its own.
        if running_loop() is not None:
            return None
        known: Trace | None = getattr(self._in_thread, "trace", None)
        if known is None:
            known = self._in_thread.trace = Trace(self._nobody, self._now())
            known.served = (self._nobody, 0.0, 0.0)
            known.is_threads = True
        return known

    def _executor(self, loop: asyncio.AbstractEventLoop) -> Callable[..., AnyFuture]:
        original = loop.run_in_executor
        now, in_thread = self._now, self._in_thread

        def run_in_executor(
            executor: Executor | None, func: Callable[..., R], *args: object
        ) -> asyncio.Future[R]:
            # What goes to another process is pickled, and stays as it is.
            if executor is not None and not isinstance(executor, ThreadPoolExecutor):
                return original(executor, func, *args)
            call = ThreadCall()

            @functools.wraps(func)
            def timed(*args: object) -> R:
                call.started = now()
                in_thread.call = call
                return func(*args)

            return original(executor, timed, *args)

        return run_in_executor

    def _watch_factory(self, view: LoopView) -> None:
        # A test must read the factory that it has set: anyio looks whether it is
        # asyncio's eager one.
        loop = view.loop
        put, given = loop.set_task_factory, loop.get_task_factory()

        def set_task_factory(factory: _Factory | None) -> None:
            nonlocal given
            put(factory)
            given = factory
            if factory is not None:
                put(functools.partial(self._create, factory))

        set_task_factory(given)
        view.undo.append(lambda: put(given))
        view.undo.append(replace(loop, "set_task_factory", set_task_factory))
        view.undo.append(replace(loop, "get_task_factory", lambda: given))

    def _watch_create(self, view: LoopView) -> None:
        loop, original = view.loop, view.loop.create_task

        def made(
            _: asyncio.AbstractEventLoop, coro: AnyCoroutine, **kwargs: Any
        ) -> AnyTask:
            return original(coro, **kwargs)

        def create_task(coro: AnyCoroutine, **kwargs: Any) -> AnyFuture:
            # An argument from 3.14 on. Where there is a factory, that is followed.
            if kwargs.get("eager_start") and loop.get_task_factory() is None:
                return self._create(made, loop, coro, **kwargs)
            body = self._newest_body
            if body is not None and body.rests:
                # It begins when the step is over that creates it.
                self._ledgers[loop].unsettled.append(_Created(body))
            return original(coro, **kwargs)

        view.undo.append(replace(loop, "create_task", create_task))

    def _create(
        self,
        factory: _Factory,
        loop: asyncio.AbstractEventLoop,
        coro: AnyCoroutine,
        **kwargs: Any,
    ) -> AnyFuture:
        # An eager task takes its first steps inside its creation, where no callback
        # of the loop's shows it, and may create others there.
        creator = self._creator(loop)
        outer = self._newborn, self._expected
        if self._newest_body is not None:
            self._newest_body.begins()
        began = self._now()
        trace = self._begin(creator, began, "", self._expected)
        self._newborn, self._expected = trace, None
        self._starts.announced = True
        try:
            task = factory(loop, coro, **kwargs)
        finally:
            self._newborn, self._expected = outer
            self._starts.announced = False
        if isinstance(task, TASKS) and has_begun(task):
            self._born(task, coro, trace, creator, began)
        else:
            _disown(trace)
        return task

    def _creator(self, loop: asyncio.AbstractEventLoop) -> Trace | None:
        current = asyncio.current_task(loop)
        if current is None:
            return None
        known = self._traces.get(current) or self._starts.running(current)
        return known or self._newborn or self._early(current, loop)

    def _early(self, task: AnyTask, loop: asyncio.AbstractEventLoop) -> Trace:
        """Give the account of a task that starts others in its first step."""
        ledger = self._ledgers[loop]
        origin = ledger.origin or (ledger.last, None, None)
        ledger.early = self._first_step(task, origin, ledger.last, None)
        return ledger.early

    def _lend(
        self, loop: asyncio.AbstractEventLoop, creator: Trace | None, seconds: float
    ) -> None:
        """Take the time of an eager task off that of the step around it."""
        if creator is not None and creator is self._newborn:
            creator.strand.spend(-seconds)
        else:
            # Whose the step is will be known at its end.
            self._ledgers[loop].unsettled.append(_Lent(seconds))

    def _settle(self, ledger: _Ledger, ended: float, booked: Trace | None) -> None:
        """Do at the end of a step what could not be done within."""
        noted = [*ledger.unsettled]
        ledger.unsettled[:] = [one for one in noted if not isinstance(one, _NOTES)]
        ledger.links.sign(ended, booked)
        starts = [one for one in noted if isinstance(one, Start)]
        lent = sum(one.seconds for one in noted if isinstance(one, _Lent))
        lent += self._starts.settle(ledger.view.loop, starts, ended)
        created = next((one for one in noted if isinstance(one, _Created)), None)
        if created is not None:
            created.group.begins()
        if booked is not None and lent:
            booked.strand.spend(-lent)
            booked.take_marks()

    def _born(
        self,
        task: AnyTask,
        coro: AnyCoroutine,
        trace: Trace,
        creator: Trace | None,
        began: float,
    ) -> None:
        now = self._now()
        trace.strand.name = trace.strand.name or label(task, coro)
        self._traces[task] = trace
        self._lend(task.get_loop(), creator, now - began)
        trace.strand.spend(now - began)
        trace.last = now
        trace.take_marks()
        if task.done():
            self._finish(task, trace, now)

    def _finish(self, task: AnyTask, trace: Trace, now: float) -> None:
        trace.finished = now
        for strand in trace.strand.and_outer():
            if strand.root is trace and strand.group is not None:
                strand.group.ended()
        # The task must be free to go: nothing here may keep it alive.
        self._traces.pop(task, None)
        if self.also_ended is not None:
            self.also_ended(task)

    # -------------------------------------------------------------- steps

    def runner(
        self, views: Views, original: names.Runner, timed: names.Runner
    ) -> names.Runner:
        """Make what stands in for ``Handle._run``."""
        now, limit, long_step = self._now, self._limit, self._long_step
        ledgers, known_trace, nobody = self._ledgers, self._traces.get, self._nobody
        brief, kind = min(limit, _LONG_STEP), TASKS
        real = None if self._real is now else self._real

        # One long function because it runs at every step: a call more would cost
        # a tenth of what asyncio itself does in a step.
        def _run(self_: names.Handle) -> None:
            try:
                ledger = ledgers[self_._loop]
            except KeyError:
                views.of(self_._loop)
                if self_._loop not in ledgers:  # it can't be followed
                    return timed(self_)
                ledger = ledgers[self_._loop]
            callback, view = self_._callback, ledger.view
            ready, origins = ledger.ready, ledger.origins
            before = len(ready)
            if len(origins) != before + 1:
                self._align(ledger, before + 1)
            ledger.origin = origin = origins.popleft()
            args = self_._args
            try:
                # As in `steps`: a task's own steps have none.
                if args:
                    self_._context.run(callback, *args)
                else:
                    self_._context.run(callback)
            except (SystemExit, KeyboardInterrupt):
                end_last(view, self_, self._real, limit, long_step)
                raise
            except BaseException as error:
                hand_to_asyncio(original, self_, error)
            ended = now()
            began = ledger.last
            spent = ended - began
            caused = None
            # Only a task is looked up: of what else there is, not all can be hashed.
            task: Any = getattr(callback, "__self__", None)
            trace = known_trace(task) if isinstance(task, kind) else None
            if trace is None:
                trace, caused = self._strange(self_, task, origin, ledger, ended)
            elif origin is not None and origin[1] is trace:
                trace.strand.queued += began - origin[0]
            else:
                trace = self._woken(task, trace, origin, self_, ledger)
            if trace is not None:
                strand = trace.strand
                trace.mark = strand.running = strand.running + spent
                trace.last = ended
                outer = strand.outer
                if outer is not None:
                    trace.outer_marks = outer.spend(spent)
                if task.done():
                    self._finish(task, trace, ended)
            if ledger.unsettled:
                self._settle(ledger, ended, trace or (caused and caused[1]))
            added = len(ready) - before
            if added == 1:
                origins.append(caused or (ended, trace, None))
            elif added:
                origins.extend([caused or (ended, trace, None)] * added)
            if spent > brief:
                if trace is not None and trace.strand is not nobody:
                    ledger.long.append((began, ended, trace.strand))
                if spent > limit and real is None:
                    long_step(view, self_, RealSeconds(ended))
                    ended = now()
            ledger.last = ended
            if real is not None:
                ended = real()
                if ended - view.last > limit:
                    long_step(view, self_, ended)
                    ended = real()
            view.last = ended
            view.steps += 1
            # Break the cycle with a kept exception, as asyncio does: its frames keep
            # this one, which must not keep the task that died of it.
            del self_, args, callback, task
            return None

        return _run

    def _align(self, ledger: _Ledger, length: int) -> None:
        # There are more origins than callbacks where the loop passed over cancelled
        # ones, and fewer where it has added its own after the poll.
        origins = ledger.origins
        while len(origins) > length:
            origins.popleft()
        origins.extend([None] * (length - len(origins)))

    def _from_loop(self, ledger: _Ledger, handle: names.Handle, began: float) -> Origin:
        if isinstance(handle, TimerHandle):
            late = ledger.view.loop.time() - handle.when()
            return min(began, self._now() - max(0.0, late)), None, None
        end = getattr(handle._callback, "__self__", None)
        if isinstance(end, asyncio.Transport):
            link = ledger.links.writer_to(end)
            if link is not None:
                return min(began, max(ledger.io_ready, link[0])), link[1], None
        return min(began, ledger.io_ready), None, None

    def _strange(
        self,
        handle: names.Handle,
        task: object,
        origin: Origin | None,
        ledger: _Ledger,
        ended: float,
    ) -> tuple[Trace | None, Origin | None]:
        """Deal with a step of a task not seen before, or of no task."""
        began, callback = ledger.last, handle._callback
        threaded = callback if isinstance(callback, _FromThread) else None
        if threaded is not None:
            origin = threaded.origin
        elif origin is None:
            origin = self._from_loop(ledger, handle, began)
        if isinstance(task, TASKS):
            return self._first_step(task, origin, began, handle._context), None
        waker = origin[1]
        strand: Strand | None = self._nobody if waker is None else waker.strand
        if strand is self._nobody:
            strand = handle._context.get(_STRAND)
        if strand is not None:
            strand.spend(ended - began)
        # What this callback wakes is woken now; what a thread sent was ready before.
        if waker is not None and threaded is None:
            origin = (ended, waker, origin[2])
        return None, origin

    def _first_step(
        self,
        task: AnyTask,
        origin: Origin,
        began: float,
        context: Context | None,
    ) -> Trace:
        """Open the account of a task; None is the context that is current."""
        group = self._given.pop(task, None) if self._given else None
        trace = self._begin(origin[1], origin[0], task_label(task), group)
        self._traces[task] = trace
        trace.creator = _created_by(origin[1])
        if trace.strand is self._nobody:
            trace.strand = _strand_in(context) or self._nobody
            if origin[1] is None and self._of_loops is not None:
                self._hosts(trace, self._of_loops)
        if trace.strand is not self._nobody:
            _set_strand(context, trace.strand)
        trace.strand.queued += began - origin[0]
        return trace

    def _woken(
        self,
        task: AnyTask,
        trace: Trace,
        origin: Origin | None,
        handle: names.Handle,
        ledger: _Ledger,
    ) -> Trace:
        """Account for the wait that has ended with this step of `trace`."""
        if trace is ledger.early:
            ledger.early = None
            return trace
        began = ledger.last
        if origin is None:
            origin = self._from_loop(ledger, handle, began)
        ready_at, waker, call = origin
        if trace.background or (trace.strand is self._nobody and not trace.host):
            trace = self._serving(task, trace, waker, ready_at)
        own = trace.strand
        own.queued += max(0.0, began - ready_at)
        if own is self._nobody:
            return trace
        since = trace.last if call is None else max(trace.last, call.started)
        if waker is None:
            self._waited(trace, since, ready_at, ledger)
        elif waker.strand is own:
            _answered(waker, ready_at)
        elif waker.strand is self._nobody:
            since = max(since, _busy_elsewhere(waker, own, ready_at))
            self._waited(trace, since, ready_at, ledger)
        else:
            self._woken_by_relative(trace, waker, since, ready_at, ledger)
        return trace

    def _serving(
        self, task: AnyTask, trace: Trace, waker: Trace | None, ready_at: float
    ) -> Trace:
        """Give the account of a background task for the strand that it serves now."""
        own = trace.background or trace
        if waker is None or waker.strand is self._nobody:
            changed = own if trace.over else trace
        elif trace is not own and not trace.over and waker.background is not None:
            changed = trace  # what another server sets free, a lock say, is no request
        else:
            own.served = own.served or (self._nobody, 0.0, 0.0)
            trace.over = False
            asked_again = waker.strand is trace.strand
            changed = trace if asked_again else Trace(waker.strand, ready_at, own)
        if changed is not trace:
            self._traces[task] = changed
            changed.last = ready_at
            changed.take_marks()
        return changed

    def _woken_by_relative(
        self, trace: Trace, waker: Trace, since: float, until: float, ledger: _Ledger
    ) -> None:
        # Another strand ended this wait. Beside none of its group, this one would not
        # have waited, so for strands of that group the wait does not count. To a strand
        # that holds only one of the two, the other is the outside world, and there the
        # wait counts. But that other may be a worker at the service of several, and
        # busy with them until it last woke one; that time does not count either. One
        # that nobody of them wakes only passes on what comes from outside.
        theirs = set(waker.strand.and_outer())
        groups = {strand.group for strand in theirs}

        def outside(strand: Strand) -> bool:
            return strand not in theirs and strand.group not in groups

        if trace.served is None and _asks(waker, trace):
            trace.served = (self._nobody, 0.0, 0.0)
        # Who wakes a strand of its own group may be asking it something. That is no
        # answer, and tells nothing of when it was busy.
        if outside(trace.strand):
            since = max(since, _busy_elsewhere(waker, trace.strand, until))
        self._waited(trace, since, until, ledger, outside)

    def _waited(
        self,
        trace: Trace,
        since: float,
        until: float,
        ledger: _Ledger,
        counts: Callable[[Strand], bool] | None = None,
    ) -> None:
        if until <= since:
            return
        own = trace.strand
        if own.outer is None and counts is None:
            own.wait(since - trace.mark, until, self._ran_since(ledger, own, until))
            return
        marks = trace.mark, *trace.outer_marks
        for strand, mark in zip(own.and_outer(), marks, strict=False):
            if counts is None or counts(strand):
                strand.wait(since - mark, until, self._ran_since(ledger, strand, until))

    def _ran_since(self, ledger: _Ledger, strand: Strand, since: float) -> float:
        # A wait ends when its timer is due, and is noticed later: what the strand
        # ran in between lies after the wait. Short steps do not matter.
        ran = 0.0
        for began, ended, owner in reversed(ledger.long):
            if ended <= since:
                break
            if strand in owner.and_outer():
                ran += ended - max(began, since)
        return ran


def _answered(waker: Trace, at: float) -> None:
    """Note that a strand was woken by what may be a background task at its service."""
    if waker.background is not None:
        waker.over = True
        _busy_elsewhere(waker.background, waker.strand, at)


def _asks(waker: Trace, trace: Trace) -> bool:
    """Tell whether a task may work for another, or for whom that works, from now on.

    What the test's body started is a strand of the body's group, and the coroutines of
    a run are strands of the run's group within that: for those it is a background
    task. One that only others of the body wake is their messenger, if anything.
    """
    group = waker.strand.group
    if group is trace.strand.group:
        return waker.served is not None
    return all(group is not strand.group for strand in trace.strand.and_outer())


def _busy_elsewhere(waker: Trace, strand: Strand, at: float) -> float:
    """Tell until when a task or thread worked for another strand than it wakes now."""
    if waker.served is None:
        return 0.0
    last, woken, other = waker.served
    until = other if last is strand else woken
    waker.served = (strand, at, until)
    return until


def _created_by(waker: Trace | None) -> Creator:
    if waker is None:
        return "nobody"
    return "thread" if waker.is_threads else "task"


def _strand_in(context: Context | None) -> Strand | None:
    return _STRAND.get(None) if context is None else context.get(_STRAND)


def _set_strand(context: Context | None, strand: Strand) -> None:
    if context is None:
        _STRAND.set(strand)
    else:
        context.run(_STRAND.set, strand)


class _Lent:
    """Time of a step that an eager task took which was created in it."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class _Created:
    """That a task was created in a step, after which it begins as one of a group."""

    __slots__ = ("group",)

    def __init__(self, group: Group) -> None:
        self.group = group


_NOTES = (_Lent, Start, _Created)


def _disown(trace: Trace) -> None:
    """Take back the strands that were made for a task that is to begin later."""
    for strand in trace.strand.and_outer():
        if strand.root is trace and strand.group is not None:
            strand.group.remove(strand)
