"""A thread that looks at a loop's thread while one of its steps lasts.

It answers what the loop's own thread cannot: what stood on its stack in the middle
of a long step, and that a budget is over while nothing gives the loop a chance to
notice. It knows no policy; it takes samples and keeps deadlines.

A C call that holds the GIL keeps this thread from running, too. It then waits for
the GIL, is given it at the very moment that the call returns, and finds the frame
still standing on the guilty line.

Here it is decided when to sleep, to look and to end. How, is known by the thread, the
sampling, the lateness and the deadlines, each by itself.
"""

from __future__ import annotations

import _thread
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import CodeType

from pytest_asyncbench._loops import LoopView, runs
from pytest_asyncbench._python import (
    Cost,
    Gap,
    Kernel,
    RawStack,
    Tick,
    acquire,
    has_gil,
    is_debugged,
    lacked_processor,
    switch_interval,
)
from pytest_asyncbench._watching.accounts import Accounts
from pytest_asyncbench._watching.deadlines import Deadlines, OnDeadline
from pytest_asyncbench._watching.keepers import Keepers, Look
from pytest_asyncbench._watching.lateness import Lateness
from pytest_asyncbench._watching.own_cost import OwnCost
from pytest_asyncbench._watching.rounds import Rounds
from pytest_asyncbench._watching.sampling import Sampled, Sampler
from pytest_asyncbench._watching.thread import TO_END, OwnThread
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo

__all__ = ["Watchdog"]

_OVERDUE_TIMEOUT = 0.1
"""How long a long step that is over waits for an overdue watchdog, in seconds."""
_WITNESS_TIMEOUT = 1.0
"""The same for the end of a test whose loop was kept waiting."""
_GIVE_WAY_TIMEOUT = 0.0005
"""How long a loop that gives way waits for an overdue watchdog, in seconds."""
_FOREVER = -1
"""A wait without an end, as `threading` has it."""
_MOST_FAILURES = 10

OnTurn = Callable[[LoopView, Look], None]


class Watchdog:
    """Sample the steps that last longer than `interval`, and keep deadlines.

    To wake costs the loop more than to look, because the GIL changes hands twice. So
    while steps are short it wakes at half the pace. While no loop runs it sleeps until
    one does, or a deadline is set; but not as long as one was met since its last look.
    Of small tests each has a loop, and would have to wake it.
    """

    def __init__(
        self, clock: Clock, interval: float, kernel: Kernel | None = None
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._kernel = kernel
        self.failures: list[str] = []
        """Added to by any thread."""
        self.debugged = False
        """Whether a debugger has stood in a step at any look, or is known to have.

        Written by the watchdog's thread, and by who knows of a debugger or has done
        with one.
        """
        self.own_cost = OwnCost(clock)
        """What our own code took of the threads that run loops."""
        self._thread = OwnThread(self._work, self._left, self.failures)
        self._accounts = Accounts(clock)
        self._lateness = Lateness(clock, kernel, self._in_queue)
        self._sampler = Sampler(
            clock,
            interval,
            kernel,
            self._lateness,
            self._look_for_debugger,
            self.cost_by,
            self.own_cost,
        )
        self.keepers: Keepers | None = None
        """Who finds out which thread kept us out; None where nobody wants to know."""
        self.turned: OnTurn = _forget
        """Called in a loop's thread that had its turn too late."""
        self.own_turn: Callable[[LoopView], None] = _ignore
        """Called in a loop's thread before it polls, where its own turn was long."""
        self._deadlines = Deadlines()
        self._rounds = Rounds()
        self._looking = _thread.allocate_lock()
        """Held by its thread while it looks."""
        self._has_looked = False
        """Whether it has looked since it woke. Written by its thread."""
        self._due = math.inf
        """When loops are to give way, as it was last told them.

        Written with the loops' own, and as they are.
        """
        self._has_met = False
        """Whether a loop was met since it last went to sleep; another may be soon.

        Written by the threads of loops, and by the watchdog's: each value is good by
        itself.
        """

    @property
    def is_over(self) -> bool:
        """Whether it looks no more: it was ended, or this is the child of a fork."""
        return self._thread.over

    # ---------------------------------------------- called from other threads

    def look_at(self, view: LoopView, codes: frozenset[CodeType]) -> None:
        """Look at a loop from now on; the thread starts with the first one."""
        self._sampler.codes = codes
        if self.keepers is not None:
            self.keepers.codes = codes
        sampled = self.sampled(view)
        view.give_way = partial(self._before_poll, sampled)
        view.settle = partial(self._after_poll, sampled)
        view.moved = partial(self._take_account, sampled)
        view.slept = partial(self._slept, view)
        self._begin()
        # It may have slept since before the loop was there.
        self._await_overdue(self._clock.now(), _OVERDUE_TIMEOUT)
        view.due = self._due
        # Before its account is held: our thread lets go of those of all others.
        self._sampler.watched.append(sampled)
        # After we were waited for: why the next poll is late has nothing to do with it.
        self._take_account(sampled)
        self._has_met = True
        if self._thread.idle:
            self._thread.ring()

    def sampled(self, view: LoopView) -> Sampled:
        """Give what was sampled of a loop; nothing where it is not looked at."""
        return self._sampler.sampled(view)

    def forget(self, view: LoopView) -> None:
        """Drop what was sampled of a loop that is closed."""
        self._sampler.forget(view)

    def rest(self) -> bool:
        """Forget all loops and deadlines, so that it does nothing until it has others.

        Returns:
            Whether it rests; not where a look that it has begun does not end.
        """
        if not acquire(self._looking, True, TO_END):
            return False
        self._sampler.forget_all()
        self._deadlines.forget_all()
        self._looking.release()
        return True

    def settle(self, view: LoopView) -> Tick:
        """Read the account of a loop's thread, in that thread and between two steps.

        What it has lost by then is known for good.
        """
        tick = self._sampler.tick(view)
        sampled = self.sampled(view)
        sampled.lost = sampled.lost_by(tick)
        return tick

    def cost_by(self, now: float) -> Cost:
        """Tell for how long others may have waited for it by now, from any thread."""
        own, kernel = self._thread.ids, self._kernel
        if own is None or kernel is None or own[0] == _thread.get_ident():
            return self._lateness.known[0]
        return self._lateness.cost_by(now, partial(kernel.waited, own[1]))

    def in_gil(self, native: int) -> float | None:
        """Tell for how long a thread may have waited for the interpreter so far."""
        return None if self._kernel is None else self._kernel.in_gil(native)

    def kept_out(self) -> float:
        """Tell for how long it has been kept from the interpreter so far."""
        return self._lateness.kept_out

    def known_gaps(self) -> list[Gap]:
        """Tell when it should have run and nothing did, as far as is known by now."""
        return self._lateness.gaps

    def gaps(self, now: float) -> list[Gap]:
        """Tell when it should have run and nothing did; called in a loop's thread.

        A loop may go on before the watchdog does, and only who runs has a true account
        of the run queue. So one that is overdue is given a little time to come.
        """
        self._await_overdue(now, _OVERDUE_TIMEOUT)
        return self._lateness.gaps

    def let_come(self, now: float) -> None:
        """Wait for it where it is overdue, so that it tells who has kept it."""
        self._await_overdue(now, _WITNESS_TIMEOUT)

    def _await_overdue(self, now: float, timeout: float) -> None:
        rounds = self._rounds.count
        if self._lateness.is_overdue(now):
            with self.own_cost.counted():
                self._rounds.wait(rounds, timeout)

    def expect(
        self, at: RealSeconds, view: LoopView | None, on_deadline: OnDeadline
    ) -> Undo:
        """Call `on_deadline` when the clock reads `at`, unless undone before."""
        undo = self._deadlines.add(at, view, on_deadline)
        self._begin()  # a loop whose steps can't be seen has not done so
        rest = self._lateness.rest
        if self._thread.idle or rest is None or at < rest.due:
            self._thread.ring()
        return undo

    def _begin(self) -> None:
        if not self._thread.has_begun:
            with self.own_cost.counted():
                self._thread.begin()

    def stack_of(self, view: LoopView) -> RawStack | None:
        """Take the stack of the step that is in progress; in a deadline's call only."""
        return self._sampler.stack_of(view)

    def stop(self) -> None:
        """End the thread and wait for it, for good: a loop met later starts none."""
        self._thread.end(self._accounts.let_go_of_all)

    def _take_account(self, sampled: Sampled) -> None:
        """Begin the account of the thread that runs a loop; called in that thread."""
        native = sampled.view.native
        if not self._accounts.holds(native):
            # Each file that is opened gives up the GIL, for as long as others keep it.
            with self.own_cost.counted(), self._thread.changing:
                if not self._thread.over:
                    self._accounts.hold(native)
        tick = self._sampler.tick(sampled.view)
        sampled.ticks = [tick]
        sampled.lost = sampled.lost_anew(tick)

    def _after_poll(self, sampled: Sampled) -> None:
        """Settle what a late poll lost: it can excuse nothing of the next step."""
        try:
            if self._has_lost_nothing(sampled):
                # The loop was not run, or its own turn was long.
                sampled.view.late = sampled.late
                return
            # First, since whoever kept us out stands there still.
            look = self._look_at_others(sampled)
            ticks, tick = [*sampled.ticks], self.settle(sampled.view)
            sampled.ticks.append(tick)
            if look is None:
                return
            due = look.at - look.late
            if not lacked_processor(ticks, due, tick, switch_interval()):
                self.turned(sampled.view, look)
        except Exception as error:  # nothing of ours may reach the loop
            self.failures.append(f"watchdog: {error_of_ours(error)}")

    def _slept(self, view: LoopView, seconds: float, until: float) -> None:
        self._clock.slept(view.native, seconds, until)

    def _has_lost_nothing(self, sampled: Sampled) -> bool:
        """Tell whether a loop's thread has worked or polled since its last account.

        The processor time is read without giving up the GIL, and costs a tenth of the
        whole account.
        """
        view, lost, kernel = sampled.view, sampled.lost, self._kernel
        if lost is None or kernel is None:
            return False
        working = kernel.working(view.native)
        return lost.is_all_by(self._clock.now(), working, view.polled)

    def _look_at_others(self, sampled: Sampled) -> Look | None:
        view = sampled.view
        late, sampled.late = view.late - sampled.late, view.late
        if self.keepers is None or late < self.keepers.interval:
            return None
        with self.own_cost.counted():
            is_long = late >= self.keepers.least
            look = self.keepers.look(view.thread, late) if is_long else None
            if not view.blind:
                began, loops = view.last - late, self.loops_threads()
                self.keepers.crowds.came_late(began, view.last, loops)
            return look

    def loops_threads(self) -> set[int]:
        """Name the threads that run a loop now."""
        watched = (sampled.view for sampled in [*self._sampler.watched])
        return {view.thread for view in watched if runs(view.loop)}

    def _before_poll(self, sampled: Sampled) -> None:
        """Do what a loop was asked to call before it polls next; in its thread."""
        if sampled.turn == sampled.view.last:
            self.own_turn(sampled.view)
        else:
            self._give_way()

    def _give_way(self) -> None:
        """Let an overdue watchdog look; called in a loop's thread, between two steps.

        A loop that never rests gives up the GIL at each poll, and takes it back before
        a thread that this wakes can run. Nor does the thread ask for it, as one does
        that slept for long enough. To be woken at every poll in vain costs the loop
        more than all of its steps.
        """
        if self._thread.idle:
            # It may come by itself.
            self._let_in_by(self._clock.now() + _GIVE_WAY_TIMEOUT)
            self._thread.ring()
        elif not self._rounds.wait(self._rounds.count, _GIVE_WAY_TIMEOUT):
            self._let_in(math.inf)  # it has no processor, either

    def _let_in_by(self, due: float) -> None:
        """Have loops give way from then on, if we could not run beside them."""
        self._let_in(due if has_gil() else math.inf)

    def _let_in(self, due: float) -> None:
        """Have each loop give way that ends a step later than this.

        One that was met in its own turn calls before it polls, since it knows by itself
        of no time that is in no step.
        """
        self._due = due
        for sampled in self._sampler.watched:
            view = sampled.view
            view.due = -math.inf if sampled.turn == view.last else due

    def _left(self) -> None:
        """Be without a thread for the time of a fork; called in the one that forks."""
        self._let_in(math.inf)  # nobody comes for a while
        if self._thread.ids is not None:
            self._accounts.let_go(self._thread.ids[1])
            self._lateness.begin_anew()

    # ---------------------------------------------------- in its own thread

    def _work(self) -> None:
        self._run()
        self._lateness.leaves()
        self._keep_deadlines_blindly()

    def _run(self) -> None:
        # A raw lock, because waiting on it reads no clock that could be replaced
        # and goes through no function that a rule could have wrapped.
        thread = self._thread
        while not thread.over and len(self.failures) <= _MOST_FAILURES:
            try:
                acquire(thread.bell, True, self._sleep())
                if thread.over:
                    return
                with self._looking:
                    self._round()
            except Exception as error:
                self.failures.append(f"watchdog: {error_of_ours(error)}")
            finally:
                self._lateness.rest = None
                self._rounds.end()

    def _round(self) -> None:
        self._has_looked = False
        kept_out = self._lateness.woke()
        if self.keepers is not None:
            self.keepers.woke(kept_out)
        self._look()
        self.look_if_due()
        thoroughly = self._sampler.is_time_for_accounts()
        self._lateness.explain(thoroughly=thoroughly)
        if self.keepers is not None:
            self.keepers.woke(self._lateness.kept_out_since())

    def _keep_deadlines_blindly(self) -> None:
        """Where each look fails, do without: a test must not hang because of that."""
        self._thread.idle = False
        self._let_in(math.inf)
        while not self._thread.over:
            acquire(self._thread.bell, True, 2 * self._interval)
            with suppress(Exception):
                self._deadlines.keep(self._clock.now(), lambda view: None)

    def _sleep(self) -> float:
        """Prepare to sleep; give for how many seconds."""
        has_met, self._has_met = self._has_met, False
        if not (has_met or self._deadlines) and self._falls_idle():
            self._lateness.leaves()
            return _FOREVER
        if self.keepers is not None:
            self.keepers.rests()
        pause = self._next()
        due = self._clock.now() + pause
        self._let_in_by(due)
        self._lateness.rests_until(due)
        return pause

    def _falls_idle(self) -> bool:
        # In this order: a loop that begins to run in between rings when it polls.
        self._thread.idle = True
        self._let_in(-math.inf)
        self._thread.idle = not self._sampler.any_runs() and not self._deadlines
        return self._thread.idle

    def _next(self) -> float:
        """Tell in how many seconds to look again."""
        # From look to look: a call may have begun while an account was read, and have
        # kept the GIL since. Then it is looked at before the GIL is given up.
        sampler = self._sampler
        pause = self._interval if sampler.in_long_step else 2 * self._interval
        due = [sampler.looked + pause, *self._deadlines.moments()]
        return max(0.0, min(due) - self._clock.now())

    def look_if_due(self) -> None:
        """Look once more where that is due by now; in its own thread.

        To be called before it gives up the interpreter for something else than to
        sleep, and after it.
        """
        if not self._next():
            if self._has_looked:
                self._lateness.looks_again()
            self._look()

    def _look(self) -> None:
        self._has_looked = True
        self._forget_closed()
        self._sampler.look()
        self._deadlines.keep(self._clock.now(), self._sampler.stack_of)

    def _forget_closed(self) -> None:
        known = self._sampler.forget_closed()
        if self._thread.ids is not None:
            known.add(self._thread.ids[1])
        self._accounts.keep_only(known)

    def _look_for_debugger(self, stack: RawStack) -> None:
        if not self.debugged and is_debugged(stack):
            self.debugged = True

    def _in_queue(self) -> float | None:
        """Read for how long this thread has stood in the run queue so far."""
        own = self._thread.ids
        if own is None:
            return None
        self._accounts.hold(own[1])  # not before it first slept, and may have been late
        return self._clock.processor(*own).starved


def _ignore(view: LoopView) -> None:
    """Ignore that a loop's own turn was long: nobody wants to know."""


def _forget(view: LoopView, look: Look) -> None:
    """Forget that a loop had its turn too late: nobody wants to know."""
