"""The vocabulary: what was promised, what was seen, and what was decided.

Everything here is a frozen value. Nothing here reads a clock, forms an opinion
or makes text for a person; every time is in seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal

__all__ = [
    "GARBAGE",
    "MARKER",
    "NOT_WATCHED",
    "PROPERTY",
    "Allowance",
    "AwaitedTask",
    "BlockingCall",
    "Budget",
    "Collection",
    "Comparison",
    "Elapsed",
    "Excuse",
    "FamilyTrace",
    "Finding",
    "Frame",
    "LoopStall",
    "Mode",
    "Observations",
    "Once",
    "Overrun",
    "Policy",
    "Rule",
    "Sample",
    "Stack",
    "Starvation",
    "TaskTrace",
    "Verdict",
    "Violation",
    "VirtualTime",
    "Wait",
]

PROPERTY = "asyncbench"
"""The name of the user property of a report that carries the record."""

NOT_WATCHED = "not watched: "
"""How a problem begins that is a rule's which names what can't be wrapped."""

MARKER = "marker"
"""Where a promise or an allowance was written that is a test's own."""

GARBAGE = "the garbage collector"
"""What a finding names as its call where that filled the stall."""

Mode = Literal["off", "report", "warn", "error"]
Starvation = Literal["forgive", "strict"]
Once = Literal["forgive", "count"]


# ---------------------------------------------------------------- promised


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of the table of calls that are known to block."""

    target: str
    """The qualified name of what is wrapped, ``time.sleep``."""
    family: str
    """The name under which ``rules=`` switches it on."""
    advice: str
    """What to write instead, as code."""
    harmless: str | None = None
    """The name of the predicate that tells a call which cannot wait."""
    allowed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Caller glob to reason: who may make this call unreported."""
    ruff: str | None = None
    """The number of ruff's rule for the same mistake."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """A place where blocking is accepted, with its reason."""

    caller: str
    """Glob over the qualified names of the functions on the stack."""
    call: str
    """Glob over the qualified name of the blocking call."""
    reason: str
    source: str
    """Where it was written: ``marker``, ``ini``, ``command line``, ``code``."""

    @property
    def text(self) -> str:
        """The allowance as it can be written, and where that was."""
        return f"{self.caller} > {self.call}  # {self.reason} ({self.source})"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The promise: wall at most so much, speedup at least so much."""

    within: float | None = None
    speedup: float | None = None
    source: str = "marker"


@dataclass(frozen=True, kw_only=True)
class VirtualTime:
    """That a test's loop lives in virtual time, and when that begins."""

    start: datetime | str | None = None
    tz: tzinfo | str | None = None
    real_limit: float | None = None
    """How long something real may keep silent; None where the policy's holds."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds for one test, after every default, option and marker."""

    blocking: Mode = "off"
    threshold: float = 0.1
    rules: frozenset[str] = frozenset()
    scope: tuple[str, ...] = ()
    allow: tuple[Allowance, ...] = ()
    calls: tuple[Rule, ...] = ()
    """Rows that a setting adds to the table of rules."""
    budget: Budget | None = None
    copies: int | None = None
    starvation: Starvation = "forgive"
    once: Once = "forgive"
    virtual: VirtualTime | None = None
    real_limit: float = 5.0
    asked: bool = False
    """Whether this very test asked to be watched, by a marker or by being async."""
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Option name to where its value was written."""


# -------------------------------------------------------------------- seen


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One line of a stack."""

    file: str
    line: int
    function: str
    """Qualified within its module where the interpreter knows (3.11 and up)."""
    module: str = ""
    call: str | None = None
    """What this line was calling at that moment, where that could be told."""

    @property
    def qualified(self) -> str:
        """``module.function``, what globs are matched with."""
        return f"{self.module}.{self.function}" if self.module else self.function


Stack = tuple[Frame, ...]
"""Innermost frame first, down to the callback that the loop called."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What the kernel kept a thread waiting for."""

    call: str
    """The system call, ``recvfrom``."""
    on: str | None = None
    """The file, or the address of the peer, where the call has such."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The stack of the loop's thread at one moment of a step."""

    at: float
    stack: Stack
    wait: Wait | None = None
    """What it waited for; None where it was working, or that could not be told."""


@dataclass(frozen=True, kw_only=True)
class BlockingCall:
    """A call of a rule's target, on the thread of a running loop."""

    target: str
    began: float
    seconds: float
    stack: Stack
    step: float
    """When the step around it began, which also names the step."""
    held_up: int = 0
    held_up_for: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A look of the garbage collector through all objects."""

    began: float
    seconds: float
    stack: Stack
    """What it met, which need not have to do with it."""
    asked: bool = False
    """Whether the innermost line called for it."""


@dataclass(frozen=True, kw_only=True)
class LoopStall:
    """A step that kept the loop longer than the threshold."""

    began: float
    seconds: float
    samples: tuple[Sample, ...]
    task: str | None
    held_up: int
    """How many callbacks and timers could not go on."""
    held_up_for: float = 0.0
    """For how long at most, one of them."""
    working: float | None = None
    blocked: float | None = None
    starved: float | None = None
    """All the time in which the thread could have run and was not let."""
    stopped: float = 0.0
    """The part of it in which the whole process stood."""
    kept_out: float = 0.0
    """The part of it in which another thread kept the interpreter."""
    collections: tuple[Collection, ...] = ()
    source: Frame | None = None
    """Where the step's code is written, for a step that no sample shows."""


@dataclass(frozen=True, kw_only=True)
class FamilyTrace:
    """A coroutine that was started beside others, with all the tasks it started.

    `waits` are the waits that the outside world ended: a timer, I/O, a thread, a
    task of no family. They are measured on the family's own clock, which is elapsed
    time less the time in which the family was running. On that clock waits can be
    united without looking at each step again.
    """

    name: str
    started: float | None
    finished: float | None
    running: float = 0.0
    queued: float = 0.0
    waits: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskTrace:
    """What one coroutine of a run did with its time."""

    name: str
    started: float | None
    finished: float | None
    running: float = 0.0
    waiting: float = 0.0
    queued: float = 0.0
    exception: BaseException | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Coroutines side by side: the time they took, and would take in a row."""

    tasks: tuple[TaskTrace, ...]
    wall: float
    serial: float

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


@dataclass(frozen=True, kw_only=True)
class AwaitedTask:
    """A task that was alive when a budget was overrun."""

    name: str
    stack: Stack
    """The coroutine's chain of awaits, innermost first."""
    awaits: str
    """What the innermost of them waits for."""
    seconds: float | None
    """For how long it has waited, where that is known."""


@dataclass(frozen=True, kw_only=True)
class Overrun:
    """What stood at the moment in which a budget ended."""

    tasks: tuple[AwaitedTask, ...] = ()
    stuck: Stack | None = None
    """The stack on the loop, when a step was in the way of the cancellation."""
    cancelled: bool = False
    frozen: bool = False
    """Whether the loop's clock was not the real one, so that its timers stood still."""
    farthest: float | None = None
    """In how many seconds a timer is due that must have been set on a frozen clock."""


@dataclass(frozen=True, kw_only=True)
class Elapsed:
    """The time that a test's call took."""

    wall: float
    starved: float | None = None
    virtual: float | None = None
    """What it took in virtual time, where the test lives in it."""

    @property
    def lived(self) -> float:
        """The time that promises speak of: virtual where there is such, else wall."""
        return self.wall if self.virtual is None else self.virtual


@dataclass(frozen=True, kw_only=True)
class Excuse:
    """A stretch of time in which the test itself said that blocking is fine."""

    began: float
    ended: float
    reason: str | None
    """None where blocking is not even to be listed."""


@dataclass(frozen=True, kw_only=True)
class Observations:
    """All that the instruments saw of one test."""

    elapsed: Elapsed
    steps: int = 0
    loops: tuple[str, ...] = ()
    """The kinds of loop that were seen."""
    stalls: tuple[LoopStall, ...] = ()
    calls: tuple[BlockingCall, ...] = ()
    excuses: tuple[Excuse, ...] = ()
    families: tuple[FamilyTrace, ...] = ()
    """What the test body itself started side by side."""
    together: float | None = None
    """For how long they ran, where that is more than their own spans."""
    serial: float | None = None
    """The time in a row, where it was measured or given and need not be derived."""
    overrun: Overrun | None = None
    debugged: bool = False
    """Whether a debugger stood in the test at some moment."""
    problems: tuple[str, ...] = ()
    """What went wrong inside the plugin."""


# ----------------------------------------------------------------- decided


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Blocking at one place, merged over all that was seen of it there."""

    kind: Literal["stall", "call"]
    call: str
    file: str
    line: int
    function: str
    seconds: float
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
    allowed: str | None = None
    """The reason for which it is accepted."""
    allowance: str | None = None
    """The allowance of that reason; None where it was not one that accepted it."""
    advice: str = ""
    busy: bool = False
    """Whether the function was at work itself, and `call` is its own name."""
    via: Stack = ()
    """The frames between the user's place and the call, innermost first."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken promise: its limit, and what was seen instead."""

    kind: Literal["wall", "speedup", "blocking", "unmeasured"]
    limit: float | None = None
    actual: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided on one test."""

    policy: Policy
    elapsed: Elapsed
    steps: int
    loops: tuple[str, ...] = ()
    comparison: Comparison | None = None
    budget_met: bool | None = None
    findings: tuple[Finding, ...] = ()
    violations: tuple[Violation, ...] = ()
    waived: tuple[Violation, ...] = ()
    """What is not held against the test, since a debugger stood in it."""
    overrun: Overrun | None = None
    unmeasured: bool = False
    problems: tuple[str, ...] = ()

    def unused(self) -> list[str]:
        """Give the allowances of the test's own that have accepted nothing in it."""
        if self.policy.blocking == "off":
            return []
        used = {finding.allowance for finding in self.findings}
        rows = [row for row in self.policy.allow if row.source.startswith(MARKER)]
        return [row.text for row in rows if row.text not in used]

    def record(self) -> dict[str, Any]:
        """Give the record that reports carry, of JSON's own types only."""
        budget = self.policy.budget
        return {
            "version": 1,
            "wall": self.elapsed.wall,
            "serial": self.comparison and self.comparison.serial,
            "speedup": self.comparison and self.comparison.speedup,
            "starved": self.elapsed.starved,
            "virtual": self.elapsed.virtual,
            "budget": budget
            and {
                "within": budget.within,
                "speedup": budget.speedup,
                "met": bool(self.budget_met),
            },
            "blocking": [finding_record(finding) for finding in self.findings],
            "unused": self.unused(),
            "steps": self.steps,
            "loops": list(self.loops),
            "mode": self.policy.blocking,
            "waived": [violation.kind for violation in self.waived],
            "unmeasured": self.unmeasured,
            "problems": list(self.problems),
        }


_UNWRITTEN = ("busy", "via")
"""What of a finding is for the lines of a report only."""


def finding_record(finding: Finding) -> dict[str, Any]:
    """Give a finding's entry of the record."""
    names = (field.name for field in dataclasses.fields(finding))
    record = {name: getattr(finding, name) for name in names if name not in _UNWRITTEN}
    record["waits"] = [
        {"call": wait.call, "on": wait.on, "seen": seen} for wait, seen in finding.waits
    ]
    return record
