"""From the traces of a test, its timeline: a row for each loop and each task.

All that its loops did within its call is told, a fixture's background task included.
How it is folded is written at `Timeline`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from typing import TYPE_CHECKING

from pytest_asyncbench._tracing.tape import OTHERS, POLLED
from pytest_asyncbench._tracing.tapes import Tapes
from pytest_asyncbench._tracing.trace import LOOP
from pytest_asyncbench._words.timeline import (
    FOLDED,
    NOTED,
    Timeline,
    Track,
    Wake,
)
from pytest_asyncbench._words.units import where
from pytest_asyncbench._words.whose import users_frame

if TYPE_CHECKING:
    from pytest_asyncbench._tracing.tape import Tape
    from pytest_asyncbench._words.seen import Stack

__all__ = ["timeline"]

_TICK = 1e6
"""So many of its ticks are a second."""

_LONGEST_TEXT = 160
"""So many characters of a name or a note are kept."""

_RESTED = 500
"""A poll of fewer ticks is a part of what the loop ran."""

_NOTHING = -1
"""The note of a span of which nothing is known."""

_RUNNING, _WAITING, _QUEUED, _BLOCKED = b"rwqb"


def timeline(
    tapes: Tapes,
    began: float,
    ended: float,
    blocked: Mapping[float, str],
    room: int,
) -> Timeline:
    """Draw what the loops of a test did in a time.

    Args:
        tapes: those of the test's loops.
        began: when its call began, on the clock of the tapes.
        ended: when it ended.
        blocked: by the moment at which a step began, what blocked the loop in it.
        room: how many marks there may be.
    """
    texts = _Texts()
    drawn = [_Drawn(tapes, tape, (began, ended), blocked, texts) for tape in tapes.all]
    drawn = [each for each in drawn if each.rows]
    rows, left_out = _kept_rows(drawn, max(1, room // 4))
    places = {id(row): place for place, row in enumerate(rows)}
    loops = {id(each.loop): places[id(each.loop)] for each in drawn}
    all_wakes = [wake for each in drawn for wake in each.wakes]
    wakes = [*_kept_wakes(all_wakes, places, max(0, room // 4))]
    spans = _Folding(rows, max(len(rows), room - len(rows) - len(wakes)))
    return Timeline(
        clock="real" if tapes.in_real_time else "virtual",
        seconds=ended - began,
        tracks=tuple(
            track
            for each in drawn
            for row in each.rows
            if id(row) in places
            for track in [spans.track(row, loops[id(each.loop)])]
        ),
        wakes=tuple(wakes),
        texts=texts.all,
        left_out=left_out,
        cut=any(tape.full for tape in tapes.all),
    )


class _Texts:
    """Texts, each known by its place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Give the place of a text."""
        return self._places.setdefault(text[:_LONGEST_TEXT], len(self._places))

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self._places)


class _Row:
    """The spans of a task, or of a loop, in ticks."""

    __slots__ = ("began", "did", "end", "ended", "ends", "is_loop", "name", "notes")

    def __init__(self, name: str, began: int, *, is_loop: bool = False) -> None:
        self.name = name[:_LONGEST_TEXT]
        self.is_loop = is_loop
        self.began = self.end = began
        self.ended = False
        # Columns: a row may have a million spans for a moment, before it is folded.
        self.did = bytearray()
        self.ends = array("q")
        self.notes = array("i")

    def add(self, did: int, end: int, note: int = _NOTHING) -> None:
        """Go on with this until then."""
        if end <= self.end:
            return
        self.end = end
        if self.did and self.did[-1] == did and self.notes[-1] == note:
            self.ends[-1] = end
            return
        self.did.append(did)
        self.ends.append(end)
        self.notes.append(note)

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """Give for each span what it did, how long it is, and its note."""
        began = self.began
        for did, end, note in zip(self.did, self.ends, self.notes, strict=True):
            yield did, end - began, note
            began = end


_Woken = tuple[int, int, _Row, _Row]
"""For how long somebody had waited, when it could go on, by whom, and who."""


class _Drawn:
    """The rows of one loop, its own first."""

    def __init__(
        self,
        tapes: Tapes,
        tape: Tape,
        span: tuple[float, float],
        blocked: Mapping[float, str],
        texts: _Texts,
    ) -> None:
        self._tapes = tapes
        self._trace = tapes.trace(tape)
        self._origin, ended = span
        self._texts = texts
        self._end = round((ended - self._origin) * _TICK)
        self.wakes: list[_Woken] = []
        self.loop = _Row(tape.view.kind, 0, is_loop=True)
        self._tasks: dict[int, _Row] = {}
        self._blocked = {
            at: texts.place(text)
            for moment, text in blocked.items()
            if (at := self._trace.begun_at(moment))
        }
        # In virtual time many steps end at the moment at which the call begins.
        first = max(1, bisect_left(self._trace.ended, self._origin))
        after = bisect_right(self._trace.ended, ended) + 1
        entries = range(first, min(after, len(self._trace.who)))
        for at in entries:
            self._add(at)
        self._close()
        self.rows = [self.loop, *self._tasks.values()] if entries else []

    def _tick(self, moment: float) -> int:
        tick = round((moment - self._origin) * _TICK)
        return 0 if tick < 0 else min(tick, self._end)

    def _add(self, at: int) -> None:
        trace, loop = self._trace, self.loop
        who, began, ended = trace.who[at], loop.end, self._tick(trace.ended[at])
        note = self._blocked.get(at, _NOTHING)
        did = _RUNNING if note == _NOTHING else _BLOCKED
        rested = who == POLLED and ended - began > _RESTED
        loop.add(_WAITING if rested else did, ended, note)
        if who < 0:
            return
        cause, before = trace.cause[at], trace.previous[at]
        ready = self._tick(trace.ready_at(at) if cause == LOOP else trace.ended[cause])
        row = self._tasks.get(who)
        if row is None:
            name = self._tapes.names[who]
            row = self._tasks[who] = _Row(name, 0 if before >= 0 else ready)
        if at not in trace.inline:
            waited = ready - row.end
            if before >= 0 and waited > 0:
                row.add(_WAITING, ready, self._awaited(before, at))
            if cause != LOOP and trace.who[cause] != who:
                self._woken(cause, row, waited, ready)
        # A part of a step within which an eager task ran stands behind that.
        row.add(_QUEUED, began)
        row.add(did, ended, note)

    def _woken(self, cause: int, row: _Row, waited: int, ready: int) -> None:
        by = self._tasks.get(self._trace.task_of(cause))
        if by is not None and by is not row:
            self.wakes.append((waited, ready, by, row))

    def _awaited(self, before: int, at: int | None = None) -> int:
        """Tell what a task waited for after an entry, that ended by another."""
        looked = self._trace.tape.waits.get(before)
        if looked is not None:
            return self._texts.place(_with_place(*looked))
        outside = None if at is None else self._outside(at)
        return _NOTHING if outside is None else self._texts.place(outside)

    def _outside(self, at: int) -> str | None:
        """Tell what came from outside of the loop and ended a wait."""
        trace, cause = self._trace, self._trace.cause[at]
        while cause != LOOP and trace.who[cause] <= OTHERS:
            code = trace.who[cause]
            if trace.timer(code) is not None:
                return "a timer"
            if trace.sent(code) is not None:
                return "a thread"
            if trace.read(code) is not None:
                return "I/O"
            cause = trace.cause[cause]
        return None

    def _close(self) -> None:
        """Let who had not ended wait until the end."""
        for number, row in self._tasks.items():
            row.ended = self._tapes.is_done(number)
            if not row.ended:
                last = self._trace.last[number]
                row.add(_WAITING, self._end, self._awaited(last))


def _with_place(stack: Stack, awaited: str) -> str:
    frame = users_frame(stack)
    if frame is None:
        return awaited
    return f"{awaited}, {where(frame.file, frame.line, frame.function)}"


def _kept_rows(drawn: Sequence[_Drawn], most: int) -> tuple[list[_Row], int]:
    """Give those that are drawn, in order, and how many tasks are not."""
    rows = [row for each in drawn for row in each.rows]
    if len(rows) <= most:
        return rows, 0
    loops = [row for row in rows if row.is_loop]
    tasks = (row for row in rows if not row.is_loop)
    longest = nlargest(
        max(0, most - len(loops)), tasks, key=lambda row: row.end - row.began
    )
    kept = {id(row) for row in (*loops, *longest)}
    return [row for row in rows if id(row) in kept], len(rows) - len(kept)


def _kept_wakes(
    wakes: Sequence[_Woken], places: Mapping[int, int], most: int
) -> Iterator[Wake]:
    drawn = (wake for wake in wakes if id(wake[2]) in places and id(wake[3]) in places)
    longest = nlargest(most, drawn, key=lambda wake: wake[0])
    for _, at, by, woken in sorted(longest, key=lambda wake: wake[1]):
        yield Wake(at=at, by=places[id(by)], woken=places[id(woken)])


class _Folding:
    """Which spans are told by themselves: the longest of all rows together."""

    def __init__(self, rows: Sequence[_Row], most: int) -> None:
        self._least, self._left = 0, 0
        """A span is kept if it is longer than that; of those just as long, so many."""
        if sum(len(row.did) for row in rows) > most:
            # Beside each that is kept there may be one that is folded.
            kept = (most - len(rows)) // 2
            lengths = (length for row in rows for _, length, _ in row.spans())
            longest = nlargest(kept + 1, lengths)
            self._least = longest[-1]
            self._left = kept - sum(length > self._least for length in longest)

    def track(self, row: _Row, loop: int) -> Track:
        """Give a row as it is told."""
        sums = dict.fromkeys((_RUNNING, _WAITING, _QUEUED, _BLOCKED), 0)
        did, lasted, notes = bytearray(), array("q"), array("i")
        open_fold = False
        for what, length, note in row.spans():
            sums[what] += length
            if self._is_kept(length):
                open_fold = False
            elif open_fold:
                did[-1:] = FOLDED.encode()
                lasted[-1] += length
                notes[-1] = _NOTHING
                continue
            else:
                open_fold = True
            did.append(what)
            lasted.append(length)
            notes.append(note)
        return Track(
            name=row.name,
            kind="loop" if row.is_loop else "task",
            loop=loop,
            began=row.began,
            ended=row.ended,
            did=did.decode(),
            lasted=tuple(lasted),
            notes=tuple(
                note
                for what, note in zip(did.decode(), notes, strict=True)
                if what in NOTED
            ),
            running=(sums[_RUNNING] + sums[_BLOCKED]) / _TICK,
            waiting=sums[_WAITING] / _TICK,
            queued=sums[_QUEUED] / _TICK,
        )

    def _is_kept(self, length: int) -> bool:
        if length > self._least:
            return True
        if length < self._least or self._left <= 0:
            return False
        self._left -= 1
        return True
