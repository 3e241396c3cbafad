"""For how long a thread was starved: one account, from one moment on."""

from __future__ import annotations

import asyncio
import threading

import pytest
from by_hand import HandLoop, Slow

from pytest_asyncbench._loops.view import LoopView
from pytest_asyncbench._python.kernel import Kernel
from pytest_asyncbench._python.shares import Cost, Gap
from pytest_asyncbench._watching.lateness import Lateness
from pytest_asyncbench._watching.starvation import Starvation
from pytest_asyncbench._watching.thread import OwnThread
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench.testing import ManualClock

INTERVAL = 0.005


class Told(Watchdog):
    """A watchdog that tells what a test says, and never begins."""

    known: tuple[Gap, ...] = ()
    found: tuple[Gap, ...] = ()

    def __init__(self, clock, interval):
        super().__init__(clock, interval)
        self._lateness = self._sampler._lateness = Lateness(clock, None, lambda: None)

    @property
    def cost(self):
        """For how long it may have kept others out."""
        return self._lateness.known[0].by_us

    @cost.setter
    def cost(self, seconds):
        object.__setattr__(self._lateness, "known", (Cost(by_us=seconds), None))

    def begins(self, view):
        """Look at a loop that runs from now on."""
        sampled = self.sampled(view)
        sampled.lost = sampled.lost_anew(self._sampler.tick(view))

    def known_gaps(self):
        return list(self.known)

    def gaps(self, now):
        return list(self.found)


@pytest.fixture
def clock():
    return ManualClock(10.0)


@pytest.fixture
def view(clock, monkeypatch):
    loop = HandLoop(clock)
    with monkeypatch.context() as running:
        running.setattr(loop, "is_running", lambda: True)
        yield LoopView(loop, clock.now())
    loop.close()


def test_it_begins_at_zero_and_knows_every_cause(clock, view):
    """Whatever happened before."""
    watchdog = Told(clock, 0.01)
    watchdog.cost = view.late = view.polled = 3.0
    clock.starve(3.0)
    watchdog.begins(view)
    starved = Starvation(clock, watchdog, lambda: [view])
    assert starved().seconds == 0.0
    clock.wait(1.0)
    view.polled += 1.0
    assert starved().seconds == 0.0
    clock.starve(0.5)
    assert starved().seconds == 0.5
    watchdog.settle(view)
    clock.wait(0.25)
    watchdog.cost += 0.25
    assert starved().seconds == 0.75
    clock.wait(0.25)
    view.late += 0.25
    assert starved().seconds == 1.0
    clock.wait(1.0)  # in a call that blocks
    assert starved().seconds == 1.0


@pytest.mark.parametrize(("until", "lost"), [(12.0, 0.0), (10.75, 0.25), (0.0, 0.5)])
def test_a_poll_in_progress_has_lost_nothing_before_its_timer_is_due(
    clock, view, until, lost
):
    """Whatever our own thread may have cost meanwhile; zero is no poll."""
    watchdog = Told(clock, 0.01)
    watchdog.begins(view)
    starved = Starvation(clock, watchdog, lambda: [view])
    view.rests_until = until
    clock.wait(1.0)
    watchdog.cost += 0.5
    assert starved().seconds == lost


def test_what_we_took_for_known_calls_is_forgiven_wholly(clock, view):
    """It is in the thread's own work, and needs no other cause."""
    watchdog = Told(clock, 0.01)
    clock.work(1.0)
    view.ours += 1.0
    starved = Starvation(clock, watchdog, lambda: [view])
    clock.work(0.5)
    view.ours += 0.25
    assert starved().seconds == 0.25


def test_what_a_loop_lost_is_known_when_it_has_ended(clock, view, monkeypatch):
    """By the account that is read then, and by nothing that is waited for later."""
    watchdog = Told(clock, 0.01)
    watchdog.begins(view)
    starved = Starvation(clock, watchdog, lambda: [view])
    clock.wait(1.0)
    watchdog.cost += 0.25
    watchdog.settle(view)
    clock.wait(0.5)
    watchdog.cost += 0.125
    view.last = clock.now()
    monkeypatch.setattr(view.loop, "is_running", lambda: False)
    assert starved().seconds == 0.375
    clock.wait(1.0)  # in the thread, which may block as it likes
    watchdog.cost += 0.125
    assert starved().seconds == 0.5


def test_a_loop_that_comes_to_another_thread_has_lost_what_it_had(clock, view):
    """What lies between the accounts of two threads tells nothing."""
    watchdog = Told(clock, 0.01)
    watchdog.begins(view)
    clock.wait(1.0)
    watchdog.cost += 0.25
    watchdog.settle(view)
    clock.wait(1.0)
    watchdog.cost += 0.25
    watchdog.begins(view)
    assert watchdog.sampled(view).lost.seconds == 0.25


def test_loops_of_other_threads_tell_nothing_of_this_one(clock, view):
    """They may wait for hours."""
    made = []
    watchdog = Told(clock, 0.01)
    watchdog.begins(view)
    make = threading.Thread(
        target=lambda: made.append(Starvation(clock, watchdog, lambda: [view]))
    )
    make.start()
    make.join()
    clock.wait(1.0)
    view.late += 1.0
    (starved,) = made
    assert starved().seconds == 0.0


def test_a_stop_is_waited_for_by_who_may_be_ahead_of_the_watchdog(clock):
    """And by no other thread: the watchdog's own would wait for itself."""
    watchdog = Told(clock, 0.01)
    starved = Starvation(clock, watchdog, list)
    clock.wait(1.0)
    watchdog.found = (Gap(began=10.0, ended=11.0, stopped=0.5),)
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(starved().seconds))
    thread.start()
    thread.join()
    assert (starved().seconds, elsewhere) == (0.5, [0.0])
    watchdog.known = watchdog.found
    thread = threading.Thread(target=lambda: elsewhere.append(starved().seconds))
    thread.start()
    thread.join()
    assert elsewhere[1:] == [0.5]


@pytest.fixture
def slow(clock):
    """A watch, and a loop whose polls are late since it stands in the run queue."""
    watch, loop = Watch(clock, threshold=10.0), Slow(clock)
    watch.start()
    yield watch, loop
    watch.stop()
    loop.close()


def test_a_poll_that_was_late_excuses_nothing_that_the_next_step_does(clock, slow):
    """Why it was late is found out at once: the thread stood in the run queue."""
    watch, loop = slow
    starved = watch.starvation()

    async def main():
        await asyncio.sleep(2.0)
        clock.wait(0.5)  # in a call that blocks

    loop.run_until_complete(main())
    assert starved().seconds == clock.processor().starved
    assert watch.problems == []


def test_what_passed_as_the_loop_was_met_takes_nothing_of_its_first_poll(clock):
    """The thread stood in the queue then, and had no interpreter as the poll ended."""
    watch, loop = Watch(clock, threshold=10.0), Slow(clock, clock.wait)
    watch.also_met = lambda view: clock.starve(1.0)
    watch.start()
    starved = watch.starvation()
    loop.run_until_complete(asyncio.sleep(2.0))
    (view,) = watch.views()
    assert view.late > 0
    assert starved().seconds == pytest.approx(1.0 + view.late)
    watch.stop()
    loop.close()


def test_an_account_that_cannot_be_read_does_not_reach_the_loop(slow, monkeypatch):
    """It is the plugin's problem."""
    watch, loop = slow

    def fails(view):
        raise OSError("no such account")

    async def main():
        monkeypatch.setattr(watch.watchdog, "settle", fails)
        await asyncio.sleep(2.0)
        return "went on"

    assert loop.run_until_complete(main()) == "went on"
    assert "no such account" in watch.problems[0].text


def test_figures_of_two_moments_are_read_again():
    """Who lost the processor between them would be forgiven that twice."""
    read = iter([0.3, 0.0])

    class Interrupted(ManualClock):
        def processor(self, thread=0, native=0, asleep=None):
            account = super().processor(thread, native)
            self.starve(next(read, 0.0))
            return account

    clock = Interrupted(10.0)
    starved = Starvation(clock, Told(clock, 0.01), list)
    assert starved().seconds == 0.0


# ----------------------------------------------------------- what the watchdog cost


class Scripted(Kernel):
    """A kernel that tells of the watchdog what a test says."""

    waits = 0

    def __init__(self):
        super().__init__(SYSTEM_CLOCK)

    def switches(self):
        return self.waits

    def switch_interval(self):
        return INTERVAL


class Rounds:
    """Rounds of a watchdog, with what happens in them."""

    def __init__(self):
        self.clock, self.kernel, self.queue = ManualClock(10.0), Scripted(), 0.0
        self.lateness = Lateness(self.clock, self.kernel, lambda: self.queue)
        self.told = []

    def wake(self, late, *, waits):
        self.lateness.rests_until(self.clock.now() + 0.01)
        self.clock.wait(0.01 + late)
        self.queue += late
        self.kernel.waits += waits
        self.lateness.woke()
        self.tell()

    def look(self, takes=0.0, *, waits=0):
        self.clock.wait(takes)
        self.kernel.waits += waits
        self.lateness.goes_on()
        self.tell()

    def explain(self):
        self.lateness.explain(thoroughly=False)
        self.tell()

    def tell(self):
        cost, _ = self.lateness.known
        self.told.append(pytest.approx((cost.by_us, cost.held)))


def costs(script):
    """Play rounds in a thread that may; give what they cost by the end of each part."""
    rounds, failures = Rounds(), []
    thread = OwnThread(lambda: script(rounds), lambda: None, failures)
    thread.begin()
    thread.end(lambda: None)
    assert failures == []
    return rounds.told


def test_a_round_that_asked_costs_others_what_its_asking_does_not_explain():
    """That is the most that it may be, whichever wait it queued after."""

    def script(rounds):
        rounds.wake(0.02, waits=2)
        rounds.explain()
        rounds.wake(0.05, waits=4)

    assert costs(script) == [(0.02, 0.0), (0.02, 0.0), (0.06, 0.0)]


def test_a_round_that_need_not_ask_costs_nobody_anything():
    """Nobody had the interpreter: who slept went on sleeping."""

    def script(rounds):
        rounds.wake(0.5, waits=1)
        rounds.wake(0.02, waits=2)

    # Nor is it made up for by the next one.
    assert costs(script) == [(0.0, 0.0), (0.02, 0.0)]


def test_for_how_long_it_has_the_interpreter_is_known_with_each_reading():
    """Whether it worked or had no processor: who wants to go on waits for it."""

    def script(rounds):
        rounds.wake(0.004, waits=2)
        rounds.look(0.05)
        rounds.look(0.02, waits=1)  # it gave it up, and was given it when it asked
        rounds.look(0.02, waits=3)
        rounds.look(0.001)

    assert costs(script) == [
        (0.0, 0.0),
        (0.0, 0.05),
        (0.02, 0.05),
        (0.02 + 0.02 - 2 * INTERVAL, 0.05),
        (0.02 + 0.02 - 2 * INTERVAL, 0.051),
    ]


def test_what_it_could_not_take_down_yet_is_known_to_who_went_on():
    """It was asked for the interpreter as soon as it had that, and lost it."""
    begun = []

    def by(rounds, waits):
        told = rounds.lateness.cost_by(rounds.clock.now(), lambda: waits)
        begun.append(pytest.approx((told.by_us, told.held)))

    def script(rounds):
        rounds.lateness.rests_until(rounds.clock.now() + 0.01)
        by(rounds, None)
        rounds.clock.wait(0.06)
        by(rounds, None)
        by(rounds, 1)
        by(rounds, 4)
        rounds.kernel.waits = 4
        rounds.lateness.woke()
        by(rounds, 5)
        rounds.clock.wait(0.02)
        by(rounds, 4)
        by(rounds, 5)
        rounds.look()
        rounds.clock.wait(0.02)
        rounds.lateness.leaves()
        by(rounds, 5)

    late = 0.05 - 2 * INTERVAL
    assert costs(script) == [(late, 0.02)]
    assert begun[:4] == [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (late, 0.0)]
    assert begun[4:7] == [(late, 0.0), (late, 0.02), (late + 0.02, 0.0)]
    assert begun[7:] == [(late, 0.02)]


def test_a_stop_of_the_process_is_not_put_down_to_it():
    """It waited for the stop as for the interpreter; nobody ran meanwhile."""

    def script(rounds):
        rounds.wake(0.02, waits=2)
        rounds.explain()
        rounds.lateness.rests_until(rounds.clock.now())
        rounds.clock.wait(0.5)  # of which it queued for none
        rounds.kernel.waits += 2
        rounds.lateness.woke()
        rounds.tell()
        rounds.explain()

    *first, woken, explained = costs(script)
    assert first == 2 * [(0.02, 0.0)]
    assert woken == (0.52, 0.0)
    assert explained == (0.02 + 2 * INTERVAL, 0.0)


def test_what_it_asked_for_in_vain_is_known_with_that():
    """Whom it asks in vain works, or keeps the interpreter and does not."""
    asked = []

    def script(rounds):
        rounds.wake(0.5, waits=1)
        asked.append(rounds.lateness.known[0].asked)
        rounds.wake(0.5, waits=12)
        asked.append(rounds.lateness.known[0].asked)
        rounds.explain()
        asked.append(rounds.lateness.known[0].asked)
        rounds.look(0.5, waits=11)
        asked.append(rounds.lateness.known[0].asked)

    costs(script)
    assert asked == pytest.approx([0.0, *2 * [10 * INTERVAL], 20 * INTERVAL])


def test_a_look_knows_for_how_long_the_interpreter_was_wanted_for_it():
    """After the sleep, and in the look before; where it waited for nobody, too."""
    turns = []

    def script(rounds):
        rounds.wake(0.5, waits=102)
        turns.append(rounds.lateness.turn)
        rounds.kernel.waits += 21  # it lost the interpreter to who was looked at
        rounds.look(0.1)
        rounds.lateness.looks_again()
        turns.append(rounds.lateness.turn)
        rounds.wake(0.02, waits=1)
        turns.append(rounds.lateness.turn)
        rounds.lateness.rest = None  # nobody ran, and it slept until it was woken
        rounds.lateness.woke()
        turns.append(rounds.lateness.turn)

    costs(script)
    lengths = [turn.at - turn.since for turn in turns[:3]]
    assert lengths == pytest.approx([0.5, 0.1, 0.02])
    assert [turn.waited for turn in turns[:3]] == [True, True, False]
    asked = [turn.asked for turn in turns[:3]]
    assert asked == pytest.approx([100 * INTERVAL, 20 * INTERVAL, 0.0])
    assert turns[3] is None


def test_the_next_thread_was_not_waiting_before_it_began():
    """When the one before it last had the interpreter, and its waits, say nothing."""
    turns = []

    def script(rounds):
        rounds.wake(0.02, waits=1)
        rounds.lateness.begin_anew()
        rounds.clock.wait(10.0)
        rounds.kernel.waits = 7
        rounds.wake(0.02, waits=1)
        turns.append(rounds.lateness.turn)

    costs(script)
    (turn,) = turns
    assert turn.at - turn.since == pytest.approx(0.02)
    assert not turn.waited


def test_the_next_thread_begins_with_an_account_of_its_own():
    """What the first one cost is not taken back."""

    def script(rounds):
        rounds.wake(0.02, waits=2)
        rounds.lateness.begin_anew()
        rounds.queue = rounds.kernel.waits = 0.0
        rounds.wake(0.02, waits=2)

    assert costs(script) == [(0.02, 0.0), (0.04, 0.0)]
