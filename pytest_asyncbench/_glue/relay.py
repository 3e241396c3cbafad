"""Hands the instruments on from test to test, while they have seen nothing.

To put them around a test and to take them off again costs more than a small test does.
So they stay where they are at the end of one that nothing was seen of, and do nothing
but the calls that they stand around, until another is to be watched alike. A test that
is to be watched otherwise, or not at all, takes them off before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from pytest_asyncbench._watching import Watch

__all__ = ["Relay"]

_MOST_PASSED = 10
"""So many tests in a row may have no use for the instruments that stay."""


class Relay:
    """Keep one watch, for the next test that is to be watched in the same way."""

    def __init__(self) -> None:
        self._way: Hashable = None
        """How it watches, as its user says."""
        self._watch: Watch | None = None
        """The one whose instruments stand, or stood, around a test."""
        self._passed = 0
        """How many tests in a row had no use for it."""

    def watch(self, way: Hashable, make: Callable[[], Watch]) -> Watch:
        """Give the watch for a test: the one before it had, where that still stands.

        Args:
            way: how the test is to be watched; what is equal is watched alike.
            make: makes a watch that does so.
        """
        if self._watch is None or way != self._way or not self._watch.is_as_new:
            self.stop()
            watch = self._watch = make()
            self._way = way
            watch.kept_on = lambda: self._watch is watch
        self._passed = 0
        return self._watch

    def pass_by(self) -> None:
        """Let a test have none, which may turn out to need it; after some, stop.

        Tests with a loop and tests without one mostly stand side by side. But where
        there is a wrapper each call takes a little longer.
        """
        self._passed += 1
        if self._passed > _MOST_PASSED:
            self.stop()

    def stop(self) -> None:
        """Take the instruments off, where no test is between them; twice is no harm."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop_unless_in_use()
