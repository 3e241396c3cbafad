"""A schedule: how a run differs from asyncio's own order, and how that is written."""

from __future__ import annotations

import re

from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.values import dataclass

__all__ = ["OWN_ORDER", "Hold", "Replay", "Schedule", "Scheduled", "Wake"]


Wake = tuple[str, int]
"""The name of a lane, and the number of one of its wake-ups, from 1 on."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A wake-up that is kept back while others go on."""

    lane: str
    """Whose: ``1`` is the first task, ``1.2`` the second task that it started, and
    ``1.2c`` are the plain callbacks which that registered."""
    wake: int
    """Which of its wake-ups, from 1 on."""
    steps: int | None = None
    """For how many steps of others; None for as long as anything else can run."""
    until: Wake | None = None
    """Until this wake-up has been run, and then it is next."""

    def __str__(self) -> str:
        text = f"{self.lane}@{self.wake}"
        if self.until is not None:
            return "{}/{}@{}".format(text, *self.until)
        return text if self.steps is None else f"{text}+{self.steps}"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The deviations of a run from asyncio's own order."""

    holds: tuple[Hold, ...] = ()
    picks: tuple[tuple[int, str], ...] = ()
    """At which of the moments where several could go on, from 0, who did; used where no
    few holds come to the same."""
    free: bool = False
    """Whether a timer may be late, so that one goes before it that is due later."""

    @property
    def deviations(self) -> int:
        """How many there are."""
        return len(self.holds) + len(self.picks)

    def __str__(self) -> str:
        picks = [f"{moment}-{lane}" for moment, lane in self.picks]
        free = [_FREE] if self.free else []
        return ",".join([*free, *map(str, self.holds), *picks]) or "own"

    @classmethod
    def from_text(cls, text: str) -> Schedule:
        """Read what `str` has written.

        Raises:
            PolicyError: it means nothing.
        """
        holds: list[Hold] = []
        picks: list[tuple[int, str]] = []
        free, comma, rest = text.partition(",")
        if free == _FREE:
            text = rest if comma else "own"
        for word in [] if text == "own" else text.split(","):
            if found := re.fullmatch(_HOLD, word, re.ASCII):
                lane, wake, steps, other, other_wake = found.groups()
                hold = Hold(
                    lane=lane,
                    wake=int(wake),
                    steps=int(steps) if steps else None,
                    until=(other, int(other_wake)) if other else None,
                )
                holds.append(hold)
            elif found := re.fullmatch(_PICK, word, re.ASCII):
                picks.append((int(found[1]), found[2]))
            else:
                raise PolicyError(
                    f"no deviation {word!r}; accepted: LANE@WAKE, LANE@WAKE+STEPS, "
                    "LANE@WAKE/LANE@WAKE or MOMENT-LANE, such as 1.2@3+4"
                )
        return cls(holds=tuple(holds), picks=tuple(picks), free=free == _FREE)


_FREE = "free"
"""Stands before the deviations of a schedule whose timers are free."""

_LANE = r"[0-9]{1,9}c?(?:\.[0-9]{1,9}c?)*"
_NUMBER = r"[0-9]{1,9}"
_HOLD = rf"({_LANE})@({_NUMBER})(?:\+({_NUMBER})|/({_LANE})@({_NUMBER}))?"
_PICK = rf"([0-9]{{1,9}})-({_LANE})"

OWN_ORDER = Schedule()
"""That of asyncio, which runs what is ready in the order in which it became ready."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A schedule, and whose it is."""

    mark: str
    """What tells the test from others, in every process."""
    schedule: Schedule


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """What came of a test under many schedules."""

    runs: int
    """A count: how many there were, asyncio's own order included; those that only made
    a failing one smaller are not counted."""
    found_at: int | None = None
    """A number: which run failed first, asyncio's own being 1; null where none did."""
    seen_all: bool = False
    """Whether there are no other schedules."""
    undivided: bool = False
    """Whether the test started several tasks, and none gave way before it was over, as
    with stand-ins that go on at once: no schedule brings two of them together."""
    deviations: int | None = None
    """A count: how many deviations are left of the failing schedule, made small."""
    replay: str | None = None
    """The text that has ``--asyncbench-schedule`` run the failing one again."""
    out_of_time: bool = False
    """Whether more runs were asked for, and ``within`` has ended them."""

    @property
    def is_own_order_alone(self) -> bool:
        """Whether no other order was tried, nor asked for."""
        whole = self.seen_all or self.out_of_time
        return self.runs == 1 and self.deviations is None and not whole
