"""How the interpreter was given to a thread, by how often that had to wait."""

from __future__ import annotations

import pytest

from pytest_asyncbench._python.shares import Rest
from pytest_asyncbench._python.turns import Held, longer, turn_after, turn_within

INTERVAL = 0.005


def after(at, waits, interval=INTERVAL):
    return turn_after(Rest(1.0, 10, 0.0), Held(at, 10 + waits), interval)


def test_who_only_slept_did_not_wait_for_the_interpreter():
    """However late it was: it lacked a processor."""
    turn = after(1.3, 1)
    assert (turn.since, turn.at, turn.waited, turn.asked) == (1.0, 1.3, False, 0.0)


def test_each_further_wait_but_the_last_was_in_vain():
    """The last one ended with the interpreter in hand."""
    assert after(1.004, 2).waited
    assert after(1.004, 2).asked == 0
    assert after(1.3, 42).asked == pytest.approx(0.2)


def test_who_was_woken_early_wanted_it_only_then():
    """A ring of the bell ends its sleep."""
    assert after(0.5, 1).since == 0.5


def test_who_loses_the_interpreter_at_work_waits_for_it_without_a_sleep():
    """While it reads a file, say."""
    turn = turn_within(Held(1.0, 10), Held(1.3, 51), INTERVAL)
    assert (turn.since, turn.at, turn.waited) == (1.0, 1.3, True)
    assert turn.asked == pytest.approx(0.2)
    assert turn_within(Held(1.0, 10), Held(1.3, 10), INTERVAL) is None


def test_without_an_interpreter_to_wait_for_there_are_no_turns():
    """A build without the GIL; or a system that counts no waits."""
    assert after(1.3, 42, interval=0.0) is None
    assert turn_within(Held(1.0, 10), Held(1.3, 51), 0.0) is None
    assert turn_after(Rest(1.0, None, None), Held(1.3, 51), INTERVAL) is None


def test_of_two_turns_the_longer_one_counts():
    """A look can come after both: one for a file, and one after the sleep."""
    long, short = after(1.3, 42), after(1.004, 2)
    assert longer((short, long)) == longer((long, None, short)) == long
    assert longer((None, None)) is None
