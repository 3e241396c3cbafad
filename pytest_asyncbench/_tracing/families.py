"""The accounts that a census keeps: of families, groups of them, tasks and jobs.

A family is a coroutine that was given, with the tasks that it starts; one that was
given in the body of another is part of that. What happens when is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_asyncbench._words.seen import FamilyTrace

__all__ = ["Family", "Group", "Job", "Origin", "Trace"]


class Job:
    """A function in an executor's thread: when it ran."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started = 0.0


class Family:
    """A coroutine that was given, with all tasks it starts."""

    __slots__ = ("group", "name", "outer", "queued", "root", "running", "waits")

    def __init__(self, group: Group | None, outer: Family | None, name: str) -> None:
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

    def and_outer(self) -> Iterator[Family]:
        """Give this family and those that it is part of."""
        family: Family | None = self
        while family is not None:
            yield family
            family = family.outer

    def wait(self, since: float, until: float, ran: float) -> None:
        """Note a true wait; `since` is on its own clock, `ran` what it ran after."""
        self.waits.append((since, until - (self.running - ran)))

    def trace(self) -> FamilyTrace:
        """Give what is known by now, as a value."""
        return FamilyTrace(
            name=self.name,
            started=self.root.started if self.root else None,
            finished=self.root.finished if self.root else None,
            running=self.running,
            queued=self.queued,
            waits=tuple(self.waits),
        )


class Group:
    """Coroutines that are started side by side: each is a family."""

    __slots__ = ("families",)

    def __init__(self) -> None:
        self.families: list[Family] = []

    def traces(self) -> tuple[FamilyTrace, ...]:
        """Give each family's account, in the order in which they were started."""
        return tuple(family.trace() for family in self.families)


class Trace:
    """The account of one task."""

    __slots__ = (
        "background",
        "family",
        "finished",
        "host",
        "last",
        "mark",
        "outer_marks",
        "over",
        "served",
        "started",
    )

    def __init__(
        self, family: Family, started: float, background: Trace | None = None
    ) -> None:
        self.family = family
        self.started = started
        self.background = background
        """A background task's own account, while this one is for a family it serves."""
        self.host = False
        """Whether it starts families; such a task awaits them, and serves none."""
        self.over = False
        """Whether it has woken the family that it serves."""
        self.finished: float | None = None
        self.last = math.inf
        """When its last step ended: its wait began. Not before the first step."""
        self.take_marks()
        self.served: tuple[Family, float, float] | None = None
        """The family that it woke last, when, and when it last woke another before; of
        threads, and of tasks that ever served a family."""

    def take_marks(self) -> None:
        """Note how long its family has been running, and those that it is part of."""
        outer = self.family.outer
        self.mark = self.family.running
        self.outer_marks = outer.marks() if outer else ()


Origin = tuple[float, Trace | None, Job | None]
"""When a callback became ready, the task that made it so, the job that did."""
