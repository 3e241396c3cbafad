"""Late turns put beside who worked meanwhile, by hand."""

from __future__ import annotations

import pytest

from pytest_asyncbench._watching.crowds import Crowds, Round


def crowds_of(*rounds):
    crowds = Crowds(turn=0.0025)
    for began, ended, *worked in rounds:
        crowds.kept_out(Round(began, ended, dict(enumerate(worked)), 0.0))
    return crowds


def test_a_late_turn_is_told_with_the_threads_that_had_a_turn_meanwhile():
    """Those that worked for less only passed by; the one of the loop is none."""
    crowds = crowds_of((1.0, 1.1, 0.03, 0.04, 0.001, 0.02))
    crowds.came_late(1.02, 1.1, loops={3})
    (crowd,) = crowds.told()
    assert (crowd.began, crowd.threads) == (1.02, 2)
    assert crowd.seconds == pytest.approx(0.08)
    assert crowd.share == pytest.approx(0.71)
    assert crowd.most == pytest.approx(0.4)


def test_of_several_rounds_each_thread_is_counted_once():
    """One that lasts longer than a round is met in each of them."""
    crowds = crowds_of((0.0, 0.9, 0.9), (1.0, 1.1, 0.05, 0.05), (1.1, 1.2, 0.1))
    crowds.came_late(1.0, 1.2, loops=())
    (crowd,) = crowds.told()
    assert (crowd.threads, crowd.share) == (2, pytest.approx(1.0))
    assert crowd.most == pytest.approx(0.75)


def test_a_late_turn_without_a_witness_is_not_told():
    """While the watchdog slept, or for the most of it, nobody knows who worked."""
    crowds = crowds_of((1.0, 1.1, 0.05, 0.05))
    for began, ended in (0.5, 0.6), (1.08, 1.2), (1.1, 1.2):
        crowds.came_late(began, ended, loops=())
    assert not [*crowds.told()]


def test_of_a_test_that_is_over_the_next_one_hears_nothing():
    """It may have the same instruments."""
    crowds = crowds_of((1.0, 1.1, 0.05, 0.05))
    crowds.came_late(1.0, 1.1, loops=())
    crowds.forget()
    crowds.came_late(1.0, 1.1, loops=())
    assert not [*crowds.told()]


def test_no_more_is_kept_of_a_test_than_it_can_be_told_of():
    """A test that runs for a day beside busy threads fills no memory."""
    crowds = crowds_of(*((n, n + 0.5, 0.5) for n in range(5000)))
    for n in range(5000):
        crowds.came_late(n, n + 0.5, loops=())
    assert len([*crowds.told()]) == len(crowds.late) == 4096


@pytest.mark.parametrize("full", ["late", "rounds"])
def test_who_gives_all_away_has_room_again(full):
    """In the thread of the loop that would have found none."""
    crowds = crowds_of()
    given = []

    def give():
        given.extend(crowds.told())
        crowds.forget()

    crowds.on_full = give
    for n in range(5000):
        crowds.kept_out(Round(n, n + 0.5, {1: 0.5}, 0.0))
        if full == "late" or n >= 4990:
            crowds.came_late(n, n + 0.5, loops=())
    # Of the round for which there was no room nothing is known.
    assert len(given) == (4095 if full == "late" else 0)
    assert len([*crowds.told()]) == (904 if full == "late" else 9)
