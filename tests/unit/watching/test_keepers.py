"""Who kept the interpreter: the accounts of threads, and where they stood, by hand."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import pytest
from by_hand import until_it_waits

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import Collector, known_threads
from pytest_asyncbench._python.collector import RawCollection
from pytest_asyncbench._watching import keepers as room
from pytest_asyncbench._watching import watch as watch_module
from pytest_asyncbench._watching.handing import Handing
from pytest_asyncbench._watching.keepers import Keepers, Late, Look
from pytest_asyncbench._watching.lateness import KeptOut
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench.testing import ManualClock

NOBODY = {"held_up": 0, "held_up_for": 0.0}


class Told:
    """A system that tells of each thread what a test says."""

    def __init__(self):
        self.worked = dict.fromkeys((native for _, native in known_threads()), 0.0)
        self.by_strangers = 0.0
        self.running = set()
        """Who works by now, or would if it had a processor; the rest wait."""

    def is_running(self, native, between):
        return native in self.running

    def others_are_ready(self, known):
        return bool(self.running - known)

    def working(self, native=None):
        if native is None:
            return sum(self.worked.values()) + self.by_strangers
        return self.worked.get(native)

    def switch_interval(self):
        return 0.005


@pytest.fixture
def clock():
    return ManualClock(10.0)


@contextmanager
def parked():
    """A thread that stands in `waits_here`."""
    goes_on = threading.Event()

    def waits_here():
        goes_on.wait()

    thread = threading.Thread(target=waits_here)
    thread.start()
    try:
        until_it_waits(thread)
        yield thread
    finally:
        goes_on.set()
        thread.join()


def keepers_of(clock, kernel):
    return Keepers(clock, 0.1, kernel, Handing(clock, {}), Collector(clock))


def resting(clock):
    """Give what the system tells, and keepers whose watchdog has gone to sleep."""
    kernel = Told()
    keepers = keepers_of(clock, kernel)
    keepers.rests()
    return kernel, keepers


def works_on(clock, kernel, thread):
    """The thread works from now on whenever somebody asks for how long it has."""
    asked_for = kernel.working

    def working(native=None):
        if native == thread.native_id:
            clock.wait(0.0001)
            kernel.worked[native] += 0.0001
        return asked_for(native)

    kernel.working = working


def kept_out(clock, kernel, thread, worked=0.4, **facts):
    """The watchdog sleeps for 0.4 s and is kept out, while a thread works."""
    clock.wait(0.4)
    kernel.worked[thread.native_id] += worked
    given = {"since": clock.now() - 0.4, "seconds": 0.4, "asked": 0.4, **facts}
    return KeptOut(**given)


def late(clock, seconds, loops=(), **facts):
    now = clock.now()
    return Late(now - seconds, now, None, loops, NOBODY, **facts)


def test_the_thread_that_worked_meanwhile_is_the_keeper(clock):
    """With the share of the time, and where it stood when the watchdog woke."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        clock.wait(0.4)
        kernel.worked[thread.native_id] += 0.3
        keepers.woke(KeptOut(clock.now() - 0.39, 0.39, 0.39))
        (turn,) = keepers.turns(late(clock, 0.39))
    assert turn.seconds == pytest.approx(0.39)
    assert turn.keeper.share == pytest.approx(0.75)
    assert turn.keeper.others == 0.0
    assert "waits_here" in [
        frame.function.rpartition(".")[2] for frame in turn.keeper.stack
    ]


def test_what_threads_did_that_python_does_not_know_is_other_threads_work(clock):
    """Any of them may have had the interpreter, so none but them is to be blamed."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        kernel.by_strangers = 0.3
        keepers.woke(kept_out(clock, kernel, thread))
        (turn,) = keepers.turns(late(clock, 0.4))
    assert turn.keeper.others == pytest.approx(0.75)


def test_who_works_on_while_we_have_the_interpreter_kept_nobody(clock):
    """It was in a call that lets go, beside a thread that kept it and waited."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        told = kept_out(clock, kernel, thread)
        works_on(clock, kernel, thread)
        keepers.woke(told)
        assert not [*keepers.turns(late(clock, 0.4))]


def lacks_processor(clock, kernel, thread, loops=()):
    """A thread worked while the watchdog was kept out, and can't tell what it needs."""
    kernel.running.add(thread.native_id)
    keepers = keepers_of(clock, kernel)
    keepers.loops = lambda: set(loops)
    keepers.rests()
    keepers.woke(kept_out(clock, kernel, thread))
    return [*keepers.turns(late(clock, 0.4))]


def test_who_lacks_a_processor_by_now_is_the_keeper_if_nobody_else_can_be(clock):
    """It may be in a call that lets go, but then who kept the interpreter?"""
    with parked() as thread, parked():
        assert lacks_processor(clock, Told(), thread)


def test_beside_another_that_could_go_on_nobody_knows_who_kept_the_interpreter(clock):
    """But for a loop's thread, which tells by itself what it lacked."""
    with parked() as thread, parked() as another:
        kernel = Told()
        kernel.running = {another.native_id}
        assert not lacks_processor(clock, kernel, thread)
        assert lacks_processor(clock, kernel, thread, {another.ident})


@pytest.mark.parametrize("then", [(1, 9), None])
def test_beside_another_that_has_gone_on_nobody_knows_either(clock, monkeypatch, then):
    """Python may not know it as a thread, and it may be over by now."""
    with parked() as thread:
        stands = [{71: (1, 2)}, {} if then is None else {71: then}]
        monkeypatch.setattr(room, "_positions", lambda: stands.pop(0))
        assert not lacks_processor(clock, Told(), thread)


def test_threads_are_told_to_take_turns_where_none_keeps_it_for_long(clock):
    """From a switch interval on, however far below the threshold."""
    with parked() as one, parked() as another:
        kernel, keepers = resting(clock)
        clock.wait(0.02)
        for thread in one, another:
            kernel.worked[thread.native_id] += 0.01
        keepers.woke(KeptOut(clock.now() - 0.02, 0.02, 0.02))
        keepers.crowds.came_late(clock.now() - 0.02, clock.now(), ())
        (crowd,) = keepers.crowds.told()
        assert not [*keepers.turns(late(clock, 0.02))]
    assert (crowd.threads, crowd.share) == (2, pytest.approx(1.0))


@pytest.mark.parametrize(("began", "seconds"), [(-0.01, 0.4), (0.01, 0.39)])
def test_a_collection_is_the_threads_wherever_in_it_the_watchdog_went_to_sleep(
    clock, began, seconds
):
    """As it begins it may give up the interpreter, for a moment."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        one = RawCollection(
            clock.now() + began, seconds, thread.ident, (None, ()), False, 0.0
        )
        before = one._replace(began=one.began - 1)
        keepers._collector.elsewhere += [before, one]
        keepers.woke(kept_out(clock, kernel, thread))
        (turn,) = keepers.turns(late(clock, 0.4))
    (met,) = turn.keeper.collections
    assert met.seconds == pytest.approx(0.39)


def test_a_loops_own_turn_is_no_other_threads(clock):
    """What it did between two steps kept nobody but itself."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        keepers.woke(kept_out(clock, kernel, thread))
        assert not [*keepers.turns(late(clock, 0.4, loops={thread.ident}))]


def test_a_loops_step_keeps_its_line_until_it_was_looked_at(clock, monkeypatch):
    """No file is read before, for which the step would go on, and may be over."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        keepers.loops = lambda: {thread.ident}
        monkeypatch.delattr(Told, "is_running")
        monkeypatch.delattr(Told, "others_are_ready")
        keepers.woke(kept_out(clock, kernel, thread))
        assert not keepers.kept


def test_the_loops_are_looked_at_before_the_interpreter_is_given_up(clock):
    """A call in C may stand there that has kept it since, and goes on then."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        done = []
        keepers.look_if_due = lambda: done.append("looks")
        kernel.is_running = lambda native, between: done.append("reads") or between()
        keepers.woke(kept_out(clock, kernel, thread))
    assert keepers.kept
    assert done.index("looks") < done.index("reads")
    assert done[-1] == "looks"


def test_nothing_is_found_out_where_the_watchdog_came_in_time(clock):
    """Then nobody kept the interpreter, however much some thread worked."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        clock.wait(0.4)
        kernel.worked[thread.native_id] += 0.4
        keepers.woke(KeptOut(clock.now() - 0.01, 0.01, 0.01))
        assert not [*keepers.turns(late(clock, 0.4))]


def test_the_same_time_is_told_once(clock):
    """Though the watchdog may be kept out twice in one round: asleep, and in a look."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        for _ in range(2):
            keepers.woke(kept_out(clock, kernel, thread))
        turns = [*keepers.turns(late(clock, 0.8))]
    assert [turn.seconds for turn in turns] == pytest.approx([0.4, 0.4])


def test_within_a_step_no_more_is_told_than_the_loop_was_kept_out(clock):
    """The rest of that step was its own."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        keepers.woke(kept_out(clock, kernel, thread))
        (turn,) = keepers.turns(late(clock, 0.4, most=0.2))
    assert turn.seconds == 0.2


def test_of_several_turns_in_a_step_no_more_is_told_either(clock):
    """What the first of them has told is told, and the last has the rest."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        for _ in range(2):
            keepers.woke(kept_out(clock, kernel, thread))
        turns = [*keepers.turns(late(clock, 0.8, most=0.6))]
    assert [turn.seconds for turn in turns] == pytest.approx([0.4, 0.2])


def test_who_only_lacked_a_processor_kept_nobody(clock):
    """It gave the interpreter up as soon as it worked again, as pure Python does."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        clock.wait(0.4)
        kernel.worked[thread.native_id] += 0.21  # in 0.2 s before anybody asked, too
        keepers.woke(KeptOut(clock.now() - 0.2, 0.2, 0.2))
        assert not [*keepers.turns(late(clock, 0.4))]


def test_a_watchdog_that_lacked_a_processor_was_kept_out_by_nobody(clock):
    """It asked for the interpreter once, though another thread worked all the time."""
    with parked() as thread:
        kernel, keepers = resting(clock)
        keepers.woke(kept_out(clock, kernel, thread, seconds=0.06, asked=0.005))
        assert not [*keepers.turns(late(clock, 0.4))]


@pytest.mark.parametrize(("worked", "turns"), [(0.32, 1), (0.16, 0)])
def test_a_watchdog_that_asked_often_was_kept_out_however_seldom_that_was(
    clock, worked, turns
):
    """Less what a thread may have worked before it was asked at all.

    Of 2 s the watchdog stood in the run queue for 1.8, in 41 stretches, the first of
    which may have been five times as long as all others.
    """
    with parked() as thread:
        kernel, keepers = resting(clock)
        clock.wait(1.6)
        told = kept_out(clock, kernel, thread, worked=worked, asked=0.2)
        keepers.woke(told._replace(since=told.since - 1.6))
        assert len([*keepers.turns(late(clock, 2.0))]) == turns


def test_a_new_thread_with_the_ident_of_one_that_has_ended_is_another_one(
    clock, monkeypatch
):
    """What the old one had worked is taken off nobody's account."""
    with parked() as thread:
        kernel = Told()
        kernel.worked |= {71: 5.0, 72: 0.3}
        keepers = keepers_of(clock, kernel)
        known = [(thread.ident, thread.native_id), (1, 71)]
        monkeypatch.setattr(room, "known_threads", lambda: [*known])
        keepers.rests()
        clock.wait(0.4)
        kernel.worked[thread.native_id] += 0.4
        known[1] = (1, 72)
        keepers.woke(KeptOut(clock.now() - 0.4, 0.4, 0.4))
        (turn,) = keepers.turns(late(clock, 0.4))
    assert turn.keeper.others == pytest.approx(0.75)


@pytest.mark.parametrize("many", ["before", "after", "always"])
def test_of_more_threads_than_can_be_read_nobody_is_the_keeper(
    clock, monkeypatch, many
):
    """What the others did is not known, nor how long one has worked since."""
    with parked() as thread:
        kernel = Told()
        kernel.worked[thread.native_id] = 9.0
        keepers = keepers_of(clock, kernel)
        few = [(thread.ident, thread.native_id)]
        more = [*((n, n) for n in range(64)), *few]
        monkeypatch.setattr(room, "known_threads", lambda: known)
        known = few if many == "after" else more
        keepers.rests()
        clock.wait(0.4)
        kernel.worked[thread.native_id] += 0.4
        known = few if many == "before" else more
        keepers.woke(KeptOut(clock.now() - 0.4, 0.4, 0.4))
        assert not [*keepers.turns(late(clock, 0.4))]


class Sliced(ManualClock):
    """A clock that also knows how often a thread was given a processor."""

    slices = 0

    def processor(self, thread=0, native=0, asleep=None):
        return super().processor()._replace(slices=self.slices)


@pytest.mark.parametrize(("slices", "turns"), [(3, 0), (9, 1)])
def test_a_loop_that_lacked_a_processor_was_kept_waiting_by_nobody(slices, turns):
    """It had the interpreter, and asked for it as seldom as that."""
    clock, loop, told = Sliced(10.0), asyncio.new_event_loop(), []
    try:
        watchdog, view = Watchdog(clock, 0.01), LoopView(loop, clock.now())
        watchdog.keepers = keepers_of(clock, Told())
        watchdog.turned = lambda view, look: told.append(look.late)
        watchdog.sampled(view).ticks.append(watchdog.settle(view))
        clock.starve(0.4)
        clock.slices += slices
        view.last, view.late = clock.now(), 0.4
        watchdog._after_poll(watchdog.sampled(view))
    finally:
        loop.close()
    assert len(told) == turns
    assert not watchdog.failures


def test_of_very_many_late_turns_of_a_test_no_more_than_the_first_are_kept(monkeypatch):
    """Each has the stacks of all threads."""
    monkeypatch.setattr(watch_module, "_MOST_LATE", 3)
    watch, loop = Watch(ManualClock(), threshold=0.1), asyncio.new_event_loop()
    try:
        for number in range(5):
            view = LoopView(loop, float(number))
            watch._turned(view, Look(at=float(number), late=0.5, standing={}))
    finally:
        loop.close()
    assert [late.ended for late in watch.late] == [0.0, 1.0, 2.0]


def doubted(clock, thread):
    """A thread is named that was given no processor to tell what it needs."""
    kernel = Told()
    kernel.running.add(thread.native_id)
    keepers = keepers_of(clock, kernel)
    keepers.rests()
    keepers.woke(kept_out(clock, kernel, thread))
    assert keepers.kept
    return kernel, keepers


def test_who_was_named_is_so_no_more_where_it_works_on_without_the_interpreter(clock):
    """Its call lets go: `hashlib.sha512(data * 8)` does, and the operator does not."""
    with parked() as thread:
        kernel, keepers = doubted(clock, thread)
        keepers.woke(KeptOut(clock.now(), 0.0, 0.0))  # it still lacks a processor
        assert keepers.kept
        works_on(clock, kernel, thread)
        keepers.woke(KeptOut(clock.now(), 0.0, 0.0))
        assert not [*keepers.turns(late(clock, 0.4))]


@pytest.mark.parametrize("then", ["waits", "has gone on"])
def test_who_was_named_and_needs_the_interpreter_stays_named(clock, monkeypatch, then):
    """Whatever it works later: that is another call, or the same one once more."""
    with parked() as thread:
        kernel, keepers = doubted(clock, thread)
        if then == "waits":
            kernel.running.clear()
        else:
            monkeypatch.setattr(room, "_positions", dict)
        keepers.woke(KeptOut(clock.now(), 0.0, 0.0))
        monkeypatch.setattr(keepers, "_works_without_it", lambda *_: True)
        keepers.woke(KeptOut(clock.now(), 0.0, 0.0))
        assert [*keepers.turns(late(clock, 0.4))]
