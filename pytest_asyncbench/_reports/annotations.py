"""What CI shows beside the blocking line: commands for GitHub, a report for GitLab."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from pytest_asyncbench._reports.blamed import BlamedPlace, blamed, inside

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import Record

__all__ = ["github_lines", "gitlab_report"]

_MOST = 50
"""GitHub shows ten of a kind for each step of a job; more only make the log longer."""


def github_lines(records: Iterable[Record], workspace: str) -> Iterator[str]:
    """Write a command for each place that nobody has accepted.

    Args:
        records: those of the run's tests.
        workspace: the folder from which GitHub knows paths.
    """
    for place in [*_counting(records)][:_MOST]:
        level = "error" if place.failed else "warning"
        path = inside(place.entry.file, workspace)
        where = {"title": "asyncbench: the event loop was blocked"}
        if path is not None:
            where = {"file": path, "line": str(max(1, place.entry.line)), **where}
        given = ",".join(f"{name}={_property(text)}" for name, text in where.items())
        yield f"::{level} {given}::{_data(place.message)}"


def gitlab_report(records: Iterable[Record], root: str) -> str:
    """Write a report of code quality, with paths from the root folder."""
    found: list[Json] = []
    before: Counter[str] = Counter()
    for place in _counting(records):
        entry = place.entry
        path = inside(entry.file, root)
        if path is None:
            continue  # what is not in the project can't be shown there
        # Two lines of one function may be one place of the baseline, but not here.
        name = f"{path} {entry.fingerprint}"
        before[name] += 1
        name = f"{name} {before[name]}"
        location: dict[str, Json] = {
            "path": path,
            "lines": {"begin": max(1, entry.line)},
        }
        one: dict[str, Json] = {
            "description": place.message,
            "check_name": entry.fingerprint,
            "fingerprint": sha256(name.encode()).hexdigest(),
            "severity": "major" if place.failed else "minor",
            "location": location,
        }
        found.append(one)
    return json.dumps(found, indent=1) + "\n"


def _counting(records: Iterable[Record]) -> Iterator[BlamedPlace]:
    return (place for place in blamed(records) if place.entry.allowed is None)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
