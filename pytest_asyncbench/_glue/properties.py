"""The user property of a test's reports by which its record travels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import Record

__all__ = ["PROPERTY", "TOO_LONG", "RecordReader", "property_of", "record_property"]

PROPERTY = "asyncbench"
"""Its name; its value is a JSON text."""

TOO_LONG = ("courses", "timeline")
"""The parts of a record that it goes without."""

# `json.dumps` makes one anew for each record.
_ENCODED = json.JSONEncoder(sort_keys=True).encode


def record_property(record: Record) -> tuple[str, str]:
    """Give the user property that carries a record."""
    return property_of(record.to_json())


def property_of(record: Mapping[str, Json]) -> tuple[str, str]:
    """Give the user property that carries a record in JSON's own types.

    Less what is too long: JUnit XML has all user properties.
    """
    return PROPERTY, _ENCODED({**record, **dict.fromkeys(TOO_LONG)})


class RecordReader:
    """Read the records of reports.

    Most tests saw nothing: their records are alike but for the times, and only the
    first of them is made.
    """

    def __init__(self) -> None:
        self._alike: dict[str, Json] = {}
        self._record: Record | None = None

    def records_in(self, report: pytest.TestReport) -> Iterator[Record]:
        """Give the records that a report carries.

        The times of one that is like the record before it may be that record's.

        Raises:
            ValueError: one can't be read.
        """
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, str):
                yield self._read(json.loads(value))

    def _read(self, told: Json) -> Record:
        # Here, because a run in which no test is watched must not load it.
        from pytest_asyncbench._words.record import Record

        record, alike = self._record, _without_times(told)
        if record is None or not alike or alike != self._alike:
            record = Record.from_json(told)
            self._alike, self._record = alike, record
        return record


def _without_times(told: Json) -> dict[str, Json]:
    """Give a record less its wall and starved time; nothing where these are amiss."""
    if not isinstance(told, dict) or not isinstance(told.get("wall"), float):
        return {}
    if not isinstance(told.get("starved"), (float, type(None))):
        return {}
    return {**told, "wall": None, "starved": None}
