"""See every step of asyncio's own loops, at the price of one clock reading each.

A step begins where the previous one ended, or where the loop's poll returned. So
it is enough to read the clock after each callback and after each poll: the body
of ``Handle._run`` is replaced by one that does, and the poll of each loop that is
met on the way is wrapped. What does not do: hooking ``call_soon`` misses readers,
writers and timers, and asyncio's debug mode costs tenfold.

Every loop whose callbacks are `asyncio.Handle`s is seen, whoever runs it and in
whichever thread. uvloop's handles are C; for its loops see `uvloop_steps`.

A loop on top of another one, as qasync's is on Qt's, may inherit asyncio's queue and
poll and use neither: it rests in the other one. The clock is read where such a step
begins, too.
"""

from __future__ import annotations

import _thread
import copy
import math
import sys
from asyncio import current_task
from collections import deque
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.names import Runner, running_loop
from pytest_asyncbench._loops.passages import passage
from pytest_asyncbench._loops.uvloop_steps import (
    StepOf,
    is_uvloop,
    meet_when_run,
    step_code,
    watch_callbacks,
)
from pytest_asyncbench._loops.view import POLLED, LoopView, Views
from pytest_asyncbench._python import getframe, own_greenlet
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo, nothing, replace

if TYPE_CHECKING:
    import asyncio
    from contextvars import Context
    from selectors import SelectorKey

__all__ = [
    "LongStep",
    "StepProbe",
    "end_last",
    "hand_to_asyncio",
]


P = ParamSpec("P")
R = TypeVar("R")

LongStep = Callable[[LoopView, names.Step, RealSeconds], None]
"""Called with the view, the handle and the time at the end of a step over the limit."""


Tracer = Callable[[Views, Runner, Runner], Runner]
"""Makes a runner that also follows tasks, given the loops that are met, asyncio's
runner, and the one for the loops that it can't follow."""

_TIMERS_GRAIN = 0.001
"""To so many seconds a poller rounds up its time limit."""

_LONG_SLEEP = 0.02
"""A poll that rested for longer than this, in seconds, is told of. What the system
books wrongly of a shorter one is no more than that.
"""


class StepProbe:
    """Count the steps of every loop, and report those that are longer than a limit.

    `meets` is called when a loop is used for the first time, and `met` is told of each
    new one that can be seen, both in that loop's thread. A loop that is closed is let
    go, as the code under test may count on, unless all are to be kept.
    """

    def __init__(
        self,
        clock: Clock,
        limit: float,
        long_step: LongStep,
        met: Callable[[LoopView], None],
        tracer: Tracer | None = None,
        *,
        meets: Callable[[], None] = nothing,
        keep: bool = False,
    ) -> None:
        self.views = Views(self._meet)
        self._now = clock.now
        self._limit = limit
        self._long_step = long_step
        self._meets = meets
        self._met = met
        self._tracer = tracer
        self._keep = keep
        self._of_closed: dict[str, int] = {}
        """The steps of loops that are closed and forgotten, by their kind."""
        self._place = passage()
        self._original = names.RUN.of(self._place)
        self._stands_there: Runner | None = None
        """Ours, or asyncio's where it rests; None before `install`."""
        self._take_off = nothing
        self.codes: frozenset[CodeType] = frozenset()
        """The code objects whose frame stands under every step."""

    def install(self) -> Undo:
        """Stand where each step passes; the returned call restores all, loops too."""
        # What stands on uvloop's class stays there while this rests.
        leave_class = meet_when_run(_ignore)
        self._place = passage()
        self._original = names.RUN.of(self._place)
        self._put()
        if running_loop() is not None:
            # The step that is in progress here asyncio has begun.
            self.codes |= {self._original.__code__}

        def undo() -> None:
            self._take_all_off()
            leave_class()

        return undo

    def _take_all_off(self) -> None:
        self._take_off()
        for view in self.views:
            view.put_back()

    def _put(self) -> None:
        original, views = self._original, self.views
        timed = _timed(views, self._now, self._limit, self._long_step, original)
        runner = self._tracer(views, original, timed) if self._tracer else timed
        self.codes |= {runner.__code__, timed.__code__, step_code()}
        self._stands_there = runner
        restore = names.RUN.replace(self._place, runner)
        forget = meet_when_run(views.of)

        def take_off() -> None:
            restore()
            forget()
            self._take_off = nothing

        self._take_off = take_off

    def rest(self) -> None:
        """Look at no step until `resume`, and forget what was seen of all loops."""
        self._take_all_off()
        self._stands_there = self._original
        self.views.forget_all()
        self._of_closed.clear()

    def resume(self, tracer: Tracer | None) -> None:
        """Go on with another tracer, whose runner is of the same code."""
        self._tracer = tracer
        self._put()

    def stands(self) -> bool:
        """Tell whether nobody has taken its place where each step passes."""
        return names.RUN.of(self._place) is self._stands_there

    @property
    def steps(self) -> int:
        """How many steps have been measured."""
        of_closed = sum(self._of_closed.values())
        return of_closed + sum(view.steps for view in self.views if not view.blind)

    @property
    def kinds(self) -> set[str]:
        """The kinds of loop that were met."""
        return {view.kind for view in self.views} | self._of_closed.keys()

    def forget_closed(self) -> list[LoopView]:
        """Keep of loops that are closed their steps alone; give what was known."""
        left = self.views.forget_left()
        for view in left:
            steps = 0 if view.blind else view.steps
            self._of_closed[view.kind] = self._of_closed.get(view.kind, 0) + steps
        return left

    def end_first(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure a step of a loop to its end in the middle of which that was met.

        Its end is where the loop polls next. Nothing is known of where another
        library's loop does.
        """
        view = self.views.of(loop)
        poller = names.SELECTOR.get(loop)
        if view.blind or view.foreign or poller is None:
            return
        poll = poller.select

        def select(timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
            undo()
            self.end_here(view)
            return poll(timeout)

        undo = replace(poller, "select", select)
        view.undo.append(undo)

    def end_here(self, view: LoopView) -> None:
        """Take the step that is in progress for one that ends now; in its thread."""
        ended = self._now()
        if ended - view.last > self._limit:
            self._long_step(view, _step_of(view.loop), ended)
            ended = self._now()
        view.last = ended

    def _meet(self, loop: asyncio.AbstractEventLoop) -> LoopView:
        view = LoopView(loop, self._now())
        self._meets()
        try:
            if is_uvloop(loop):
                undo = watch_callbacks(
                    view,
                    self._now,
                    self._limit,
                    self._long_step,
                    _comes_to_this_thread,
                )
                view.undo.append(undo)
            elif _runs_elsewhere(loop, self.codes):
                view.foreign = True
            else:
                view.undo.append(_watch_poll(view, self._now))
            if not self._keep:
                view.undo.append(self._watch_close(view))
        except (AttributeError, TypeError):
            view.blind = True
            view.missing = f"{names.SELECTOR.name} that can be watched"
        else:
            self._met(view)
        # What meeting the loop took is not the step's.
        view.last = self._now()
        return view

    def _watch_close(self, view: LoopView) -> Undo:
        # asyncio's loops close their selector last of all; uvloop's have none.
        owner = names.SELECTOR.get(view.loop) or view.loop
        original = owner.close

        def close() -> None:
            self.views.let_go(view)
            original()

        return replace(owner, "close", close)


def _ignore(loop: asyncio.AbstractEventLoop) -> None:
    """Ignore that a loop is used, of which nobody wants to know now."""


def _step_of(loop: asyncio.AbstractEventLoop) -> names.Step:
    """Make what tells of the step in progress, whose own handle nobody has kept."""
    task = current_task(loop)
    return StepOf(nothing if task is None else task.done)


def _runs_elsewhere(
    loop: asyncio.AbstractEventLoop, steps: frozenset[CodeType]
) -> bool:
    """Tell whether something else than its own turns runs the step in progress.

    Between a turn and its step other tools may stand, that have replaced ``_run`` too.
    """
    turns = {
        getattr(names.RUN_ONCE.get(owner), "__code__", None)
        for owner in (type(loop), loop)  # a patch of a test's may be on either
    }
    # Ours, the innermost: another step below it would be that of another loop.
    frame: FrameType | None = getframe()
    while frame is not None and frame.f_code not in steps:
        frame = frame.f_back
    if frame is None:  # met outside of any
        return False
    frame = frame.f_back
    while frame is not None and frame.f_code not in steps:
        if frame.f_code in turns:
            return False
        frame = frame.f_back
    return True


def _comes_to_this_thread(view: LoopView) -> None:
    """Note that a loop which was set up in one thread is run in another one."""
    view.thread, view.native = current_thread_ids()
    view.greenlet = own_greenlet()
    view.moved()


def _begin(view: LoopView, now: Callable[[], RealSeconds]) -> None:
    """Begin a step here, where nobody can see what came before it."""
    if _thread.get_ident() != view.thread:
        _comes_to_this_thread(view)
    view.last = now()
    if view.last > view.due:
        view.give_way()
        view.last = now()


def _watch_poll(view: LoopView, now: Callable[[], RealSeconds]) -> Undo:
    # Both of asyncio's loops, selector and proactor, poll through this attribute.
    poller = names.SELECTOR.of(view.loop)
    poll, get_ident = poller.select, _thread.get_ident
    ready = names.READY.get(view.loop)
    if ready is None:  # then nobody follows its tasks
        ready = deque()
    # One of the hooks that a loop sets for as long as it is run, each time anew.
    hooks, this_run = sys.get_asyncgen_hooks, sys.get_asyncgen_hooks().firstiter

    def select(timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        nonlocal this_run
        if get_ident() != view.thread:
            _comes_to_this_thread(view)
        if (run := hooks().firstiter) is not this_run:
            # What has passed since it was run before is nothing that kept it waiting.
            this_run, view.last = run, now()
        if view.last > view.due:
            view.give_way()
        if view.last >= view.upkeep_at:
            view.upkeep()
        queued = len(ready)
        view.rests_until = math.inf if timeout is None else view.last + timeout
        try:
            events = poll(timeout)
        finally:
            view.rests_until = 0.0
        ended = now()
        waited = ended - view.last
        if timeout is None:
            view.polled += waited
            late = 0.0
        else:
            # A timer is due whatever else comes. From then on the thread could run, and
            # at once where there was something to do before.
            late = waited - timeout - _TIMERS_GRAIN
            if timeout > 0:
                if not events:
                    view.oversleep(waited - timeout)
                    if waited >= timeout > _LONG_SLEEP:
                        view.slept(timeout, view.last + timeout)
                view.polled += waited if late <= 0 else waited - late
        # Only now, as who reads both takes what is after that for the next poll's.
        view.last = ended
        if late > 0:
            view.late += late
            view.settle()
            view.last = now()
        if waited > view.rested_for:
            view.rested()
            view.last = now()
        if view.note_poll is not None:
            view.note_poll((POLLED, queued, 0, view.last))
        return events

    return replace(poller, "select", select)


def _timed(
    views: Views,
    now: Callable[[], RealSeconds],
    limit: float,
    long_step: LongStep,
    original: Runner,
) -> Runner:
    # Runs once per step of every loop: everything it needs is a local or a cell.
    turning = views.turning

    def _run(handle: names.Handle) -> None:
        try:
            view = turning[handle._loop]
        except KeyError:
            view = views.of(handle._loop)
            if view.foreign:
                _begin(view, now)
        args = handle._args
        try:
            # Spelt out for a task's own steps: to unpack nothing costs as much as to
            # read the clock.
            if args:
                handle._context.run(handle._callback, *args)
            else:
                handle._context.run(handle._callback)
        except (SystemExit, KeyboardInterrupt):
            end_last(view, handle, now, limit, long_step)
            raise
        except BaseException as error:
            hand_to_asyncio(original, handle, error)
        ended = now()
        if ended - view.last > limit:
            long_step(view, handle, ended)
            ended = now()
        view.last = ended
        view.steps += 1
        del handle, args  # break the cycle with a kept exception, as asyncio does

    return _run


def end_last(
    view: LoopView,
    handle: names.Step,
    now: Callable[[], RealSeconds],
    limit: float,
    long_step: LongStep,
) -> None:
    """Measure a step that takes its loop along, as ``sys.exit()`` does."""
    ended = now()
    if ended - view.last > limit:
        long_step(view, handle, ended)
        ended = now()
    view.last = ended
    view.steps += 1


class _RaisesOnce:
    """A context whose first ``run`` raises an error that has happened already.

    From 3.12 on the loop's exception handler is run in the same context after that.
    """

    def __init__(self, error: BaseException, context: Context) -> None:
        self._error: BaseException | None = error
        self._context = context

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._context.run(function, *args, **kwargs)


def hand_to_asyncio(
    original: Runner, handle: names.Handle, error: BaseException
) -> None:
    """Let asyncio treat a callback's error as it would have done.

    What it does differs between versions, so its own code does it: a copy of the
    handle goes through the original ``Handle._run`` and fails in the same way.
    """
    stand_in = copy.copy(handle)
    context = _RaisesOnce(error, names.CONTEXT.of(handle))
    setattr(stand_in, names.CONTEXT.name, context)
    original(stand_in)
