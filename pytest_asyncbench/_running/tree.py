"""The tree of schedules that were seen, so that none is tried twice.

At each moment at which several lanes can go on, it branches. A branch under which all
was seen is closed. It says when nothing is left; not so where a run took another way
under the same picks, or where there is more than is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pytest_asyncbench._loops import Entry

__all__ = ["Tree"]

_MOST = 8_000
"""So many moments are kept; of a test with more, nobody knows whether all was seen."""


class _Moment:
    """A moment at which several lanes can go on."""

    __slots__ = ("after", "seen", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.after: dict[str, _Moment] = {}
        self.seen: set[str] = set()
        """After whose turn nothing is left to be seen."""


class Tree:
    """The moments of all runs so far, and the way that the run in progress takes."""

    def __init__(self) -> None:
        self._first: _Moment | None = None
        self._size = 0
        self._way: list[tuple[_Moment, str]] = []
        self._here: _Moment | None = None
        self._lost = False
        """Whether the run in progress has left what is kept."""
        self.whole = True
        """Whether all that was seen is known."""
        self.seen_all = False

    def begin(self) -> None:
        """Begin a run."""
        self._way = []
        self._here = self._first
        self._lost = False

    def left(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Give the places of those after whom something is left to be seen."""
        width, here = len(entries), self._here
        if here is None and not self._lost:
            here = self._enter(width)
        elif here is not None and here.width != width:
            self.whole = False
        places = _places(width)
        if here is None or not here.seen:
            return places
        seen = here.seen
        return [
            place for place in places if entries[place][0].key not in seen
        ] or places

    def _enter(self, width: int) -> _Moment | None:
        """Come to where no run has been; None where that is not kept."""
        if self._size >= _MOST:
            self._lost, self.whole = True, False
            return None
        self._size += 1
        here = self._here = _Moment(width)
        if self._way:
            before, key = self._way[-1]
            before.after[key] = here
        else:
            self._first = here
        return here

    def go(self, key: str) -> None:
        """Hear which lane goes on, of those that `left` was asked of."""
        here = self._here
        if here is not None:
            self._way.append((here, key))
            self._here = here.after.get(key)

    def end(self) -> None:
        """Hear that the run is over."""
        if self._lost:
            return
        for moment, key in reversed(self._way):
            under = moment.after.pop(key, None)
            if under is not None:
                self._size -= _size(under)
            moment.seen.add(key)
            if len(moment.seen) < moment.width:
                return
        self.seen_all = self.whole


@cache
def _places(width: int) -> tuple[int, ...]:
    return (*range(width),)


def _size(moment: _Moment) -> int:
    return 1 + sum(map(_size, moment.after.values()))
