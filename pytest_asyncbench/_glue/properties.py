"""The user property of a test's reports by which its record travels."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import Record

__all__ = ["PROPERTY", "TOO_LONG", "RecordReader", "RecordWriter"]

PROPERTY = "asyncbench"
"""Its name; its value is a JSON text."""

TOO_LONG = ("courses", "timeline")
"""The parts of a record that it goes without."""

# `json.dumps` makes one anew for each record.
_ENCODED = json.JSONEncoder(sort_keys=True).encode

_OWN = ("serial", "speedup", "starved", "steps", "together", "wall")
"""The parts in which also the records of tests differ that kept what they promised."""

_HERE = "\0"
"""Stands for such a part in the text of those that are alike."""

_NUMBER = r"(?:null|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_TIMES = re.compile(
    rf'"serial": {_NUMBER}, "speedup": {_NUMBER}, "starved": {_NUMBER}'
    rf'|"(?:together|wall)": {_NUMBER}'
)
"""No text within a record can look so: a quote in one is escaped. The first three
follow each other, and so are the record's own."""


class RecordWriter:
    """Write records as user properties.

    Most tests saw nothing that is wrong: their records are alike but for a few numbers,
    and of those all else is written once.
    """

    def __init__(self) -> None:
        self._alike: dict[str, Json] = {}
        """The last record that was written as a whole, less its own parts."""
        self._pieces: list[str] = []
        """Its text, cut where these stand."""

    def property_of(self, record: Mapping[str, Json]) -> tuple[str, str]:
        """Give the user property that carries a record in JSON's own types.

        Less what is too long: JUnit XML has all user properties.
        """
        alike = {**record, **_LESS}
        if alike != self._alike:
            self._alike = alike
            self._pieces = _ENCODED(alike).split(_ENCODED(_HERE))
        if len(self._pieces) != len(_OWN) + 1:  # a name in it looks like that
            return PROPERTY, _ENCODED({**record, **dict.fromkeys(TOO_LONG)})
        numbers = [*map(_number, map(record.__getitem__, _OWN)), ""]
        cut = zip(self._pieces, numbers, strict=True)
        return PROPERTY, "".join(itertools.chain.from_iterable(cut))


_LESS: Mapping[str, Json] = {**dict.fromkeys(TOO_LONG), **dict.fromkeys(_OWN, _HERE)}


def _number(value: Json) -> str:
    return "null" if value is None else repr(value)


class RecordReader:
    """Read the records of reports.

    Of those that are alike but for the times only the first is made; but each of those
    in virtual time, whose times the summary adds up.
    """

    def __init__(self) -> None:
        self._alike = ""
        """The text of the last record that was read, less its times."""
        self._record: Record | None = None

    def records_in(self, report: pytest.TestReport) -> Iterator[Record]:
        """Give the records that a report carries.

        The times of one in real time that is like the record before it may be that
        record's.

        Raises:
            ValueError: one can't be read.
        """
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, str):
                yield self._read(value)

    def _read(self, text: str) -> Record:
        # Here, because a run in which no test is watched must not load it.
        from pytest_asyncbench._words.record import Record

        alike, times = _TIMES.subn("", text)
        known = self._record
        # Its own three, and those of no part of it.
        is_known = times == 3 and alike == self._alike
        if known is None or not is_known or known.virtual is not None:
            self._record = known = Record.from_json(json.loads(text))
            self._alike = alike
        return known
