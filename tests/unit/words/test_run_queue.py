"""The account of the run queue: what of it is believed."""

from __future__ import annotations

import sys

import pytest

from pytest_asyncbench._words.clock import SystemClock, current_thread_ids
from pytest_asyncbench._words.run_queue import Known

BEGUN = Known(at=100.0, working=1.0, starved=3.0)


def test_a_wait_for_which_there_was_time_is_believed():
    """Of a second, 0.2 s were work, and the rest may all have been in the queue."""
    gone_on = BEGUN.go_on(101.0, 1.2, 3.8, 101.0, idle=True)
    assert gone_on == Known(at=101.0, working=1.2, starved=3.8)


def test_who_has_slept_did_not_stand_in_the_queue():
    """Its account has grown by all of a second, of which 0.1 s are not known."""
    slept = BEGUN.but_for(0.5, 100.5).but_for(0.4, 100.9)
    gone_on = slept.go_on(101.0, 1.0, 4.0, 101.0, idle=True)
    assert gone_on.untrue == pytest.approx(0.9)
    assert gone_on.slept == 0.0


def test_a_sleep_counts_from_what_was_known_on():
    """Who was seen in the middle of a sleep has slept for half of it since."""
    assert BEGUN.but_for(0.5, 100.2).slept == pytest.approx(0.2)
    assert BEGUN.but_for(0.5, 99.9) is BEGUN


def test_what_was_untrue_once_is_for_good():
    """However much time passes until the account is read again."""
    untrue = BEGUN.but_for(1.0, 101.0).go_on(101.0, 1.0, 4.0, 101.0, idle=True)
    later = untrue.go_on(111.0, 1.0, 5.0, 111.0, idle=True)
    assert later.untrue == untrue.untrue == pytest.approx(1.0)


@pytest.mark.parametrize("slept", [0.0, 1.0])
def test_a_wait_that_may_not_have_ended_is_waited_for(slept):
    """Who may stand in the queue has more to come, which began before this reading."""
    begun = BEGUN.but_for(slept, 101.0)
    looked_at = begun.go_on(101.5, 1.0, 3.0 + slept, 101.5, idle=False)
    assert looked_at.untrue == pytest.approx(0.5 * slept)
    later = looked_at.go_on(102.0, 1.0, 4.0 + 0.5 * slept, 102.0, idle=True)
    assert later.untrue == looked_at.untrue


def test_who_reads_it_may_stand_in_the_queue_meanwhile():
    """Before the first figure or after the last, the second is in one reading only."""
    known = BEGUN.go_on(101.0, 1.0, 3.0, 102.0, idle=True)
    assert known.go_on(102.0, 1.0, 4.0, 102.0, idle=True).untrue == 0.0


def test_figures_that_are_read_one_after_another_are_of_one_moment():
    """Half a millisecond more than there was time for is chance."""
    assert BEGUN.go_on(100.1, 1.0, 3.1005, 100.1, idle=True).untrue == 0.0


class Lying(SystemClock):
    """A system that counts whatever it is told as time in the queue."""

    __slots__ = ("lied",)

    def __init__(self):
        super().__init__()
        self.lied = 0.0

    def _run_queue_account(self, native):
        starved, slices = super()._run_queue_account(native)
        return starved + self.lied, slices


linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells the account"
)


@linux_only
def test_a_sleep_that_was_told_of_is_not_in_the_account():
    """Nor after the account is held no more."""
    clock, ids = Lying(), current_thread_ids()
    let_go = clock.hold(ids[1])
    before = clock.processor(*ids).starved
    clock.slept(ids[1], 50.0, clock.now() + 50)
    clock.lied += 50.0
    assert clock.processor(*ids).starved - before < 25
    let_go()
    assert clock.processor(*ids).starved - before < 25
    clock.hold(ids[1])()
    assert clock.processor(*ids).starved - before < 25


@linux_only
def test_who_was_seen_to_sleep_began_to_wait_later():
    """What the account tells then is true, and of what comes later what had time."""
    clock, ids = Lying(), current_thread_ids()
    before = clock.processor(*ids).starved
    clock.processor(*ids, asleep=clock.now())
    clock.lied += 50.0
    assert clock.processor(*ids).starved - before < 25


@linux_only
def test_a_thread_that_nobody_holds_has_the_account_of_the_system():
    """Nothing is known of it, and nothing is kept."""
    clock, ids = Lying(), current_thread_ids()
    before = clock.processor(*ids).starved
    clock.slept(ids[1], 50.0, clock.now() + 50)
    clock.lied += 50.0
    assert clock.processor(*ids).starved - before == pytest.approx(50.0, abs=5.0)
    clock.hold(ids[1])()
    assert not clock._known
