"""Entries of all records → the places where the run lost most, in lines.

A place is ranked by the time that all tests together lost there, and told with whose
code it is: yours, the test's own, or a library's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from pytest_asyncbench._reports.blamed import BlamedPlace
from pytest_asyncbench._words.units import many, seconds, where
from pytest_asyncbench._words.whose import is_users

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import BlockingEntry

__all__ = ["Ranking", "Whose", "whose"]

Whose = Literal["yours", "test", "library"]

_OWNERS: dict[Whose, str] = {
    "yours": "your code",
    "test": "the tests' own",
    "library": "libraries",
}


class _Place(BlamedPlace):
    """What all tests together lost at one place."""

    def __init__(self, entry: BlockingEntry, owner: Whose) -> None:
        super().__init__(entry)
        self.owner = owner
        self.advice = ""
        """That of the last test."""


class Ranking:
    """The places at which tests lost time, and that nobody has accepted."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, int, str, str], _Place] = {}

    def add(self, nodeid: str, entry: BlockingEntry) -> None:
        """Add what a test lost at a place."""
        key = (entry.file, entry.line, entry.function, entry.call)
        if key not in self.places:
            self.places[key] = _Place(entry, whose(entry.file, nodeid))
        self.places[key].add(entry, nodeid)
        self.places[key].advice = entry.advice

    def lines(self, room: int | None = None) -> Iterator[str]:
        """Write the places down, those that cost most first.

        Args:
            room: how many lines there are at most; None where all are to be told.
        """
        told = [_lines(place) for place in self._ranked()]
        if not told:
            return
        shown = len(told) if room is None else _fitting(told, room - 1)
        yield self._headline()
        yield from chain.from_iterable(told[:shown])
        if shown < len(told):
            yield f"  … and {len(told) - shown:,} more (--asyncbench-summary=all)"

    def rows(self, root: str) -> Iterator[tuple[str, ...]]:
        """Give the cells of a table: lost, whose, place, call, times, tests, advice.

        Args:
            root: the folder from which places are told.
        """
        for place in self._ranked():
            entry = place.entry
            yield (
                seconds(place.seconds),
                place.owner,
                where(entry.file, entry.line, entry.function, root),
                entry.call,
                f"{place.count:,}",
                f"{len(place.tests):,}",
                place.advice,
            )

    def _ranked(self) -> list[_Place]:
        return sorted(self.places.values(), key=lambda place: -place.seconds)

    def _headline(self) -> str:
        lost = dict.fromkeys(_OWNERS, 0.0)
        for place in self.places.values():
            lost[place.owner] += place.seconds
        told = [f"{seconds(lost[each])} in {_OWNERS[each]}" for each in lost]
        told = [text for text, part in zip(told, lost.values(), strict=True) if part]
        parts = f" ({', '.join(told)})" if len(told) > 1 else ""
        return (
            f"the event loop was blocked at {many(len(self.places), 'place')} "
            f"for {seconds(sum(lost.values()))}{parts}"
        )


def whose(file: str, nodeid: str) -> Whose:
    """Tell whose code a place is in: that of a test, its project's, or a library's."""
    if not is_users(file):
        return "library"
    path = PurePath(file)
    tests_own = nodeid.partition("::")[0]
    is_tests = path.name == "conftest.py" or path.as_posix().endswith(f"/{tests_own}")
    return "test" if is_tests else "yours"


def _lines(place: _Place) -> list[str]:
    entry = place.entry
    at = where(entry.file, entry.line, entry.function)
    lost = f"{seconds(place.seconds):>9}  {place.owner:<7}"
    told = f"  {lost}  {at}: {entry.call}, {place.times}"
    return [told, f"{'':22}use: {place.advice}"] if place.advice else [told]


def _fitting(told: Sequence[Sequence[str]], room: int) -> int:
    """Count those that fit, with the line that tells of the rest where there is one."""
    if sum(map(len, told)) <= room:
        return len(told)
    ends = accumulate(map(len, told))
    return sum(end < room for end in ends)
