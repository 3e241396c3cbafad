"""The places that blocked, each over all tests, for reports that point at a line."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_asyncbench._words.units import many, seconds

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import BlockingEntry, Record

__all__ = ["BlamedPlace", "blamed", "inside", "place_key", "was_looked_for"]


class BlamedPlace:
    """A place, over all tests."""

    def __init__(self, entry: BlockingEntry) -> None:
        self.entry = entry
        """The first that was seen of it."""
        self.seconds = 0.0
        self.count = 0
        self.tests: set[Hashable] = set()
        self.failed = False
        """Whether a test failed for it."""

    def add(self, entry: BlockingEntry, test: Hashable) -> None:
        """Add what a test lost there."""
        self.seconds += entry.seconds
        self.count += entry.count
        self.tests.add(test)

    @property
    def times(self) -> str:
        """How often it blocked, and in how many tests."""
        return f"{many(self.count, 'time')} in {many(len(self.tests), 'test')}"

    @property
    def message(self) -> str:
        """What is said of it beside its line."""
        entry = self.entry
        if entry.kind == "kept":
            told = (
                f"{entry.call}, in another thread, kept the event loop waiting for "
                f"{seconds(self.seconds)}, {self.times}."
            )
            return f"{told} Use: {entry.advice}" if entry.advice else told
        told = (
            f"{entry.call} kept the event loop for {seconds(self.seconds)}, "
            f"{self.times}, called in {entry.function}."
        )
        return f"{told} Use: {entry.advice}" if entry.advice else told


def blamed(records: Iterable[Record]) -> list[BlamedPlace]:
    """Give the places of all records, those that cost most first."""
    found: dict[tuple[object, ...], BlamedPlace] = {}
    for test, record in enumerate(records):
        failed = any(broken.kind == "blocking" for broken in record.violations)
        for entry in record.blocking:
            place = found.setdefault(place_key(entry), BlamedPlace(entry))
            place.add(entry, test)
            place.failed = place.failed or (failed and entry.allowed is None)
    return sorted(found.values(), key=lambda place: -place.seconds)


def was_looked_for(records: Iterable[Record]) -> bool:
    """Tell whether anybody looked for what blocks; else nothing is known of it."""
    return any(record.mode != "off" for record in records)


def place_key(entry: BlockingEntry) -> tuple[object, ...]:
    """Give what entries of one place have in common, in whichever test."""
    return entry.file, entry.line, entry.function, entry.call, entry.allowed


def inside(file: str, folder: str) -> str | None:
    """Give the path of a file from a folder; None where it does not lie in there."""
    path = PurePath(file)
    if not (path.is_absolute() and path.is_relative_to(folder)):
        return None
    return path.relative_to(folder).as_posix()
