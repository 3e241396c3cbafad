"""The places that blocked, each over all tests, for reports that point at a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_asyncbench._words.units import many, seconds

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import BlockingEntry, Record

__all__ = ["BlamedPlace", "blamed"]


@dataclass
class BlamedPlace:
    """A place, over all tests."""

    entry: BlockingEntry
    seconds: float = 0.0
    count: int = 0
    tests: int = 0
    failed: bool = False
    """Whether a test failed for it."""

    @property
    def message(self) -> str:
        """What is said of it beside its line."""
        entry = self.entry
        times = f"{many(self.count, 'time')} in {many(self.tests, 'test')}"
        told = (
            f"{entry.call} kept the event loop for {seconds(self.seconds)}, {times}, "
            f"called in {entry.function}."
        )
        return f"{told} Use: {entry.advice}" if entry.advice else told


def blamed(records: Iterable[Record]) -> list[BlamedPlace]:
    """Give the places of all records, those that cost most first."""
    found: dict[tuple[object, ...], BlamedPlace] = {}
    for record in records:
        failed = any(broken.kind == "blocking" for broken in record.violations)
        for entry in record.blocking:
            key = entry.file, entry.line, entry.function, entry.call, entry.allowed
            place = found.setdefault(key, BlamedPlace(entry))
            place.seconds += entry.seconds
            place.count += entry.count
            place.tests += 1
            place.failed = place.failed or (failed and entry.allowed is None)
    return sorted(found.values(), key=lambda place: -place.seconds)
