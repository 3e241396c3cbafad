"""What stands around a watched test, in a time by hand."""

from __future__ import annotations

from pytest_asyncbench._glue.watched import Watched
from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench.testing import ManualClock

CLOCK = ManualClock()


class _WatchedByHand(Watched):
    clock = CLOCK


def test_our_own_work_within_a_test_is_forgiven():
    """It is booked to us: what the plugin works out meanwhile breaks no budget."""
    watched = _WatchedByHand(Policy(), (), None, judge=judge, tracing=False)
    stopwatch = watched.stopwatch()
    CLOCK.work(2)
    with watched.paused():
        CLOCK.work(3)
    elapsed = stopwatch.elapsed()
    assert (elapsed.wall, elapsed.starved) == (5.0, 3.0)
