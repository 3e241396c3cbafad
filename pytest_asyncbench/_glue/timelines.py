"""The timelines of a run: how large each may be, and how it gets to the reports.

It is part of the record. But the record is a user property, which JUnit XML has, too;
so the timeline travels beside it, on the report of the test's teardown.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._tracing import timeline
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.plain import written
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.units import where

if TYPE_CHECKING:
    from pytest_asyncbench._tracing import Recorder
    from pytest_asyncbench._words.clock import Stopwatch
    from pytest_asyncbench._words.decided import Finding, Verdict
    from pytest_asyncbench._words.record import Record
    from pytest_asyncbench._words.timeline import Timeline

__all__ = [
    "Room",
    "give_timeline",
    "keep_timeline",
    "timeline_on",
    "with_timeline",
]

_RUNS = 240_000
"""So many marks has a run. The report that says most of each writes 100 characters."""

_MOST = 8_000
"""So many of them has one test at most."""

_SMALL = 12
"""So many are left for each test that is to come."""

_EAGER = 8
"""A test may take this part of what is left beside."""


class Room:
    """The marks that are left for the timelines of a run.

    A test gets its share of what is left, or an eighth of what is left beside a small
    timeline for each test to come, whichever is more: the first large ones are drawn
    whole, and those that come after many of them are folded.

    Args:
        tests: how many the run has.
        workers: between how many processes they are divided, of which this is one.
    """

    def __init__(self, tests: int, workers: int = 1) -> None:
        self._tests = max(1, tests // workers)
        self._marks = _RUNS // workers

    def of_next(self) -> int:
        """Tell how many marks the next test may take."""
        beside = self._marks - self._tests * _SMALL
        share = self._marks // self._tests
        return max(1, min(_MOST, max(share, beside // _EAGER)))

    def take(self, drawn: Timeline) -> None:
        """Take off what a test has taken."""
        spans = sum(len(track.did) for track in drawn.tracks)
        self._marks -= len(drawn.tracks) + len(drawn.wakes) + spans
        self._tests = max(1, self._tests - 1)


def with_timeline(
    verdict: Verdict,
    recorder: Recorder,
    stopwatch: Stopwatch,
    room: Room,
    note: Callable[[Problem], None],
) -> Verdict:
    """Add the timeline of a call, if one of its loops was followed.

    Where that fails, `note` is told.
    """
    try:
        elapsed, began = verdict.elapsed, float(stopwatch.began)
        if stopwatch.virtually_began is not None:
            began = stopwatch.virtually_began
        drawn = timeline(
            recorder.tapes,
            began,
            began + elapsed.lived,
            _blocked(verdict),
            room.of_next(),
        )
        room.take(drawn)
        if not drawn.tracks:
            return verdict
        return dataclasses.replace(verdict, timeline=drawn)
    except Exception as error:
        text = f"can't draw the timeline of the test: {error_of_ours(error)}"
        note(Problem(kind="failed", text=text))
        return verdict


def _blocked(verdict: Verdict) -> Mapping[float, str]:
    """Tell what blocked in each step, the dearest of several; by its begin."""
    found: dict[float, str] = {}
    for finding in sorted(verdict.findings, key=lambda finding: finding.seconds):
        found.update(dict.fromkeys(finding.steps, _call(finding)))
    return found


def _call(finding: Finding) -> str:
    return f"{finding.call}, {where(finding.file, finding.line, finding.function)}"


_TIMELINE = pytest.StashKey[str]()
"""That of the last attempt, as JSON."""

_ON_REPORT = "asyncbench_timeline"
"""The attribute of a report by which it travels."""


def keep_timeline(item: pytest.Item, record: Record | None) -> None:
    """Keep the timeline of a record until the test's last report; None forgets it."""
    if record is not None and record.timeline is not None:
        item.stash[_TIMELINE] = json.dumps(
            written(record.timeline), separators=(",", ":")
        )
    elif _TIMELINE in item.stash:
        del item.stash[_TIMELINE]


def give_timeline(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the timeline of a test on the report that is its last."""
    text = item.stash.get(_TIMELINE, None)
    if text is not None:
        setattr(report, _ON_REPORT, text)
        del item.stash[_TIMELINE]


def timeline_on(report: pytest.TestReport) -> str | None:
    """Give the timeline that a report carries, as JSON."""
    text = getattr(report, _ON_REPORT, None)
    return text if isinstance(text, str) else None
