"""From a tape, who put each step into the queue: the trace, which all readings read.

The loop's queue is first in, first out. So beside the tape runs a queue of entries: a
step takes its *cause* from the head, the entry in which somebody put it there, and puts
itself at the tail for each callback that it has added. What stands in the loop's queue
without a cause was put there by the loop itself, after its poll: a timer that was due,
or I/O that was ready; or by another thread.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from typing import TYPE_CHECKING, Literal, cast

from pytest_asyncbench._tracing.tape import (
    BEGUN,
    OTHERS,
    OURS,
    POLLED,
    READY,
    SENT,
    TIMER,
    VOID,
    Plain,
    Ready,
    Sent,
    Timer,
)

if TYPE_CHECKING:
    from pytest_asyncbench._tracing.tape import Tape

__all__ = ["LOOP", "NOBODY", "Creator", "Trace"]

Creator = Literal["task", "thread", "nobody"]
"""What creates a task: another, a thread that sends it, or whoever runs the loop."""

LOOP = -1
"""In the place of a cause: the loop itself, or another thread."""

NOBODY = -1
"""In the place of a task."""

_SAME = 1e-6
"""Two moments that are nearer than this, in seconds, are one."""

_NONE = array("i", [-1])

_AT_ONCE = 50_000
"""So many entries are read at a time, since they are copied for that."""

_WAITED = 0.0005
"""A poll that lasted longer than this did wait: its events came as it returned."""


class Trace:
    """One loop's steps, and what caused each. Entries are known by their places.

    A step within which eager tasks took their first ones lies in several entries, its
    own parts and theirs; `inline` has all but the first of its own, and theirs.
    """

    __slots__ = (
        "_frames",
        "_io_ready",
        "_looked",
        "_looks",
        "_polled",
        "_queue",
        "accepted",
        "beginnings",
        "begun_in_turn",
        "cause",
        "ended",
        "first",
        "inline",
        "io_ready",
        "last",
        "parent",
        "previous",
        "tape",
        "who",
    )

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.ended = array("d")
        self.who = array("i")
        """As on the tape; a part of a step has the number of the step's task."""
        self.cause = array("i")
        self.previous = array("i")
        """The entry before this one of the same task, or -1."""
        self.inline: set[int] = set()
        self.io_ready: dict[int, float] = {}
        """By the entries of the loop's own making, timers aside: since when their I/O
        can have been ready."""
        self.first: dict[int, int] = {}
        """By the number of a task: its first entry."""
        self.last: dict[int, int] = {}
        """And its last one so far."""
        self.parent: dict[int, int] = {}
        """The task that has created it, or -1."""
        self.begun_in_turn: list[int] = []
        """All tasks, in the order of their first entries."""
        self.beginnings = array("i")
        """Those entries."""
        self.accepted: set[int] = set()
        """The tasks that began since a server had a connection, or a request."""
        self._queue: deque[int] = deque()
        self._frames: list[_Frame] = []
        """The parts of each step that is open here, the inner ones last."""
        self._polled = self._io_ready = tape.began
        self._looked = 0
        self._looks: list[tuple[int, float, frozenset[int]]] = []
        """Those between the last poll and the one before it."""

    def up_to_now(self, older: set[int]) -> None:
        """Take in what was noted since the last time."""
        while self._take_in(older):
            pass

    def _take_in(self, older: set[int]) -> bool:
        """Take in some more of it; tell whether there may be more."""
        first = len(self.who)
        more = self.tape.since(first, _AT_ONCE)
        # What most entries have is put down for all at once.
        self.ended.extend(more.ended)
        self.who.extend(more.who)
        self.previous.extend(_NONE * len(more.who))
        queue, last, previous = self._queue, self.last, self.previous
        io_ready, frames, add_cause = self.io_ready, self._frames, self.cause.append
        take, put, put_all = queue.popleft, queue.append, queue.extend
        places = range(first, len(self.who))
        noted = zip(places, more.who, more.before, more.after, strict=True)
        left = len(queue)
        for at, who, before, after in noted:
            if before < 0 or OTHERS < who < 0 or frames:
                self._odd(at, who, before, after, older)
                left = len(queue)
                continue
            if left != before + 1:
                # The loop passed over cancelled ones, or has added some itself.
                for _ in range(left - before - 1):
                    take()
                put_all([LOOP] * (before + 1 - left))
            by = take()
            if who >= 0:
                add_cause(by)
                if by == LOOP:
                    io_ready[at] = self._io_ready
                earlier = last.get(who, -1)
                last[who] = at
                if earlier < 0:
                    self._begins(who, at, older)
                else:
                    previous[at] = earlier
            else:
                if (OTHERS - who) & 3 == TIMER:
                    if by != LOOP:
                        by = self._passed_over()
                elif by == LOOP:
                    io_ready[at] = self._not_before(who)
                add_cause(by)
            left = after
            if after == before + 1:
                put(at)
            elif after > before:
                put_all([at] * (after - before))
            else:
                left = before
        self.tape.forget(len(self.who))
        return len(more.who) == _AT_ONCE

    def _odd(self, at: int, who: int, before: int, after: int, older: set[int]) -> None:
        """Take in what is not the whole of a step of one task."""
        if who == POLLED:
            self._poll(at, queued=before)
        if who in (POLLED, OURS):
            self._add(at, who, LOOP)
            return
        if not self._frames:
            by = self._queue.popleft() if self._queue else LOOP
            if by == LOOP:
                self.io_ready[at] = self._io_ready
            self._frames.append(_Frame(by))
        frame = self._frames[-1]
        self._add(at, VOID, at - 1 if frame.parts else frame.cause)
        if frame.parts or len(self._frames) > 1:
            self.inline.add(at)
        frame.parts.append(at)
        self._queue.extend([at] * (after - len(self._queue)))
        if who == BEGUN:
            self._frames.append(_Frame(at))
            return
        self._frames.pop()
        around = self._frames[-1] if self._frames else None
        if who == VOID and around is not None:
            around.parts += frame.parts
            around.started += frame.started
        elif who != VOID:
            self._belong(frame, who, around, older)

    def _passed_over(self) -> int:
        """Go on to what the loop has put there itself, since a timer comes from there.

        What it passed over first was cancelled, and its place was taken for that of
        what the loop has added.
        """
        queue = self._queue
        if LOOP in queue:
            while queue.popleft() != LOOP:
                queue.append(LOOP)
            queue.append(LOOP)
        return LOOP

    def _add(self, at: int, who: int, cause: int) -> None:
        self.who[at] = who
        self.cause.append(cause)

    def _belong(
        self, frame: _Frame, who: int, around: _Frame | None, older: set[int]
    ) -> None:
        for at in frame.parts:
            self.who[at] = who
            if who >= 0:
                self.previous[at] = self.last.get(who, -1)
                self.last[who] = at
                if self.previous[at] < 0:
                    self._begins(who, at, older)
                    if around is not None:
                        around.started.append(who)
        for started in frame.started:
            self.parent[started] = self.task_of(frame.parts[0])

    def _poll(self, at: int, queued: int) -> None:
        looks = self.tape.looks
        first = self._looked
        while self._looked < len(looks) and looks[self._looked][0] <= at:
            self._looked += 1
        self._looks = looks[first : self._looked]
        self._io_ready, self._polled = self._polled, self.ended[at]
        for _, looked, ready in self._looks:
            if ready:
                # However long the poll took, it did not wait.
                break
            self._io_ready = looked
        else:
            if self.ended[at] - self.ended[at - 1] > _WAITED:
                self._io_ready = self._polled
        queue = self._queue
        while len(queue) > queued:  # passed over at the end of the turn
            queue.popleft()
        queue.extend([LOOP] * (queued - len(queue)))  # sent by a thread

    def _not_before(self, code: int) -> float:
        """Tell since when the I/O of a callback can have been ready."""
        read = self.read(code)
        since = self._io_ready
        if read is not None:
            for _, looked, ready in self._looks:
                if read[2] in ready:
                    break
                since = max(since, looked)
            # What came after the poll is not what that reported.
            if since < read[3] <= self._polled:
                since = read[3]
        return since

    def _begins(self, who: int, at: int, older: set[int]) -> None:
        cause = self.cause[at]
        by = NOBODY if cause == LOOP or who in older else self.who[cause]
        if by < NOBODY:
            by = self.task_of(cause)
            if self._is_servers(cause):
                self.accepted.add(who)
        self.first[who] = at
        self.parent[who] = by
        beginnings = self.beginnings
        if not beginnings or beginnings[-1] < at:
            self.begun_in_turn.append(who)
            beginnings.append(at)
            return
        # A task that began within a step is known before the one whose step it was.
        place = bisect_left(beginnings, at)
        self.begun_in_turn.insert(place, who)
        beginnings.insert(place, at)

    def _is_servers(self, at: int) -> bool:
        """Tell whether an entry is what the loop calls for one of its servers.

        Or a callback that this has set off. Of the loop's own that are called when
        something is ready, that which accepts connections alone creates tasks.
        """
        while at != LOOP and self.who[at] <= OTHERS:
            read, plain = self.read(self.who[at]), self.plain(self.who[at])
            if read is not None:
                return read[4]
            if plain is not None and plain[0] == self.tape.loop:
                return self.cause[at] == LOOP
            at = self.cause[at]
        return False

    # -------------------------------------------------------------- questions

    def began(self, at: int) -> float:
        """Tell when an entry began, in seconds of the tape's clock."""
        return self.ended[at - 1]

    def begun_at(self, moment: float) -> int:
        """Give the entry that began at a moment, in real time; 0 where none did.

        Of a tape in virtual time, those of long steps alone are known.
        """
        if self.tape.long is not None:
            return self.tape.long.get(moment, 0)
        first = bisect_left(self.ended, moment - _SAME) + 1
        last = min(bisect_right(self.ended, moment + _SAME), len(self.who) - 1)
        # Entries of no length begin at the same moment; it is the longest that is told.
        found = max(range(first, last + 1), key=self.seconds, default=0)
        # A step in which its loop was met is measured from when that was done.
        within_first = len(self.who) > 1 and self.ended[0] < moment < self.ended[1]
        return found or int(within_first)

    def seconds(self, at: int) -> float:
        """Tell how long an entry lasted."""
        return self.ended[at] - self.ended[at - 1]

    def task_of(self, at: int) -> int:
        """Give the task whose entry this is, or for which this callback runs."""
        while at != LOOP:
            who = self.who[at]
            if who >= 0:
                return who
            if who > OTHERS:
                return NOBODY
            at, task = self._on_behalf_of(at, who)
            if task != NOBODY:
                return task
        return NOBODY

    def _on_behalf_of(self, at: int, code: int) -> tuple[int, int]:
        timer = self.timer(code)
        if timer is not None:
            return self.entry(timer[0]), NOBODY
        if self.sent(code) is not None:
            return LOOP, NOBODY
        plain = self.plain(code)
        if plain is not None and self.cause[at] != LOOP:
            return self.cause[at], NOBODY
        if plain is not None:
            return LOOP, plain[1]
        return LOOP, cast("Ready", self.read(code))[1]

    def creator_of(self, task: int) -> Creator:
        """Tell what created a task."""
        cause = self.cause[self.first[task]]
        while cause != LOOP:
            if self.who[cause] >= 0:
                return "task"
            if self.sent(self.who[cause]) is not None:
                return "thread"
            cause, within = self._on_behalf_of(cause, self.who[cause])
            if within != NOBODY:
                return "task"
        return "nobody"

    def entry(self, at: int) -> int:
        """Give an entry that was named while it was in progress, if it was kept."""
        return at if at < len(self.who) else LOOP

    def timer(self, code: int) -> Timer | None:
        """Give what is known of a timer's callback; None for any other."""
        return self.tape.timer(code)

    def sent(self, code: int) -> Sent | None:
        """Give what is known of a thread's callback; None for any other."""
        return cast("Sent | None", self.tape.detail(code, SENT))

    def read(self, code: int) -> Ready | None:
        """Give what is known of a transport's callback; None for any other."""
        return cast("Ready | None", self.tape.detail(code, READY))

    def plain(self, code: int) -> Plain | None:
        """Give what is known of a plain callback; None for any other."""
        return self.tape.plain(code)

    def ready_at(self, at: int) -> float:
        """Tell when an entry could have begun, had the loop been free."""
        code, cause = self.who[at], self.cause[at]
        if code <= OTHERS:
            timer = self.timer(code)
            if timer is not None:
                return min(self.began(at), timer[1] + timer[2])
            sent = self.sent(code)
            if sent is not None:
                return min(self.began(at), sent[0])
        if cause != LOOP:
            return self.ended[cause]
        return min(self.began(at), self.io_ready.get(at, self.began(at)))


class _Frame:
    """A step that is not over, within which others may be."""

    __slots__ = ("cause", "parts", "started")

    def __init__(self, cause: int) -> None:
        self.cause = cause
        self.parts: list[int] = []
        self.started: list[int] = []
        """The tasks that began within it."""
