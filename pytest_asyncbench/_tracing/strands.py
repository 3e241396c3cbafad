"""The accounts that a census keeps: strands, groups of them, tasks, calls in threads.

A strand is a coroutine that was given, with the tasks that it starts; one that was
given in the body of another is part of that. What happens when is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal

from pytest_asyncbench._words.seen import StrandTrace

__all__ = ["Account", "Creator", "Group", "Origin", "Strand", "ThreadCall", "Trace"]


class ThreadCall:
    """A call of a function in a thread of an executor: when it began."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started = 0.0


class Strand:
    """A coroutine that was given, with all tasks it starts."""

    __slots__ = ("group", "name", "outer", "queued", "root", "running", "waits")

    def __init__(self, group: Group | None, outer: Strand | None, name: str) -> None:
        self.group = group
        self.outer = outer
        self.name = name
        self.running = 0.0
        self.queued = 0.0
        self.waits: list[tuple[float, float]] = []
        self.root: Trace | None = None

    def spend(self, seconds: float) -> tuple[float, ...]:
        """Note that it ran, and with it those that it is part of; see `marks`."""
        self.running += seconds
        outer = self.outer
        return (self.running, *(outer.spend(seconds) if outer else ()))

    def marks(self) -> tuple[float, ...]:
        """Tell for how long it has been running, and those that it is part of."""
        return (self.running, *(self.outer.marks() if self.outer else ()))

    def and_outer(self) -> Iterator[Strand]:
        """Give this strand and those that it is part of."""
        strand: Strand | None = self
        while strand is not None:
            yield strand
            strand = strand.outer

    def wait(self, since: float, until: float, ran: float) -> None:
        """Note a true wait; `since` is on its own clock, `ran` what it ran after."""
        self.waits.append((since, until - (self.running - ran)))

    def trace(self) -> StrandTrace:
        """Give what is known by now, as a value."""
        return StrandTrace(
            name=self.name,
            started=self.root.started if self.root else None,
            finished=self.root.finished if self.root else None,
            running=self.running,
            queued=self.queued,
            waits=tuple(self.waits),
        )


Account = tuple[int, float | None]
"""A thread, and for how long it has been starved so far."""


class Group:
    """Strands that are started side by side.

    Args:
        account: reads that of the calling thread, where it is to be known for how long
            the loop's thread was starved while one of them was in flight.
    """

    __slots__ = ("_account", "_in_flight", "_since", "_starved", "strands")

    def __init__(self, account: Callable[[], Account] | None = None) -> None:
        self.strands: list[Strand] = []
        self._account = account
        self._in_flight = 0
        self._since: Account | None = None
        """The account as the first of those in flight began."""
        self._starved = 0.0

    @property
    def rests(self) -> bool:
        """Whether it is to be told when one may begin, since none is in flight."""
        return self._account is not None and not self._in_flight

    def begins(self) -> None:
        """Note that one may begin now."""
        if self._account is not None and not self._in_flight:
            self._since = self._account()

    def add(self, strand: Strand) -> None:
        """Take one in that begins."""
        self.strands.append(strand)
        if self._since is None:
            self.begins()
        self._in_flight += 1

    def ended(self) -> None:
        """Note that one has ended."""
        self._in_flight -= 1
        if not self._in_flight:
            self._starved += self._more()
            self._since = None

    def remove(self, strand: Strand) -> None:
        """Take one out again, which is to begin later."""
        self.strands.remove(strand)
        self.ended()

    def starved(self) -> float | None:
        """Tell for how long the loop's thread was starved while one was in flight."""
        if self._account is None:
            return None
        return self._starved + (self._more() if self._in_flight else 0.0)

    def _more(self) -> float:
        if self._since is None or self._account is None:
            return 0.0
        (thread, before), (now_in, now) = self._since, self._account()
        if before is None or now is None or thread != now_in:
            return 0.0
        return max(0.0, now - before)

    def traces(self) -> tuple[StrandTrace, ...]:
        """Give each strand's account, in the order in which they were started."""
        return tuple(strand.trace() for strand in self.strands)


Creator = Literal["task", "thread", "nobody"]
"""What creates a task: another, a thread that sends it, or whoever runs the loop."""


class Trace:
    """The account of one task."""

    __slots__ = (
        "background",
        "creator",
        "finished",
        "host",
        "is_threads",
        "last",
        "mark",
        "outer_marks",
        "over",
        "served",
        "started",
        "strand",
    )

    def __init__(
        self, strand: Strand, started: float, background: Trace | None = None
    ) -> None:
        self.strand = strand
        self.started = started
        self.background = background
        """A background task's own account, while this one is for a strand it serves."""
        self.host = False
        """Whether it starts strands; such a task awaits them, and serves none."""
        self.creator: Creator = "task"
        """What created its task."""
        self.is_threads = False
        """Whether it is the account of a thread, which no loop runs."""
        self.over = False
        """Whether it has woken the strand that it serves."""
        self.finished: float | None = None
        self.last = math.inf
        """When its last step ended: its wait began. Not before the first step."""
        self.take_marks()
        self.served: tuple[Strand, float, float] | None = None
        """The strand that it woke last, when, and when it last woke another before; of
        threads, and of tasks that ever served a strand."""

    def take_marks(self) -> None:
        """Note how long its strand has been running, and those that it is part of."""
        outer = self.strand.outer
        self.mark = self.strand.running
        self.outer_marks = outer.marks() if outer else ()


Origin = tuple[float, Trace | None, ThreadCall | None]
"""When a callback became ready; the task, or the call in a thread, that made it so."""
