"""What is told, and left alone, where threads need not take turns."""

from __future__ import annotations

import math
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from by_hand import A_WHILE, HandLoop, until

from pytest_asyncbench._glue.settings import NO_GIL, header
from pytest_asyncbench._interception.predicates.executors import executor_at_rest
from pytest_asyncbench._policy.settings import DEFAULT
from pytest_asyncbench._python import gil, has_gil, switch_interval
from pytest_asyncbench._python.kernel import Kernel
from pytest_asyncbench._python.shares import Rest, Tick, split_step, waited_for_gil
from pytest_asyncbench._watching.lateness import Lateness
from pytest_asyncbench._watching.thread import OwnThread
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Processor
from pytest_asyncbench.testing import ManualClock


@pytest.fixture
def no_gil(monkeypatch):
    """Have the interpreter say that it has none."""
    monkeypatch.setattr(gil, "_is_enabled", lambda: False)


def test_before_3_13_there_always_is_one(monkeypatch):
    """The interpreter cannot be asked there, and has no such build."""
    monkeypatch.setattr(gil, "_is_enabled", None)
    assert has_gil()
    assert switch_interval() == sys.getswitchinterval()


def test_an_import_may_bring_it_back(monkeypatch):
    """So it is asked each time."""
    monkeypatch.setattr(gil, "_is_enabled", iter([False, True]).__next__)
    assert [has_gil(), has_gil()] == [False, True]


def test_the_header_says_what_is_not_known(no_gil):
    """Also where nothing differs from the defaults."""
    assert header(DEFAULT) == [NO_GIL]


def test_with_a_gil_the_header_says_nothing_of_it():
    """A run at the defaults has none."""
    if has_gil():
        assert header(DEFAULT) == []


def test_nobody_is_kept_from_the_interpreter(no_gil):
    """Other threads worked, and this one woke often: it waited for something else."""
    before = Tick(10.0, Processor(0.0, 0.0, 0), process=0.0)
    last = Tick(11.0, Processor(0.0, 0.0, 210), process=1.0, late=0.9)
    split = split_step([before], 10.0, last, 0.0, switch_interval())
    assert (split.kept_out, split.starved, split.blocked) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("switches", [None, 7])
def test_the_watchdog_waits_for_none_either(no_gil, switches):
    """Also where it is not known how often it waited."""
    rest = Rest(due=1.0, switches=0, starved=0.0)
    assert waited_for_gil(rest, 2.0, switches, switch_interval()) == 0.0


def test_a_look_that_waits_for_a_call_in_c_is_no_stop_of_the_process(no_gil):
    """It stops all threads, so it waits for the one whose step is being looked at."""
    clock = ManualClock()
    lateness = Lateness(clock, Kernel(SYSTEM_CLOCK), lambda: 0.0)
    explained = threading.Event()

    def work():
        lateness.rests_until(clock.now())
        lateness.woke()
        clock.wait(0.5)  # the look
        lateness.explain(thoroughly=True)
        explained.set()

    failures: list[str] = []
    thread = OwnThread(work, lambda: None, failures)
    thread.begin()
    assert explained.wait(A_WHILE)
    thread.end(lambda: None)
    assert (failures, lateness.gaps) == ([], [])


def test_no_loop_gives_way_to_who_runs_beside_it(no_gil):
    """Though one that begins to run wakes a watchdog that sleeps for good."""
    clock = ManualClock()
    watch = Watch(clock, threshold=0.1)
    loop = HandLoop(clock)
    watch.start()
    try:
        view, thread = watch.view(loop), watch.watchdog._thread
        until(lambda: thread.idle)
        assert view.due == -math.inf
        view.give_way()
        assert not thread.idle
        assert view.due == math.inf
    finally:
        watch.stop()
        loop.close()


def test_a_pool_whose_jobs_cannot_be_read_is_not_blamed(no_gil):
    """What is not known is no finding; a shutdown that takes long is a stall."""
    begun, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (begun.set(), go_on.wait(A_WHILE)))
        begun.wait()
        is_at_rest = executor_at_rest((pool,), {})
        go_on.set()
    assert is_at_rest
