"""End a sync test at its deadline, by the tasks of the loops that it runs.

The code of a sync test can't be interrupted, but a loop that it runs can be asked, from
any thread, to cancel tasks; then what waits for the loop goes on. A test that runs none
is not ended. Where it stood is noted.

*Problem*: whose tasks are to be cancelled? A fixture's loop serves later tests, too,
and who is cancelled twice can't clean up. *What we do*: leave the tasks alone that had
begun before the call. Of the others cancel those that no task has created; these see to
theirs. In a loop of another thread cancel what was sent to it, where anything was: the
test waits for that, and not for what keeps the loop up. Whoever is left after a grace
is cancelled again, all of them, and whoever begins in a new loop after it is cancelled
at once. *What still fails*: a task that the call started in a fixture's loop, and that
was to outlive the call, is cancelled, too.

In virtual time no other clock knows when time is up. There a timer on each of the loops
keeps it, which they pass only while they are run.
"""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from types import CodeType
from weakref import WeakSet

from pytest_asyncbench._loops import LoopView, has_begun, is_closed, names, runs
from pytest_asyncbench._python import capture, current_frames, is_debugged, to_stack
from pytest_asyncbench._watching.deadline import Aside
from pytest_asyncbench._watching.standing import (
    PAST,
    alive,
    farthest_timer,
    instead_of,
    is_frozen,
    is_stop,
)
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.errors import BudgetExceeded
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds
from pytest_asyncbench._words.seen import AwaitedTask, Overrun, Stack
from pytest_asyncbench._words.undo import Undo, nothing, replace

__all__ = ["LoopsDeadline"]

_GRACE = 1.0
_STUCK = 0.05
"""A cancellation that comes later than this was kept waiting by a blocked loop."""

_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
"""What a cancelled task ends with, and who waits for it in another thread."""


class LoopsDeadline:
    """Hold the calling thread's test to a deadline.

    Args:
        watch: whose watchdog keeps the time, and whose loops are asked.
        at: when time is up, on the watch's clock, or on that of the loops.
        forgiven: tells the seconds by which the deadline is put off, in total.
        callers: the code that calls a test; where the test's own stack ends.
        by_loops: tells whether `at` is on the clock of this loop; None where on none's.
        aside: put around work of ours, which takes no time of the test's.
    """

    def __init__(
        self,
        watch: Watch,
        at: LivedSeconds,
        *,
        forgiven: Callable[[], float],
        callers: frozenset[CodeType],
        by_loops: Callable[[asyncio.AbstractEventLoop], bool] | None = None,
        aside: Aside = nullcontext,
    ) -> None:
        self._watch = watch
        self._at = at
        self._by_loops = by_loops
        self._aside = aside
        self._timers: list[asyncio.TimerHandle] = []
        self._forgiven = forgiven
        self._callers = callers
        self._given = 0.0
        """What had been forgiven when time was up."""
        self._thread = 0
        self._threads_before: frozenset[int] = frozenset()
        self._older: WeakSet[names.AnyTask] = WeakSet()
        """The tasks that had begun before the call."""
        self._others: list[LoopView] = []
        """The loops that were run before the call."""
        self._stood: Stack | None = None
        self._stuck: dict[LoopView, Stack] = {}
        """What was in the way of the cancellation, loop by loop."""
        self._asked: list[LoopView] = []
        """The loops that have been asked to cancel."""
        self._overruns: list[Overrun] = []
        """What stood on each of these."""
        self._is_up = self._cancelled = self._left = False
        self._undo: Undo = nothing
        self._show_threads: Undo = nothing
        self.error: BudgetExceeded | None = None
        """In the place of the cancellation, where the test has ended with that."""

    def begin(self) -> Undo:
        """Begin to hold; the returned call lets go."""
        self._thread = _thread.get_ident()
        self._threads_before = frozenset(current_frames()) - {self._thread}
        # First, since a thread may just be meeting its loop.
        forget = replace(self._watch, "also_met", self._met)
        for view in self._watch.views():
            self._leave_alone(view)
        if self._by_loops is None:
            self._expect(self._at)
        else:
            for view in self._others:
                self._set_timer(view)

        def leave() -> None:
            self._left = True
            self._undo()
            self._take_timers()
            forget()
            self._show_threads()

        return leave

    def _leave_alone(self, view: LoopView) -> None:
        """Take a loop, and what runs on it by now, for none of the test's."""
        if view not in self._others:
            self._others.append(view)
        self._older.update(asyncio.all_tasks(view.loop))

    def _expect(self, at: float) -> None:
        watchdog = self._watch.watchdog
        self._undo = watchdog.expect(RealSeconds(at), None, self._time_is_up)

    def end_of(self, own: BaseException | None) -> BaseException | None:
        """Give what the test ends with: ours, where that is a cancellation by us."""
        if own is None or not self._cancelled:
            return own
        if not (isinstance(own, _CANCELLED) or is_stop(own)):
            return own
        self.error = instead_of(own, "cancelled")
        return self.error

    @property
    def has_cancelled(self) -> bool:
        """Whether it has cancelled any task, however that went on."""
        return self._cancelled

    def stuck(self) -> Overrun | None:
        """Give what stood when time was up; None where the test was in time."""
        if not self._is_up:
            return None
        tasks: tuple[AwaitedTask, ...] = ()
        for each in self._overruns:
            tasks += each.tasks
        stuck = next(iter([*self._stuck.values()]), None)
        return Overrun(
            tasks=tasks,
            stuck=stuck,
            stood=None if tasks or stuck else self._stood,
            cancelled=self._cancelled,
            forgiven=self._given,
            frozen=any(each.frozen for each in self._overruns),
            farthest=max((each.farthest or 0.0 for each in self._overruns), default=0.0)
            or None,
        )

    def _met(self, view: LoopView) -> None:
        # In a step of the loop: the first that is seen, and not always its first.
        tasks = asyncio.all_tasks(view.loop)
        if view.thread not in self._threads_before:
            tasks = {task for task in tasks if has_begun(task)}
        self._older.update(tasks)
        if tasks or view.thread in self._threads_before:
            self._others.append(view)
        self._set_timer(view)
        # Of the examples that Hypothesis runs each has a loop of its own, and one that
        # never waits is not there any more when the next grace is over.
        if self._is_up and self._late() >= _GRACE:
            self._expire(view)

    # --------------------------------------------- in the watchdog's thread

    def _time_is_up(self, nothing: object) -> float:
        if self._left or self._watch.watchdog.debugged:
            return 0.0
        # Always from where it began, as `Deadline` does.
        given = self._forgiven()
        left = self._at + given - self._watch.clock.now()
        if left > 0:
            return left
        running = [view for view in self._watch.views() if runs(view.loop)]
        if not self._is_up:
            self._given = given
            self._look_at(running)
        for view in running:
            with suppress(RuntimeError):  # it was closed meanwhile
                view.loop.call_soon_threadsafe(self._expire, view)
        return _GRACE

    def _look_at(self, running: list[LoopView]) -> None:
        raw = capture(current_frames().get(self._thread), self._callers)
        if raw is not None and is_debugged(raw):
            self._watch.watchdog.debugged = True
            return
        self._stood = None if raw is None else to_stack(raw)
        for view in running:
            stack = self._watch.watchdog.stack_of(view)
            if stack is not None:
                self._stuck[view] = to_stack(stack)
        self._show_threads = replace(threading, "excepthook", self._thread_ended())
        if self._left:  # meanwhile, by who had nothing to undo yet
            self._show_threads()
        self._is_up = True

    def _thread_ended(self) -> Callable[[threading.ExceptHookArgs], object]:
        original = threading.excepthook

        def excepthook(args: threading.ExceptHookArgs, /) -> None:
            # That a thread's loop was cancelled is told as the budget's failure.
            if not (self._cancelled and issubclass(args.exc_type, _CANCELLED)):
                original(args)

        return excepthook

    # --------------------------------------------------- in a loop's thread

    def _set_timer(self, view: LoopView) -> None:
        """Have a loop that lives in the deadline's time keep that."""
        loop = view.loop
        if self._by_loops and self._by_loops(loop) and not is_closed(loop):
            timer = loop.call_at(self._at + PAST, self._virtual_time_is_up, view)
            self._timers.append(timer)

    def _take_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _virtual_time_is_up(self, view: LoopView) -> None:
        self._is_up = True
        self._expire(view)
        again = view.loop.call_later(_GRACE, self._virtual_time_is_up, view)
        self._timers.append(again)

    def _expire(self, view: LoopView) -> None:
        debugged = self._watch.watchdog.debugged and self._by_loops is None
        if self._left or debugged or self._is_put_off():
            return
        if view.thread in self._threads_before and view not in self._others:
            # It was being met as all this began, and neither was told of the other.
            self._leave_alone(view)
        tasks = [t for t in asyncio.all_tasks(view.loop) if t not in self._older]
        again = view in self._asked
        with self._aside():
            if not again:
                self._asked.append(view)
                self._note(view, tasks)
            to_cancel = tasks if again else self._outermost(view, tasks)
        for task in to_cancel:
            self._cancelled = task.cancel() or self._cancelled
        if again and not tasks and view not in self._others:
            self._cancelled = True
            view.loop.stop()  # it waits for what is no task, or for nothing

    def _is_put_off(self) -> bool:
        """Put it off, as `Deadline` does, where the thread was kept waiting."""
        if self._by_loops or self._asked:
            return False
        if not self._is_up:  # by another loop
            return True
        now = self._watch.clock.now()
        self._given = self._forgiven()
        due = self._at + self._given
        if due <= now:
            return False
        self._undo()
        self._show_threads()
        self._is_up, self._stood = False, None
        self._stuck.clear()
        self._expect(due)
        return True

    def _late(self) -> float:
        return self._watch.clock.now() - self._at - self._given

    def _outermost(
        self, view: LoopView, tasks: list[names.AnyTask]
    ) -> list[names.AnyTask]:
        recorder = self._watch.recorder
        if recorder is None:
            return tasks
        sent = [task for task in tasks if recorder.creator_of(task) == "thread"]
        if sent and view.thread != self._thread:
            return sent
        created = [task for task in tasks if recorder.creator_of(task) == "nobody"]
        return [*created, *sent] or tasks

    def _note(self, view: LoopView, tasks: list[names.AnyTask]) -> None:
        if self._late() < _STUCK:
            self._stuck.pop(view, None)
        really = self._by_loops is None
        try:
            overrun = Overrun(
                tasks=alive(tasks, self._watch.recorder),
                frozen=really and is_frozen(view.loop),
                farthest=farthest_timer(view.loop) if really else None,
            )
        except Exception as error:  # ours; the test must end all the same
            text = f"deadline: {error_of_ours(error)}"
            self._watch.note(Problem(kind="failed", text=text))
        else:
            self._overruns.append(overrun)
