"""Whose time a step took: accounts by hand, for one second from 10 to 11."""

from __future__ import annotations

import pytest

from pytest_asyncbench._python.shares import (
    Gap,
    Rest,
    Tick,
    kept_out,
    share_of,
    stood,
)
from pytest_asyncbench._words.clock import Processor

INTERVAL = 0.005


def tick(at, slices, *, working=0.0, starved=0.0, **facts):
    return Tick(at, Processor(working, starved, slices), **facts)


def kept(*ticks):
    """Tell what was kept from a step that began at 10 and ended with the last tick."""
    return kept_out(ticks[:-1], 10.0, ticks[-1], INTERVAL)


def test_who_asks_for_the_gil_all_the_time_is_kept_out_of_it():
    """It woke after every switch interval, and the watchdog was kept out, too."""
    assert kept(tick(10.0, 0), tick(11.0, 210, late=0.9)) == pytest.approx(0.9)


def test_the_work_of_other_threads_is_a_witness_as_well():
    """Between them and the watchdog the better one counts."""
    assert kept(
        tick(10.0, 0, process=5.0), tick(11.0, 210, late=0.1, process=5.8)
    ) == pytest.approx(0.8)


def test_what_a_thread_worked_itself_is_no_others_work():
    """Nor was it kept out meanwhile, or while it stood in the run queue."""
    first = tick(10.0, 0, process=5.0)
    last = tick(11.0, 210, working=0.5, starved=0.2, process=6.0)
    assert kept(first, last) == pytest.approx(0.3)


def test_who_holds_the_gil_in_its_sleep_is_not_kept_out():
    """The watchdog was, by this very thread; but it never woke to ask."""
    assert kept(tick(10.0, 0), tick(11.0, 3, late=1.0, process=1.0)) == 0.0


def test_a_contended_lock_is_no_gil():
    """It is waited for once, however busy its holder."""
    half = tick(10.5, 1, process=0.5, waiting=True)
    assert kept(tick(10.0, 0, process=0.0), half, tick(11.0, 2, process=1.0)) == 0.0


def test_who_was_seen_to_poll_is_not_kept_out_by_threads_that_need_no_gil():
    """Only the watchdog's own lateness tells that the GIL was held."""
    first = tick(10.0, 0, process=0.0)
    seen = [
        tick(10.0 + n / 10, 40 * n, process=n / 10, waiting=True) for n in range(1, 10)
    ]
    last = tick(11.0, 400, process=1.0)
    assert kept(first, *seen, last) == 0.0
    late = [each._replace(late=each.process) for each in (*seen, last)]
    assert kept(first, *late) == pytest.approx(1.0)


def test_waits_of_the_loop_before_the_step_are_not_counted():
    """As many per step as before; with nothing known of that, one for each."""
    before = [tick(9.8, 0), tick(9.9, 50, not_for_gil=100)]
    polled = 25  # in the 50 steps from 9.9 to 10
    last = tick(11.0, 50 + polled + 3, not_for_gil=150, late=1.0)
    assert kept(*before, last) == 0.0
    last = tick(11.0, 50 + polled + 200, not_for_gil=150, late=1.0)
    assert kept(*before, last) == pytest.approx(1.0)
    assert kept(before[1], last._replace(not_for_gil=250)) == 0.0


def test_what_is_not_known_is_not_made_up():
    """No account before the step, or one without turns."""
    assert kept(tick(10.5, 0), tick(11.0, 300, late=0.5)) == 0.0
    assert kept(tick(10.0, None), tick(11.0, 300, late=1.0)) == 0.0


# ---------------------------------------------------------- the whole process


def test_a_stop_leaves_less_room_for_what_a_step_may_have_worked():
    """What the last account before it tells of earlier steps is not the step's."""
    last = Processor(0.5, 0.1)
    assert share_of([tick(9.5, 0)], 10.0, 11.0, last) == (0.5, 0.1)
    working, starved = share_of([tick(9.5, 0)], 10.0, 11.0, last, stopped=0.7)
    assert (working, starved) == (pytest.approx(0.25), pytest.approx(0.05))


@pytest.mark.parametrize(
    ("switches", "starved", "stopped"),
    [
        (2, 0.0, 0.99),  # asleep, and once for the GIL
        (200, 0.0, 0.0),  # it asked for the GIL all the time
        (2, 0.5, 0.49),  # half of it in the run queue
        (2, 2.0, 0.0),
        (None, 0.0, 0.0),
        (2, None, 0.0),
    ],
)
def test_who_neither_queued_nor_asked_was_stopped(switches, starved, stopped):
    """A watchdog that was due at 10 and woke at 11."""
    gap = stood(Rest(10.0, 0, 0.0), 11.0, switches, starved, INTERVAL)
    assert gap.stopped == pytest.approx(stopped)


@pytest.mark.parametrize(
    ("began", "ended", "within"),
    [(10.0, 12.0, 0.5), (9.0, 10.2, 0.2), (10.9, 12.0, 0.1), (11.5, 12.0, 0.0)],
)
def test_a_step_has_no_more_of_a_gap_than_they_share(began, ended, within):
    """Of half a second somewhere between 10 and 11."""
    gap = Gap(began=10.0, ended=11.0, stopped=0.5)
    assert gap.stopped_within(began, ended) == pytest.approx(within)


# ------------------------------------------------------------- working, starved


def account(at, working=0.0, starved=0.0):
    """Read the account of a thread at one moment."""
    return Tick(at, Processor(working, starved))


@pytest.mark.parametrize(
    ("ticks", "last", "share"),
    [
        ([account(0.0)], Processor(0.25, 0.5), (0.25, 0.5)),
        ([account(0.0), account(1.0, 0.2, 0.1)], Processor(0.3, 0.4), (0.1, 0.3)),
        # From the sample within the step on it is known, and before it bounded.
        ([account(0.5), account(1.5, 0.1)], Processor(0.6, 0.0), (0.6, 0.0)),
        ([account(0.9), account(1.5, 0.1)], Processor(0.1, 0.0), (0.0, 0.0)),
        ([account(0.9), account(1.5, 0.4)], Processor(0.4, 0.0), (0.3, 0.0)),
        # Together they are no more than the step, and none is negative.
        ([account(0.0)], Processor(7.0, 0.0), (1.0, 0.0)),
        ([account(0.0)], Processor(7.0, 7.0), (0.5, 0.5)),
        ([account(0.0)], Processor(0.75, 0.5), (0.6, 0.4)),
        ([account(0.0, 5.0, 5.0)], Processor(4.0, 4.0), (0.0, 0.0)),
        # What is not known is not made up.
        ([], Processor(1.0, 1.0), (None, None)),
        ([account(2.5)], Processor(1.0, 1.0), (None, None)),
        ([account(0.0, 1.0, None)], Processor(1.5, None), (0.5, None)),
    ],
)
def test_a_step_is_shared_out_by_the_threads_account(ticks, last, share):
    """What is not known of its beginning is bounded by the accounts around it."""
    assert share_of(ticks, 1.0, 2.0, last) == pytest.approx(share)
