"""What tasks did with their time → the time they would have taken in a row.

Serial time is the sum, over the coroutines given, of the time each would have taken
alone: the time in which a task of its strand was running or truly waiting. The sum
of the spans would be wrong: four coroutines through one ``Semaphore(1)`` have spans of
1 + 2 + 3 + 4 and no speedup at all. Pure functions: no clock, no loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import overload

from pytest_asyncbench._words.decided import Comparison, TaskTrace
from pytest_asyncbench._words.seen import StrandTrace

__all__ = [
    "compare",
    "less_starved",
    "longest_alone",
    "peak",
    "spans_united",
    "uncounted",
    "united",
]

Span = tuple[float, float]


def united(spans: Iterable[Span]) -> float:
    """Measure the time that is covered by at least one of the spans."""
    covered = 0.0
    reached = float("-inf")
    for began, ended in sorted(spans):
        if ended > reached:
            covered += ended - max(began, reached)
            reached = ended
    return covered


def account(strand: StrandTrace) -> TaskTrace:
    """Add up one strand's time: running, truly waiting, queued behind others."""
    queued = strand.queued
    if strand.started is not None and strand.finished is not None:
        # Tasks of a strand may queue at once; none queues beyond its own span.
        span = strand.finished - strand.started
        queued = min(queued, max(0.0, span - strand.running - strand.waiting))
    return TaskTrace(
        name=strand.name,
        started=strand.started,
        finished=strand.finished,
        running=strand.running,
        waiting=strand.waiting,
        queued=queued,
        exception=None,  # with all that it has, it is made in half the time
    )


class Accounts(Sequence[TaskTrace]):
    """Strands as tasks, added up when somebody looks: there may be ten thousand."""

    def __init__(self, strands: Sequence[StrandTrace]) -> None:
        self._strands = strands

    @cached_property
    def _all(self) -> tuple[TaskTrace, ...]:
        return tuple(map(account, self._strands))

    def __len__(self) -> int:
        return len(self._strands)

    @overload
    def __getitem__(self, place: int) -> TaskTrace: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[TaskTrace, ...]: ...
    def __getitem__(self, place: int | slice) -> TaskTrace | tuple[TaskTrace, ...]:
        return self._all[place]

    def __iter__(self) -> Iterator[TaskTrace]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)


def compare(strands: Sequence[StrandTrace], wall: float | None = None) -> Comparison:
    """Set the strands' time in a row against the time they took together.

    Without `wall` that is the time in which at least one of them was in flight.
    """
    return Comparison(
        tasks=Accounts(strands),
        wall=spans_united(strands) if wall is None else wall,
        serial=sum([strand.running + strand.waiting for strand in strands]),
        busy=sum(_ran(strands)),
    )


def longest_alone(strands: Sequence[StrandTrace], starved: float = 0.0) -> float:
    """Measure what the longest of them would take with no other beside it, at least.

    Who runs is the one that is starved, so all of that may lie in its running, or in
    that of who served it. It can't lie in each one's, though: the longest takes no less
    than they take on average.
    """
    if not strands:
        return 0.0
    ran = _ran(strands)
    # Lists, since there may be ten thousand: a generator is a call for each.
    longest = max(
        [
            each.running + each.waiting - min(its, starved)
            for each, its in zip(strands, ran, strict=True)
        ]
    )
    return max(longest, (sum(ran) - starved) / len(strands))


def _ran(strands: Sequence[StrandTrace]) -> list[float]:
    """Tell for how long the loop ran for each."""
    return [each.running + each.served for each in strands]


def less_starved(
    seen: Comparison,
    strands: Sequence[StrandTrace],
    starved: float,
    *,
    derived: bool,
) -> Comparison:
    """Take starved time off what they took together, and off `derived` serial time.

    Starved time counts as running, and would make what ran one after another look the
    faster. Nor is all of it time that was lost: while every task waits, nobody is late.
    So what is left is no less than the longest of them alone, which also bounds the
    speedup by their number.
    """
    serial = seen.serial - min(starved, seen.busy) if derived else seen.serial
    least = longest_alone(strands, starved)
    if derived and strands:
        least = max(least, serial / len(strands))
    wall = max(seen.wall - starved, least)
    forgiven = max(0.0, seen.wall - wall)
    return dataclasses.replace(
        seen,
        wall=wall,
        serial=serial,
        forgiven=forgiven,
        busy=max(0.0, seen.busy - starved),
    )


def uncounted(seen: Comparison) -> float:
    """Measure for how long tasks awaited what nobody has ended for them, in all.

    Of such a wait it is not known whether it was one of their own, as for a timer, or
    for another of them; and it is in neither's account.
    """
    return sum(_uncounted(task, seen.wall) for task in seen.tasks)


def _uncounted(task: TaskTrace, wall: float) -> float:
    if task.started is None:
        return 0.0
    span = wall if task.finished is None else task.finished - task.started
    return max(0.0, span - task.running - task.waiting - task.queued)


def spans_united(tasks: Iterable[TaskTrace | StrandTrace]) -> float:
    """Measure the time in which at least one task was in flight."""
    return united(_spans(tasks))


def peak(tasks: Iterable[TaskTrace | StrandTrace]) -> int:
    """Count the most tasks that were in flight at one moment."""
    # An end sorts before a start at the same moment: those two did not overlap. But in
    # virtual time a task may take none, and ends after it has started; whether before
    # or after another one that starts at that moment is not known.
    moments = sorted(
        moment
        for started, finished in _spans(tasks)
        for moment in ((started, 1, 1), (finished, 0 if started < finished else 2, -1))
    )
    most = flying = 0
    for _, _, change in moments:
        flying += change
        most = max(most, flying)
    return most


def _spans(tasks: Iterable[TaskTrace | StrandTrace]) -> list[Span]:
    return [
        (task.started, task.finished)
        for task in tasks
        if task.started is not None and task.finished is not None
    ]
