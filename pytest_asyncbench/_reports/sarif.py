"""A run as SARIF 2.1.0, which code scanning shows beside the line.

One result for each place; what is accepted is suppressed, with its reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from pytest_asyncbench._reports.blamed import BlamedPlace, blamed, inside
from pytest_asyncbench._reports.run import RunReport

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import BlockingEntry

__all__ = ["sarif_report"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES = {
    "blocking-call": "A call that can wait, on the thread of a running event loop",
    "stall": "A step that kept the event loop longer than the threshold",
    "kept": "A call in another thread that kept the interpreter from the event loop",
}
_IDS = {"stall": "stall", "kept": "kept", "call": "blocking-call"}


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
    results: list[Json] = [
        _result(place, told.root) for place in blamed(told.records.values())
    ]
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    whole: dict[str, Json] = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, indent=1) + "\n"


def _result(place: BlamedPlace, root: str) -> Json:
    entry = place.entry
    result: dict[str, Json] = {
        "ruleId": _IDS[entry.kind],
        "level": _level(place),
        "message": {"text": place.message},
        "locations": [_location(entry, root)],
        "partialFingerprints": {"asyncbench/v1": entry.fingerprint},
    }
    if entry.allowed is not None:
        why: dict[str, Json] = {"kind": "external", "justification": entry.allowed}
        result["suppressions"] = [why]
    return result


def _level(place: BlamedPlace) -> Literal["error", "warning", "note"]:
    if place.failed:
        return "error"
    return "warning" if place.entry.allowed is None else "note"


def _location(entry: BlockingEntry, root: str) -> Json:
    path, from_root = Path(entry.file), inside(entry.file, root)
    artifact: dict[str, Json]
    if from_root is not None:
        artifact = {"uri": quote(from_root), "uriBaseId": "%SRCROOT%"}
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
