"""Looks at loops: samples of a long step, and the account of the loop's thread.

A look must not cost more than it finds out: what it reads, and when, stands here.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from contextlib import suppress
from types import CodeType, FrameType

from pytest_asyncbench._loops import LoopView, is_closed, runs, turn_around
from pytest_asyncbench._python import (
    Cost,
    Kernel,
    Lost,
    Moment,
    RawStack,
    Tick,
    capture,
    current_frames,
    outside_of,
)
from pytest_asyncbench._watching.lateness import Lateness
from pytest_asyncbench._watching.own_cost import OwnCost
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import Turn, Wait

__all__ = ["RawSample", "Sampled", "Sampler"]

_MOST_SAMPLES = 400
_MOST_TICKS = 64
_FIRST_TICKS = 4
_LOOKS_PER_TICK = 4
_AT_WORK = 0.8
"""Who works for this part of the time waits for nothing that is worth finding."""

RawSample = tuple[float, RawStack, "Wait | None", "Turn | None", "float | None"]
"""The moment, the stack, what the thread waited for, how we came to look, and for how
long the thread had worked since the look before."""


class Sampled:
    """What was sampled of one loop.

    *The loop's thread* is the one that runs it, as in `LoopView`.
    """

    __slots__ = (
        "account",
        "late",
        "looking",
        "lost",
        "over",
        "queue_then",
        "samples",
        "step",
        "ticks",
        "turn",
        "view",
    )

    def __init__(self, view: LoopView) -> None:
        self.view = view
        """Never written again."""
        self.step = -1.0
        """Which step the samples belong to, by its start.

        Written by the watchdog's thread.
        """
        self.turn = -1.0
        """When the step ended after which the loop was met in its own turn.

        Written by the watchdog's thread.
        """
        self.account: tuple[int, float] | None = None
        """Which thread was looked at last, and for how long it had worked by then.

        Written by the watchdog's thread.
        """
        self.samples: list[RawSample] = []
        """Written by the watchdog's thread."""
        self.queue_then = 0
        """How many callbacks stood in the queue when the first sample was taken.

        Written by the watchdog's thread.
        """
        self.ticks: list[Tick] = []
        """The thread's accounts, as they were read.

        Written by the loop's thread, with its first account, and added to by the
        watchdog's.
        """
        self.lost: Lost | None = None
        """What the thread has lost by the last account that was read in a step.

        Written by the loop's thread, with its first account, and by the watchdog's:
        each value is good by itself.
        """
        self.over = -1.0
        """Which step, by its start, is over and only being written down.

        Written by the loop's thread.
        """
        self.late = 0.0
        """For how many seconds its polls had come back late when that was last read.

        Written by the loop's thread.
        """
        self.looking = _thread.allocate_lock()
        """Held by the watchdog's thread while it takes a sample."""

    def lost_by(self, tick: Tick) -> Lost:
        """Tell what the thread has lost by the moment of its account."""
        moment = self._moment(tick)
        return Lost(moment) if self.lost is None else self.lost.up_to(moment)

    def lost_anew(self, tick: Tick) -> Lost:
        """Tell what was lost by another thread, at the first account of this one."""
        before = 0.0 if self.lost is None else self.lost.seconds
        return Lost(self._moment(tick), before)

    def _moment(self, tick: Tick) -> Moment:
        return tick.moment(self.view.late)


class Sampler:
    """Sample the steps that last longer than `interval`.

    Each reading of a file gives up the GIL. So within a long step the account of its
    thread is read, and what that waits for, only while it does not work; and while
    steps are short, at every fourth look.

    Its fields are the watchdog's thread's to write, but for those that say otherwise.

    Args:
        stack_seen: called with each stack that was taken.
        cost_by: tells for how long others may have waited for the watchdog by a moment.
        own_cost: what our own code took of the threads.
    """

    def __init__(
        self,
        clock: Clock,
        interval: float,
        kernel: Kernel | None,
        lateness: Lateness,
        stack_seen: Callable[[RawStack], None],
        cost_by: Callable[[float], Cost],
        own_cost: OwnCost,
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._kernel = kernel
        self._lateness = lateness
        self._stack_seen = stack_seen
        self._cost_by = cost_by
        self._own_cost = own_cost
        self.watched: list[Sampled] = []
        """Those looked at. Added to by the thread of the loop that is met."""
        self._by_view: dict[LoopView, Sampled] = {}
        """Added to by any thread."""
        self.codes: frozenset[CodeType] = frozenset()
        """Whose frame stands under every step. Written when a loop is met."""
        self.looks = 0
        self.looked = clock.now()
        """When the last look began."""
        self.in_long_step = False
        """Whether that look met one."""

    def sampled(self, view: LoopView) -> Sampled:
        """Give what was sampled of a loop; nothing where it is not watched."""
        known = self._by_view.get(view)
        # Another thread may have made one meanwhile.
        return known or self._by_view.setdefault(view, Sampled(view))

    def forget(self, view: LoopView) -> None:
        """Drop what was sampled of a loop that is closed."""
        self._by_view.pop(view, None)

    def forget_all(self) -> None:
        """Drop what was sampled of every loop, and look at none of them."""
        self.watched.clear()
        self._by_view.clear()

    def look(self) -> None:
        """Look at each loop that runs; in the watchdog's thread."""
        self.looked = self._clock.now()
        self.looks += 1
        self.in_long_step = False
        for sampled in [s for s in self.watched if runs(s.view.loop)]:
            view = sampled.view
            # Both at once: where a call in C kept the GIL, we have it only for this.
            step, frame = view.last, current_frames().get(view.thread)
            over = sampled.over == step
            now, worked = self._clock.now(), self._worked(sampled)
            stack = None
            if not over and now - step >= self._interval:
                # A step that ends meanwhile waits for its sample, see `Watch`.
                with sampled.looking:
                    stack = capture(frame, self.codes, outside_of(view.greenlet))
                    if stack is None:
                        stack = self._in_turn(sampled, step, frame)
                    # From here on the GIL may be given up. Should the function return
                    # then, this thread must not be the last to let go of its frame.
                    frame = None
                    self._sample(sampled, step, now, stack, worked)
            if stack is not None:
                self.in_long_step = True
                self._stack_seen(stack)
            elif not over and self._is_time_for_tick(sampled):
                # In a short step, or polling.
                sampled.ticks.append(self._tick_from_here(view))
                del sampled.ticks[:-_MOST_TICKS]
            frame = None

    def _in_turn(
        self, sampled: Sampled, step: float, frame: FrameType | None
    ) -> RawStack | None:
        """Take the stack of a loop's own turn, where it is at work in that."""
        around = turn_around(sampled.view, frame)
        if around is None:
            return None
        sampled.turn = step
        return capture(frame, frozenset({around}))

    def forget_closed(self) -> set[int]:
        """Look no more at loops that are closed; give the threads of the others."""
        for sampled in [s for s in self.watched if is_closed(s.view.loop)]:
            with suppress(ValueError):  # all were forgotten in this moment
                self.watched.remove(sampled)
        return {sampled.view.native for sampled in self.watched}

    def any_runs(self) -> bool:
        """Tell whether a loop runs."""
        return any(runs(sampled.view.loop) for sampled in self.watched)

    def is_time_for_accounts(self) -> bool:
        """Tell whether this is one of the looks at which all accounts are read."""
        return self.looks % _LOOKS_PER_TICK == 0

    def _is_time_for_tick(self, sampled: Sampled) -> bool:
        # The first few come quickly, since nothing is known of the loop before. One is
        # due after each idle time, too: nothing is known of the thread in between.
        return (
            len(sampled.ticks) < _FIRST_TICKS
            or self.is_time_for_accounts()
            or self._lateness.rest is None
        )

    def _sample(
        self,
        sampled: Sampled,
        step: float,
        now: float,
        stack: RawStack | None,
        worked: float | None,
    ) -> None:
        view = sampled.view
        # No stack: the loop is polling. Another step: this one is over already.
        if stack is None or view.last != step:
            return
        first = sampled.step != step
        if first:
            sampled.samples = []
            sampled.step = step
            sampled.queue_then = view.queued()
        if len(sampled.samples) >= _MOST_SAMPLES:
            return
        turn = self._lateness.turn
        if first or not self._is_at_work(sampled, now):
            place = len(sampled.samples)
            sampled.samples.append((now, stack, None, turn, worked))
            began = self._lateness.goes_on()
            wait = self._kernel.waits_for(view.native) if self._kernel else None
            if sampled.over == step:  # it has ended, so that is our lock it waits for
                wait = None
            sampled.samples[place] = (now, stack, wait, turn, worked)
            waiting = began if wait is not None else None
            tick = self._tick_from_here(view, waiting)
            sampled.ticks.append(tick)
            # In a step, since of a poll it is known at its end how long it waited.
            sampled.lost = sampled.lost_by(tick)
        else:
            sampled.samples.append((now, stack, None, turn, worked))

    def _worked(self, sampled: Sampled) -> float | None:
        """Tell for how long a loop's thread has worked since the look before."""
        native, before = sampled.view.native, sampled.account
        working = self._kernel.working(native) if self._kernel is not None else None
        sampled.account = None if working is None else (native, working)
        if working is None or before is None or before[0] != native:
            return None
        return working - before[1]

    def _is_at_work(self, sampled: Sampled, now: float) -> bool:
        before, account = sampled.ticks[-1], sampled.account
        if account is None or before.account.working is None:
            return True
        return account[1] - before.account.working >= _AT_WORK * (now - before.at)

    def _tick_from_here(
        self, view: LoopView, waiting: RealSeconds | None = None
    ) -> Tick:
        self._lateness.goes_on()
        return self.tick(view, self._lateness.goes_on, waiting=waiting)

    def tick(
        self,
        view: LoopView,
        now: Callable[[], float] | None = None,
        *,
        waiting: RealSeconds | None = None,
    ) -> Tick:
        """Read the account of a loop's thread; in that thread or the watchdog's.

        Args:
            view: of the loop.
            now: reads the clock, where the watchdog is to take down more with that.
            waiting: when the thread was just seen to wait for something of the
                user's, where it was.
        """
        since, polled = view.last, view.polled
        account = self._clock.processor(view.thread, view.native, waiting)
        in_gil = self._kernel.in_gil(view.native) if self._kernel else None
        at = (now or self._clock.now)()
        return Tick(
            at=at,
            account=account,
            steps=view.steps,
            looks=self.looks,
            process=self._kernel.working() if self._kernel else None,
            late=self._lateness.kept_out,
            waiting=waiting is not None,
            ours=self._own_cost.of(view.thread),
            cost=self._cost_by(at),
            in_gil=in_gil,
            polled=polled,
            since=since,
        )

    def stack_of(self, view: LoopView) -> RawStack | None:
        """Take the stack of the step that is in progress on a loop."""
        frame = current_frames().get(view.thread)
        stack = capture(frame, self.codes, outside_of(view.greenlet))
        if stack is not None:
            self._stack_seen(stack)
        return stack
