"""The watchdog: samples of a long step, deadlines, and whose time it was."""

from __future__ import annotations

import _thread
import asyncio
import ctypes
import math
import os
import re
import signal
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from by_hand import A_WHILE, HandLoop, run_in, until

from pytest_asyncbench._loops.view import LoopView
from pytest_asyncbench._python.gil import has_gil
from pytest_asyncbench._python.kernel import Kernel
from pytest_asyncbench._watching import sampling as sampling_module
from pytest_asyncbench._watching import thread as thread_module
from pytest_asyncbench._watching import watchdog as watchdog_module
from pytest_asyncbench._watching.deadlines import Deadlines
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.seen import Wait
from pytest_asyncbench.testing import ManualClock

# ---------------------------------------------------------------- samples


def test_a_long_step_is_sampled_where_it_stands():
    """While it lasts, from the other thread."""
    clock = ManualClock()
    watch = Watch(clock, threshold=0.1)
    watch.start()

    def stand_here():
        clock.wait(0.5)
        view = next(iter(watch._probe.views))
        until(lambda: len(watch.watchdog.sampled(view).samples) >= 2)
        clock.work(0.5)

    async def main():
        await asyncio.sleep(0)
        stand_here()

    try:
        run_in(clock, main())
    finally:
        watch.stop()
    (stall,) = watch.stalls
    assert stall.seconds == pytest.approx(1.0)
    assert "Task-" in stall.task
    for sample in stall.samples:
        names = [frame.function.rpartition(".")[2] for frame in sample.stack]
        assert "stand_here" in names
        assert names[-1] == "main"
        assert 0.0 < sample.at <= 1.0


def test_who_waits_for_the_last_sample_only_waits_for_nothing_of_its_own():
    """A step that is over waits for the watchdog, which takes long to ask why."""
    clock = ManualClock()

    class Late(Kernel):
        def waits_for(self, native):
            for view in watch._probe.views:
                # As the loop's own thread would have written it.
                sampled = watch.watchdog.sampled(view)
                object.__setattr__(sampled, "over", view.last)
            return Wait(call="futex", on="a lock")

    watch = Watch(clock, threshold=0.1, kernel=Late(SYSTEM_CLOCK))
    watch.start()

    async def main():
        await asyncio.sleep(0)
        clock.wait(0.5)
        view = next(iter(watch._probe.views))
        until(lambda: watch.watchdog.sampled(view).samples)

    try:
        run_in(clock, main())
    finally:
        watch.stop()
    (stall,) = watch.stalls
    assert [sample.wait for sample in stall.samples] == [None]


@pytest.mark.skipif(sys.platform != "linux", reason="its waits are not counted")
@pytest.mark.skipif(not has_gil(), reason="there is nothing to keep")
def test_who_keeps_the_interpreter_is_seen_to_keep_the_watchdog_waiting():
    """A sleep in C that does not give it up; one that does makes it wait for nobody."""
    keeps, lets_go = ctypes.PyDLL(None).usleep, ctypes.CDLL(None).usleep

    def turns_of(wait):
        watch = Watch(SYSTEM_CLOCK, threshold=0.1, kernel=Kernel(SYSTEM_CLOCK))
        watch.start()

        async def main():
            await asyncio.sleep(0)
            wait(200_000)
            await asyncio.sleep(0)

        try:
            asyncio.run(main())
        finally:
            watch.stop()
        samples = [one for stall in watch.stalls for one in stall.samples]
        return [one.turn for one in samples if one.turn is not None]

    # A machine that is busy for long may let the watchdog sleep through one of them.
    tried = range(20)
    assert any(turn.asked > 0.05 for _ in tried for turn in turns_of(keeps))
    assert any(not turn.waited for _ in tried for turn in turns_of(lets_go))


def test_a_stall_tells_who_was_held_up_and_whose_time_it_was():
    """Callbacks that were ready and timers that were due."""
    clock = ManualClock()
    watch = Watch(clock, threshold=0.1)
    watch.start()

    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        for _ in range(3):
            loop.call_later(0.2, print)
        loop.call_later(99, print)
        clock.work(0.5)
        clock.starve(0.25)

    try:
        run_in(clock, main())
    finally:
        watch.stop()
    (stall,) = watch.stalls
    assert stall.held_up >= 3
    # The timers were due after 0.2 s of it; what was queued waited for all of it.
    assert stall.held_up_for == pytest.approx(0.55, abs=0.01)
    assert (stall.working, stall.starved) == (
        pytest.approx(0.5, abs=0.01),
        pytest.approx(0.25, abs=0.01),
    )
    assert stall.blocked == pytest.approx(0.0, abs=0.01)


# -------------------------------------------------------------- deadlines


class OneLoop:
    """A watchdog over one loop that does nothing."""

    def __init__(self):
        self.clock = ManualClock()
        self.watch = Watch(self.clock, threshold=0.1)
        self.loop = HandLoop(self.clock)
        self.view = None

    def __enter__(self):
        self.watch.start()
        self.view = self.watch.view(self.loop)
        return self

    def __exit__(self, *_):
        self.watch.stop()
        self.loop._thread_id = None
        self.loop.close()

    def seems_to_run(self):
        self.loop._thread_id = threading.get_ident()  # by which asyncio tells
        self.view.give_way()

    def expect(self, at, call):
        return self.watch.watchdog.expect(at, self.view, call)


def test_while_a_long_step_is_written_down_its_first_account_is_kept():
    """However many there are: by it is known whose time the step took."""
    with OneLoop() as one:
        sampler = one.watch.watchdog._sampler
        sampled = sampler.sampled(one.view)
        one.clock.wait(0.1)
        one.view.last = one.clock.now()
        for _ in range(100):
            one.clock.wait(0.1)
            sampled.ticks.append(sampler.tick(one.view))
        sampled.over = one.view.last
        looks = sampler.looks
        one.seems_to_run()
        until(lambda: sampler.looks >= looks + 8)
        assert sampled.ticks[0].at < one.view.last


def test_a_deadline_is_kept_when_the_clock_says_so():
    """Not before, and once."""
    with OneLoop() as one:
        came = []
        one.expect(5.0, lambda stack: came.append(one.clock.now()) or 0.0)
        one.clock.wait(4.9)
        threading.Event().wait(0.05)
        assert came == []
        one.clock.wait(0.2)
        until(lambda: came)
        one.clock.wait(100)
        threading.Event().wait(0.05)
        assert came == [pytest.approx(5.1)]


def test_a_deadline_may_ask_to_be_called_again():
    """After so many seconds of the clock."""
    with OneLoop() as one:
        came = []
        one.expect(1.0, lambda stack: came.append(one.clock.now()) or 2.0)
        one.clock.wait(1.0)
        until(lambda: came)
        one.clock.wait(2.0)
        until(lambda: len(came) == 2)
        assert came == [1.0, 3.0]


def test_an_undone_deadline_is_not_kept():
    """Undoing twice is fine."""
    with OneLoop() as one:
        came = []
        undo = one.expect(1.0, lambda stack: came.append(1) or 0.0)
        undo()
        undo()
        one.clock.wait(2.0)
        threading.Event().wait(0.05)
        assert came == []


def test_a_deadline_that_fails_is_our_problem_alone():
    """It is noted, and the others are kept."""
    came = []

    def fail(stack):
        raise RuntimeError("deadline fell over")

    with OneLoop() as one:
        one.expect(2.0, lambda stack: came.append(1) or 0.0)
        one.clock.wait(2.0)
        until(lambda: came)
        one.expect(2.0, fail)
        until(lambda: one.watch.watchdog.failures)
    assert "deadline fell over" in one.watch.problems[0].text


def test_a_deadline_that_fails_keeps_no_other_from_being_kept():
    """And is called again later, since it may have failed for a moment only."""
    deadlines, came = Deadlines(), []

    def fail(stack):
        came.append("fails")
        raise RuntimeError("deadline fell over")

    def keep(now):
        deadlines.keep(now, lambda view: None)

    deadlines.add(1.0, None, fail)
    deadlines.add(1.0, None, lambda stack: came.append("holds") or 0.0)
    with pytest.raises(RuntimeError, match="fell over"):
        keep(1.0)
    keep(1.01)
    keep(1.02)
    assert came == ["fails", "holds"]
    with pytest.raises(RuntimeError, match="fell over"):
        keep(9.0)
    assert came == ["fails", "holds", "fails"]


# ---------------------------------------------------------------- giving way


def test_a_loop_that_gives_way_goes_on_once_the_watchdog_has_looked(monkeypatch):
    """Not before, and no later than its patience lasts."""
    monkeypatch.setattr(watchdog_module, "_GIVE_WAY_TIMEOUT", A_WHILE)
    with OneLoop() as one:
        watchdog = one.watch.watchdog
        one.seems_to_run()
        until(lambda: watchdog._lateness.rest is not None)
        looks = watchdog._sampler.looks
        one.view.give_way()
        assert watchdog._sampler.looks > looks
        assert one.view.due < math.inf


def test_a_loop_gives_way_to_nobody_who_does_not_come():
    """It asks once, and goes on as if nobody were waiting."""
    with OneLoop() as one:
        view, watchdog = one.view, one.watch.watchdog
    watchdog._thread.idle = False
    view.give_way()
    assert view.due == math.inf


# ------------------------------------------------------------ while none runs


def test_the_watchdog_sleeps_until_a_loop_polls():
    """Nothing else wakes it, however long that takes."""
    with OneLoop() as one:
        watchdog = one.watch.watchdog
        until(lambda: watchdog._thread.idle)
        slept = watchdog._sampler.looks
        assert one.view.due == -math.inf
        one.view.give_way()
        until(lambda: watchdog._sampler.looks > slept and watchdog._thread.idle)


@pytest.mark.skipif(not has_gil(), reason="nobody is looked for")
def test_in_a_test_without_other_threads_nobody_is_woken_to_find_who_keeps_it_waiting(
    monkeypatch,
):
    """The watchdog sleeps for as long as where nobody asks for that."""

    def sleeps(*, asks):
        slept = []
        watch = Watch(ManualClock(), threshold=0.1, kernel=Kernel(SYSTEM_CLOCK))
        if not asks:
            watch.watchdog.keepers = None

        def acquire(lock, blocking, timeout):
            if lock is watch.watchdog._thread.bell:
                slept.append(timeout)
            return thread_module.acquire(lock, blocking, timeout)

        async def main():
            for _ in range(1_000):
                await asyncio.sleep(0)
            count = len(slept)
            until(lambda: len(slept) > count + 3)

        with monkeypatch.context() as noted:
            noted.setattr(watchdog_module, "acquire", acquire)
            watch.start()
            try:
                asyncio.run(main())
            finally:
                watch.stop()
        return {*slept} - {watchdog_module._FOREVER}

    (pause,) = sleeps(asks=True)
    assert {pause} == sleeps(asks=False)


def test_of_loops_that_come_one_after_another_not_each_has_to_wake_the_watchdog(
    monkeypatch,
):
    """Each small test has one: it sleeps on and on once none was met for a while."""
    slept = []

    def acquire(lock, blocking, timeout):
        if lock is one.watch.watchdog._thread.bell:
            slept.append(timeout)
        return thread_module.acquire(lock, blocking, timeout)

    one = OneLoop()
    monkeypatch.setattr(watchdog_module, "acquire", acquire)
    with one:
        pause, forever = 0.025, watchdog_module._FOREVER
        until(lambda: slept[-2:] == [pytest.approx(pause), forever])
        other, count = HandLoop(one.clock), len(slept)
        one.watch.view(other)
        until(lambda: len(slept) > count + 1)
        assert slept[count:] == [pytest.approx(pause), forever]
        other.close()


def test_a_deadline_is_kept_though_the_watchdog_sleeps_for_longer(monkeypatch):
    """It is rung for what is due before it would wake by itself, and for no other."""
    with OneLoop() as one:
        thread, lateness = one.watch.watchdog._thread, one.watch.watchdog._lateness
        one.seems_to_run()
        rung = []
        monkeypatch.setattr(thread, "ring", lambda: rung.append(1))

        def rings(at):
            rung.clear()
            one.expect(at, lambda stack: 0.0)
            return bool(rung)

        until(lambda: lateness.rest is not None)
        due = one.clock.now() + 2 * one.watch.watchdog._interval
        until(lambda: not rings(due + 1.0))  # it may look at this moment
        assert rings(due - 0.001)


def test_a_deadline_wakes_the_watchdog():
    """Whether the loop has polled since or not."""
    with OneLoop() as one:
        came = []
        until(lambda: one.watch.watchdog._thread.idle)
        one.clock.wait(3.0)
        one.expect(2.0, lambda stack: came.append(1) or 0.0)
        until(lambda: came)


def test_a_loop_of_uvloops_wakes_the_watchdog_with_its_steps():
    """Its poll is C; and a later run of it may begin with a long step."""
    uvloop = pytest.importorskip("uvloop")
    watch = Watch(ManualClock(), threshold=0.1)
    watch.start()
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.sleep(0))
        until(lambda: watch.watchdog._thread.idle)
        slept = watch.watchdog._sampler.looks
        loop.run_until_complete(asyncio.sleep(0))
        until(lambda: watch.watchdog._sampler.looks > slept)
    finally:
        loop.close()
        watch.stop()


def test_a_loop_that_is_met_wakes_the_watchdog():
    """Its first step may be a long one."""
    with OneLoop() as one:
        watchdog = one.watch.watchdog
        until(lambda: watchdog._thread.idle)
        slept = watchdog._sampler.looks
        other = HandLoop(one.clock)
        one.watch.view(other)
        until(lambda: watchdog._sampler.looks > slept)
        other.close()


def test_what_a_thread_does_while_its_loop_does_not_run_is_not_looked_at(monkeypatch):
    """The loop's last step is over; only a deadline keeps the watchdog awake."""
    seen = []
    monkeypatch.setattr(sampling_module, "capture", lambda *args: seen.append(args))
    with OneLoop() as one:
        one.expect(100.0, lambda stack: 0.0)
        one.clock.wait(1.0)
        looks = one.watch.watchdog._sampler.looks
        until(lambda: one.watch.watchdog._sampler.looks > looks + 1)
    assert seen == []


def test_many_loops_of_one_thread_hold_its_account_once(monkeypatch):
    """A test may run a thousand of them, and may open as many files itself."""
    held = Counter()

    def hold(clock, native):
        held[native] += 1
        return lambda: held.subtract([native])

    monkeypatch.setattr(ManualClock, "hold", hold)
    here = threading.get_native_id()
    with OneLoop() as one:
        watchdog = one.watch.watchdog
        others = [HandLoop(one.clock) for _ in range(3)]
        for loop in others:
            one.watch.view(loop)
        assert held[here] == 1
        give_way = one.view.give_way  # a loop that is closed has it no more
        for loop in (*others, one.loop):
            loop.close()
        give_way()
        until(lambda: not watchdog._sampler.watched)
        until(lambda: not held[here])
    assert not any(held.values())


@pytest.mark.parametrize(
    ("worked", "polled", "late", "lost"),
    [
        (0.4, 0.0, 0.0, 0.0),
        (0.3, 0.0, 0.4, 0.1),
        (0.4, 0.3, 0.4, 0.0),  # of which of the two was that the time?
    ],
)
def test_a_poll_is_not_late_while_the_loops_thread_worked(worked, polled, late, lost):
    """The loop was not run meanwhile, as between a test's call and its teardown."""
    clock, loop = ManualClock(10.0), asyncio.new_event_loop()
    kernel = Kernel(SYSTEM_CLOCK)
    kernel.working = lambda native=None: clock.processor().working
    try:
        watchdog, view = Watchdog(clock, 0.01, kernel), LoopView(loop, clock.now())
        watchdog.settle(view)
        clock.work(worked)
        clock.wait(0.4 - worked)
        view.last, view.late, view.polled = clock.now(), 0.4, polled
        watchdog._after_poll(watchdog.sampled(view))
        known = watchdog.sampled(view).lost
    finally:
        loop.close()
    assert view.late == late
    assert known.seconds == pytest.approx(lost)
    assert not watchdog.failures


def test_what_others_keep_us_from_as_a_loop_is_met_is_booked_to_us():
    """To open the files of an account gives up the GIL several times."""

    class Crowded(ManualClock):
        def hold(self, native):
            self.wait(0.3)
            return super().hold(native)

    clock, loop = Crowded(10.0), asyncio.new_event_loop()
    watchdog = Watchdog(clock, 0.01)
    try:
        watchdog.look_at(LoopView(loop, clock.now()), frozenset())
    finally:
        watchdog.stop()
        loop.close()
    assert watchdog.own_cost.of(_thread.get_ident()).waited == pytest.approx(0.3)
    assert not watchdog.failures


# ----------------------------------------------------------------- thread


def test_the_thread_ends_with_the_watching(watchdogs):
    """It is waited for, not left to end by itself."""
    assert not watchdogs()
    with OneLoop():
        until(watchdogs)
    until(lambda: not watchdogs())


def test_a_loop_that_is_met_too_late_starts_no_thread(watchdogs):
    """As one in another thread may be, while the test ends; nor is it held on to."""
    with OneLoop() as one:
        until(watchdogs)
    held = []
    one.watch.clock.hold = held.append
    one.watch.watchdog.look_at(one.view, frozenset())
    until(lambda: not watchdogs())
    assert held == []


def test_loops_of_two_threads_start_one_thread(monkeypatch, watchdogs):
    """The second neither starts another nor waits for the end of the first."""
    real, inside, go_on = _thread.start_new_thread, threading.Event(), threading.Event()

    def slow(*args):
        inside.set()
        go_on.wait(A_WHILE)
        return real(*args)

    watchdog = Watchdog(ManualClock(), 0.01)
    monkeypatch.setattr(_thread, "start_new_thread", slow)
    callers = [threading.Thread(target=watchdog._thread.begin) for _ in range(2)]
    callers[0].start()
    assert inside.wait(A_WHILE)
    callers[1].start()
    go_on.set()
    for caller in callers:
        caller.join(A_WHILE)
        assert not caller.is_alive()
    watchdog.stop()
    until(lambda: not watchdogs())


def test_without_a_loop_there_is_no_thread(watchdogs):
    """A test that runs no loop costs none."""
    watchdog = Watchdog(ManualClock(), 0.01)
    assert not watchdogs()
    watchdog.stop()


# --------------------------------------------------------- beside the test's own


@contextmanager
def with_watchdog():
    """A watchdog whose thread has begun."""
    clock = ManualClock()
    loop, watchdog = HandLoop(clock), Watchdog(clock, 0.001)
    watchdog.look_at(LoopView(loop, 0.0), frozenset())
    try:
        yield watchdog
    finally:
        watchdog.stop()
        loop.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_no_signal_that_a_test_waits_for_reaches_the_watchdog():
    """Its thread began before the test blocked it; the default ends the process."""
    with with_watchdog() as watchdog:
        status = Path(f"/proc/self/task/{watchdog._thread.ids[1]}/status").read_text()
    (blocked,) = re.findall(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)
    for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        assert int(blocked, 16) >> (number - 1) & 1
    assert not int(blocked, 16) >> (signal.SIGSEGV - 1) & 1


def test_the_watchdogs_stack_is_as_large_as_ever():
    """Code that starts many threads makes their stacks small; a look needs more."""
    before = threading.stack_size(64 * 1024)
    sizes = []
    start = _thread.start_new_thread

    def noting(*args):
        sizes.append(threading.stack_size())
        return start(*args)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", noting)
            with with_watchdog():
                pass
        assert sizes == [0]
        assert threading.stack_size() == 64 * 1024
    finally:
        threading.stack_size(before)


def test_what_a_function_kept_ends_in_its_own_thread():
    """Though it returns while a look at it reads what the thread waits for."""
    inside, left, ended = threading.Event(), threading.Event(), []

    class Slow:
        """A system whose answer takes until the function has returned."""

        switches = switch_interval = staticmethod(lambda: 0)

        def working(self, native=None):
            return None

        in_gil = waited = working

        def waits_for(self, native):
            inside.set()
            left.wait(A_WHILE)

    class Kept:
        """A thing that must be closed in the thread that opened it."""

        def __del__(self):
            ended.append(threading.get_ident())

    def use(clock):
        kept = Kept()
        clock.wait(0.5)
        assert inside.wait(A_WHILE)
        return bool(kept)

    async def main():
        await asyncio.sleep(0)
        use(clock)
        left.set()
        until(lambda: ended)

    clock = ManualClock()
    watch = Watch(clock, threshold=0.1, kernel=Slow())
    watch.start()
    try:
        run_in(clock, main())
    finally:
        watch.stop()
    assert ended == [threading.get_ident()]


# ------------------------------------------------------- where something fails


def test_where_no_thread_can_be_started_the_loop_goes_on(monkeypatch):
    """Each time that one is met; what was not watched is told."""

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    clock = ManualClock()
    watch = Watch(clock, threshold=0.1)
    watch.start()
    try:
        for _ in range(2):
            assert run_in(clock, asyncio.sleep(1.0, "done")) == "done"
    finally:
        watch.stop()
    assert watch.steps
    assert "can't start new thread" in watch.problems[0].text


@pytest.mark.parametrize("broken", ["_look", "_sleep"])
def test_where_looks_fail_deadlines_are_kept(broken, monkeypatch):
    """A hung test costs its budget, whatever became of the instruments."""

    def fail(self):
        raise RuntimeError("fell over")

    monkeypatch.setattr(Watchdog, broken, fail)
    with OneLoop() as one:
        came = []
        one.expect(5.0, lambda stack: came.append(stack) or 0.0)
        until(lambda: len(one.watch.watchdog.failures) > 10)
        one.clock.wait(4.0)
        threading.Event().wait(0.05)
        assert not came
        one.clock.wait(2.0)
        until(lambda: came)
    assert came == [None]
    assert len(one.watch.watchdog.failures) == 11


def test_a_deadline_is_kept_for_a_loop_whose_steps_cannot_be_seen():
    """Nothing else has begun to watch it."""
    clock, came = ManualClock(), []
    loop, watchdog = HandLoop(clock), Watchdog(clock, 0.001)
    try:
        for _ in range(2):  # the second finds the watchdog asleep
            watchdog.expect(1.0, LoopView(loop, 0.0), lambda stack: came.append(1) or 0)
            clock.wait(1.0)
            until(lambda: came)
            watchdog._deadlines._kept.clear()
            came.clear()
            until(lambda: watchdog._thread.idle)
    finally:
        watchdog.stop()
        loop.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
# The timer of faulthandler_timeout is a thread, and none of ours. Python warns of it at
# a fork, and from 3.15 on the fork raises that warning where warnings are errors.
@pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")
def test_in_a_forked_process_nobody_waits_for_the_watchdog(watchdogs):
    """It has no thread there, and begins none."""
    with with_watchdog() as watchdog:
        child = os.fork()
        if not child:
            watchdog._thread.begin()
            watchdog.stop()
            os._exit(watchdogs() + len(watchdog.failures))
        assert watchdogs() == 1
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_interrupt_on_the_way_to_a_fork_leaves_the_watchdog_as_it_was(monkeypatch):
    """Python only prints it, and calls nobody after the fork."""

    def interrupted():
        raise KeyboardInterrupt

    with with_watchdog() as watchdog:
        monkeypatch.setattr(watchdog._thread, "_see_off", interrupted)
        with pytest.raises(KeyboardInterrupt):
            watchdog._thread._make_way()
        assert not watchdog._thread.over
        assert not watchdog._thread.changing.locked()


@contextmanager
def look_that_does_not_end():
    """Have the watchdog stand in a look; give that, and what lets it go on."""
    looking, go_on = threading.Event(), threading.Event()

    def stand(stack):
        looking.set()
        go_on.wait(A_WHILE)
        return 0.0

    with OneLoop() as one:
        one.expect(0.0, stand)
        assert looking.wait(A_WHILE)
        yield one, go_on.set


def test_the_end_does_not_wait_for_ever_for_a_look(monkeypatch):
    """It may wait for the test's own code, which waits for the loop."""
    monkeypatch.setattr(thread_module, "TO_END", 0.01)
    with look_that_does_not_end() as (one, go_on):
        pass
    (problem,) = one.watch.problems
    assert problem.text == "watchdog: its last look does not end"
    go_on()


def test_it_does_not_rest_before_the_look_that_it_has_begun_is_over(monkeypatch):
    """What a deadline calls is the test's, and must not be called after it."""
    monkeypatch.setattr(watchdog_module, "TO_END", 0.01)
    with look_that_does_not_end() as (one, go_on):
        assert not one.watch.watchdog.rest()
        go_on()
        monkeypatch.setattr(watchdog_module, "TO_END", A_WHILE)
        assert one.watch.watchdog.rest()


def test_one_that_rests_keeps_no_deadline():
    """Not even one that nobody has undone."""
    loop, clock = asyncio.new_event_loop(), ManualClock()
    watchdog, came = Watchdog(clock, 0.01), []
    try:
        view = LoopView(loop, 0.0)
        watchdog.expect(1.0, view, lambda stack: came.append(1) or 0)
        assert watchdog.rest()
        clock.wait(2.0)
        rounds = watchdog._rounds.count
        watchdog._thread.ring()
        until(lambda: watchdog._rounds.count > rounds or watchdog._thread.idle)
        assert came == []
    finally:
        watchdog.stop()
        loop.close()
