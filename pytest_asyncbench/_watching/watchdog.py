"""A thread that looks at a loop's thread while one of its steps lasts.

It answers what the loop's own thread cannot: what stood on its stack in the middle
of a long step, and that a budget is over while nothing gives the loop a chance to
notice. It knows no policy; it takes samples and keeps deadlines.

A C call that holds the GIL keeps this thread from running, too. It then waits for
the GIL, is given it at the very moment that the call returns, and finds the frame
still standing on the guilty line.
"""

from __future__ import annotations

import _thread
import math
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import CodeType

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import (
    Gap,
    Kernel,
    Lock,
    RawStack,
    Rest,
    Tick,
    acquire,
    asked,
    capture,
    current_frames,
    held_lock,
    is_debugged,
    is_late,
    stood,
)
from pytest_asyncbench._watching.forks import GoOn, make_way_for_forks
from pytest_asyncbench._watching.sampling import Sampled
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.undo import Undo

__all__ = ["Watchdog"]

_MOST_SAMPLES = 400
_MOST_TICKS = 64
_MOST_GAPS = 64
_PATIENCE = 0.1
"""How long a long step that is over waits for an overdue watchdog, in seconds."""
_TURN = 0.0005
"""How long a loop that gives way waits for an overdue watchdog, in seconds."""
_MOST_TURNS = 100
"""So many turns later a fork does not wait for the system any more."""
_PUNCTUAL = 0.003
"""Who is later than this for no other reason may have stood in the run queue."""
_LOOKS_PER_TICK = 4
_FIRST_TICKS = 4
_FOREVER = -1
"""A wait without an end, as `threading` has it."""
_TO_END = 5.0
"""How long the end of a test waits for the watchdog's, in seconds: a look may have to
wait for the test's own code, and that for the loop."""
_MOST_FAILURES = 10
_TURNS_PER_LOOK = 2
"""How often a thread at work loses the processor to one that looks at it."""
_AT_WORK = 0.8
"""Who works for this part of the time waits for nothing that is worth finding."""

_FAULTS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV")
_SIGNALS = signal.valid_signals() - {getattr(signal, name, 0) for name in _FAULTS}
"""What must never reach the watchdog's thread; its own faults are no signals to wait
for, and whoever dumps the stacks at one is to see them."""

# Held here, so that no rule takes this for a look of the test's at a file.
_is_open_to = os.access

_block_signals = getattr(signal, "pthread_sigmask", None)  # not on Windows

OnDeadline = Callable[[RawStack | None], float]
"""Called in the watchdog's thread with the stack of the step that is in progress;
returns the seconds after which to call again, or 0 for never."""


class _Deadline:
    __slots__ = ("at", "call", "view")

    def __init__(self, at: float, view: LoopView, call: OnDeadline) -> None:
        self.at = at
        self.view = view
        self.call = call


class Watchdog:
    """Sample the steps that last longer than `interval`, and keep deadlines.

    To wake costs the loop more than to look, because the GIL changes hands twice. So
    while steps are short it wakes at half the pace, and reads the operating system's
    account of the thread at every fourth time.

    Each reading of a file gives up the GIL, too. So within a long step the account is
    read, and what the thread waits for, only while it does not work.

    While no loop runs it sleeps until one does, or a deadline is set.
    """

    def __init__(
        self, clock: Clock, interval: float, kernel: Kernel | None = None
    ) -> None:
        self._clock = clock
        self._kernel = kernel
        self._interval = interval
        self._sampled: list[Sampled] = []
        self._by_view: dict[LoopView, Sampled] = {}
        self._held: dict[int, Undo] = {}
        """The threads whose accounts are kept at hand."""
        self._codes: frozenset[CodeType] = frozenset()
        self._deadlines: list[_Deadline] = []
        self._ended: Lock | None = None
        """Released at the end of its thread; None while it has none."""
        self._forget_forks: Undo | None = None
        self._own: tuple[int, int] | None = None
        """What Python and the system call its thread."""
        self._looks = 0
        self._looked = clock.now()
        self._in_long_step = False
        self._rest: Rest | None = None
        """Its last sleep, until it has looked after that."""
        self._idle = False
        """Whether it sleeps until a loop runs."""
        self._turns = 0
        """How often it has woken and looked."""
        self._awaited: list[Lock] = []
        """Released after the next look, for loops that wait for it."""
        self._starved: float | None = 0.0
        """Its own time in the run queue as it was read last; it begins at 0."""
        self._late = 0.0
        """For how long it has been kept from the interpreter so far."""
        self._gaps: list[Gap] = []
        self._bell = held_lock()
        """Released to wake it up."""
        self._turning = _thread.allocate_lock()
        self._over = False
        self.debugged = False
        """Whether a debugger has stood in a step at any look, or is known to have."""
        self.failures: list[str] = []

    def watch(self, view: LoopView, codes: frozenset[CodeType]) -> None:
        """Begin to look at a loop; the thread starts with the first one."""
        self._codes = codes
        sampled = self.sampled(view)
        self._take_account(sampled)
        view.give_way = self._give_way
        view.moved = partial(self._take_account, sampled)
        self._sampled.append(sampled)
        self._begin()
        if self._idle:
            self._ring()

    def sampled(self, view: LoopView) -> Sampled:
        """Give what was sampled of a loop; nothing where it is not watched."""
        return self._by_view.setdefault(view, Sampled(view))

    def _take_account(self, sampled: Sampled) -> None:
        """Begin the account of the thread that runs a loop; called in that thread."""
        with self._turning:
            if not self._over:
                self._hold(sampled.view.native)
        sampled.ticks = [self.tick(sampled.view)]

    def _hold(self, native: int) -> None:
        if native not in self._held:
            self._held[native] = self._clock.hold(native)

    def _begin(self) -> None:
        # Loops of several threads may be met at once, and while the test ends.
        with self._turning:
            if self._over or self._ended is not None:
                return
            started, ended = held_lock(), held_lock()
            # Not threading's: code that counts its threads must not see ours. And
            # code that made the stacks of its own ones small did not mean ours.
            size = _thread.stack_size(0)
            try:
                _thread.start_new_thread(self._run_until_stopped, (started, ended))
            except RuntimeError as error:  # the loop that is met must not end by it
                self.failures.append(f"watchdog: {error!r}")
                return
            finally:
                _thread.stack_size(size)
            self._ended = ended
            if self._forget_forks is None:
                self._forget_forks = make_way_for_forks(self._make_way)
            # From the first step on it is known since when the watchdog is due.
            acquire(started)

    def stop(self) -> None:
        """End the thread and wait for it, for good: a loop met later starts none."""
        forget, self._forget_forks = self._forget_forks, None
        if forget is not None:
            forget()
        with self._turning:
            if not self._has_ended():
                self.failures.append("watchdog: its last look does not end")
            while self._held:
                self._held.popitem()[1]()

    def _has_ended(self) -> bool:
        self._over = True
        if self._ended is None:
            return True
        self._ring()
        if not acquire(self._ended, True, _TO_END):
            return False
        self._ended = None
        return True

    def _make_way(self) -> GoOn:
        """End the thread, and let none begin until the process has forked."""
        acquire(self._turning)
        over, runs = self._over, self._ended is not None
        try:
            made_way = not over and runs and self._has_ended()
            if made_way:
                self._let_in(math.inf)  # nobody comes for a while
                self._see_off()
        except BaseException:  # an interrupt; nobody would go on, and `stop` wait
            self._over = over
            self._turning.release()
            raise

        def go_on(in_child: bool) -> None:
            # The child's loops are copies; to wake them would wake the parent's.
            self._over = over or in_child
            if in_child:
                self._ended = None
            self._turning.release()
            if made_way:
                self._begin()

        return go_on

    def _see_off(self) -> None:
        """Wait until the system has let the thread go, and let go of its account."""
        if self._own is None:
            return
        native = self._own[1]
        if native in self._held:
            self._held.pop(native)()
        there = f"/proc/self/task/{native}"  # on Linux
        for _ in range(_MOST_TURNS):
            if not _is_open_to(there, os.F_OK):
                break
            acquire(held_lock(), True, _TURN)
        self._own, self._starved = None, 0.0  # where the next one's begins

    def _ring(self) -> None:
        self._idle = False
        with suppress(RuntimeError):  # it has been rung already
            self._bell.release()

    def expect(self, at: float, view: LoopView, on_deadline: OnDeadline) -> Undo:
        """Call `on_deadline` when the clock reads `at`, unless undone before."""
        deadline = _Deadline(at, view, on_deadline)
        self._deadlines.append(deadline)
        self._begin()  # a loop whose steps can't be seen has not done so
        if self._idle:
            self._ring()

        def undo() -> None:
            if deadline in self._deadlines:
                self._deadlines.remove(deadline)

        return undo

    def _run_until_stopped(self, started: Lock, ended: Lock) -> None:
        try:
            # A signal that the test has blocked, to wait for it, would be delivered to
            # a thread that has not, and end the process.
            if _block_signals is not None:
                _block_signals(signal.SIG_BLOCK, _SIGNALS)
            self._own = _thread.get_ident(), _thread.get_native_id()
        finally:
            started.release()
        try:
            self._run()
            self._keep_deadlines_blindly()
        finally:
            ended.release()

    def _run(self) -> None:
        # A raw lock, because waiting on it reads no clock that could be replaced
        # and goes through no function that a rule could have wrapped.
        while not self._over and len(self.failures) <= _MOST_FAILURES:
            try:
                acquire(self._bell, True, self._sleep())
                if self._over:
                    return
                self._wake()
                self._look()
                if not self._next():
                    self._look()
                self._note()
            except Exception as error:
                self.failures.append(f"watchdog: {error!r}")
            finally:
                self._rest = None
                self._turns += 1
                awaited, self._awaited = self._awaited, []
                for looked in awaited:
                    looked.release()

    def _keep_deadlines_blindly(self) -> None:
        """Where each look fails, do without: a test must not hang because of that."""
        self._idle = False
        self._let_in(math.inf)
        while not self._over:
            acquire(self._bell, True, 2 * self._interval)
            with suppress(Exception):
                self._keep_deadlines(looking=False)

    def _sleep(self) -> float:
        if not self._deadlines and self._falls_idle():
            return _FOREVER
        pause = self._next()
        due = self._clock.now() + pause
        switches = self._kernel.switches() if self._kernel is not None else None
        self._rest = Rest(due, switches, self._starved)
        self._let_in(due)
        return pause

    def _falls_idle(self) -> bool:
        # In this order: a loop that begins to run in between rings when it polls.
        self._idle = True
        self._let_in(-math.inf)
        runs = any(each.view.loop.is_running() for each in self._sampled)
        self._idle = not runs and not self._deadlines
        return self._idle

    def _let_in(self, due: float) -> None:
        """Have each loop give way that ends a step later than this."""
        for sampled in self._sampled:
            sampled.view.due = due

    def _give_way(self) -> None:
        """Let an overdue watchdog look; called in a loop's thread, between two steps.

        A loop that never rests gives up the GIL at each poll, and takes it back before
        a thread that this wakes can run. Nor does the thread ask for it, as one does
        that slept for long enough. To be woken at every turn in vain costs the loop
        more than all of its steps.
        """
        if self._idle:
            self._let_in(self._clock.now() + _TURN)  # it may come by itself
            self._ring()
        elif not self._has_looked(self._turns, _TURN):
            self._let_in(math.inf)  # it has no processor, either

    def _has_looked(self, turns: int, patience: float) -> bool:
        """Wait in a loop's thread for the next look after so many turns."""
        looked = held_lock()
        self._awaited.append(looked)
        # It may be over by now, and would not release this before the next one.
        return self._turns != turns or acquire(looked, True, patience)

    def _wake(self) -> None:
        # Reads no file: to look comes first, while the GIL is still ours.
        if self._rest is not None and self._kernel is not None:
            now, switches = self._clock.now(), self._kernel.switches()
            # To each turn at asking for the GIL one in the run queue, where it is busy.
            turn = 2 * self._kernel.turn()
            self._late += asked(self._rest, now, switches, turn)

    def _note(self) -> None:
        rest, kernel = self._rest, self._kernel
        if rest is None or kernel is None:
            return
        now, switches, turn = self._clock.now(), kernel.switches(), kernel.turn()
        unexplained = now - rest.due - asked(rest, now, switches, turn)
        if unexplained > _PUNCTUAL or self._looks % _LOOKS_PER_TICK == 0:
            self._starved = self._in_queue()
            now, switches = self._clock.now(), kernel.switches()
        if is_late(rest, now):
            gap = stood(rest, now, switches, self._starved, turn)
            self._gaps = [*self._gaps[-_MOST_GAPS:], gap]

    def _in_queue(self) -> float | None:
        if self._own is None:
            return None
        self._hold(self._own[1])  # not before it first slept, and may have been late
        return self._clock.processor(*self._own).starved

    def gaps(self, now: float) -> list[Gap]:
        """Tell when it should have run and nothing did; called in a loop's thread.

        A loop may go on before the watchdog does, and only who runs has a true account
        of the run queue. So one that is overdue is given a little time to come.
        """
        turns, rest = self._turns, self._rest
        if self._kernel is not None and rest is not None and is_late(rest, now):
            self._has_looked(turns, _PATIENCE)
        return self._gaps

    def _next(self) -> float:
        # From look to look: a call may have begun while an account was read, and have
        # kept the GIL since. Then it is looked at before the GIL is given up.
        pause = self._interval if self._in_long_step else 2 * self._interval
        due = [
            self._looked + pause,
            *(deadline.at for deadline in list(self._deadlines)),
        ]
        return max(0.0, min(due) - self._clock.now())

    def _look(self) -> None:
        self._looked = self._clock.now()
        self._looks += 1
        self._in_long_step = False
        self._forget_closed()
        for sampled in [s for s in self._sampled if s.view.loop.is_running()]:
            view = sampled.view
            # Taken together: where a C call kept the GIL, it is ours only for this.
            step, frame = view.last, current_frames().get(view.thread)
            over = sampled.over == step
            now = self._clock.now()
            stack = None
            if not over and now - step >= self._interval:
                # A step that ends meanwhile waits for its sample, see `Watch`.
                with sampled.looking:
                    stack = capture(frame, self._codes)
                    # What it keeps must not end in this thread, should its function
                    # return while the GIL is given up from here on.
                    frame = None
                    self._sample(sampled, step, now, stack)
            if stack is not None:
                self._in_long_step = True
                self._look_for_debugger(stack)
            elif self._is_time_for_tick(sampled):  # in a short step, or polling
                sampled.ticks.append(self.tick(view))
                del sampled.ticks[:-_MOST_TICKS]
            frame = None
        self._keep_deadlines()

    def _look_for_debugger(self, stack: RawStack) -> None:
        if not self.debugged and is_debugged(stack):
            self.debugged = True

    def _forget_closed(self) -> None:
        for sampled in [s for s in self._sampled if s.view.loop.is_closed()]:
            self._sampled.remove(sampled)
        known = {sampled.view.native for sampled in self._sampled}
        if self._own is not None:
            known.add(self._own[1])
        for native in list(self._held):
            if native not in known:
                self._held.pop(native)()

    def _is_time_for_tick(self, sampled: Sampled) -> bool:
        # The first few come quickly: before them nothing is known of the loop. Nor is
        # it known what its thread did while it did not run.
        return (
            len(sampled.ticks) < _FIRST_TICKS
            or self._looks % _LOOKS_PER_TICK == 0
            or self._rest is None
        )

    def _sample(
        self, sampled: Sampled, step: float, now: float, stack: RawStack | None
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
        if first or not self._is_at_work(sampled, now):
            place = len(sampled.samples)
            sampled.samples.append((now, stack, None))
            wait = self._kernel.waits_for(view.native) if self._kernel else None
            if sampled.over == step:  # it waits for this sample to be done
                wait = None
            sampled.samples[place] = (now, stack, wait)
            sampled.ticks.append(self.tick(view, waiting=wait is not None))
        else:
            sampled.samples.append((now, stack, None))

    def _is_at_work(self, sampled: Sampled, now: float) -> bool:
        before, native = sampled.ticks[-1], sampled.view.native
        worked = self._kernel.working(native) if self._kernel else None
        if worked is None or before.account.working is None:
            return True
        return worked - before.account.working >= _AT_WORK * (now - before.at)

    def tick(self, view: LoopView, *, waiting: bool = False) -> Tick:
        """Read the account of a loop's thread."""
        account = self._clock.processor(view.thread, view.native)
        return Tick(
            at=self._clock.now(),
            account=account,
            excused=view.steps + _TURNS_PER_LOOK * self._looks,
            process=self._kernel.working() if self._kernel else None,
            late=self._late,
            waiting=waiting,
        )

    def _keep_deadlines(self, *, looking: bool = True) -> None:
        now = self._clock.now()
        for deadline in list(self._deadlines):
            if now < deadline.at:
                continue
            stack = self._stack_of(deadline.view) if looking else None
            again = deadline.call(stack)
            deadline.at = now + again if again > 0 else float("inf")

    def _stack_of(self, view: LoopView) -> RawStack | None:
        stack = capture(current_frames().get(view.thread), self._codes)
        if stack is not None:
            self._look_for_debugger(stack)
        return stack
