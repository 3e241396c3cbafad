"""A run as Perfetto and Chrome open it, in the Trace Event Format.

A process is a test, a thread is one of its tasks or loops. The tests stand one behind
the other in the order in which they ended, whichever worker ran them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, count
from typing import TYPE_CHECKING

from pytest_asyncbench._words.timeline import NOTED
from pytest_asyncbench._words.units import seconds

if TYPE_CHECKING:
    from pytest_asyncbench._reports.run import RunReport
    from pytest_asyncbench._words.plain import Json
    from pytest_asyncbench._words.record import Record
    from pytest_asyncbench._words.timeline import Timeline, Track, Wake

__all__ = ["perfetto_report"]

_NAMES = {
    "r": "running",
    "w": "waiting",
    "q": "queued",
    "b": "blocked the loop",
    "f": "many short spans",
}
_ON_THE_LOOP = "rbf"
"""What a task did while it could wake another."""

_BETWEEN = 1_000
"""So many microseconds lie between two tests."""

_Event = dict[str, "Json"]


def perfetto_report(told: RunReport) -> str:
    """Write the timelines of the run, one event a line."""
    events = ",\n".join(
        json.dumps(event, separators=(",", ":")) for event in _events(told)
    )
    return f'{{"displayTimeUnit":"ms","traceEvents":[\n{events}\n]}}\n'


def _events(told: RunReport) -> Iterator[_Event]:
    starts, flows = 0, count(1)
    for process, (nodeid, record) in enumerate(told.records.items(), 1):
        drawn = record.timeline
        if drawn is None:
            continue
        yield _named(process, "process_name", name=nodeid)
        yield _named(process, "process_labels", labels=_labels(record, drawn))
        threads = [_Thread(track, starts) for track in drawn.tracks]
        for number, thread in enumerate(threads, 1):
            yield from thread.events(process, number, drawn.texts)
        for wake in drawn.wakes:
            yield from _flow(process, threads, wake, starts, flows)
        starts += round(drawn.seconds * 1e6) + _BETWEEN


def _named(process: int, what: str, **given: Json) -> _Event:
    return {"ph": "M", "pid": process, "name": what, "args": {**given}}


def _labels(record: Record, drawn: Timeline) -> str:
    labels = [f"wall {seconds(record.wall)}"]
    if record.virtual is not None:
        labels.append(f"virtual {seconds(record.virtual)}")
    if record.speedup is not None:
        labels.append(f"speedup {record.speedup:.1f}")
    if drawn.left_out:
        labels.append(f"{drawn.left_out:,} tasks not drawn")
    if drawn.cut:
        labels.append("cut short")
    return ", ".join(labels)


class _Thread:
    """A row, with the moments at which its spans begin."""

    def __init__(self, track: Track, starts: int) -> None:
        self._track = track
        first = starts + track.began
        self._begins = [*accumulate(track.lasted, initial=first)]

    def events(
        self, process: int, number: int, texts: tuple[str, ...]
    ) -> Iterator[_Event]:
        """Give its name, and a slice for each span."""
        track = self._track
        for what, given in (
            ("thread_name", {"name": track.name}),
            ("thread_sort_index", {"sort_index": number}),
        ):
            yield {**_named(process, what, **given), "tid": number}
        notes = iter(track.notes)
        spans = zip(track.did, self._begins, track.lasted, strict=False)
        for did, began, lasted in spans:
            note = next(notes) if did in NOTED else -1
            yield {
                "ph": "X",
                "pid": process,
                "tid": number,
                "ts": began,
                "dur": lasted,
                "name": self._name(did, texts[note] if note >= 0 else None),
            }

    def _name(self, did: str, note: str | None) -> str:
        if did == "w" and self._track.kind == "loop":
            return "idle"
        if note is None:
            return _NAMES[did]
        return f"waiting: {note}" if did == "w" else note

    def woke(self, at: int) -> int | None:
        """Give a moment of the step in which it woke another, which could run then."""
        place = min(bisect_right(self._begins, at), len(self._track.did)) - 1
        while place >= 0 and self._track.did[place] not in _ON_THE_LOOP:
            place -= 1
        if place < 0:
            return None
        return min(at, self._begins[place + 1] - 1)

    def woken(self, at: int) -> int | None:
        """Give a moment of the span that begins as it could go on."""
        return at if self._begins[0] <= at < self._begins[-1] else None


def _flow(
    process: int,
    threads: list[_Thread],
    wake: Wake,
    starts: int,
    flows: Iterator[int],
) -> Iterator[_Event]:
    """Give both ends of an arrow; none where one of them has no slice to hold on to."""
    at = starts + wake.at
    began, ended = threads[wake.by].woke(at), threads[wake.woken].woken(at)
    if began is None or ended is None:
        return
    flow: _Event = {"pid": process, "name": "wakes", "cat": "wakes", "id": next(flows)}
    yield {**flow, "ph": "s", "tid": wake.by + 1, "ts": began}
    yield {**flow, "ph": "f", "bp": "e", "tid": wake.woken + 1, "ts": ended}
