"""A run as machines read it: what it was, and each test's record.

``docs/report.schema.json`` describes the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_asyncbench._words.record import Record

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json

__all__ = ["VERSION", "RunReport", "json_report"]

VERSION = 1
"""Of the report's own shape; each record has one of its own."""


@dataclass(frozen=True)
class RunReport:
    """What all reports of a run are made of."""

    run: Mapping[str, Json]
    """What is known of the run as a whole, by name."""
    partial: str | None
    """Why it was no full one, as `run` says, too."""
    texts: Mapping[str, str]
    """The record of each watched test, as JSON, by its node id."""
    root: str
    """The root folder, from which paths are told."""
    unit: str = "test"
    """What each of the records is of."""

    @cached_property
    def records(self) -> dict[str, Record]:
        """The records as values, less those that can't be read."""
        found = {}
        for nodeid, text in self.texts.items():
            try:
                found[nodeid] = Record.from_json(json.loads(text))
            except ValueError:
                continue
        return found


def json_report(told: RunReport) -> str:
    """Write the run and all its records as JSON, one test a line."""
    tests = ",\n".join(
        f'{{"nodeid": {json.dumps(nodeid)}, "record": {text}}}'
        for nodeid, text in told.texts.items()
    )
    run = json.dumps(told.run, sort_keys=True)
    return f'{{"version": {VERSION},\n"run": {run},\n"tests": [\n{tests}\n]}}\n'
