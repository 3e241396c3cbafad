"""The timelines of a run: how large each may be, and what is drawn in it.

So of what is told, step by step, of a run under a schedule.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.units import where

if TYPE_CHECKING:
    from pytest_asyncbench._tracing import Recorder
    from pytest_asyncbench._words.clock import Stopwatch
    from pytest_asyncbench._words.courses import Courses
    from pytest_asyncbench._words.decided import Finding, Verdict
    from pytest_asyncbench._words.explored import Explored
    from pytest_asyncbench._words.timeline import Timeline

__all__ = [
    "Room",
    "with_courses",
    "with_timeline",
]

_RUNS = 200_000
"""So many marks has a run. The report that says most of each, Perfetto's, writes 80
characters of a span, and 180 of a task or a wake."""

_MOST = 8_000
"""So many of them has one test at most."""

_SMALL = 12
"""So many are left for each test that is to come."""

_EAGER = 8
"""A test may take this part of what is left beside."""


_FEWEST_STEPS, _MOST_STEPS = 12, 200
"""Of so many steps of a run under a schedule at least, and at most, is told."""

_MARKS_OF_A_STEP = 8
"""So many it takes at most: in each of two runs itself, a task, and two lines."""


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

    @property
    def steps(self) -> int:
        """How many steps may be told of each of two runs of a test, beside all that."""
        steps = self.of_next() // _MARKS_OF_A_STEP
        return min(_MOST_STEPS, steps) if steps >= _FEWEST_STEPS else 0

    def take_courses(self, told: Courses) -> None:
        """Take off what two runs have taken."""
        runs = [run for run in (told.passing, told.failing) if run is not None]
        steps = sum(len(run.lanes) for run in runs)
        self._marks -= steps + len(told.lanes) + len(told.places)


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
    # Loaded only here: most runs draw none.
    from pytest_asyncbench._tracing import timeline

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


def with_courses(verdict: Verdict, found: Explored, room: Room) -> Verdict:
    """Add how a test fails under a schedule, step by step, if there is room."""
    from pytest_asyncbench._judging.courses import courses

    told = courses(found, room.steps) if room.steps else None
    if told is None:
        return verdict
    room.take_courses(told)
    return dataclasses.replace(verdict, courses=told)


def _blocked(verdict: Verdict) -> Mapping[float, str]:
    """Tell what blocked in each step, the dearest of several; by its begin."""
    found: dict[float, str] = {}
    for finding in sorted(verdict.findings, key=lambda finding: finding.seconds):
        found.update(dict.fromkeys(finding.steps, _call(finding)))
    return found


def _call(finding: Finding) -> str:
    return f"{finding.call}, {where(finding.file, finding.line, finding.function)}"
