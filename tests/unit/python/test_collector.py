"""The garbage collector: which of its looks are noted, and whose line they met."""

from __future__ import annotations

import _thread
import gc
import sys

import pytest
from by_hand import until

from pytest_asyncbench._python import collector as collector_module
from pytest_asyncbench._python.collector import Collector
from pytest_asyncbench._python.stack import capture
from pytest_asyncbench.testing import ManualClock

FULL = {"generation": 2}


def collector(clock):
    made = Collector(clock)
    made.codes = frozenset({sys._getframe(1).f_code})
    return made


def collect(made, clock, seconds, info=FULL):
    """Do as the interpreter does around a collection."""
    noted = made._meter._noted
    noted("start", info)
    clock.work(seconds)
    noted("stop", info)


def test_only_long_collections_are_noted():
    """With their time, and the stack that they met."""
    clock = ManualClock(8.0)
    made = collector(clock)
    collect(made, clock, 2**-10)
    assert made.found == []
    began = clock.now()
    collect(made, clock, 0.5)
    (one,) = made.found
    assert (one.began, one.seconds, one.called) == (began, 0.5, False)
    assert [code.co_name for code, *_ in one.stack[1]] == ["collect"]


@pytest.mark.parametrize("generation", [0, 1])
def test_a_long_one_of_young_objects_is_noted_as_well(generation):
    """What of it the thread was starved of nobody knows: the short ones are many."""
    clock = ManualClock(8.0)
    made = collector(clock)
    young = {"generation": generation}
    collect(made, clock, 2**-10, young)
    assert made.found == []
    collect(made, clock, 0.5, young)
    (one,) = made.found
    assert (one.seconds, one.starved) == (0.5, None)


def test_what_a_collection_was_starved_of_is_told_apart():
    """Of that one alone, and not since the one before."""
    clock = ManualClock(8.0)
    made = collector(clock)
    for starved in (0.25, 0.5):
        clock.starve(4.0)
        made._meter._noted("start", FULL)
        clock.work(1.0)
        clock.starve(starved)
        made._meter._noted("stop", FULL)
    assert [(one.seconds, one.starved) for one in made.found] == [
        (1.25, 0.25),
        (1.5, 0.5),
    ]


def test_a_sample_taken_while_it_is_told_shows_whom_it_met():
    """A callback in Python gives the watchdog its chance to look."""
    within = frozenset({sys._getframe().f_code})
    seen = []

    class Looking(ManualClock):
        @property
        def now(self):
            return lambda: seen.append(capture(sys._getframe(1), within)) or 0.0

    noted = Collector(Looking())._meter._noted

    def met():
        noted("start", FULL)

    met()
    assert [code.co_name for code, *_ in seen[0][1]] == ["met"]


def test_one_between_two_steps_is_nobodys():
    """No step is on its stack."""
    clock = ManualClock()
    made = Collector(clock)
    collect(made, clock, 0.5)
    assert made.found == []


def test_one_that_meets_no_python_at_all_is_nobodys(monkeypatch):
    """A thread may run a function in C, and nothing else."""
    monkeypatch.setattr(collector_module, "_WORTH_NOTING", 0.0)
    made = collector(ManualClock())
    over = []
    undo = made.install()
    gc.callbacks.append(lambda phase, info: over.append(phase))
    try:
        _thread.start_new_thread(gc.collect, ())
        until(lambda: "stop" in over)
    finally:
        gc.callbacks.pop()
        undo()
    assert made.found == []


def test_one_in_another_thread_is_forgiven_unless_that_asked_for_it(monkeypatch):
    """As one in a step is: who asks for it keeps the interpreter by that call."""
    clock = ManualClock()
    made = Collector(clock)
    collect(made, clock, 0.5)
    assert [one.seconds for one in made.elsewhere] == [0.5]
    monkeypatch.setattr(collector_module, "_WORTH_NOTING", 0.0)
    made.elsewhere.clear()
    here, over = _thread.get_ident(), []

    def asked():
        gc.collect()
        return here in over

    undo = made.install()
    gc.callbacks.append(lambda phase, info: over.append(_thread.get_ident()))
    gc.disable()
    try:
        until(asked)
    finally:
        gc.enable()
        gc.callbacks.pop()
        undo()
    assert [one for one in made.elsewhere if one.thread == here] == []


def test_who_calls_gc_collect_asked_for_it(monkeypatch):
    """For real; and nothing is left behind."""
    before = list(gc.callbacks)
    monkeypatch.setattr(collector_module, "_WORTH_NOTING", 0.0)
    made = collector(ManualClock())

    def ask():
        gc.collect()

    def asked():
        ask()
        return made.found

    undo = made.install()
    try:
        # Not at once where another thread collects: then a second one does nothing.
        until(asked)
    finally:
        undo()
        undo()
    assert [one.called for one in made.found] == [True]
    assert gc.callbacks == before
