"""Record what each step does to the loop's queue, as cheaply as it can be done.

Nothing is worked out here: who woke whom, what each task waited for, and how long the
same would have taken in a row are read from the tapes afterwards. What a step costs
beside its detection is two lengths, a look at whose step it is, and one `extend`.
"""

from __future__ import annotations

import asyncio
import functools
import math
import sys
import threading
from asyncio.events import TimerHandle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from selectors import BaseSelector
from types import CellType, ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pytest_asyncbench._loops import (
    TASKS,
    AnyCoroutine,
    AnyFuture,
    AnyTask,
    LongStep,
    LoopView,
    Views,
    await_chain,
    end_last,
    hand_to_asyncio,
    hands_on_one_by_one,
    has_begun,
    is_no_callback,
    label,
    made_by_caller,
    names,
    running_loop,
    stand_in,
    watch_writes,
)
from pytest_asyncbench._python import processes_of_this
from pytest_asyncbench._tracing.barriers import watch_barriers
from pytest_asyncbench._tracing.eager import Starts
from pytest_asyncbench._tracing.jobs import account, kept_out
from pytest_asyncbench._tracing.strands import Group
from pytest_asyncbench._tracing.tape import (
    BEGUN,
    INLINE,
    OURS,
    POLLED,
    READY,
    SENT,
    VOID,
    Job,
    Sent,
    Tape,
    Worked,
)
from pytest_asyncbench._tracing.tapes import Tapes
from pytest_asyncbench._tracing.trace import NOBODY, Creator
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextvars import Context
    from selectors import SelectorKey

__all__ = ["Recorder"]

P = ParamSpec("P")
R = TypeVar("R")

_Poll = Callable[[float | None], "list[tuple[SelectorKey, int]]"]
_Factory = Callable[..., AnyFuture]

_NEEDED = (names.READY, names.SELECTOR)
"""What a loop must have to be followed."""

_BETWEEN_ACCOUNTS = 0.02
"""The loop's thread is asked for its account no more often than this, in seconds."""

_BRIEF = 0.001
"""After a step of more seconds than this it is looked which I/O is ready."""

_SOON = 0.01
"""Within so many seconds after such a step all is taken that was ready by its end."""

_LONG_WAIT = 0.02
"""After a poll that rested for so many seconds it is looked where the tasks wait."""
_RECENT = 512
"""So many of the last entries name the tasks that are looked at then. Who waits for a
lock has taken no step since it asked, while who holds it talked to a server."""

_MOST_LOOKS = 16
"""So many of them are, those that went on last; the next ones after the next poll."""

_CREATES_EAGERLY = sys.version_info >= (3, 14)
"""Whether a loop's `create_task` can be asked to let the task take its first step."""

_TASK: ContextVar[tuple[object, int]] = ContextVar("asyncbench_task")
"""The number of the task whose context this is, or of which it is a copy; and whose
number that is, since a context may outlive the recorder."""

_NOBODYS = (None, NOBODY)


class _FromThread(functools.partial[object]):
    """A callback that another thread put on the loop, and when."""

    sent: Sent


class Recorder:
    """A tape for each loop, while it is installed.

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
        self._clock = clock
        self._real = clock.now
        self._now: Callable[[], LivedSeconds] = time or self._real
        self.tapes = Tapes(in_real_time=time is None)
        self._limit = limit
        self._long_step = long_step
        self._tapes: dict[asyncio.AbstractEventLoop, Tape] = {}
        self._numbers_are_of = object()
        self._given: dict[AnyTask, Group] = {}
        """Tasks that have yet to begin, and whose strands they are."""
        self._threads = 0
        self._in_thread = threading.local()
        self._starts = Starts(self.tapes, self._now)

    # --------------------------------------------------------- what is asked

    def body(self) -> Group:
        """Make a strand of each task that the current one starts from now on."""
        group = Group(self.tapes)
        task = asyncio.current_task()
        if task is not None:
            tape = self._tapes.get(task.get_loop())
            if tape is not None:
                # Its context stays as it is: the handler of a server that it starts is
                # none of its strands.
                group.hosted(self.tapes.number(task), tape)
        return group

    def bodies(self) -> Group:
        """Do as `body` does for each task that a loop is started with, in one group."""
        group = Group(self.tapes)
        group.hosted_by_loops()
        return group

    def adopt(self, tasks: Sequence[AnyTask], group: Group) -> None:
        """Make strands of tasks that have been created in this step, of one loop."""
        tape = self._tapes.get(tasks[0].get_loop()) if tasks else None
        if tape is None:
            return
        begun, given = self.tapes.numbers.keys() & map(id, tasks), self._given
        for task in tasks:
            if id(task) in begun:  # while it was created
                group.given(self.tapes.number(task), tape)
            else:
                given[task] = group

    @contextmanager
    def telling(self, owner: object) -> Iterator[None]:
        """Know the callbacks that are methods of an object, one for each of many tasks.

        All that the current task adds within the block: they need no look at each.
        """
        numbers, tape = self.tapes.numbers, None
        with suppress(RuntimeError):
            tape = self._tapes.get(asyncio.get_running_loop())
        if tape is not None:
            tape.one_by_one[id(owner)] = False
            numbers[id(owner)] = tape.alike(
                (id(owner), self._within(_TASK.get(_NOBODYS)))
            )
        try:
            yield
        finally:
            numbers.pop(id(owner), None)

    def waiting_for(self, task: AnyTask) -> float | None:
        """Tell how long ago the last step of a living task ended, if it took one."""
        number, tape = self.tapes.number_of(task), self._tapes.get(task.get_loop())
        if number is None or tape is None:
            return None
        last = tape.last_of(number)
        if last is None:
            last = self.tapes.last_read(tape, number)
        return None if last is None else self._now() - last

    def creator_of(self, task: AnyTask) -> Creator:
        """Tell what created a living task; another one, where that is not known."""
        number, tape = self.tapes.number_of(task), self._tapes.get(task.get_loop())
        if number is None or tape is None:
            return "task"
        trace = self.tapes.trace(tape)
        return trace.creator_of(number) if number in trace.first else "task"

    # ----------------------------------------------------------------- loops

    def watch_classes(self, recorder: Callable[[], Recorder | None]) -> Undo:
        """Note what is done to transports and barriers, which are of one class each.

        Args:
            recorder: gives the one that records now. Each test has its own, and the
                classes are written to once for all of them.
        """

        def tape_of(loop: asyncio.AbstractEventLoop) -> Tape | None:
            current = recorder()
            return None if current is None else current._tapes.get(loop)

        def wrote(loop: asyncio.AbstractEventLoop, to: asyncio.Transport) -> None:
            tape = tape_of(loop)
            if tape is not None:
                tape.links.wrote(to, self._now(), len(tape))

        with ExitStack() as undo:
            undo.callback(watch_writes(wrote))
            undo.callback(watch_barriers(tape_of, self._now))
            return undo.pop_all().close

    def meet(self, view: LoopView) -> None:
        """Begin to record a loop, if it can be followed."""
        loop = view.loop
        view.missing = names.first_missing(loop, _NEEDED)
        if view.foreign:
            view.missing = f"{names.RUN_ONCE.name} that runs its steps"
        if view.missing is not None:
            return
        tape = self._tapes[loop] = Tape(view, self._now)
        self.tapes.all.append(tape)
        view.undo.append(functools.partial(self._forget, loop))
        # Tasks that a wider fixture left running belong to nobody's strand.
        begun = [task for task in asyncio.all_tasks(loop) if has_begun(task)]
        self.tapes.older.update(map(self.tapes.number, begun))
        view.undo.append(self._polls(tape))
        for name, make in (
            ("call_at", self._timers),
            ("call_soon_threadsafe", self._threadsafe),
            ("run_in_executor", self._executor),
        ):
            view.undo.append(stand_in(loop, name, functools.partial(make, tape)))
        self._watch_factory(view)
        view.undo.append(self._starts.watch(tape, self._watch_creations))
        if _CREATES_EAGERLY:
            self._watch_creations(tape)

    def _watch_creations(self, tape: Tape) -> None:
        """Notice each task that a loop creates, where that tells something."""
        make = functools.partial(self._tasks_of, tape)
        tape.view.undo.append(stand_in(tape.view.loop, "create_task", make))

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        del self._tapes[loop]
        for task in [task for task in self._given if task.get_loop() is loop]:
            del self._given[task]  # it never begins

    def _polls(self, tape: Tape) -> Undo:
        """Note each poll of a loop."""
        view = tape.view
        if not self.tapes.in_real_time:
            tape.long = {}
            poller = names.SELECTOR.of(view.loop)
            return replace(poller, "select", self._virtual_poll(tape, poller.select))

        def upkeep() -> None:
            if tape.full:
                view.upkeep_at = math.inf
                return
            tape.pack_if_long()
            starved = self._clock.processor(*current_thread_ids()).starved
            at = self._real()
            if starved is not None:
                tape.starved.append((at, starved))
            view.upkeep_at = at + _BETWEEN_ACCOUNTS

        self._take_work(tape)
        view.upkeep, view.upkeep_at = upkeep, self._real()
        view.rested_for = _LONG_WAIT
        view.oversleep, view.note_poll = tape.slept, tape.note
        view.rested = functools.partial(self._look, tape)

        def undo() -> None:
            view.upkeep_at, view.note_poll, view.rested_for = math.inf, None, math.inf

        return undo

    def _look_at_io(self, tape: Tape) -> None:
        """Take down which descriptors are ready after a long step, between two.

        The poll that reports them comes after all that is left of this turn, and may
        take long though it does not wait: to come back from it needs the interpreter.
        """
        poller = names.SELECTOR.get(tape.view.loop)
        if isinstance(poller, BaseSelector) and not tape.full:
            try:
                events = type(poller).select(poller, 0)
            except (OSError, ValueError):  # one is closed, and not yet unregistered
                return
            ready = frozenset(key.fd for key, _ in events)
            tape.looks.append((len(tape) - 1, self._now(), ready))

    def _take_work(self, tape: Tape) -> None:
        """Take down for how long a loop's thread has worked, after a step of it."""
        if tape.full:
            return
        worked = self._clock.working(tape.view.native)
        if worked is not None:
            tape.worked.append(Worked(len(tape) - 1, worked, tape.view.polled))

    def _look(self, tape: Tape) -> None:
        """Take down where tasks wait, after a poll that rested for long."""
        left = _MOST_LOOKS
        for number, last in tape.recent(_RECENT):
            task = self.tapes.task(number)
            if last in tape.waits or task is None or task.done():
                continue
            with suppress(Exception):  # what it awaits is the user's
                tape.waits[last] = await_chain(task)
            left -= 1
            if not left:
                break

    def _virtual_poll(self, tape: Tape, poll: _Poll) -> _Poll:
        # In the time of the test, which stands still unless it is moved.
        now, view, ready = self._now, tape.view, tape.ready

        def select(timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
            tape.pack_if_long()
            queued = len(ready)
            events = poll(timeout)
            tape.note((POLLED, queued, 0, now()))
            view.last = self._real()
            return events

        return select

    def _timers(
        self, tape: Tape, original: Callable[..., asyncio.TimerHandle]
    ) -> Callable[..., asyncio.TimerHandle]:
        loop, now, sets = tape.view.loop, self._now, tape.sets

        def call_at(
            when: float,
            callback: Callable[..., object],
            *args: object,
            context: Context | None = None,
        ) -> asyncio.TimerHandle:
            handle = original(when, callback, *args, context=context)
            if tape.open:
                self._starts.end_those_beside(tape)
            # The clock is asked for anew: freezegun may have put another in its place.
            sets(id(handle), now(), when - loop.time())
            if loop.get_debug():
                made_by_caller(handle)
            return handle

        return call_at

    def _threadsafe(
        self, tape: Tape, original: Callable[..., asyncio.Handle]
    ) -> Callable[..., asyncio.Handle]:
        loop, now, in_thread = tape.view.loop, self._now, self._in_thread

        def call_soon_threadsafe(
            callback: Callable[..., object],
            *args: object,
            context: Context | None = None,
        ) -> asyncio.Handle:
            job: Job | None = getattr(in_thread, "job", None)
            if job is not None and job.ended <= now():
                in_thread.job = None  # this is its result; what follows is another's
            marked = _FromThread(callback)
            marked.sent = now(), self._thread(), job
            handle = original(marked, *args, context=context)
            if loop.get_debug():
                made_by_caller(handle)
            return handle

        return call_soon_threadsafe

    def _thread(self) -> int:
        # A thread does one thing at a time, unless it runs a loop of its own.
        if running_loop() is not None:
            return -1
        number: int | None = getattr(self._in_thread, "number", None)
        if number is None:
            number = self._in_thread.number = self._threads
            self._threads += 1
        processes = processes_of_this()
        if processes:
            at_once = self.tapes.at_once
            at_once[number] = max(at_once.get(number, 1), processes)
        return number

    def _executor(
        self, tape: Tape, original: Callable[..., AnyFuture]
    ) -> Callable[..., AnyFuture]:
        now, in_thread, clock = self._now, self._in_thread, self._clock
        in_real_time = self.tapes.in_real_time

        def run_in_executor(
            executor: Executor | None, func: Callable[..., R], *args: object
        ) -> asyncio.Future[R]:
            pool = executor or names.DEFAULT_EXECUTOR.get(tape.view.loop)
            if _pickles(pool) or is_no_callback(func):
                return original(executor, func, *args)
            if tape.open:
                self._starts.end_those_beside(tape)
            job = Job(len(tape), now(), id(executor))

            @functools.wraps(func)
            def timed(*args: object) -> R:
                began = account(clock) if in_real_time else None
                job.started = now()
                in_thread.job = job
                try:
                    return func(*args)
                finally:
                    job.ended = now()
                    ended = account(clock) if in_real_time else None
                    job.kept_out = kept_out(began, ended, job.ended - job.started)

            return original(executor, timed, *args)

        return run_in_executor

    # ----------------------------------------------------------- eager tasks

    def _watch_factory(self, view: LoopView) -> None:
        # A test must read the factory that it has set: anyio looks whether it is
        # asyncio's eager one.
        loop = view.loop
        given = loop.get_task_factory()

        def make(put: Callable[[_Factory | None], None]) -> Callable[..., None]:
            def set_task_factory(factory: _Factory | None) -> None:
                nonlocal given
                put(factory)
                given = factory
                if factory is not None:
                    put(functools.partial(self._create, factory))

            set_task_factory(given)
            view.undo.append(lambda: put(given))
            return set_task_factory

        view.undo.append(stand_in(loop, "set_task_factory", make))
        view.undo.append(stand_in(loop, "get_task_factory", lambda _: lambda: given))

    def _tasks_of(
        self, tape: Tape, original: Callable[..., AnyTask]
    ) -> Callable[..., AnyFuture]:
        loop = tape.view.loop

        def made(
            _: asyncio.AbstractEventLoop, coro: AnyCoroutine, **kwargs: Any
        ) -> AnyTask:
            return original(coro, **kwargs)

        def create_task(coro: AnyCoroutine, **kwargs: Any) -> AnyFuture:
            # An argument from 3.14 on. Where there is a factory, that is followed.
            if tape.open:
                self._starts.end_those_beside(tape)
            if kwargs.get("eager_start") and loop.get_task_factory() is None:
                task = self._create(made, loop, coro, **kwargs)
            else:
                task = original(coro, **kwargs)
            if loop.get_debug():
                made_by_caller(task)
            return task

        return create_task

    def _create(
        self,
        factory: _Factory,
        loop: asyncio.AbstractEventLoop,
        coro: AnyCoroutine,
        **kwargs: Any,
    ) -> AnyFuture:
        # An eager task takes its first steps inside its creation, where no callback
        # of the loop's shows it, and may create others there.
        tape = self._tapes.get(loop)
        if tape is None or not loop.is_running():
            return factory(loop, coro, **kwargs)
        self._starts.end_those_beside(tape)
        tape.take_account(self._now())
        tape.note((BEGUN, INLINE, len(tape.ready), self._now()))
        outer, tape.open = tape.open, []
        self._starts.announced = True
        ended = VOID
        try:
            task = factory(loop, coro, **kwargs)
            if isinstance(task, TASKS) and has_begun(task):
                self._starts.end_all(tape)
                ended = self.tapes.number(task, label(task, coro))
        finally:
            tape.open = outer
            self._starts.announced = False
            tape.note((ended, INLINE, len(tape.ready), self._now()))
        return task

    # ----------------------------------------------------------------- steps

    def runner(
        self, views: Views, original: names.Runner, timed: names.Runner
    ) -> names.Runner:
        """Make what stands in for ``Handle._run``."""
        now, limit, long_step = self._now, self._limit, self._long_step
        tapes, numbers, strange = self._tapes, self.tapes.numbers, self._strange
        real = None if self.tapes.in_real_time else self._real
        brief, look, worked = min(limit, _BRIEF), self._look_at_io, self._take_work

        # One long function because it runs at every step: a call more would cost
        # a tenth of what asyncio itself does in a step.
        def _run(self_: names.Handle) -> None:
            try:
                tape = tapes[self_._loop]
            except KeyError:
                views.of(self_._loop)
                if self_._loop not in tapes:  # it can't be followed
                    return timed(self_)
                tape = tapes[self_._loop]
            ready, callback, args = tape.ready, self_._callback, self_._args
            before = len(ready)
            try:
                # As in `steps`: a task's own steps have none.
                if args:
                    self_._context.run(callback, *args)
                else:
                    self_._context.run(callback)
            except (SystemExit, KeyboardInterrupt):
                tape.note((VOID, before, len(ready), now()))
                end_last(tape.view, self_, self._real, limit, long_step)
                raise
            except BaseException as error:
                hand_to_asyncio(original, self_, error)
            ended = now()
            # By its id: what a callback belongs to need not be hashable. Of a task's
            # own steps only the first is not found, and to ask outright takes less.
            if args:
                try:
                    who = numbers.get(id(getattr(callback, "__self__", None)))
                except Exception:  # a proxy's, that has yet to be bound, say
                    who = None
                # As `strange` knows it; there may be one for each of many tasks.
                if who is None and isinstance(self_, TimerHandle):
                    who = tape.timers.pop(id(self_), None)
            else:
                try:
                    who = numbers[id(callback.__self__)]  # type: ignore[attr-defined]
                except Exception:
                    who = None
            if who is None:
                who = strange(tape, self_, callback)
            if tape.begun:
                self._starts.settle(tape)
            tape.note((who, before, len(ready), ended))
            view = tape.view
            if real is None:
                spent = ended - view.last
                if spent > brief:
                    if spent > tape.switch_interval:
                        worked(tape)
                    if spent > limit:
                        long_step(view, self_, RealSeconds(ended))
                    look(tape)
                    ended = tape.busy_until = now()
                    tape.note((OURS, 0, len(ready), ended))
                view.last = ended
            else:
                at = real()
                if at - view.last > limit:
                    if tape.long is not None and not tape.full:
                        tape.long[view.last] = len(tape) - 1
                    long_step(view, self_, at)
                    at = real()
                view.last = at
            view.steps += 1
            # Break the cycle with a kept exception, as asyncio does: its frames keep
            # this one, which must not keep the task that died of it.
            del self_, args, callback
            return None

        return _run

    def _strange(
        self, tape: Tape, handle: names.Handle, callback: Callable[..., object]
    ) -> int:
        """Describe a step of a task not seen before, or of no task."""
        try:
            return self._described(tape, handle, callback)
        except Exception:
            # Transports and callbacks may be the user's, who need not answer us.
            return tape.alike((0, NOBODY))

    def _described(
        self, tape: Tape, handle: names.Handle, callback: Callable[..., object]
    ) -> int:
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, TASKS):
            number = self.tapes.number(owner)
            group = self._given.pop(owner, None) if self._given else None
            if group is not None:
                group.given(number, tape)
            handle._context.run(_TASK.set, (self._numbers_are_of, number))
            return number
        if isinstance(handle, TimerHandle):
            timer = tape.timers.pop(id(handle), None)
            if timer is not None:
                return timer
        if isinstance(callback, _FromThread):
            return tape.other(SENT, callback.sent)
        within = self._within(handle._context.get(_TASK, _NOBODYS))
        if isinstance(owner, asyncio.Transport):
            link = tape.links.writer_to(owner)
            written = -1 if link is None else link[1]
            accepted = names.TRANSPORT_SERVER.get(owner) is not None
            came = self._came_to(owner, tape)
            return tape.other(READY, (written, within, *came, accepted))
        shared = _shared_by(callback, owner)
        if shared not in tape.one_by_one:
            tape.one_by_one[shared] = hands_on_one_by_one(callback)
        return tape.alike((shared, within))

    def _came_to(self, transport: asyncio.Transport, tape: Tape) -> tuple[int, float]:
        """Give a transport's descriptor, and since when what came last was there.

        Less than any where it has none, or no more; or where that was not asked: long
        after a step that was not brief the polls tell it well enough.
        """
        socket = transport.get_extra_info("socket")
        descriptor = -1 if socket is None else int(socket.fileno())
        came = None
        if descriptor >= 0 and tape.view.last - tape.busy_until < _SOON:
            came = self._clock.received(socket)
        return descriptor, -math.inf if came is None else came

    def _within(self, known: tuple[object, int]) -> int:
        """Give the number of a task, if it is one of ours that was found."""
        whose, number = known
        return number if whose is self._numbers_are_of else NOBODY


def _pickles(executor: Executor | None) -> bool:
    """Tell whether a job may go to another process or interpreter.

    Then it is pickled, and stays as it is.
    """
    if executor is None:
        return False
    interpreters = sys.modules.get("concurrent.futures.interpreter")  # from 3.14 on
    pickling = getattr(interpreters, "InterpreterPoolExecutor", ())
    return not isinstance(executor, ThreadPoolExecutor) or isinstance(
        executor, pickling
    )


def _shared_by(callback: Callable[..., object], owner: object) -> int:
    """Tell what makes callbacks parts of one thing: a closure, or an object."""
    if owner is not None and not isinstance(owner, ModuleType):
        return id(owner)
    cells: tuple[CellType, ...] | None = getattr(callback, "__closure__", None)
    if cells is None:
        return 0
    # anyio's task groups make a function of their own for each task that they start.
    variables = callback.__code__.co_freevars
    if "self" in variables:
        with suppress(ValueError):  # not bound yet
            return id(cells[variables.index("self")].cell_contents)
    return id(callback)
