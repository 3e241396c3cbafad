"""What a loop's steps leave behind while they run: a few numbers each, and no opinion.

A tape is a list of *entries* of four numbers. An entry is a stretch of the loop's time
that begins where the one before it ended:

    who        whose stretch it is: the number of a task, or one of the codes below
    before     how long the loop's queue was as it began, less the callback itself
    after      how long it was as it ended
    ended      when that was, in seconds

The queue is first in, first out. So these lengths tell afterwards who put each callback
there (`trace`), and nothing needs to travel with the callbacks. What is no task's step
has a *detail* besides, found by its code: the timer that it was, the thread that sent
it, the I/O that was ready.

Memory: an entry takes 56 bytes as it is noted, and 20 when it was packed, a block at a
time, while the loop is about to poll; then 20 in the trace that is read from it, as
which it is forgotten here. After
`MOST` entries nothing more is noted, and the tape is `full`: then it is known who ran
until then, and nothing can be said of serial time, since the rest is missing. Objects
of the test's are kept by weak references only.
"""

from __future__ import annotations

import _thread
import math
import sys
from array import array
from collections.abc import Callable, Sequence
from operator import itemgetter
from struct import pack
from typing import TYPE_CHECKING, Literal

from pytest_asyncbench._loops import POLLED, Links, LoopView, names
from pytest_asyncbench._python import switch_interval
from pytest_asyncbench._words.values import NamedTuple

if TYPE_CHECKING:
    from collections import deque

    from pytest_asyncbench._words.seen import Stack

__all__ = [
    "BEGUN",
    "INLINE",
    "MOST",
    "OTHERS",
    "OURS",
    "PLAIN",
    "POLLED",
    "READY",
    "SENT",
    "TIMER",
    "VOID",
    "Arrival",
    "End",
    "Job",
    "Plain",
    "Ready",
    "Sent",
    "Tape",
    "Timer",
    "Worked",
]

BEGUN = -2
"""A task begins within the step in progress, of which this is a part."""
VOID = -3
"""The end of such a part that belongs to nobody but the step around it."""
OURS = -4
"""The loop's thread was at work for us, between two steps."""
OTHERS = -8
"""The first of the codes of callbacks that are no task's; the others are less."""
INLINE = -1
"""In the place of `before`: what ends here took place within another step."""

MOST = 1_000_000
"""So many entries of a loop are kept."""

_BLOCK = 4 * 8192
"""So many numbers are packed at a time."""

_LATE = 512
"""So many timers are enough to tell how late this machine's are."""

Note = Callable[[Sequence[float]], None]

Kind = Literal[0, 1, 2, 3]
"""Of a callback that is no task's step."""

TIMER: Kind = 0
PLAIN: Kind = 1
SENT: Kind = 2
READY: Kind = 3

Timer = tuple[int, float, float]
"""The entry in which it was set, when, and for how many seconds."""
Plain = tuple[int, int]
"""What tells callbacks apart that belong together, 0 where none do; and the task in
whose context it runs, -1 where that is none's."""
Sent = tuple[float, int, "Job | None"]
"""When a thread sent it, the number of that thread, the job that it did."""
Ready = tuple[int, int, int, float, bool]
"""The entry in which somebody in this loop wrote what could be read here, or -1; the
task in whose context it runs; the descriptor; since when at the earliest what came last
was there, as far as that was asked; whether a server has accepted that connection."""


class Job:
    """A function's call in a thread of a pool."""

    __slots__ = ("ended", "entry", "kept_out", "pool", "started", "submitted")

    def __init__(self, entry: int, submitted: float, pool: int) -> None:
        self.entry = entry
        """The entry of the tape in which it was handed over."""
        self.submitted = submitted
        self.pool = pool
        self.started = math.inf
        self.ended = math.inf
        self.kept_out = 0.0
        """For how many seconds others kept the interpreter from it, at the most."""


class Arrival(NamedTuple):
    """A task's coming to a barrier."""

    entry: int
    """In which of the tape's."""
    at: float
    barrier: int
    """Its id."""
    parties: int
    """How many it waits for."""


class Worked(NamedTuple):
    """The account of a loop's thread at the end of a step, in seconds."""

    entry: int
    """The step's, or its last one's."""
    worked: float
    """For how long the thread had worked by then."""
    polled: float
    """For how long its polls had waited."""


class Columns(NamedTuple):
    """Some entries of a tape that follow each other, by what they hold."""

    who: array[int]
    before: array[int]
    after: array[int]
    ended: array[float]


class End(NamedTuple):
    """How far a tape was noted at a moment."""

    entries: int
    late: int
    """How many timers had told how late they were."""


def _code(kind: Kind, place: int) -> int:
    """Give the code of a callback by its place among what is known of its kind."""
    return OTHERS - 4 * place - kind


class Tape:
    """The entries of one loop; written by the loop's thread alone.

    Any other may read them meanwhile, by `since` and `last_of`.
    """

    __slots__ = (
        "_log",
        "_packed",
        "_packing",
        "_plain_codes",
        "_plains",
        "_so_far",
        "arrivals",
        "began",
        "begun",
        "busy_until",
        "details",
        "full",
        "late",
        "links",
        "long",
        "looks",
        "loop",
        "note",
        "one_by_one",
        "open",
        "ready",
        "starved",
        "switch_interval",
        "timer_facts",
        "timers",
        "view",
        "waits",
        "worked",
    )

    def __init__(self, view: LoopView, now: Callable[[], float]) -> None:
        self.view = view
        self.loop = id(view.loop)
        """What its own callbacks share; known when it is closed, too."""
        self.arrivals: list[Arrival] = []
        """Who came to barriers."""
        self.ready: deque[names.Handle] = names.READY.of(view.loop)
        self._log: list[float] = []
        self._packing = _thread.allocate_lock()
        """Held while entries move from there into columns, and by who reads both."""
        self._so_far = 1
        """How many were packed; written by the loop's thread."""
        self.note: Note = self._log.extend
        """Adds an entry."""
        self.began = now()
        """When its loop was met; the first entry ends then."""
        self._packed = Columns(
            array("i", [POLLED]),
            array("i", [0]),
            array("i", [0]),
            array("d", [self.began]),
        )
        self.full = False
        self.details: list[Sent | Ready] = []
        self._plain_codes: dict[Plain, int] = {}
        """Many callbacks are alike, and need a detail once."""
        self._plains: list[Plain] = []
        self.timer_facts = array("d")
        """Three numbers for each: there may be one for each of ten thousand tasks."""
        self.one_by_one: dict[int, bool] = {}
        """By what callbacks share: whether those who wait take what they bring one by
        one, however many there are."""
        self.timers: dict[int, int] = {}
        """By the id of a timer that is to come: its code."""
        self.open: list[int] = []
        """The tasks whose first step is a part of the step in progress, and goes on."""
        self.begun: list[int] = []
        """Those that have begun so, and are to be found when the step has ended."""
        self.links: Links[int] = Links()
        self.late: list[float] = []
        """By how much the poll overslept, each time that it waited for a timer."""
        self.busy_until = -math.inf
        """When the last step ended that was not brief."""
        self.waits: dict[int, tuple[Stack, str]] = {}
        """By the entry after which a task waited long: where, and for what."""
        self.looks: list[tuple[int, float, frozenset[int]]] = []
        """By the entry after which it was looked: when, and which descriptors were
        ready."""
        self.long: dict[float, int] | None = None
        """The entries of long steps, by when these began in real time; None where the
        whole tape is in that."""
        self.starved: list[tuple[float, float]] = []
        """Moments, and for how long the loop's thread had been starved by then."""
        self.switch_interval = switch_interval() or math.inf
        """For how long a step at work keeps the interpreter from who asks for it."""
        self.worked: list[Worked] = []
        """By steps that lasted longer than that, after one for when its loop was met:
        for how long its thread had worked by their ends."""

    def __len__(self) -> int:
        """Count the entries so far. That of the step in progress has this number."""
        return self._so_far + len(self._log) // 4

    def take_account(self, now: float) -> None:
        """Ask for the account of the loop's thread, where it is time for that."""
        if now > self.view.upkeep_at:
            self.view.upkeep()

    def end(self) -> End:
        """Tell how far it is noted by now."""
        return End(len(self), len(self.late))

    def sets(self, timer: int, at: float, delay: float) -> None:
        """Keep what is known of a timer, by its id, until its callback has run."""
        if self.full:
            return
        facts = self.timer_facts
        # As `__len__` and `_code`, without their calls.
        facts.extend((self._so_far + len(self._log) // 4, at, delay))
        self.timers[timer] = OTHERS + 4 - TIMER - len(facts) // 3 * 4

    def timer(self, code: int) -> Timer | None:
        """Give what is known of a timer's callback; None for any other."""
        if code > OTHERS or (OTHERS - code) & 3 != TIMER:  # most entries: no call more
            return None
        first = (OTHERS - code >> 2) * 3
        setter, at, delay = self.timer_facts[first : first + 3]
        return int(setter), at, delay

    def alike(self, plain: Plain) -> int:
        """Give the code of all plain callbacks that are alike."""
        code = self._plain_codes.get(plain)
        if code is None and self.full:
            return VOID
        if code is None:
            code = self._plain_codes[plain] = _code(PLAIN, len(self._plains))
            self._plains.append(plain)
        return code

    def plain(self, code: int) -> Plain | None:
        """Give what is known of a plain callback; None for any other."""
        if code > OTHERS or (OTHERS - code) & 3 != PLAIN:
            return None
        return self._plains[OTHERS - code >> 2]

    def other(self, kind: Kind, detail: Sent | Ready) -> int:
        """Keep a detail; give the code for the entry that it belongs to.

        That of nobody's where the tape is full: no entry will have it.
        """
        if self.full:
            return VOID
        details = self.details
        code = _code(kind, len(details))
        details.append(detail)
        return code

    def detail(self, code: int, kind: Kind) -> Sent | Ready | None:
        """Give what is known of the callback with this code, if it is of such a kind.

        None also for the code of what is no callback.
        """
        if code > OTHERS or (OTHERS - code) & 3 != kind:
            return None
        return self.details[OTHERS - code >> 2]

    def pack_if_long(self) -> None:
        """Pack what was noted if it is a block; called as the loop is about to poll."""
        if len(self._log) > _BLOCK:
            self.pack()

    def pack(self) -> None:
        """Put what was noted into the columns."""
        with self._packing:
            self._so_far += _add(self._packed, self._log)
            self._log.clear()
        if len(self) > MOST and not self.full:
            self.full = True
            self.note = _nowhere
            if self.view.note_poll is not None:
                self.view.note_poll = _nowhere
            self.view.missing = f"room on its tape for more than {MOST:,} steps"

    def since(self, first: int, most: int = sys.maxsize) -> Columns:
        """Give so many entries, from this one on; callable from any thread."""
        end = first + most
        with self._packing:
            who, before, after, ended = self._packed
            packed, gone = self._so_far, self._so_far - len(who)
            part = slice(first - gone, max(0, end - gone))
            found = Columns(who[part], before[part], after[part], ended[part])
            # Entries are noted whole, in one step of the interpreter.
            noted = slice(4 * max(0, first - packed), 4 * max(0, end - packed))
            _add(found, self._log[noted])
        return found

    def forget(self, first: int) -> None:
        """Let go of what was packed before this entry; callable from any thread.

        What was read stands in the trace, and is not needed twice.
        """
        with self._packing:
            known = first - (self._so_far - len(self._packed.who))
            for column in self._packed:
                del column[:known]

    def slept(self, seconds: float) -> None:
        """Note by how much a poll overslept."""
        if len(self.late) < _LATE:
            self.late.append(seconds)

    def recent(self, most: int) -> list[tuple[int, int]]:
        """Give the tasks of the last so many entries, each with its last one.

        Who went on last comes first.
        """
        who = self._log[-4 * most :: 4]
        last = dict(zip(who, range(len(self) - len(who), len(self)), strict=True))
        found = [(int(number), at) for number, at in last.items() if number >= 0]
        return sorted(found, key=itemgetter(1), reverse=True)

    def last_of(self, number: int) -> float | None:
        """Tell when a task's last step ended, unless that is forgotten; as `since`."""
        with self._packing:
            log, (who, _, _, ended) = self._log[:], self._packed
            for at in range(len(log) - 4, -4, -4):
                if log[at] == number:
                    return log[at + 3]
            for at in range(len(who) - 1, -1, -1):
                if who[at] == number:
                    return ended[at]
        return None


def _add(columns: Columns, log: list[float]) -> int:
    """Add what was noted, where an entry's numbers follow each other; count entries."""
    # By `struct`, since an array takes several times as long to look at each number.
    # Three columns of four are whole numbers.
    count = len(log) // 4
    columns.who.frombytes(pack(f"{count}i", *log[0::4]))
    columns.before.frombytes(pack(f"{count}i", *log[1::4]))
    columns.after.frombytes(pack(f"{count}i", *log[2::4]))
    columns.ended.frombytes(pack(f"{count}d", *log[3::4]))
    return count


def _nowhere(entry: Sequence[float]) -> None:
    """Note nothing: there is enough."""
