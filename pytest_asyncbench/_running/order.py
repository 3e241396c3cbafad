"""How one run of a test is ordered, and what came of it.

It knows loops and their queues, and nothing of why a run is ordered so.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace as replace_fields
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._loops import (
    AnyTask,
    Entry,
    Lane,
    LaneQueue,
    ends_a_wait,
    names,
    put_lanes,
    stands_at,
    task_label,
)
from pytest_asyncbench._running.jobs import end_jobs_in_turn
from pytest_asyncbench._running.leaks import leaks_in, watch_closing
from pytest_asyncbench._words.errors import Deadlock
from pytest_asyncbench._words.explored import Leak, Passage
from pytest_asyncbench._words.schedules import OWN_ORDER, Schedule, Wake
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from selectors import SelectorKey

    Events = list[tuple[SelectorKey, int]]

__all__ = ["Order", "Pick", "RunsOn"]

Pick = Callable[[Sequence[Entry]], int]
"""Picks one of several entries, by its place among them."""

_MOST = 20_000
"""So many steps of a run are remembered; of a longer one, the first."""

_PATIENCE = 1_000

_FIRST = "1"

_FRUITLESS = 50
"""After so many polls that have let nobody go on, what is kept back does: a socket that
is connected is ready until a callback says so that may be kept back itself."""

_NAP, _SILENCE = 0.002, 0.05
"""How long at once, and in all, something real is waited for while a wake-up is kept
back, in seconds."""


def _by(schedule: Schedule) -> Pick:
    """Pick as asyncio does, but for the moments of a schedule."""
    moments, picks = itertools.count(), dict(schedule.picks)

    def pick(entries: Sequence[Entry]) -> int:
        wanted = picks.get(next(moments)) if picks else None
        keys = [lane.key for lane, *_ in entries] if wanted is not None else []
        return keys.index(wanted) if wanted in keys else 0

    return pick


def _forgets(entry: Entry) -> None:
    """Take the place of what remembers steps."""


class RunsOn(Exception):
    """A run takes many times as many steps as the first one."""


class Order:
    """How one run is to be ordered, and what came of it.

    Args:
        schedule: what is kept back, and who is picked.
        picking: makes what picks where several can go on; None as asyncio does.
        limit: after so many steps a run is ended, since it may never end by itself.
        patience: after so many steps of others whoever waits goes on.
    """

    def __init__(
        self,
        schedule: Schedule = OWN_ORDER,
        picking: Callable[[], Pick] | None = None,
        *,
        limit: float = math.inf,
        patience: int = _PATIENCE,
    ) -> None:
        self.schedule = schedule
        self.counts = False
        """Whether it is told of: what it prints and logs, and where its tasks stood."""
        self._patience = patience
        self._picking = picking
        self._held = {(each.lane, each.wake): each for each in schedule.holds}
        self._limit = limit
        self.silence: float | None = None
        """For how long a loop without timers waits at most for what comes from outside,
        in real seconds; None for ever. In virtual time that is known by itself."""
        self.kinds: set[type[asyncio.AbstractEventLoop]] = set()
        """The kinds of the loops that it was brought to."""
        self.begin()

    def begin(self) -> None:
        """Begin the run, or begin it anew."""
        self.trail: list[Entry] = []
        """Who went on, step by step."""
        self.rests: list[int] = []
        """After how many of these steps nothing could run, so that time went on."""
        self._polled = False
        """Whether something came through a poll."""
        self.endless = False
        """Whether it was ended for its many steps."""
        self.begun_after: int | None = None
        """After how many steps the body of the test began, where that is known."""
        self.over_after: int | None = None
        """After how many steps the body of the test had ended, where that is known."""
        self._of_test: set[str] | None = None
        """The lanes that there were by then."""
        self._passages: list[Passage] = []
        self._in_passage: weakref.ref[AnyTask] | None = None
        self.queues: list[LaneQueue] = []
        """Those of its loops."""
        self.leaks: list[Leak] = []
        """What was left when it was over, as far as its loops were closed by then."""
        self.bodies = [_FIRST]
        """The lanes of the test itself: the first, where it has a loop of its own."""
        self._loops: list[tuple[asyncio.AbstractEventLoop, LaneQueue]] = []
        self._unseen: list[BaseException] = []
        self._pick = self._picking() if self._picking is not None else None
        if self._pick is None and self.schedule.deviations:
            # Who only wakes others goes first, as it does in the search.
            self._pick = _by(self.schedule)

    @property
    def steps(self) -> int:
        """How many steps the run has taken."""
        return sum(queue.steps for queue in self.queues)

    @property
    def real(self) -> bool:
        """Whether something came from outside."""
        return self._polled or any(queue.called for queue in self.queues)

    @property
    def is_undivided(self) -> bool:
        """Whether the test started several tasks, and none gave way before its end.

        Then each is one step, and no order of steps brings two of them together.
        """
        steps = Counter(
            lane.key
            for lane, wake, *_ in self.trail
            if wake[1] and lane.is_task and self._is_tests(lane)
        )
        return len(steps) > 1 and steps.total() == len(steps) and not self._is_cut

    @property
    def _is_cut(self) -> bool:
        """Whether it took more steps than are remembered."""
        return self.steps > len(self.trail)

    # ------------------------------------------------------------- the loops

    made: Callable[[Lane, AnyTask], object] | None = None
    """What is told of each task as it is made; mostly nobody wants to know."""

    def queue(self) -> LaneQueue:
        """Make the queue of one loop of the run."""
        queue = LaneQueue(
            self._pick, self._held, self.stepped, self._patience, self.made
        )
        self.queues.append(queue)
        return queue

    def bring(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Have a fresh loop run in this order; the returned call takes that back.

        A loop that is to live in virtual time does so already.

        Raises:
            UnmeasuredError: the loop has no queue that can be taken.
        """
        queue = self.queue()
        self.kinds.add(type(loop))
        with ExitStack() as undo:
            undo.callback(put_lanes(loop, queue))
            undo.callback(self._watch_poll(loop, queue))
            undo.callback(self.watch_failures(loop))
            undo.callback(end_jobs_in_turn(loop))
            undo.callback(watch_closing(loop, queue, self._is_tests, self.leaks.append))
            self._loops.append((loop, queue))
            return undo.pop_all().close

    def closing(self) -> Undo:
        """Look at what is left in its loops as they are closed; return what ends it."""
        with ExitStack() as undo:
            for loop, queue in self._loops:
                if not loop.is_closed():
                    undo.callback(
                        watch_closing(loop, queue, self._is_tests, self.leaks.append)
                    )
            return undo.pop_all().close

    def watch_failures(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Hear of what a loop is told that nobody looks at; return what ends that."""
        original = loop.call_exception_handler

        def call_exception_handler(context: dict[str, Any]) -> None:
            self.failed(context)
            original(context)

        return replace(loop, "call_exception_handler", call_exception_handler)

    def failed(self, context: dict[str, Any]) -> None:
        """Hear of an exception that nobody looks at, as a loop's handler does."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._unseen.append(error)

    def note_unseen(self) -> None:
        """Keep what nobody has looked at so far, before its tasks are gone."""
        self._unseen = self.unseen

    @property
    def unseen(self) -> list[BaseException]:
        """The exceptions that nobody looked at, tasks' and callbacks'."""
        found = [*self._unseen]
        for lane in [lane for queue in self.queues for lane in queue.lanes]:
            task = lane.task() if lane.task is not None else None
            if task is not None and task.done() and names.UNSEEN.get(task):
                error = names.EXCEPTION.get(task)
                if error is not None:
                    found.append(error)
        return found

    def _watch_poll(self, loop: asyncio.AbstractEventLoop, queue: LaneQueue) -> Undo:
        poller = names.SELECTOR.of(loop)
        poll = poller.select
        really = getattr(poller, "select_really", poll)

        polls, steps = 0, -1

        def select(timeout: float | None = None) -> Events:
            nonlocal polls, steps
            queue.rest()
            polls, steps = polls + 1 if steps == queue.steps else 0, queue.steps
            if queue.held and not queue and polls < _FRUITLESS:
                events = _others(really, queue)
                more = _new_to(queue, events) if events else None
                if more:
                    self._polled = True
                    return more
            timers = names.SCHEDULED.of(loop)
            self.rest(queue, timers[0] if timers and timeout else None)
            if queue:
                timeout = 0
            longest = self.silence if timeout is None else None
            events = poll(timeout if longest is None else longest)
            if longest is not None and not events and not queue:
                raise Deadlock(f"deadlock: nothing came for {longest:.3g} s")
            self._polled = self._polled or bool(events)
            return _new_to(queue, events) if events else events

        return replace(poller, "select", select)

    def rest(self, queue: LaneQueue, timer: asyncio.TimerHandle | None = None) -> None:
        """Hear that a loop polls; what is kept back goes on if nothing else can.

        Where timers are free, what one of them has woken waits for others. But no
        timeout is one: else each of them would end what it is to guard.

        Args:
            queue: that of the loop.
            timer: the next one, to which time would go on.

        Raises:
            RunsOn: it has taken too many steps.
        """
        queue.rest()
        if queue.held and not queue:
            late = self.schedule.free and timer is not None and not ends_a_wait(timer)
            queue.let_all_go(but_timers=late)
        steps = len(self.trail)
        if steps < _MOST:
            if not queue:
                self.rests.append(steps)
            return
        for each in self.queues:
            each.stepped = _forgets
        if self.steps > self._limit and not self.endless:
            self.endless = True
            raise RunsOn

    def awaits_body(self) -> None:
        """Hear that the task is yet to come that the body of the test is called in."""
        self.bodies.clear()

    @contextmanager
    def body(self) -> Iterator[None]:
        """Hear that the current task is in the body of the test."""
        task, queue = asyncio.current_task(), names.READY.of(asyncio.get_running_loop())
        if task is not None and isinstance(queue, LaneQueue):
            self.bodies.append(queue.lane_of(task).key)
            if self.begun_after is None:
                self.begun_after = len(self.trail)
        yield

    def _is_tests(self, lane: Lane) -> bool:
        """Tell whether the body of the test has started what runs in a lane.

        A fixture may have, or what came from outside, such as a connection to a server.
        """
        own = lane.key if lane.is_task else f"{lane.key.rstrip('c')}.c"
        return any(own.startswith(f"{body}.") for body in self.bodies)

    def ended(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear that the body of the test has ended, and what it left is there."""
        self.over_after = len(self.trail)
        if self.counts:
            lanes = [lane for queue in self.queues for lane in queue.lanes]
            self._of_test = {lane.key for lane in lanes}

    @property
    def is_disturbed(self) -> bool:
        """Whether more is done to the run than to order it."""
        return False

    def over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear that a run is over that nothing was set up for, but for this loop."""
        for queue in self.queues:
            self.leaks += leaks_in(loop, queue, self._is_tests)

    @property
    def stepped(self) -> Callable[[Entry], object]:
        """What is told of each step as it begins: mostly the list that keeps it."""
        if not self.counts:
            return self.trail.append
        return partial(self._observe, len(self.trail))

    def _observe(self, before: int, entry: Entry) -> None:
        """Take down where a task stands whose step begins, and where the last does.

        Args:
            before: how many steps the run had taken when this loop began.
            entry: whose step it is.
        """
        self.trail.append(entry)
        self._end_passage()
        lane, (key, wake), since, _ = entry
        task = lane.task() if lane.task is not None else None
        if task is not None:
            passage = Passage(
                lane=key,
                wake=wake,
                task=task_label(task),
                step=len(self.trail),
                since=before + since,
                moment=task.get_loop().time(),
                resumed=stands_at(task),
                suspended=None,
            )
            self._passages.append(passage)
            self._in_passage = lane.task

    def _end_passage(self) -> None:
        if self._in_passage is None:
            return
        task, self._in_passage = self._in_passage(), None
        over = task is None or task.done()
        self._passages[-1] = replace_fields(
            self._passages[-1],
            suspended=None if task is None or over else stands_at(task),
            over=over,
        )

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The steps of its tasks, where it is told of."""
        self._end_passage()
        of_test = self._of_test
        # What cancels and awaits the tasks that are left is none of the test's.
        return tuple(
            passage
            for passage in self._passages
            if of_test is None or passage.lane in of_test
        )

    @property
    def called(self) -> dict[Wake, str]:
        """What that calls which was kept back."""
        return {
            wake: kept for queue in self.queues for wake, kept in queue.kept.items()
        }

    @property
    def unused(self) -> list[str]:
        """What of the schedule did not come about."""
        came, holds = self.called, self.schedule.holds
        return [str(each) for each in holds if (each.lane, each.wake) not in came]


def _new_to(queue: LaneQueue, events: Events) -> Events:
    """Give what a poll has found, less the callbacks that wait for their turn.

    Their descriptors are ready still, and would be found for ever. One may have another
    callback, for what it is not ready for.
    """
    known = queue.known()
    new = []
    for key, mask in events:
        for handle, ready in zip(key.data, (EVENT_READ, EVENT_WRITE), strict=True):
            if handle is None or id(handle) in known:
                mask &= ~ready
        if mask:
            new.append((key, mask))
    return new


def _others(
    really: Callable[[float], Events | None], queue: LaneQueue
) -> Events | None:
    """Wait for what is at work outside the loop, while all inside it is kept back."""
    waited = 0.0
    while waited < _SILENCE and not queue:
        events = really(_NAP)
        if events or events is None:
            return events
        waited += _NAP
    return None
