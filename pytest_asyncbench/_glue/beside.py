"""What travels beside a test's record: the parts that are too long to be in it.

The record is a user property, which JUnit XML has, too; so its timeline, and what is
told, step by step, of a run under a schedule, go on the report of the test's teardown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.properties import PROPERTY, TOO_LONG

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json

__all__ = ["drop_record", "give_beside", "keep_beside", "whole_record"]

_BESIDE = pytest.StashKey[dict[str, str]]()
"""Those parts of the last attempt's record, as JSON, by the name of their field."""

_ON_REPORT = "asyncbench_beside"
"""The attribute of a report by which they travel."""


def drop_record(item: pytest.Item) -> None:
    """Take away the record of an attempt before."""
    # Who reruns a test that failed does so with the same item.
    properties = item.user_properties
    properties[:] = [each for each in properties if each[0] != PROPERTY]
    if _BESIDE in item.stash:
        del item.stash[_BESIDE]


def keep_beside(item: pytest.Item, record: Mapping[str, Json]) -> None:
    """Keep these parts of a record until the test's last report."""
    item.stash[_BESIDE] = {
        name: json.dumps(record[name], separators=(",", ":"))
        for name in TOO_LONG
        if record[name] is not None
    }


def give_beside(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put these parts of a test's record on the report that is its last."""
    parts = item.stash.get(_BESIDE, None)
    if parts:
        setattr(report, _ON_REPORT, parts)
        del item.stash[_BESIDE]


def whole_record(text: str, report: pytest.TestReport) -> str:
    """Put the parts that a report carries into the text of its record."""
    for name, part in getattr(report, _ON_REPORT, {}).items():
        # No text within the record can look so: a quote in one is escaped.
        text = text.replace(f'"{name}": null', f'"{name}": {part}')
    return text
