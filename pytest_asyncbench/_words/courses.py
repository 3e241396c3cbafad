"""The courses of two runs: who went on in each, step by step, and between which lines.

A run may take thousands of steps, so a step is a column of whole numbers and no value
of its own.
"""

from __future__ import annotations

from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.values import dataclass

__all__ = ["OVER", "UNKNOWN", "Course", "Courses"]

UNKNOWN, OVER = -1, -2
"""In the place of a line: nobody knows it; there is none, as the task had ended."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a run went: the steps of its tasks, one after another.

    Steps of plain callbacks are none of these.
    """

    steps: int
    """A count: how many steps of tasks the run had, of its first 20,000 steps."""
    first: int
    """A number: the how-many-th of them is the first that is told, from 1 on."""
    lanes: tuple[int, ...]
    """A number: for each step that is told whose it is, by the place among `lanes` of
    both runs."""
    wakes: tuple[int, ...]
    """A number: which wake-up of its task it is, from 1 on; the same one has the same
    number in both runs."""
    ready: tuple[int, ...]
    """A count: after how many steps of tasks it could have gone on."""
    began: tuple[int, ...]
    """In microseconds: when it began, from the first step of a task on, in the time
    that the test lives in."""
    resumed: tuple[int, ...]
    """A number: where it went on, by the place among `places`; -1 where no line is
    known."""
    suspended: tuple[int, ...]
    """A number: where it waited next, likewise; -2 where the task had ended."""
    held: tuple[int, ...]
    """A number: the places among these of the wake-ups that the failing run kept
    back."""


@dataclass(frozen=True, kw_only=True)
class Courses:
    """The run that a test fails in, beside that in asyncio's own order.

    Which steps are told of a long one is written at the record's entry of it.
    """

    lanes: tuple[str, ...]
    """What the tasks are called that have a step here, in the order of their first
    ones."""
    places: tuple[Frame, ...]
    """The lines at which they went on and waited, each once."""
    same: int
    """A count: with how many steps of tasks the two begin alike."""
    passing: Course | None
    """The one in asyncio's own order; null where the test was run by a given schedule
    alone."""
    failing: Course
    """The one that fails."""
