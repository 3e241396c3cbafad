"""The record: all that is told of one test, which every report reads and nothing else.

It crosses from workers to the controller, and lies in JUnit XML, as JSON. Fields may be
added in a version, with a default, and are not changed. ``docs/record.md`` and
``docs/record.schema.json`` are drawn from the classes below: the sentence under a field
opens with the unit of a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from typing import Literal

from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.courses import Course, Courses
from pytest_asyncbench._words.decided import (
    Broken,
    Did,
    Finding,
    PathLink,
    Repeated,
    TaskTrace,
    TookTurns,
    Verdict,
    Way,
    WhatIf,
)
from pytest_asyncbench._words.explored import Leaked
from pytest_asyncbench._words.medians import median_low
from pytest_asyncbench._words.plain import VALUE_ONLY, Json, read, written
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Mode
from pytest_asyncbench._words.schedules import Scheduled
from pytest_asyncbench._words.seen import (
    AwaitedTask,
    DeadTask,
    Frame,
    NotFollowed,
    Overrun,
    Stack,
)
from pytest_asyncbench._words.timeline import Timeline
from pytest_asyncbench._words.values import dataclass
from pytest_asyncbench._words.whose import is_ours, is_users

__all__ = [
    "VERSION",
    "AliveEntry",
    "BlockingEntry",
    "BudgetEntry",
    "CoursesEntry",
    "DeadEntry",
    "LeakEntry",
    "LinkEntry",
    "OverrunEntry",
    "PlaceEntry",
    "Record",
    "RepeatedEntry",
    "SpreadEntry",
    "TurnsEntry",
    "ViolationEntry",
    "WaitEntry",
    "WhatIfEntry",
    "record_of",
]

VERSION = 1
"""Of the record: another one has fields that are called or meant differently."""

_MOST_ALIVE = 100

_MOST_LINKS = 100
"""The last so many links of a critical path are kept."""


@dataclass(frozen=True, kw_only=True)
class PlaceEntry:
    """A line of code."""

    file: str
    """The path as the interpreter has it."""
    line: int
    """A line number: from 1."""
    function: str
    """The function; qualified within its module where the interpreter knows (3.11 and
    up)."""


@dataclass(frozen=True, kw_only=True)
class BudgetEntry:
    """What a test was to keep, by its marker or by a setting."""

    within: float | None
    """In seconds: what the call may take at most; null where only a speedup was
    promised."""
    speedup: float | None
    """A factor: how many times as fast as one after another it must be."""
    met: bool
    """Whether both were kept."""


@dataclass(frozen=True, kw_only=True)
class WaitEntry:
    """What the kernel kept the loop's thread waiting for."""

    call: str
    """The system call, ``recvfrom``."""
    on: str | None
    """The file, or the address of the peer, where the call has such."""
    seen: int
    """A count: how often it was seen."""


@dataclass(frozen=True, kw_only=True)
class BlockingEntry:
    """One place that blocked the event loop, merged over all that was seen of it."""

    kind: Literal["stall", "call", "kept"]
    """``stall``, a step that was longer than the threshold; ``call``, a known blocking
    call that was not; ``kept``, a call in another thread that kept the interpreter, so
    that the loop had to wait for its turn."""
    call: str
    """What was called there, or was busy itself."""
    file: str
    """The path of the file of the place, as the interpreter has it."""
    line: int
    """A line number: from 1; 0 where none is known."""
    function: str
    """The function of the place."""
    seconds: float
    """In seconds: for how long the loop was kept here, in all."""
    step: float | None
    """In seconds: the longest step that stalled here; null where none did."""
    working: float | None
    """In seconds: the part in which the thread had the processor; null where the system
    can't tell, and where the place filled only a part of its step."""
    blocked: float | None
    """In seconds: the part in which the thread waited; null as `working` is."""
    starved: float | None
    """In seconds: the part in which the thread could have run and was not let; null as
    `working` is."""
    stopped: float
    """In seconds: the part of `starved` in which the whole process stood."""
    kept_out: float
    """In seconds: the part of `starved` in which another thread kept the
    interpreter."""
    waits: tuple[WaitEntry, ...]
    """What was waited for, most often first."""
    held_up: int
    """A count: callbacks and timers that could not go on meanwhile."""
    held_up_for: float
    """In seconds: for how long at most, one of them."""
    count: int
    """A count: how often it blocked."""
    allowed: str | None
    """The reason for which it is accepted; null where it counts."""
    allowance: str | None
    """The allowance of that reason, as it is written; null where it was not one that
    accepted it."""
    advice: str
    """What to write instead, as code; empty where nothing is known."""
    fingerprint: str = ""
    """What names the place in every run and on every machine: the qualified names of
    the function and of the call."""
    sampled: bool = False
    """Whether it is known from a long step alone, and no rule names the call."""
    baseline: str | None = None
    """The fingerprint of the baseline's entry that accepts it, or that is written for
    it; null where it is not of the baseline."""
    interpreter: Way | None = None
    """What the call did with the interpreter: it ``keeps`` it, so that a thread would
    not help, it ``shares`` it as Python's own code does, or it ``lets go``; null where
    that is not known."""
    handed: PlaceEntry | None = None
    """Where the work was given to the thread that kept the loop waiting; null where
    that is not known, and where no thread did."""


@dataclass(frozen=True, kw_only=True)
class TurnsEntry:
    """How late a loop came since several threads took turns at the interpreter."""

    threads: int
    """A count: how many threads of Python's they were at most, less those that run
    loops."""
    least: float
    """In seconds: by how much it came late, of the times that it did."""
    most: float
    """In seconds: the most of these."""
    count: int
    """A count: how often it came late by a switch interval or more."""


@dataclass(frozen=True, kw_only=True)
class ViolationEntry:
    """One broken promise: its limit, and what was seen instead."""

    kind: Broken
    """``wall`` and ``speedup``, of a budget; ``setup`` and ``teardown``, of those of
    the fixtures; ``blocking``, a call that was not allowed; ``background``, a task that
    died and nobody looked;
    ``unmeasured``, a test that asked to be watched and could not be, or, with a limit,
    a speedup that can't be told; ``unawaited``, what `concurrently` gave and nobody
    awaited."""
    limit: float | None
    """In seconds, of a speedup a factor: what was promised. Of ``blocking`` it is
    the threshold."""
    actual: float | None
    """In seconds, of a speedup a factor: what was seen; null where nothing could be
    measured. Of time it is all that was taken, forgiven time included."""


@dataclass(frozen=True, kw_only=True)
class AliveEntry:
    """A task that was alive when the budget ended."""

    name: str
    """``the test``, or how the task is called."""
    awaits: str
    """What it waited for."""
    seconds: float | None
    """In seconds: for how long it had waited; null where that is not known."""
    place: PlaceEntry | None
    """The innermost line of the user's in its chain of awaits, else of a library's."""


@dataclass(frozen=True, kw_only=True)
class LeakEntry:
    """What was left when a run was over."""

    what: str
    """A task by its name, a callback, descriptors, or what was not given back."""
    place: PlaceEntry | None
    """Where a task waited; null for anything else."""
    runs: int
    """A count: in how many runs it was seen."""
    of: int
    """A count: in how many runs that went well it was looked for."""


@dataclass(frozen=True, kw_only=True)
class DeadEntry:
    """A background task that died unseen."""

    name: str
    """How the task is called."""
    error: str
    """What it died of: the kind of exception, and its text."""
    place: PlaceEntry | None
    """The innermost line of the user's at which that was raised, else of a
    library's."""


@dataclass(frozen=True, kw_only=True)
class SpreadEntry:
    """Several figures of one kind."""

    least: float
    """In seconds, of a speedup a factor: the least of them."""
    median: float
    """In seconds, of a speedup a factor: the one in the middle, or the lower one of the
    two that are there."""
    most: float
    """In seconds, of a speedup a factor: the most."""


@dataclass(frozen=True, kw_only=True)
class RepeatedEntry:
    """A body that was run several times in turn."""

    runs: int
    """A count: how often it was run."""
    wall: SpreadEntry
    """In seconds: what a run took, less starved time that is forgiven."""
    speedup: SpreadEntry | None
    """A factor: the speedup of a run; null where none started tasks."""


@dataclass(frozen=True, kw_only=True)
class OverrunEntry:
    """What stood at the moment in which the budget ended."""

    cancelled: bool
    """Whether the test was cancelled then; a loop that is blocked can't be."""
    count: int
    """A count: the tasks that were alive."""
    alive: tuple[AliveEntry, ...]
    """The first hundred of them, the test's own first."""
    stuck: tuple[PlaceEntry, ...]
    """The lines on the loop's stack, innermost first, where a step was in the way of
    the cancellation; else empty."""
    stood: tuple[PlaceEntry, ...] = ()
    """The lines on the stack of a sync test that ran no loop then, innermost first;
    else empty."""
    left: tuple[AliveEntry, ...] = ()
    """The first hundred tasks that had not ended long after they were cancelled, so
    that the test was ended without them; else empty."""
    frozen: bool
    """Whether the loop's clock stood still, so that none of its timers could end."""
    farthest: float | None
    """In seconds: how far away a timer was that was set while the date was frozen; null
    where there was none."""


@dataclass(frozen=True, kw_only=True)
class WhatIfEntry:
    """How a test would have gone, had it awaited what blocked it."""

    place: PlaceEntry | None
    """The place that would be awaited; null for all of them."""
    wall: float
    """In seconds: what the call would have taken then."""
    speedup: float | None
    """A factor: the speedup then; null where nothing ran side by side."""


@dataclass(frozen=True, kw_only=True)
class LinkEntry:
    """A part of the chain of steps and waits that the end of a test stood on."""

    task: str
    """How the task is called; empty where it was none's."""
    kind: Did
    """``running``, it advanced; ``waiting``, it awaited something; ``queued``, it could
    have advanced while the loop was busy."""
    seconds: float
    """In seconds: how long that took."""
    place: PlaceEntry | None
    """Where it waited; null where nobody looked, and where it did not wait."""
    awaited: str | None
    """What it waited for there; null likewise."""
    by: str | None
    """The task that ended its wait; null where that was no other."""
    kept_by: str | None = None
    """Who kept the loop for most of its wait, a task or several of one name; null where
    it could rest."""
    times: int = 1
    """A count: how often it did so in a row, with nothing between that is worth a
    link."""


@dataclass(frozen=True, kw_only=True)
class CoursesEntry:
    """The run that a test fails in, beside that in asyncio's own order.

    Of each at most 200 steps are told, and fewer, down to 12, where the timelines of
    other tests have taken up the room of the run. They are those around the last
    wake-up that was kept back, two thirds of them before it. Where none was, they are
    those around the first step at which the two differ.
    """

    lanes: tuple[str, ...]
    """What the tasks are called that have a step here, in the order of their first
    ones."""
    places: tuple[PlaceEntry, ...]
    """The lines at which they went on and waited, each once."""
    same: int
    """A count: with how many steps of tasks the two begin alike."""
    passing: Course | None
    """The one in asyncio's own order; null where the test was run by a given schedule
    alone."""
    failing: Course
    """The one that fails."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was promised to one test, what happened, and what that means."""

    version: int
    """A number: the version of the record's shape."""
    wall: float
    """In seconds: what the test's call took, by the real clock; 0 where its set-up
    failed."""
    serial: float | None
    """In seconds: what the coroutines that ran side by side would take one after
    another; null where there were none."""
    speedup: float | None
    """A factor: `serial` over `together`."""
    starved: float | None
    """In seconds: the part of `wall` in which the thread could have run and was not
    let; null where the system can't tell, and of a test that promised nothing and ran
    no loop."""
    virtual: float | None
    """In seconds: what the call took in virtual time; null where the test did not live
    in it."""
    budget: BudgetEntry | None
    """What was promised; null where nothing was."""
    blocking: tuple[BlockingEntry, ...]
    """What blocked the loop, what is allowed included."""
    unused: tuple[str, ...]
    """The allowances of the test's own that accepted nothing."""
    steps: int
    """A count: the steps of event loops that were measured."""
    loops: tuple[str, ...]
    """The kinds of loop that were seen, by their qualified names."""
    mode: Mode
    """What a blocking call does to this test."""
    waived: tuple[str, ...]
    """The kinds of broken promises that are not held against the test, since a debugger
    stood in it."""
    unmeasured: bool
    """Whether it asked to be watched, and no step was seen."""
    problems: tuple[str, ...]
    """What went wrong on the plugin's side, a sentence each."""
    problem_parts: tuple[Problem, ...] = ()
    """The same problems in the same order, each taken apart."""
    not_followed: tuple[NotFollowed, ...] = ()
    """The kinds of loop whose tasks could not be followed, and why."""
    violations: tuple[ViolationEntry, ...] = ()
    """The promises that were broken, the one that gives the failure its name first;
    also one of `concurrently` that the test has failed with."""
    together: float | None = None
    """In seconds: what the coroutines that ran side by side took together, less starved
    time that is forgiven; null where there were none."""
    too_short: bool = False
    """Whether a speedup was asked for of tasks that took too little time to compare."""
    cut_short: bool = False
    """Whether tasks ran side by side and were cancelled at the budget, or at that of a
    `concurrently` that the test has failed with, so that nobody knows what they would
    take one after another: `serial`, `speedup` and `together` are null."""
    budget_setup: float | None = None
    """In seconds: what the test's fixtures may take at most, in all, to be set up; null
    where nothing was promised of that."""
    budget_teardown: float | None = None
    """In seconds: the same for their teardown."""
    repeated: RepeatedEntry | None = None
    """How the runs of a body differed that was run several times in turn; null where it
    was run once. `serial` and `speedup` are of the run whose speedup is the median."""
    died: tuple[DeadEntry, ...] = ()
    """The tasks that the test started and that died of an exception at which nobody
    looked, where a setting asks for them."""
    overrun: OverrunEntry | None = None
    """What stood when the budget ended; null where it did not end before the test."""
    near_stalls: tuple[str, ...] = ()
    """The functions of stalls in the baseline that were seen in a step of more than
    half the threshold, so that these entries stay."""
    what_if: tuple[WhatIfEntry, ...] = ()
    """For each place that blocked and mattered, how the test would have gone had it
    awaited that; where there are several, a last one for all. Empty where it, or a part
    of it, was cancelled at a budget with more to do: nobody knows how much."""
    critical_path: tuple[LinkEntry, ...] = ()
    """The last hundred links of the chain of steps and waits that the end stood on,
    first to last, where a promise about time was broken, or a report that draws it was
    asked for; else empty."""
    waited: float | None = None
    """In seconds: for how long the call waited for something real; null where the test
    did not live in virtual time."""
    timeline: Timeline | None = None
    """Who did what when, during the call; null where no report that draws it was asked
    for, and always in JUnit XML and in the user property."""
    debugged: bool = False
    """Whether a debugger stood in the call, so that its time is not the test's."""
    schedules: Scheduled | None = None
    """What came of the test under many schedules; null where it was run in asyncio's
    own order alone."""
    courses: CoursesEntry | None = None
    """How the test fails under a schedule, step by step, beside asyncio's own order;
    null where it does not, where no report that draws it was asked for, where there was
    no room, and always in JUnit XML and in the user property."""
    cancellations: Swept | None = None
    """What came of cancelling the test's tasks at each of their awaits; null where
    nobody asked for that."""
    took_turns: TurnsEntry | None = None
    """How late its loop came, each time for a short while, since several threads took
    turns at the interpreter; null where none did, or that is not known. It breaks no
    promise."""
    leaks: tuple[LeakEntry, ...] = ()
    """What was left when runs of the test were over, and all that was set up for them
    torn down, where it was run under schedules or its tasks were cancelled."""
    tasks: Sequence[TaskTrace] = field(default=(), metadata=VALUE_ONLY)
    """What ran side by side, and when, for a timeline. Value only: its moments mean
    nothing in another process."""

    def to_json(self) -> dict[str, Json]:
        """Give the record in JSON's own types, less what is of the value only."""
        return written(self)

    @classmethod
    def from_json(cls, json: Json) -> Record:
        """Make the record of what `to_json` gave, in this version or a later one.

        Raises:
            ValueError: it is no record, or one of a version that is not known here.
        """
        if isinstance(json, dict) and json.get("version", VERSION) != VERSION:
            raise ValueError(
                f"it is of version {json['version']!r}; known here is {VERSION}"
            )
        return read(cls, json, "record")


# ------------------------------------------------------------- from a verdict


def record_of(verdict: Verdict) -> Record:
    """Make the record of a verdict."""
    comparison = verdict.comparison
    return Record(
        version=VERSION,
        wall=verdict.elapsed.wall,
        serial=_known(comparison.serial) if comparison else None,
        speedup=_known(comparison.speedup) if comparison else None,
        starved=verdict.elapsed.starved,
        virtual=verdict.elapsed.virtual,
        waited=verdict.elapsed.waited,
        budget=_budget(verdict),
        blocking=tuple(map(_blocking, verdict.findings)),
        unused=tuple(verdict.unused()),
        steps=verdict.steps,
        loops=verdict.loops,
        mode=verdict.policy.blocking,
        waived=tuple(violation.kind for violation in verdict.accepted),
        unmeasured=verdict.unmeasured,
        problems=tuple(problem.sentence for problem in verdict.problems),
        problem_parts=verdict.problems,
        not_followed=verdict.not_followed,
        violations=tuple(
            ViolationEntry(
                kind=broken.kind,
                limit=_known(broken.limit),
                actual=_known(broken.actual),
            )
            for broken in verdict.violations
        ),
        together=_known(comparison.wall) if comparison else None,
        too_short=verdict.too_short,
        cut_short=verdict.cut_short,
        budget_setup=verdict.policy.within("setup"),
        budget_teardown=verdict.policy.within("teardown"),
        repeated=_repeated(verdict.repeated),
        died=tuple(map(_dead, verdict.died)),
        overrun=_overrun(verdict.overrun),
        near_stalls=verdict.near_stalls,
        what_if=tuple(map(_what_if, verdict.what_if)),
        critical_path=tuple(map(_path_link, verdict.critical_path[-_MOST_LINKS:])),
        timeline=verdict.timeline,
        courses=_courses(verdict.courses),
        debugged=verdict.debugged,
        schedules=verdict.schedules,
        cancellations=verdict.cancellations,
        leaks=tuple(map(_leak, verdict.leaks)),
        took_turns=_took_turns(verdict.took_turns),
        tasks=comparison.tasks if comparison else (),
    )


def _known(number: float | None) -> float | None:
    """Give None for what is no number, which JSON has no word for."""
    return number if number is not None and math.isfinite(number) else None


def _budget(verdict: Verdict) -> BudgetEntry | None:
    budget = verdict.policy.budget
    if budget is None or not budget.promises:
        return None
    return BudgetEntry(
        within=verdict.policy.within("call"),
        speedup=budget.speedup,
        met=bool(verdict.budget_met),
    )


def _blocking(finding: Finding) -> BlockingEntry:
    return BlockingEntry(
        kind=finding.kind,
        call=finding.call,
        file=finding.file,
        line=finding.line,
        function=finding.function,
        seconds=finding.seconds,
        step=finding.step,
        working=finding.working,
        blocked=finding.blocked,
        starved=finding.starved,
        stopped=finding.stopped,
        kept_out=finding.kept_out,
        waits=tuple(
            WaitEntry(call=wait.call, on=wait.on, seen=seen)
            for wait, seen in finding.waits
        ),
        held_up=finding.held_up,
        held_up_for=finding.held_up_for,
        count=finding.count,
        allowed=finding.allowed,
        allowance=finding.allowance,
        advice=finding.advice,
        fingerprint=finding.fingerprint,
        sampled=finding.sampled,
        baseline=finding.baseline,
        interpreter=None if finding.holds is None else finding.holds.way,
        handed=None if finding.handed is None else _place(finding.handed),
    )


def _took_turns(turns: TookTurns | None) -> TurnsEntry | None:
    if turns is None:
        return None
    return TurnsEntry(
        threads=turns.threads, least=turns.least, most=turns.most, count=turns.count
    )


def _overrun(overrun: Overrun | None) -> OverrunEntry | None:
    if overrun is None:
        return None
    return OverrunEntry(
        cancelled=overrun.cancelled,
        count=len(overrun.tasks),
        alive=tuple(map(_alive, overrun.tasks[:_MOST_ALIVE])),
        stuck=_places(overrun.stuck or ()),
        stood=_places(overrun.stood or ()),
        left=tuple(map(_alive, overrun.left[:_MOST_ALIVE])),
        frozen=overrun.frozen,
        farthest=_known(overrun.farthest),
    )


def _what_if(case: WhatIf) -> WhatIfEntry:
    at = case.finding
    place = None
    if at is not None:
        place = PlaceEntry(file=at.file, line=at.line, function=at.function)
    return WhatIfEntry(place=place, wall=case.wall, speedup=_known(case.speedup))


def _courses(courses: Courses | None) -> CoursesEntry | None:
    if courses is None:
        return None
    return CoursesEntry(
        lanes=courses.lanes,
        places=tuple(map(_place, courses.places)),
        same=courses.same,
        passing=courses.passing,
        failing=courses.failing,
    )


def _path_link(link: PathLink) -> LinkEntry:
    return LinkEntry(
        task=link.task,
        kind=link.kind,
        seconds=link.seconds,
        place=_users_place((link.place,)) if link.place is not None else None,
        awaited=link.awaited,
        by=link.by,
        kept_by=link.kept_by,
        times=link.times,
    )


def _repeated(repeated: Repeated | None) -> RepeatedEntry | None:
    if repeated is None:
        return None
    return RepeatedEntry(
        runs=len(repeated.walls),
        wall=_spread(repeated.walls),
        speedup=_spread(repeated.speedups) if repeated.speedups else None,
    )


def _spread(figures: tuple[float, ...]) -> SpreadEntry:
    return SpreadEntry(
        least=min(figures), median=median_low(figures), most=max(figures)
    )


def _dead(task: DeadTask) -> DeadEntry:
    return DeadEntry(name=task.name, error=task.error, place=_users_place(task.stack))


def _leak(leaked: Leaked) -> LeakEntry:
    place = leaked.leak.place
    return LeakEntry(
        what=leaked.leak.what,
        place=None if place is None else _place(place),
        runs=leaked.runs,
        of=leaked.of,
    )


def _alive(task: AwaitedTask) -> AliveEntry:
    return AliveEntry(
        name=task.name,
        awaits=task.awaits,
        seconds=_known(task.seconds),
        place=_users_place(task.stack),
    )


def _users_place(stack: Stack) -> PlaceEntry | None:
    places = _places(stack)
    users = (place for place in places if is_users(place.file))
    return next(users, places[0] if places else None)


def _places(stack: Stack) -> tuple[PlaceEntry, ...]:
    return tuple(_place(frame) for frame in stack if not is_ours(frame.file))


def _place(frame: Frame) -> PlaceEntry:
    return PlaceEntry(file=frame.file, line=frame.line, function=frame.function)
