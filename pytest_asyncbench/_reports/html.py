"""A run as one page that opens from disk: places and tests, and their timelines.

The page is made of the files in ``page``, and of the data below. It is whole in itself:
its policy lets it load nothing. What comes from a test is text in it and never markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pytest_asyncbench._reports.blamed import (
    BlamedPlace,
    blamed,
    place_key,
    was_looked_for,
)
from pytest_asyncbench._reports.ranking import whose
from pytest_asyncbench._words.plain import written
from pytest_asyncbench._words.units import shown, where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_asyncbench._reports.run import RunReport
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import (
        CoursesEntry,
        LinkEntry,
        PlaceEntry,
        Record,
    )

__all__ = ["html_report"]

_SCRIPTS = (
    *("text.js", "list.js", "timeline.js", "courses.js"),
    *("detail.js", "page.js"),
)
"""In the order in which they need each other."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def html_report(told: RunReport) -> str:
    """Write the run as one page."""
    parts = {
        "style": _file("page.css"),
        "script": "\n".join(map(_file, _SCRIPTS)),
        "data": _in_a_script(_data(told)),
    }
    # In one go: what a test is called may look like a slot.
    return _SLOT.sub(lambda slot: parts[slot[1]], _file("page.html"))


@cache
def _file(name: str) -> str:
    page = files("pytest_asyncbench._reports") / "page" / name
    return page.read_text(encoding="utf-8")


def _in_a_script(data: Json) -> str:
    # A browser looks for the end of a script, or for a comment, before it reads JSON.
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _data(told: RunReport) -> dict[str, Json]:
    records, places = told.records, blamed(told.records.values())
    nodeids = [*records]
    numbers = {place_key(place.entry): at for at, place in enumerate(places)}
    return {
        "run": dict(told.run),
        "unit": told.unit,
        "looked": was_looked_for(records.values()),
        "places": [_place(place, nodeids, told.root) for place in places],
        "tests": [
            _test(nodeid, record, told.root, numbers)
            for nodeid, record in records.items()
        ],
    }


def _place(place: BlamedPlace, nodeids: Sequence[str], root: str) -> Json:
    entry = place.entry
    tests = sorted(test for test in place.tests if isinstance(test, int))
    return {
        "kind": entry.kind,
        "call": entry.call,
        "at": f"{shown(entry.file, root)}:{entry.line}",
        "function": entry.function,
        "whose": whose(entry.file, nodeids[tests[0]]),
        "seconds": place.seconds,
        "count": place.count,
        "tests": [*tests],
        "advice": entry.advice,
        "allowed": entry.allowed,
        "failed": place.failed,
    }


def _test(
    nodeid: str,
    record: Record,
    root: str,
    numbers: Mapping[tuple[object, ...], int],
) -> dict[str, Json]:
    return {
        "id": nodeid,
        "wall": record.wall,
        "virtual": record.virtual,
        "together": record.together,
        "serial": record.serial,
        "speedup": record.speedup,
        "starved": record.starved,
        "steps": record.steps,
        "budget": None if record.budget is None else written(record.budget),
        "broken": [written(each) for each in record.violations],
        "blocking": [
            {
                "place": numbers[place_key(entry)],
                "seconds": entry.seconds,
                "count": entry.count,
            }
            for entry in record.blocking
        ],
        "path": [_link(link, root) for link in record.critical_path],
        "whatIf": [
            {"at": _at(case.place, root), "wall": case.wall, "speedup": case.speedup}
            for case in record.what_if
        ],
        "problems": [*record.problems],
        "timeline": None if record.timeline is None else written(record.timeline),
        "schedules": None if record.schedules is None else written(record.schedules),
        "cancellations": (
            None if record.cancellations is None else written(record.cancellations)
        ),
        "leaks": [
            {**written(each), "place": _at(each.place, root)} for each in record.leaks
        ],
        "courses": _courses(record.courses, root),
    }


def _courses(courses: CoursesEntry | None, root: str) -> Json:
    if courses is None:
        return None
    places: Json = [_at(place, root) for place in courses.places]
    return {**written(courses), "places": places}


def _link(link: LinkEntry, root: str) -> Json:
    return {
        "task": link.task,
        "did": link.kind,
        "seconds": link.seconds,
        "at": _at(link.place, root),
        "awaited": link.awaited,
        "by": link.by,
        "kept": link.kept_by,
    }


def _at(place: PlaceEntry | None, root: str) -> str | None:
    if place is None:
        return None
    return where(place.file, place.line, place.function, root)
