"""Which moments lie in which stretches of time, told without trying all of them.

A test may make 80,000 calls in one step of 1,000 samples. Whoever compares each with
each is done after minutes. Here both are put in order once, and then each question is
answered by bisection. An end belongs to its stretch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from pytest_asyncbench._words.seen import BlockingCall, Collection

__all__ = ["Moments", "Stretches", "ends"]


def ends(what: BlockingCall | Collection) -> tuple[float, float]:
    """Give when a call or a collection began and ended."""
    return what.began, what.began + what.seconds


class Stretches:
    """Stretches of time that may lie within each other."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        self._ordered = sorted(
            (began, ended, number) for number, (began, ended) in enumerate(spans)
        )
        self._began = [began for began, _, _ in self._ordered]
        # One that began long ago may last longer than all that began since.
        self._reached = list(accumulate((ended for _, ended, _ in self._ordered), max))

    def cover(self, at: float) -> bool:
        """Tell whether a moment lies in at least one of them."""
        before = bisect_right(self._began, at)
        return before > 0 and self._reached[before - 1] >= at

    def first(self, at: float) -> int | None:
        """Give the number of the first, as they were given, in which a moment lies.

        Beside those that it lies in, this looks at what began and ended within them.
        """
        found: list[int] = []
        before = bisect_right(self._began, at)
        while before > 0 and self._reached[before - 1] >= at:
            before -= 1
            _, ended, number = self._ordered[before]
            if ended >= at:
                found.append(number)
        return min(found, default=None)


class Moments:
    """Moments of time, each known by its number among those that were given."""

    def __init__(self, times: Sequence[float]) -> None:
        self._numbers = sorted(range(len(times)), key=times.__getitem__)
        self._times = [times[number] for number in self._numbers]

    def within(self, span: tuple[float, float]) -> list[int]:
        """Give the numbers of those that lie in a stretch, the lowest first."""
        began, ended = span
        first = bisect_left(self._times, began)
        last = bisect_right(self._times, ended, first) if began <= ended else first
        return sorted(self._numbers[first:last])
