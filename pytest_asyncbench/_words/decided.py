"""What was decided: findings, violations, and the verdict on one test.

Frozen values; every time is in seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import field
from typing import Literal

from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.courses import Courses
from pytest_asyncbench._words.explored import Leaked
from pytest_asyncbench._words.fingerprints import fingerprint
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import MARKER, Policy
from pytest_asyncbench._words.schedules import Scheduled
from pytest_asyncbench._words.seen import (
    DeadTask,
    Elapsed,
    Frame,
    NotFollowed,
    Overrun,
    Stack,
    Wait,
)
from pytest_asyncbench._words.timeline import Timeline
from pytest_asyncbench._words.units import seconds, where
from pytest_asyncbench._words.values import dataclass

__all__ = [
    "GARBAGE",
    "OWN_TURN",
    "Broken",
    "Comparison",
    "Did",
    "Finding",
    "Holds",
    "PathLink",
    "Repeated",
    "TaskTrace",
    "TookTurns",
    "Verdict",
    "Violation",
    "Way",
    "WhatIf",
]

OWN_TURN = "the loop's own turn"
"""What a finding names as its call where that was in no step."""

GARBAGE = "the garbage collector"
"""What a finding names as its call where that filled the stall."""


Broken = Literal[
    "wall",
    "setup",
    "teardown",
    "speedup",
    "blocking",
    "background",
    "unmeasured",
    "unawaited",
]
"""The kinds of promises that can be broken."""

Way = Literal["keeps", "shares", "lets go"]


@dataclass(frozen=True, kw_only=True)
class Holds:
    """What a call did with the interpreter, by how another thread fared meanwhile."""

    way: Way
    """It keeps it to its end; it gives it up whenever it is asked, as Python's own code
    does, or at some moments of its own; or it does without it."""
    longest: float
    """For how long the other thread waited at most."""


@dataclass(frozen=True, kw_only=True)
class TaskTrace:
    """What one coroutine of a run did with its time."""

    name: str
    """How its task is called."""
    started: float | None
    """A moment: when it began, on the clock that its test lives by; None where it never
    did."""
    finished: float | None
    """A moment: when it ended, on the same clock; None where it did not."""
    running: float = 0.0
    """In seconds: for how long it advanced."""
    waiting: float = 0.0
    """In seconds: for how long it awaited a timer, I/O, a thread, a process."""
    queued: float = 0.0
    """In seconds: for how long it could have advanced while the loop was busy."""
    exception: BaseException | None = None
    """What it failed with."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Coroutines side by side: the time they took, and would take in a row."""

    tasks: Sequence[TaskTrace]
    wall: float
    serial: float
    forgiven: float = 0.0
    """What was starved time, and is taken off `wall` already."""
    busy: float = 0.0
    """For how long the loop ran for them, less what is forgiven of that."""

    @property
    def speedup(self) -> float | None:
        """Serial over wall; None where nothing took any time."""
        return self.serial / self.wall if self.wall > 0 else None

    def with_errors(self, errors: Sequence[BaseException | None]) -> Comparison:
        """Give the same, with what each task failed with."""
        if not any(errors):
            return self
        tasks = tuple(
            dataclasses.replace(task, exception=error)
            for task, error in zip(self.tasks, errors, strict=False)
        )
        return dataclasses.replace(self, tasks=tasks)


Did = Literal["running", "waiting", "queued"]
"""What a task did for some time."""


@dataclass(frozen=True, kw_only=True)
class PathLink:
    """A part of the chain of steps and waits that the end of a test stood on."""

    task: str
    """How the task is called; empty where it was none's."""
    kind: Did
    """What it did: it advanced, it awaited something, it could have advanced while the
    loop was busy."""
    seconds: float
    place: Frame | None = None
    """Where it waited; None where nobody looked, and where it did not wait."""
    awaited: str | None = None
    """What it waited for there."""
    by: str | None = None
    """The task that ended its wait, where that was another."""
    kept_by: str | None = None
    """Who kept the loop for most of its wait: a task, or several of one name."""
    times: int = 1
    """How often it did so in a row, with nothing between that is worth a link."""

    def goes_on_with(self, link: PathLink) -> bool:
        """Tell whether another one is of the same task, which did the same there."""
        return dataclasses.replace(link, seconds=self.seconds, times=self.times) == self

    def longer(self, seconds: float, times: int = 0) -> PathLink:
        """Give the same, for so many more seconds, and so many more times."""
        return dataclasses.replace(
            self, seconds=self.seconds + seconds, times=self.times + times
        )


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """How a test would have gone, had it awaited what blocked it."""

    finding: Finding | None
    """The place that is awaited instead; None for all of them."""
    wall: float
    """What it would have taken, in seconds."""
    together: float | None
    """What its tasks would have taken together, in seconds, and `speedup` is theirs;
    None where none ran side by side."""
    speedup: float | None


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """How a test's body did that was run several times in turn."""

    asked: int
    """How often it was to be run."""
    walls: tuple[float, ...]
    """What each run took, in order, less starved time that is forgiven."""
    speedups: tuple[float, ...]
    """The speedup of each that has one, in order."""


@dataclass(frozen=True, kw_only=True)
class TookTurns:
    """How late a loop came since several threads took turns at the interpreter."""

    threads: int
    """How many they were at most."""
    least: float
    """By how much it came late, in seconds, of the times that it did."""
    most: float
    count: int
    """How often it did."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Blocking at one place, merged over all that was seen of it there."""

    kind: Literal["stall", "call", "kept"]
    call: str
    file: str
    line: int
    function: str
    seconds: float
    module: str = ""
    """The module of the function."""
    sampled: bool = False
    """Whether it is known from a long step alone, and no rule names the call."""
    unseen: bool = False
    """Whether nobody looked during the step, so that `call` is the step's name."""
    step: float | None = None
    """How long the longest step was that stalled there; None where none did."""
    working: float | None = None
    blocked: float | None = None
    starved: float | None = None
    stopped: float = 0.0
    kept_out: float = 0.0
    waits: tuple[tuple[Wait, int], ...] = ()
    """What the kernel was seen to wait for, and how often, most often first."""
    held_up: int = 0
    held_up_for: float = 0.0
    count: int = 1
    """How often it was called; once for each step where a library waits by itself.
    Where nothing is called, in how many steps it was seen."""
    steps: frozenset[float] = field(default=frozenset())
    """When the steps began in which it was seen."""
    longest: float | None = None
    """What the longest of several calls took."""
    allowed: str | None = None
    """The reason for which it is accepted."""
    allowance: str | None = None
    """The allowance of that reason; None where it was not one that accepted it."""
    baseline: str | None = None
    """The entry of the baseline that accepts it, by its fingerprint."""
    advice: str = ""
    holds: Holds | None = None
    """What it did with the interpreter; None where that is not known."""
    busy: bool = False
    """Whether the function was at work itself, and `call` is its own name."""
    via: Stack = ()
    """The frames between the user's place and the call, innermost first."""
    handed: Frame | None = None
    """Where the work was given to the thread that kept the loop waiting; None where
    that is not known, and where no thread did."""

    @property
    def is_handed_here(self) -> bool:
        """Tell whether the place is the line that gave the work to a thread."""
        at = self.handed
        here = self.file, self.line, self.function
        return at is not None and (at.file, at.line, at.function) == here

    @property
    def could_be_awaited(self) -> bool:
        """Tell whether it is told of a step that would be shorter without it.

        What is accepted is not told of, and in a loop's own turn nothing of anybody's
        is called.
        """
        return self.step is not None and self.allowed is None and self.call != OWN_TURN

    @property
    def caller(self) -> str:
        """The qualified name of the function."""
        return f"{self.module}.{self.function}" if self.module else self.function

    @property
    def known_call(self) -> str:
        """What was called, by a name that it has in every run."""
        return self.caller if self.unseen else self.call

    @property
    def fingerprint(self) -> str:
        """What names the place, in every run and on every machine."""
        return fingerprint(self.caller, self.known_call)

    def __repr__(self) -> str:
        times = f", {self.count} times" if self.count > 1 else ""
        allowed = "" if self.allowed is None else f", allowed: {self.allowed}"
        place = where(self.file, self.line, self.function)
        return f"<{self.call} at {place}, {seconds(self.seconds)}{times}{allowed}>"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken promise: its limit, and what was seen instead."""

    kind: Broken
    """``wall``, ``setup`` and ``teardown`` are what the test's phases may take;
    ``unmeasured`` is the watching that was asked for; with a limit, the speedup."""
    limit: float | None = None
    actual: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided on one test."""

    policy: Policy
    elapsed: Elapsed
    steps: int
    loops: tuple[str, ...] = ()
    not_followed: tuple[NotFollowed, ...] = ()
    comparison: Comparison | None = None
    repeated: Repeated | None = None
    budget_met: bool | None = None
    findings: tuple[Finding, ...] = ()
    violations: tuple[Violation, ...] = ()
    accepted: tuple[Violation, ...] = ()
    """Broken promises that are accepted, since a debugger stood in the test."""
    debugged: bool = False
    """Whether one stood there in its call, whatever was broken."""
    overrun: Overrun | None = None
    too_short: bool = False
    """Whether its tasks took too little time for a speedup to mean anything."""
    cut_short: bool = False
    """Whether its tasks were cancelled at its budget, and awaited what nobody had ended
    by then: how long they would have waited, and whether for each other, is not known.
    """
    untaken: bool = False
    """Whether it is async, and no plugin has run it."""
    unawaited: Stack = ()
    """Where `concurrently` was called and not awaited."""
    took_turns: TookTurns | None = None
    """How late its loop came since threads took turns; None where none did."""
    died: tuple[DeadTask, ...] = ()
    """The background tasks at whose exception nobody has looked."""
    unmeasured: bool = False
    near_stalls: tuple[str, ...] = ()
    """The functions of stalls in the baseline that were seen in a step of more than
    half the threshold."""
    problems: tuple[Problem, ...] = ()
    what_if: tuple[WhatIf, ...] = ()
    """For each place that blocked and mattered; a last one for all, of several."""
    critical_path: tuple[PathLink, ...] = ()
    """What the end stood on, first to last; empty where nobody asked."""
    timeline: Timeline | None = None
    """Who did what when; None where nobody asked."""
    courses: Courses | None = None
    """How it fails under a schedule, step by step; None where nobody asked."""
    schedules: Scheduled | None = None
    """What came of it under many schedules; None where nobody asked."""
    cancellations: Swept | None = None
    """What came of cancelling its tasks; None where nobody asked."""
    leaks: tuple[Leaked, ...] = ()
    """What its further runs have left when they were over."""
    not_looked_for: frozenset[str] = frozenset()
    """The allowances, as they are written, of calls whose family is off."""

    @property
    def was_cut(self) -> bool:
        """Tell whether it was cancelled at its budget, and not at its end.

        That is known where it had tasks beside its own, and none of these went on.
        """
        at_its_end = self.overrun is not None and self.overrun.ending
        cancelled = self.overrun is not None and self.overrun.cancelled
        return cancelled and not (at_its_end and self.comparison is not None)

    def unused(self) -> list[str]:
        """Give the allowances of the test's own that have accepted nothing in it.

        Not those of calls that nobody looked for, since their family is off.
        """
        if self.policy.blocking == "off":
            return []
        used = {finding.allowance for finding in self.findings} | self.not_looked_for
        rows = [row for row in self.policy.allow if row.source.startswith(MARKER)]
        return [row.text for row in rows if row.text not in used]
