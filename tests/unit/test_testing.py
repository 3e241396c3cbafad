"""The fakes that are shipped."""

from __future__ import annotations

import pytest

from pytest_asyncbench._words.clock import Clock, Stopwatch
from pytest_asyncbench.testing import ManualClock


def test_a_manual_clock_stands_still_until_it_is_moved():
    """Reading it changes nothing."""
    clock = ManualClock(5.0)
    assert [clock.now(), clock.now()] == [5.0, 5.0]
    clock.wait(0.5)
    assert clock.now() == 5.5


def test_working_and_starving_are_told_apart():
    """Each way to move it is seen where it belongs, and all in the time."""
    clock = ManualClock()
    clock.wait(1)
    clock.work(2)
    clock.starve(4)
    assert clock.now() == 7
    assert clock.processor() == (2, 4, None)
    assert repr(clock) == "<ManualClock at 7 s, worked 2 s, starved 4 s>"


def test_a_platform_that_cannot_tell_can_be_played():
    """Without accounts, the answer is None twice."""
    assert ManualClock(accounts=False).processor()[:2] == (None, None)


def test_time_does_not_go_back():
    """A negative duration is a mistake in the test that uses it."""
    with pytest.raises(ValueError, match="does not go back"):
        ManualClock().wait(-1)


def test_it_fits_where_a_clock_is_asked_for():
    """The stopwatch works with it as with the system's."""
    clock: Clock = ManualClock()
    watch = Stopwatch(clock)
    assert watch.began == 0.0
