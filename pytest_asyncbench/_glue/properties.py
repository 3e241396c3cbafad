"""The user property of a test's reports by which its record travels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import Record

__all__ = ["PROPERTY", "record_property", "records_in"]

PROPERTY = "asyncbench"
"""Its name; its value is a JSON text."""


def record_property(record: Record) -> tuple[str, str]:
    """Give the user property that carries a record."""
    return PROPERTY, json.dumps(record.to_json(), sort_keys=True)


def records_in(report: pytest.TestReport) -> Iterator[Record]:
    """Give the records that a report carries.

    Raises:
        ValueError: one can't be read.
    """
    for name, value in report.user_properties:
        if name == PROPERTY and isinstance(value, str):
            # Here, because a run in which no test is watched must not load it.
            from pytest_asyncbench._words.record import Record

            yield Record.from_json(json.loads(value))
