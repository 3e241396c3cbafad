"""What further runs of a test have found."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pytest_asyncbench._words.schedules import Schedule, Wake
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.values import dataclass

__all__ = ["Cancelled", "Explored", "Leak", "Leaked", "Passage"]


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A step of a task: where it went on, and where it waited next."""

    lane: str
    wake: int
    task: str
    """What the task is called."""
    step: int
    """The how-many-th step of the run it is, those of plain callbacks included."""
    since: int
    """After how many steps of the run it could have gone on."""
    moment: float
    """When it began, on the loop's clock, in seconds."""
    resumed: Frame | None
    """Where it stood before; None where that is nobody's own line."""
    suspended: Frame | None
    """Where it stood after; None where it was over by then, too."""
    over: bool = False
    """Whether the task had ended after it."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """What is left when a run is over, and all that was set up for it is torn down."""

    what: str
    place: Frame | None = None
    """Where it waits, if it is a task."""


@dataclass(frozen=True, kw_only=True)
class Leaked:
    """A leak, and how often it was seen."""

    leak: Leak
    runs: int
    """In how many runs."""
    of: int
    """Of so many that were looked at."""


@dataclass(frozen=True, kw_only=True)
class Explored:
    """What became of a test under many schedules."""

    runs: int
    """How many there were, asyncio's own order included; those that only made a failing
    one smaller are not counted."""
    found_at: int | None = None
    """The number of the run that failed first, from 1 on; None where none did."""
    seen_all: bool = False
    """Whether there are no other schedules."""
    out_of_time: bool = False
    """Whether more were asked for, and the time for them was over."""
    undivided: bool = False
    """Whether the test started several tasks, and none gave way before it was over."""
    schedule: Schedule | None = None
    """The failing one, made as small as it could be."""
    failure: BaseException | None = None
    """What the test fails with under it."""
    passages: tuple[Passage, ...] = ()
    """The steps of the tasks in it, in turn."""
    called: Mapping[Wake, str] = MappingProxyType({})
    """What that calls which was kept back in it."""
    own: tuple[Passage, ...] = ()
    """Those in asyncio's own order; empty where it was not run in that beside."""
    unused: tuple[str, ...] = ()
    """What of a given schedule did not come about."""
    problem: str | None = None
    """Why nothing can be said of the test."""

    @property
    def deviations(self) -> int | None:
        """How many deviations the smallest failing schedule has."""
        return None if self.schedule is None else self.schedule.deviations


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """A cancellation, at one await of one task, after which something did not hold."""

    task: str
    place: Frame | None
    """The await at which it was cancelled."""
    faults: tuple[str, ...]
    """What did not hold, a sentence each."""
