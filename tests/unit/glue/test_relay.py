"""Instruments are handed on from test to test only while they have seen nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from asyncio.events import Handle
from functools import partial

import pytest

from pytest_asyncbench._glue.relay import Relay
from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.passages import passage
from pytest_asyncbench._watching import Watch
from pytest_asyncbench._watching.crowds import Round
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.problems import Problem

_make = partial(Watch, SYSTEM_CLOCK, threshold=0.05)


@pytest.fixture
def relay():
    relay = Relay()
    yield relay
    relay.stop()


def _around(relay, work=None, way="alike", make=_make):
    """Put the watch of the relay around some work; give the watch."""
    watch = relay.watch(way, make)
    leave = watch.join()
    try:
        if work is not None:
            work(watch)
    finally:
        leave()
    return watch


def _loops(watch):
    asyncio.run(asyncio.sleep(0))


def test_one_that_saw_nothing_is_handed_on(relay):
    first = _around(relay, _loops)
    assert _around(relay, _loops) is first


def test_one_that_is_handed_on_counts_the_steps_of_each_test_alone(relay):
    steps = []
    for _ in range(2):
        _around(relay, lambda watch: (_loops(watch), steps.append(watch.steps)))
    assert steps[0] == steps[1] > 0


def test_one_that_is_handed_on_knows_no_loop_of_the_test_before(relay):
    loop = asyncio.new_event_loop()
    try:
        _around(relay, lambda watch: loop.run_until_complete(asyncio.sleep(0)))
        seen = []
        _around(relay, lambda watch: seen.append((watch.loops, watch.views())))
    finally:
        loop.close()
    assert seen == [((), [])]


def test_one_that_is_handed_on_knows_no_late_turn_of_the_test_before(relay):
    def comes_late(watch):
        watch._keepers.crowds.came_late(0.0, 1.0, ())
        watch._keepers.crowds.kept_out(Round(0.0, 1.0, {1: 0.5}, 0.0))

    first = _around(relay, comes_late)
    crowds = []
    second = _around(relay, lambda watch: crowds.extend(watch.crowds()))
    assert second is first
    assert crowds == []


def test_between_two_tests_no_step_passes_us(relay):
    stood, within = names.RUN.of(passage()), []
    for _ in range(2):
        _around(relay, lambda watch: within.append(names.RUN.of(passage())))
        assert names.RUN.of(passage()) is stood
    assert stood not in within


def test_nothing_stays_on_a_loop_between_two_tests(relay):
    loop = asyncio.new_event_loop()
    poller = names.SELECTOR.of(loop)
    try:
        _around(relay, lambda watch: loop.run_until_complete(asyncio.sleep(0)))
        assert "select" not in vars(poller)
    finally:
        loop.close()


def test_what_loops_do_between_two_tests_is_in_neither(relay):
    _around(relay, _loops)
    _loops(None)
    steps = []
    _around(relay, lambda watch: steps.append(watch.steps))
    assert steps == [0]


@pytest.mark.parametrize(
    "seen",
    [
        lambda watch: asyncio.run(_stalls(), debug=False),
        lambda watch: watch.note(Problem(kind="failed", text="no room")),
        lambda watch: watch.forget(),
        lambda watch: watch.tell_apart(),
    ],
    ids=["a stall", "a problem", "a span that is accepted", "tests at once"],
)
def test_one_that_saw_anything_is_not_handed_on(relay, seen):
    first = _around(relay, seen)
    assert _around(relay) is not first


async def _stalls():
    await asyncio.sleep(0)
    time.sleep(0.06)


def test_one_whose_place_somebody_has_taken_is_not_handed_on(relay):
    first = _around(relay)
    put_back = names.RUN.replace(passage(), lambda handle: None)
    assert not first.is_as_new
    put_back()
    assert first.is_as_new


def test_one_that_is_no_longer_told_of_collections_is_not_handed_on(relay):
    callbacks = [*gc.callbacks]
    try:
        first = _around(relay, lambda watch: gc.callbacks.clear())
        assert not first.is_as_new
        assert _around(relay) is not first
    finally:
        gc.callbacks[:] = callbacks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
# The timer of faulthandler_timeout is a thread, and none of ours.
@pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")
def test_in_the_child_of_a_fork_it_is_not_handed_on(relay):
    first = _around(relay, _loops)
    child = os.fork()
    if child == 0:
        os._exit(first.is_as_new)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert first.is_as_new


def test_a_test_that_is_watched_otherwise_has_another(relay):
    first = _around(relay, way="quick")
    assert _around(relay, way="slow") is not first


def test_one_that_follows_tasks_has_a_new_tape_for_each_test(relay):
    make = partial(_make, tracing=True)
    first = _around(relay, _loops, make=make)
    tapes = first.recorder.tapes
    kept = []
    second = _around(
        relay, lambda watch: kept.extend(watch.recorder.tapes.all), make=make
    )
    assert second is first
    assert kept == []
    assert second.recorder.tapes is not tapes


def test_the_steps_of_each_test_are_on_its_own_tape(relay):
    make, lengths = partial(_make, tracing=True), []

    def counts(watch):
        _loops(watch)
        lengths.append([len(tape) for tape in watch.recorder.tapes.all])

    for _ in range(3):
        _around(relay, counts, make=make)
    assert lengths[0] == lengths[1] == lengths[2]
    assert lengths[0] != []


def test_some_tests_may_pass_it_by(relay):
    first = _around(relay, _loops)
    relay.pass_by()
    assert _around(relay, _loops) is first


def test_where_very_many_pass_it_by_it_is_taken_off(relay, watchdogs):
    threads = watchdogs()
    _around(relay, _loops)
    for _ in range(100):
        relay.pass_by()
    assert watchdogs() == threads


def test_between_two_tests_nothing_is_noted_of_threads(relay):
    watch = _around(relay, _loops)
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    assert watch._handing.of_thread(thread.ident) is None
    thread.join()
    started = []
    _around(relay, lambda watch: started.append(_start_one(watch)))
    assert None not in started


def _start_one(watch):
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()
    return watch._handing.of_thread(thread.ident)


def test_one_that_lives_in_another_time_is_not_handed_on(relay):
    make = partial(_make, time=SYSTEM_CLOCK.now)
    first = _around(relay, _loops, make=make)
    assert _around(relay, make=make) is not first


def test_what_stays_is_taken_off_at_the_end(relay, watchdogs):
    before, threads = Handle._run, watchdogs()
    stood = names.RUN.of(passage())
    _around(relay, _loops)
    assert watchdogs() == threads + 1
    relay.stop()
    assert (Handle._run, names.RUN.of(passage())) == (before, stood)
    assert watchdogs() == threads


def test_one_in_use_is_not_taken_off(relay):
    watch = relay.watch("alike", _make)
    leave = watch.join()
    stands = names.RUN.of(passage())
    relay.stop()
    assert names.RUN.of(passage()) is stands
    leave()
    assert names.RUN.of(passage()) is not stands
