"""Whose time a step took: accounts by hand, for one second from 10 to 11."""

from __future__ import annotations

import pytest

from pytest_asyncbench._python.shares import (
    Cost,
    Gap,
    Lost,
    Moment,
    Ours,
    Rest,
    Tick,
    asked_for,
    keeps_out,
    kept_out,
    lacked_processor,
    share_of,
    split_step,
    starved_between,
    stood,
    stopped_between,
)
from pytest_asyncbench._words.clock import Processor

INTERVAL = 0.005


def tick(at, slices, *, working=0.0, starved=0.0, by_us=0.0, **facts):
    account = Processor(working, starved, slices)
    return Tick(at, account, cost=Cost(by_us), **facts)


def kept(*ticks):
    """Tell what was kept from a step that began at 10 and ended with the last tick."""
    return kept_out(ticks[:-1], 10.0, ticks[-1], INTERVAL)


def test_who_asks_for_the_gil_all_the_time_is_kept_out_of_it():
    """It woke after every switch interval, and the watchdog was kept out, too."""
    assert kept(tick(10.0, 0), tick(11.0, 210, late=0.9)) == pytest.approx(0.9)


def test_the_work_of_other_threads_is_a_witness_as_well():
    """Between them and the watchdog the better one counts."""
    first = tick(10.0, 0, process=5.0)
    last = tick(11.0, 210, late=0.1, process=5.15)
    assert kept(first, last) == pytest.approx(0.75)
    assert kept(first, last._replace(late=0.8)) == pytest.approx(0.8)


def test_what_a_thread_worked_itself_is_no_others_work():
    """Nor was it kept out meanwhile, or while it stood in the run queue."""
    first = tick(10.0, 0, process=5.0)
    last = tick(11.0, 210, working=0.5, starved=0.2, process=6.0)
    assert kept(first, last) == pytest.approx(0.3)


def test_who_holds_the_gil_in_its_sleep_is_not_kept_out():
    """The watchdog was, by this very thread; but it never woke to ask."""
    assert kept(tick(10.0, 0), tick(11.0, 3, late=1.0, process=1.0)) == 0.0


@pytest.mark.parametrize(
    ("before", "last", "lacked"),
    [
        pytest.param([tick(9.9, 0)], tick(11.0, 3, starved=0.9), True, id="queued"),
        pytest.param(
            [tick(9.9, 0)], tick(11.0, 3, starved=0.5), False, id="half of it"
        ),
        pytest.param([tick(9.9, 0)], tick(11.0, 9, starved=0.9), False, id="asked"),
        pytest.param([tick(10.1, 0)], tick(11.0, 3, starved=0.9), False, id="since"),
        pytest.param([], tick(11.0, 3, starved=0.9), False, id="no account"),
        pytest.param(
            [tick(9.9, 0)], tick(11.0, None, starved=0.9), False, id="no slices"
        ),
        pytest.param(
            [tick(9.0, 0), tick(9.9, 100, steps=100)],
            tick(11.0, 193, starved=0.9, steps=190),
            True,
            id="polled",
        ),
    ],
)
def test_who_stood_in_the_queue_and_asked_seldom_lacked_a_processor(
    before, last, lacked
):
    """Who asks for the GIL may have to queue after each asking, for as long as that."""
    assert lacked_processor(before, 10.0, last, INTERVAL) is lacked


def test_who_lost_the_processor_at_work_did_not_wait_for_the_gil():
    """It had many slices, and has waited seldom: once, in a call that keeps the GIL."""
    first = tick(10.0, 0, in_gil=0.0)
    last = tick(11.0, 210, working=0.1, starved=0.4, late=1.0, in_gil=INTERVAL)
    assert kept(first, last) == 0.0
    assert kept(first, last._replace(in_gil=0.4)) == pytest.approx(0.5)


def test_who_has_the_gil_may_stand_in_the_run_queue_with_it():
    """For some times as long as it works."""
    first, last = tick(10.0, 0, process=0.0), tick(11.0, 210, starved=0.3, process=0.2)
    assert kept(first, last) == pytest.approx(0.7)
    assert kept(first, last._replace(process=0.03)) == pytest.approx(0.15)
    assert kept(first, last._replace(process=0.0)) == 0.0


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
    before = [tick(9.8, 0), tick(9.9, 50, steps=100)]
    polled = 25  # in the 50 steps from 9.9 to 10
    last = tick(11.0, 50 + polled + 3, steps=150, late=1.0)
    assert kept(*before, last) == 0.0
    last = tick(11.0, 50 + polled + 200, steps=150, late=1.0)
    assert kept(*before, last) == pytest.approx(1.0)
    assert kept(before[1], last._replace(steps=250)) == 0.0


def test_our_looks_cost_only_who_has_the_gil():
    """Who waits for it, or in a poll, is not asked to give it up."""
    first, last = tick(10.0, 0), tick(11.0, 205, late=2.0, looks=80)
    assert kept(first, last) == pytest.approx(1.0)
    # Two slices each time that it was asked, after an interval at work.
    last = tick(11.0, 225, late=2.0, looks=80, working=0.1)
    assert kept(first, last) == pytest.approx(0.9)
    last = tick(11.0, 160, late=2.0, looks=80, working=0.1)
    assert kept(first, last) == 0.0


@pytest.mark.parametrize(
    ("waits", "seconds"), [pytest.param(14, 0.08, id="all"), (12, 0.0)]
)
def test_where_waits_are_known_each_switch_interval_has_one(waits, seconds):
    """Nothing is left to chance then: a short time has few of them."""
    first = tick(10.0, 0, in_gil=0.0)
    last = tick(10.08, 18, late=0.08, in_gil=waits * INTERVAL)
    assert kept(first, last) == pytest.approx(seconds)


def test_a_thread_is_not_kept_out_while_its_loop_polls():
    """A poll of 0.7 s before the step, and a call that kept the GIL for a second."""
    before = tick(9.2, 0, polled=2.0, since=8.9)
    within = tick(10.999, 200, working=1.0, late=1.8, process=1.8, polled=3.0)
    last = within._replace(at=11.0)
    assert kept(before, within, last) == pytest.approx(0.1)
    # What it is not known to have polled it may have been kept out.
    assert kept(before._replace(polled=2.9), within, last) == pytest.approx(0.8)


def test_what_is_not_known_is_not_made_up():
    """No account before the step, or one without turns."""
    assert kept(tick(10.5, 0), tick(11.0, 300, late=0.5)) == 0.0
    assert kept(tick(10.0, None), tick(11.0, 300, late=1.0)) == 0.0


# ---------------------------------------------------------- the whole process


def test_a_stop_leaves_less_room_for_what_a_step_may_have_worked():
    """What the last account before it tells of earlier steps is not the step's."""
    last = tick(11.0, 0, working=0.5, starved=0.1)
    assert share_of([tick(9.5, 0)], 10.0, last) == (0.5, 0.1)
    working, starved = share_of([tick(9.5, 0)], 10.0, last, stopped=0.7)
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


def test_of_gaps_before_nothing_is_counted_and_of_all_others_their_part():
    """Of the last one as far as it goes, and of the one that it began in."""
    gaps = [Gap(began=began, ended=began + 1.0, stopped=0.5) for began in range(10, 15)]
    assert stopped_between(gaps, 12.0, 14.25) == pytest.approx(1.25)
    assert stopped_between(gaps, 15.0, 16.0) == 0.0


# ------------------------------------------------------------- kept out by us


@pytest.mark.parametrize(
    ("late", "switches", "keeps"),
    [
        (0.020, 3, True),
        (0.009, 3, True),  # one switch interval in vain; then it stood in the queue
        (0.0055, 3, False),
        (0.008, 2, True),
        (0.005, 2, False),
        (0.090, 20, False),  # so often it asked in all that time
        (0.500, 20, True),  # it stood in the queue each time that it asked
        (0.500, 1, False),  # it slept, and nobody had the GIL when it woke
        (0.500, None, False),
    ],
)
def test_a_watchdog_that_asks_and_comes_later_than_that_explains_keeps_others_out(
    late, switches, keeps
):
    """Who gave the GIL up for it waits until it has a processor."""
    rest = Rest(10.0, 0, 0.0)
    assert keeps_out(rest, 10.0 + late, switches, INTERVAL) is keeps


@pytest.mark.parametrize(
    ("switches", "asked"), [(None, 0.0), (1, 0.0), (2, 0.0), (3, 0.005), (12, 0.05)]
)
def test_the_last_time_that_it_asks_is_not_in_vain(switches, asked):
    """And the first wait is its sleep."""
    assert asked_for(Rest(10.0, 0, 0.0), switches, INTERVAL) == pytest.approx(asked)


def test_without_a_gil_a_watchdog_keeps_nobody_out():
    """However late it is."""
    assert not keeps_out(Rest(10.0, 0, 0.0), 11.0, 7, 0.0)


def test_what_our_thread_cost_a_step_is_starved_and_not_blocked():
    """Nor does the report call it another thread of the test's."""
    last = tick(11.0, 10, working=0.25, starved=0.5, by_us=0.125)
    split = split_step([tick(10.0, 0)], 10.0, last, 0.0, INTERVAL)
    assert (split.working, split.blocked) == (0.25, 0.125)
    assert (split.starved, split.kept_out) == (0.625, 0.0)


def test_no_more_is_put_down_to_our_thread_than_is_not_explained():
    """A step that only worked was kept from nothing."""
    last = tick(11.0, 10, working=1.0, by_us=0.5)
    split = split_step([tick(10.0, 0)], 10.0, last, 0.0, INTERVAL)
    assert (split.working, split.blocked, split.starved) == (1.0, 0.0, 0.0)


def test_a_step_has_its_part_of_what_our_thread_cost_around_its_beginning():
    """A quarter of the time up to its first account, and all of what follows."""
    ticks = [tick(9.25, 0), tick(10.25, 0, by_us=0.2)]
    last = tick(11.0, 10, by_us=0.3)
    split = split_step(ticks, 10.0, last, 0.0, INTERVAL)
    assert split.starved == pytest.approx(0.1 + 0.2 / 4)
    assert split_step(ticks, 9.0, last, 0.0, INTERVAL).starved is None


def test_what_our_thread_cost_is_no_part_of_the_polls_before_a_step():
    """Of 0.6 s at the step's beginning all is lost in it if the loop rested before."""
    before, last = tick(9.5, 0, since=9.5), tick(11.0, 0, by_us=0.6, polled=0.5)
    assert split_step([before], 10.0, last, 0.0, INTERVAL).starved == pytest.approx(0.6)
    never = last._replace(polled=0.0)
    assert split_step([before], 10.0, never, 0.0, INTERVAL).starved == pytest.approx(
        0.4
    )
    # Nor is what a poll had waited before that account taken off what was lost since.
    before = before._replace(since=9.2)
    last = tick(11.0, 0, by_us=1.0, polled=0.8)
    assert split_step([before], 10.0, last, 0.0, INTERVAL).starved == pytest.approx(1.0)


def test_who_waited_for_something_of_the_users_was_not_kept_out_by_us():
    """A sleep of 20 ms is one, however late our thread came to look at it."""
    seen = tick(10.25, 1, by_us=0.25, waiting=True)
    last = tick(11.0, 2, by_us=0.75)
    split = split_step([tick(10.0, 0), seen], 10.0, last, 0.0, INTERVAL)
    assert (split.blocked, split.starved) == (1.0, 0.0)
    later = tick(10.5, 2, by_us=0.25)
    split = split_step([tick(10.0, 0), seen, later], 10.0, last, 0.0, INTERVAL)
    assert (split.blocked, split.starved) == (0.5, 0.5)


def moment(at, working=0.0, starved=0.0, *, by_us=0.0, asked=0.0, held=0.0, **facts):
    """Read all that is known of a thread at one moment."""
    cost = Cost(by_us, asked, held)
    return Moment(at, Processor(working, starved), cost=cost, **facts)


@pytest.mark.parametrize(
    ("last", "causes", "starved"),
    [
        # It slept for 0.4 s, worked for 0.3, and stood in the queue meanwhile.
        (moment(11.0, 0.3, 0.3, polled=0.4), 9.0, 0.3),
        # A cause explains no more than it took itself, and no more than there is.
        (moment(11.0, 0.3, 0.1, polled=0.4), 0.125, 0.225),
        (moment(11.0, 0.3, 0.1, polled=0.4), 9.0, 0.3),
        (moment(11.0, 0.3, 0.1, polled=0.7), 9.0, 0.1),
        # A call that blocked is nobody else's.
        (moment(11.0), 0.0, 0.0),
        # What our own code took is forgiven wholly, and needs no other cause.
        (moment(11.0, 0.3, 0.3, ours=Ours(0.1, 0.2)), 0.0, 0.6),
        (moment(11.0, 0.3, 0.3, ours=Ours(0.1, 0.2)), 9.0, 0.8),
    ],
)
def test_starved_is_what_has_a_cause_beside_the_test(last, causes, starved):
    """A second from 10 to 11, in which the test had some of the time for itself."""
    found = starved_between(moment(10.0), last, causes)
    assert found == pytest.approx(starved)


def test_where_no_account_is_known_nothing_is_starved():
    """Not even what there is a cause for: how much is left to explain is not known."""
    first = Moment(10.0, Processor(None, None))
    assert starved_between(first, first._replace(at=11.0), 0.5) is None
    queue = Moment(10.0, Processor(None, 1.0))
    last = queue._replace(at=11.0, account=Processor(None, 1.5))
    assert starved_between(queue, last, 0.5) == 0.5
    assert Lost(queue).up_to(last._replace(late=0.5)).seconds == 0.0


def lost(*moments):
    """Tell what was lost from 10 on, with an account at each of these moments."""
    found = Lost(moment(10.0))
    for each in moments:
        found = found.up_to(each)
    return found.seconds


def test_what_a_timer_and_our_thread_explain_is_lost():
    """Both of them, and no more than they took or than there is."""
    assert lost(moment(11.0, late=0.25, by_us=0.125)) == pytest.approx(0.375)
    both = moment(11.0, working=0.5, polled=0.375, late=0.25, by_us=0.125)
    assert lost(both) == pytest.approx(0.125)
    assert lost(moment(11.0)) == 0.0


def test_a_timer_that_came_late_out_of_the_queue_excuses_nothing():
    """The thread's own account has that, whatever was waited for beside it."""
    assert lost(moment(11.0, starved=0.25, late=0.25)) == 0.0
    assert lost(moment(11.0, starved=0.25, late=0.375)) == 0.125


def test_a_cause_that_nothing_came_of_excuses_no_call_that_blocks_later():
    """Our thread stood in the queue for long, while the test's could work."""
    worked = moment(11.0, working=1.0, by_us=0.5)
    assert lost(worked, moment(12.0, working=1.0, by_us=0.5)) == 0.0


def test_a_poll_tells_at_its_end_that_it_was_late():
    """An account that was read meanwhile takes nothing away of that."""
    polls = moment(11.0)
    assert lost(polls, moment(12.0, polled=1.5, late=0.5)) == pytest.approx(0.5)


def test_what_has_no_cause_is_not_explained_by_a_late_one():
    """A call blocks for two seconds; what is lost after that is lost alone."""
    blocked = [moment(11.0), moment(12.0)]
    worked = moment(13.0, working=1.0)
    late = moment(14.0, working=1.25, by_us=5.0)
    assert lost(*blocked, worked, late) == pytest.approx(0.75)


def test_what_our_own_code_waited_for_is_forgiven_once():
    """It needs no cause, and takes none from what else is lost."""
    ours = Ours(worked=0.25, waited=0.5)
    noted = moment(11.0, working=0.25, by_us=0.25, ours=ours)
    assert lost(noted) == pytest.approx(0.25)


def test_what_was_waited_for_after_the_loop_has_ended_is_not_lost():
    """Whatever there is a cause for: the thread may have waited for anything."""
    ran = Lost(moment(10.0))
    last = moment(11.0, late=0.25, by_us=0.5)
    assert ran.up_to(last, since=0.0).seconds == 0.75
    assert ran.up_to(last, since=0.5).seconds == 0.5
    assert ran.up_to(last, since=1.0).seconds == 0.0
    # What was lost before is not taken back: the thread may have stood in the queue.
    queued = moment(12.0, starved=1.0, late=0.25, by_us=0.5)
    assert ran.up_to(last).up_to(queued, since=1.0).seconds == 0.75


def test_a_wait_in_the_queue_seems_unexplained_until_it_is_over():
    """The system adds it to the account then, and what was told before is undone."""
    works = moment(11.0, working=1.0)
    queues = moment(11.5, working=1.0, by_us=0.5)
    still = moment(12.0, working=1.0, by_us=0.75)
    assert lost(works, queues, still) == 0.75
    over = moment(12.5, working=1.25, starved=1.25, by_us=0.75)
    assert lost(works, queues, still, over) == 0.0
    # Not all of it was the queue's.
    over = moment(12.5, working=1.25, starved=0.75, by_us=0.75)
    assert lost(works, queues, still, over) == 0.5


def test_who_is_seen_to_wait_for_something_of_the_users_is_not_kept_out_by_us():
    """Neither up to then nor from then on: it wants no interpreter."""
    sleeps = moment(11.0, by_us=0.5, waiting=True)
    assert lost(sleeps) == 0.0
    assert lost(sleeps, moment(12.0, by_us=1.0)) == 0.0
    assert lost(sleeps, moment(12.0, late=0.25, by_us=1.0)) == 0.25


def test_who_wanted_the_interpreter_while_we_had_it_woke_to_ask_for_it():
    """Who sleeps wants nothing, and does not wake; nor is it known of everybody."""

    def told(**facts):
        before = Lost(moment(10.0, in_gil=2.0))
        return before.up_to(moment(11.0, **facts)).seconds

    assert told(held=0.5, in_gil=2.75) == 0.5
    assert told(held=0.5, in_gil=2.25) == 0.25 + INTERVAL  # one had begun before
    assert told(held=0.5, in_gil=2.75, asked=0.5) == 0.5
    assert told(held=0.5, in_gil=2.75, by_us=0.25) == 0.75
    assert told(held=0.5, in_gil=2.75, working=0.875) == 0.125
    assert told(held=0.5, in_gil=2.75, waiting=True) == 0.0
    assert told(held=0.5) == 0.0


def test_who_keeps_the_gil_and_does_not_work_is_not_kept_out_by_us():
    """It is in a call in C that waits, however often we ask."""
    assert lost(moment(11.0, by_us=0.25, asked=0.5)) == 0.0
    at_work = moment(11.0, working=0.125, starved=0.5, by_us=0.25, asked=0.5)
    assert lost(at_work) == 0.25


# ------------------------------------------------------------- working, starved


def account(at, working=0.0, starved=0.0):
    """Read the account of a thread at one moment."""
    return Tick(at, Processor(working, starved))


@pytest.mark.parametrize(
    ("polled", "working"),
    [
        pytest.param(0.0, 0.0, id="busy, for all that is known"),
        pytest.param(0.8, 0.3, id="the poll in progress may have begun before"),
        pytest.param(1.3, 0.8, id="at rest"),
        pytest.param(9.0, 0.8, id="at rest for no longer than there was time"),
    ],
)
def test_a_thread_does_not_work_while_its_loop_polls(polled, working):
    """So the step did what the accounts around its beginning tell, and not less."""
    first = account(0.0)._replace(polled=5.0, since=-0.3)
    sampled, last = account(1.85, 0.8), account(2.0, 0.8)
    share = share_of([first, sampled], 1.0, last._replace(polled=5.0 + polled))
    assert share == pytest.approx((working, 0.0))


@pytest.mark.parametrize(
    ("polled", "share"),
    [
        pytest.param(0.5, (0.8, 0.2), id="it must have worked within the step"),
        pytest.param(0.2, (0.5 + 0.3 * 0.625, 0.5 * 0.625), id="for a part of it"),
    ],
)
def test_what_is_only_possible_gives_way_to_what_is_known(polled, share):
    """Work of a step after a poll, and a wait in the run queue that may be from before.

    A block that keeps the interpreter is not half forgiven for what came before it.
    """
    first, last = account(0.5)._replace(since=0.5), account(2.0, 0.8, 0.5)
    last = last._replace(polled=polled)
    assert share_of([first], 1.0, last) == pytest.approx(share)


def test_the_very_end_of_a_step_does_not_tell_what_all_of_it_was_like():
    """A call that keeps the interpreter is sampled there: it worked all the time."""
    last = account(2.0, 0.95)
    share = share_of([account(0.0), account(1.95, 0.93)], 1.0, last)
    assert share == pytest.approx((0.95, 0.0))
    share = share_of([account(0.0), account(1.85, 0.93)], 1.0, last)
    assert share == pytest.approx((0.02 + 0.85 * 0.02 / 0.15, 0.0))


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
    assert share_of(ticks, 1.0, Tick(2.0, last), 0.0) == pytest.approx(share)
