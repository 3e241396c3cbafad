"""A run as SARIF 2.1.0, which code scanning shows beside the line.

One result for each place; what is accepted is suppressed, with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from pytest_asyncbench._reports.run import RunReport
from pytest_asyncbench._words.units import many, seconds

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import BlockingEntry

__all__ = ["sarif_report"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES = {
    "blocking-call": "A call that can wait, on the thread of a running event loop",
    "stall": "A step that kept the event loop longer than the threshold",
}


@dataclass
class _Place:
    """A place, over all tests."""

    entry: BlockingEntry
    seconds: float = 0.0
    count: int = 0
    tests: int = 0
    failed: bool = False
    """Whether a test failed for it."""


def sarif_report(told: RunReport) -> str:
    """Write the run as SARIF."""
    rules: list[Json] = [
        {"id": name, "shortDescription": {"text": text}}
        for name, text in _RULES.items()
    ]
    driver: dict[str, Json] = {
        "name": "pytest-asyncbench",
        "version": told.run.get("asyncbench"),
        "rules": rules,
    }
    results: list[Json] = [_result(place, told.root) for place in _places(told)]
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    whole: dict[str, Json] = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, indent=1) + "\n"


def _places(told: RunReport) -> Iterator[_Place]:
    found: dict[tuple[object, ...], _Place] = {}
    for record in told.records.values():
        failed = any(broken.kind == "blocking" for broken in record.violations)
        for entry in record.blocking:
            key = entry.file, entry.line, entry.function, entry.call, entry.allowed
            place = found.setdefault(key, _Place(entry))
            place.seconds += entry.seconds
            place.count += entry.count
            place.tests += 1
            place.failed = place.failed or (failed and entry.allowed is None)
    return iter(sorted(found.values(), key=lambda place: -place.seconds))


def _result(place: _Place, root: str) -> Json:
    entry = place.entry
    result: dict[str, Json] = {
        "ruleId": "stall" if entry.kind == "stall" else "blocking-call",
        "level": _level(place),
        "message": {"text": _message(place)},
        "locations": [_location(entry, root)],
        "partialFingerprints": {"asyncbench/v1": entry.fingerprint},
    }
    if entry.allowed is not None:
        why: dict[str, Json] = {"kind": "external", "justification": entry.allowed}
        result["suppressions"] = [why]
    return result


def _level(place: _Place) -> Literal["error", "warning", "note"]:
    if place.failed:
        return "error"
    return "warning" if place.entry.allowed is None else "note"


def _message(place: _Place) -> str:
    entry = place.entry
    times = f"{many(place.count, 'time')} in {many(place.tests, 'test')}"
    told = (
        f"{entry.call} kept the event loop for {seconds(place.seconds)}, {times}, "
        f"called in {entry.function}."
    )
    return f"{told} Use: {entry.advice}" if entry.advice else told


def _location(entry: BlockingEntry, root: str) -> Json:
    path = Path(entry.file)
    artifact: dict[str, Json]
    if path.is_relative_to(root):
        inside = path.relative_to(root).as_posix()
        artifact = {"uri": quote(inside), "uriBaseId": "%SRCROOT%"}
    elif path.is_absolute():
        artifact = {"uri": path.as_uri()}
    else:
        artifact = {"uri": quote(path.as_posix())}
    physical: dict[str, Json] = {"artifactLocation": artifact}
    if entry.line > 0:
        physical["region"] = {"startLine": entry.line}
    logical: dict[str, Json] = {
        "fullyQualifiedName": entry.fingerprint.partition(" > ")[0]
    }
    return {"physicalLocation": physical, "logicalLocations": [logical]}
