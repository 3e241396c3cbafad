"""A test's timeline: who ran, waited and stood in the queue when, and who woke whom.

A test may take a hundred thousand steps, so spans are columns of whole numbers and no
values of their own: JSON has some ten characters for each.
"""

from __future__ import annotations

from typing import Literal

from pytest_asyncbench._words.values import dataclass

__all__ = ["FOLDED", "NOTED", "Timeline", "Track", "Wake"]

FOLDED = "f"
"""The letter of several spans that are told as one."""

NOTED = "wb"
"""The letters of the spans that have a note."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """A row of a timeline: a task, or a loop with all that it ran."""

    name: str
    """How the task is called; of a loop, its kind."""
    kind: Literal["task", "loop"]
    """Whose row it is."""
    loop: int
    """A number: the place among `tracks` of the loop that the task ran in; of a loop,
    its own."""
    began: int
    """In microseconds: when the first span begins, from the begin of the call on."""
    ended: bool
    """Whether the task had ended when the call had; false of a loop."""
    did: str
    """A letter for each span, of which each begins where the one before it ends:
    ``r``, it ran; ``w``, it waited; ``q``, it stood in the loop's queue; ``b``, it ran
    and blocked the loop; ``f``, several short spans, folded."""
    lasted: tuple[int, ...]
    """In microseconds: how long each span is."""
    notes: tuple[int, ...]
    """A number: for each ``w`` and ``b``, in their order, what is known of it, by its
    place among `texts`; -1 where nothing is."""
    running: float
    """In seconds: for how long it ran, blocking included, and what is folded."""
    waiting: float
    """In seconds: for how long it waited, likewise."""
    queued: float
    """In seconds: for how long it stood in the queue, likewise."""


@dataclass(frozen=True, kw_only=True)
class Wake:
    """One task that ended the wait of another, or started it."""

    at: int
    """In microseconds: when the other could go on, from the begin of the call on."""
    by: int
    """A number: the place among `tracks` of who did it."""
    woken: int
    """A number: the place among `tracks` of the other."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What each task of a test's call did, and when.

    It is drawn in so many marks: a row, a span and a wake are one each. Where these are
    too few, the tasks that were in flight longest have a row, and `left_out` counts the
    others. Of the spans the longest are kept, and those between two of them are told as
    one; of the wakes, those that ended the longest waits. The sums of a row are of all
    its spans.
    """

    clock: Literal["real", "virtual"]
    """The time that it is told in: the test's own."""
    seconds: float
    """In seconds: how long the call took, in that time."""
    tracks: tuple[Track, ...]
    """A row for each loop, followed by those of its tasks, first begun first."""
    wakes: tuple[Wake, ...]
    """Who woke whom, in their order."""
    texts: tuple[str, ...]
    """What was waited for, and what blocked, each once."""
    left_out: int
    """A count: the tasks that have no row."""
    cut: bool
    """Whether the test took more steps than are kept, so that the rest is missing."""
