"""What our own code takes of a thread: all of it, once, and nothing else."""

from __future__ import annotations

import threading

import pytest
from by_hand import run_in

from pytest_asyncbench._python import Ours
from pytest_asyncbench._watching.lateness import Lateness
from pytest_asyncbench._watching.own_cost import OwnCost
from pytest_asyncbench._watching.rounds import Rounds
from pytest_asyncbench._watching.starvation import Starvation
from pytest_asyncbench._watching.thread import OwnThread
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench.testing import ManualClock

HERE = threading.get_ident()


@pytest.fixture
def clock():
    return ManualClock(10.0)


def test_it_is_what_was_worked_and_waited_in_our_code(clock):
    """The run queue's part is in the thread's account, and is forgiven there."""
    cost = OwnCost(clock)
    clock.wait(1.0)
    with cost.counted():
        clock.work(0.25)
        clock.starve(0.5)
        clock.wait(0.125)
    clock.work(1.0)
    assert cost.of(HERE) == Ours(worked=0.25, waited=0.125)
    with cost.counted():
        clock.work(0.25)
    assert cost.of(HERE) == Ours(worked=0.5, waited=0.125)


def test_a_part_of_what_is_counted_is_not_counted_twice(clock):
    """Who notes a stall waits for the watchdog, and either may be asked for alone."""
    cost = OwnCost(clock)
    with cost.counted():
        clock.wait(0.25)
        with cost.counted():
            clock.wait(0.5)
    assert cost.of(HERE) == Ours(waited=0.75)


def test_what_failed_has_taken_its_time_all_the_same(clock):
    """And is over then: what comes later is counted anew."""
    cost = OwnCost(clock)
    with pytest.raises(ZeroDivisionError), cost.counted():
        clock.wait(0.25)
        raise ZeroDivisionError
    clock.wait(1.0)
    with cost.counted():
        clock.wait(0.5)
    assert cost.of(HERE) == Ours(waited=0.75)


def test_each_thread_has_a_figure_of_its_own(clock):
    """One of them may be in our code while the other runs the test."""
    cost = OwnCost(clock)

    def elsewhere():
        with cost.counted():
            clock.wait(0.5)

    thread = threading.Thread(target=elsewhere)
    with cost.counted():
        clock.wait(0.25)
    thread.start()
    ident = thread.ident
    thread.join()
    assert cost.of(HERE) == Ours(waited=0.25)
    assert cost.of(ident) == Ours(waited=0.5)


def test_who_loses_the_processor_on_the_way_is_forgiven_that_once():
    """Its account has it; the clock must not have it, too."""

    class Interrupted(ManualClock):
        def processor(self, thread=0, native=0, asleep=None):
            account = super().processor(thread, native)
            self.starve(0.25)
            return account

    cost = OwnCost(Interrupted(10.0))
    with cost.counted():
        pass
    assert cost.of(HERE) == Ours()


def test_where_no_account_is_told_nothing_is_known():
    """What was waited can't be told from what was queued."""
    clock = ManualClock(accounts=False)
    cost = OwnCost(clock)
    with cost.counted():
        clock.wait(0.5)
    assert cost.of(HERE) == Ours()


class Slow(list):
    """The stalls of a watch, each of which takes a while to be noted."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def append(self, stall):
        self._clock.wait(0.5)
        super().append(stall)


def test_to_meet_a_loop_and_to_note_a_stall_is_ours(clock):
    """Neither is the test's, which has only worked for a while."""
    watch = Watch(clock, threshold=0.1)
    watch.also_met = lambda view: clock.wait(0.25)
    watch.stalls = Slow(clock)
    watch.start()
    try:
        starved = watch.starvation()

        async def main():
            clock.work(1.0)

        run_in(clock, main())
        assert starved().seconds == 0.75
    finally:
        watch.stop()
    assert watch.problems == []
    assert len(watch.stalls) == 1


@pytest.mark.parametrize("keeps", ["a deadline", "an end"])
def test_who_waits_for_our_thread_is_not_at_fault(clock, keeps, monkeypatch):
    """For its beginning, which a busy machine puts off, or for a look that is due."""
    watchdog = Watchdog(clock, 0.1)
    starved = Starvation(clock, watchdog, list)

    def waits(*_):
        clock.wait(0.5)

    monkeypatch.setattr(OwnThread, "begin", waits)
    monkeypatch.setattr(Lateness, "is_overdue", lambda *_: True)
    monkeypatch.setattr(Rounds, "wait", waits)
    if keeps == "a deadline":
        watchdog.expect(clock.now(), None, lambda stack: 0.0)()
        monkeypatch.undo()
    assert starved().seconds == 0.5
    assert clock.now() == 10.5
