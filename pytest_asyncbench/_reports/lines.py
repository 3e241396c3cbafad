"""Verdict → text. Every line that a person reads of a verdict is made here.

The order is always: what was promised and what happened, then where (the user's
line first, with its source), then what to do.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence

from pytest_asyncbench._words.decided import (
    GARBAGE,
    Comparison,
    Finding,
    TaskTrace,
    Verdict,
    Violation,
)
from pytest_asyncbench._words.seen import AwaitedTask, Frame, Overrun, Wait
from pytest_asyncbench._words.units import seconds, shown
from pytest_asyncbench._words.whose import is_ours

__all__ = ["accepted_lines", "blocking_lines", "message", "timeline"]

_MOST_TASKS = 20
_MOST_FINDINGS = 10
_BAR = 40
_YEAR = 365.25 * 86_400
_EXPLAINS = 0.05
"""The part of a test's wall time from which a blocking call helps to explain it."""


def message(verdict: Verdict) -> str:
    """Write down all broken promises of a verdict; the first line is the headline."""
    lines = [line for each in verdict.violations for line in _lines(verdict, each)]
    if not any(violation.kind == "blocking" for violation in verdict.violations):
        # What blocked may well be what broke a promise about time.
        lines += blocking_lines(verdict, _EXPLAINS * verdict.elapsed.wall)
    return "\n".join(lines)


def _lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    if broken.kind == "wall":
        yield from _wall_lines(verdict, broken)
    elif broken.kind == "speedup":
        yield from _speedup_lines(verdict, broken)
    elif broken.kind == "blocking":
        yield from blocking_lines(verdict)
    elif broken.limit is not None:
        yield from _unmeasured_speedup_lines(verdict, broken)
    else:
        yield from UNMEASURED
        yield from (f"  {each.sentence}" for each in verdict.not_followed)


def accepted_lines(verdict: Verdict) -> Iterator[str]:
    """Write down each promise that would be broken, had no debugger been there."""
    for accepted in verdict.accepted:
        headline = next(_lines(verdict, accepted))
        yield f"{headline}; not judged, since a debugger stood in the test"


UNMEASURED = (
    "not measured: this test asked to be watched, and no step of a loop was seen",
    "  it ran no loop, or one of a kind that can't be watched",
    "  use: asyncio's own loop, or the marker on those tests alone that run one",
)


# ------------------------------------------------------------------ budgets


def _wall_lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    budget = verdict.policy.budget
    source = budget.source if budget else "?"
    virtual = verdict.elapsed.virtual is not None
    yield (
        f"{'virtual' if virtual else 'wall'} clock {seconds(broken.actual or 0)}, "
        f"budget {seconds(broken.limit or 0)} ({source})"
    )
    if not virtual:
        yield from _starved_lines(verdict)
    if verdict.overrun is not None:
        yield from _overrun_lines(verdict.overrun)


def _starved_lines(verdict: Verdict) -> Iterator[str]:
    starved = verdict.elapsed.starved
    if starved is None:
        yield "  whether the machine was busy elsewhere can't be told on this platform"
    elif starved >= 0.001:
        counts = verdict.policy.starvation == "strict"
        yield (
            f"  {seconds(starved)} of it spent waiting for a processor "
            f"({'counted' if counts else 'forgiven'})"
        )


def _overrun_lines(overrun: Overrun) -> Iterator[str]:
    if overrun.frozen:
        yield "the loop's clock is frozen: no asyncio.sleep or timeout can end"
    elif overrun.farthest:
        years = overrun.farthest / _YEAR
        yield f"a timer is due in {years:.0f} years: it was set while freeze_time stood"
    if overrun.frozen or overrun.farthest:
        yield (
            "  use: freeze_time(..., real_asyncio=True), before timers are set, "
            "or @pytest.mark.virtual_time"
        )
    if overrun.stuck:
        yield "the loop was blocked when the budget ended, at"
        yield from _stack_lines(overrun.stuck)
    if overrun.tasks:
        count = len(overrun.tasks)
        yield f"{count} task{'s' * (count != 1)} still alive when the budget ended"
        for task in overrun.tasks[:_MOST_TASKS]:
            yield from _task_lines(task)
        if count > _MOST_TASKS:
            yield f"  … and {count - _MOST_TASKS} more"


def _task_lines(task: AwaitedTask) -> Iterator[str]:
    waits = f"has waited {seconds(task.seconds)}" if task.seconds else "waits"
    yield f"  {task.name} {waits} for {task.awaits}"
    users = [frame for frame in task.stack if not _is_plumbing(frame)]
    for frame in users[:3]:
        yield from _place_lines(frame.file, frame.line, frame.function, "    ")


def _is_plumbing(frame: Frame) -> bool:
    return is_ours(frame.file) or frame.module.partition(".")[0] == "asyncio"


def _stack_lines(stack: Sequence[Frame]) -> Iterator[str]:
    for frame in [frame for frame in stack if not is_ours(frame.file)][:6]:
        yield from _place_lines(frame.file, frame.line, frame.function, "  ")


def _speedup_lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    promised = _promised(broken)
    comparison = verdict.comparison
    if comparison is None or broken.actual is None:
        yield f"speedup {promised} was promised, but the test started no tasks"
        yield "  use: asyncio.gather(...), a TaskGroup or the `concurrently` fixture"
        return
    yield (
        f"speedup {broken.actual:.2f}, promised {promised}: "
        f"{seconds(comparison.wall)} together, "
        f"{seconds(comparison.serial)} one after another"
    )
    yield from _why_slow(comparison)
    yield from (f"  {each.sentence}" for each in verdict.not_followed)
    yield from (f"  {line}" for line in timeline(comparison.tasks))


def _promised(broken: Violation) -> str:
    return f"at least {broken.limit:g}" if broken.limit != 1.0 else "more than 1"


def _unmeasured_speedup_lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    why = ", and ".join(each.sentence for each in verdict.not_followed)
    yield f"speedup {_promised(broken)} was promised, and can't be told: {why}"
    yield "  use: asyncio's own loop for this test"


def _why_slow(comparison: Comparison) -> Iterator[str]:
    running = sum(task.running for task in comparison.tasks)
    if running > 0.5 * comparison.wall:
        yield (
            f"  the loop itself was busy for {seconds(running)} of that: "
            "what runs or blocks on the loop cannot overlap"
        )
    elif comparison.wall > 0 and comparison.serial < 1.2 * comparison.wall:
        yield "  they waited for each other: a lock, a queue, one await after another"


# ----------------------------------------------------------------- blocking


def blocking_lines(verdict: Verdict, least: float = 0.0) -> Iterator[str]:
    """Write down each place that blocked for `least` seconds and was not allowed to."""
    culprits = [
        finding
        for finding in verdict.findings
        if finding.allowed is None and finding.seconds >= least
    ]
    for finding in culprits[:_MOST_FINDINGS]:
        yield from _finding_lines(finding, verdict.policy.threshold)
    if len(culprits) > _MOST_FINDINGS:
        yield f"… and {len(culprits) - _MOST_FINDINGS} more places"


def _finding_lines(finding: Finding, threshold: float) -> Iterator[str]:
    yield _headline(finding, threshold)
    yield from _place_lines(finding.file, finding.line, finding.function, "  ")
    yield f"  {_called(finding)}"
    yield from _split_lines(finding)
    yield from _waited_lines(finding)
    if finding.held_up:
        plural = "s" * (finding.held_up != 1)
        longest = seconds(finding.held_up_for)
        yield f"  held up {finding.held_up} other callback{plural}, {longest} at most"
    if finding.advice:
        yield f"  use: {finding.advice}"


def _headline(finding: Finding, threshold: float) -> str:
    times = f", {finding.count} times" if finding.count > 1 else ""
    here = seconds(finding.seconds)
    if finding.kind == "call":
        return f"blocking call on the event loop, {here}{times}"
    limit = f"(limit {seconds(threshold)})"
    # Several may have filled a step that was too long, each with less than the limit.
    if finding.step is None or finding.seconds > threshold:
        return f"event loop stalled {here} {limit}{times}"
    return (
        f"event loop stalled {seconds(finding.step)} {limit}, {here} of it here{times}"
    )


def _called(finding: Finding) -> str:
    if finding.via:
        inner = finding.via[0]
        where = f"{shown(inner.file)}:{inner.line} in {inner.function}"
        return f"calls {finding.call}, which blocked at {where}"
    if finding.call == GARBAGE:
        return f"met {GARBAGE}, which looked through all objects of the process"
    if finding.busy:
        return f"{finding.call} was busy itself"
    return f"calls {finding.call}"


def _split_lines(finding: Finding) -> Iterator[str]:
    if finding.working is None or finding.blocked is None:
        return
    starved = f", starved {seconds(finding.starved)}" if finding.starved else ""
    yield (
        f"  working {seconds(finding.working)}, "
        f"blocked {seconds(finding.blocked)}{starved}"
    )


_TELLING = 0.02
"""Of starved time, in seconds, from which its reason is told."""

_STARVED_BY = (
    ("stopped", "the whole process stood still"),
    ("kept_out", "another thread kept the interpreter"),
)

_PASSES_TIME = ("time.sleep", "a timer")
"""What this call waited for need not be said."""

_OBJECTS = ("a lock", "a timer", "a child process", "process ")


def _waited_lines(finding: Finding) -> Iterator[str]:
    for name, reason in _STARVED_BY:
        part = getattr(finding, name)
        if part >= _TELLING:
            yield f"  for {seconds(part)} of that {reason}"
    if finding.waits:
        wait = finding.waits[0][0]
        if (finding.call, wait.on) != _PASSES_TIME:
            yield f"  {_waited(wait)}"


def _waited(wait: Wait) -> str:
    if wait.on is None:
        return f"waited in {wait.call}"
    if wait.on.startswith(_OBJECTS):
        return f"waited for {wait.on} ({wait.call})"
    return f"waited in {wait.call} on {shown(wait.on)}"


def _place_lines(file: str, line: int, function: str, indent: str) -> Iterator[str]:
    yield f"{indent}{shown(file)}:{line} in {function}"
    source = linecache.getline(file, line).strip()
    if source:
        yield f"{indent}    {source}"


# ----------------------------------------------------------------- timeline


def timeline(tasks: Sequence[TaskTrace], most: int = _MOST_TASKS) -> list[str]:
    """Draw when each task was in flight, and what it did with that time."""
    spans = [
        (task, task.started, task.finished)
        for task in tasks
        if task.started is not None and task.finished is not None
    ]
    if not spans:
        return []
    origin = min(started for _, started, _ in spans)
    end = max(finished for _, _, finished in spans)
    width = max(len(task.name) for task, _, _ in spans[:most])
    lines = [
        f"{task.name:<{width}} "
        f"|{_bar(started - origin, finished - origin, end - origin)}| {_shares(task)}"
        for task, started, finished in spans[:most]
    ]
    if len(spans) > most:
        lines.append(f"… and {len(spans) - most} more")
    return lines


def _bar(began: float, ended: float, whole: float) -> str:
    scale = _BAR / whole if whole else 0.0
    left = min(_BAR - 1, round(began * scale))
    length = max(1, min(_BAR - left, round((ended - began) * scale)))
    return f"{' ' * left}{'━' * length}".ljust(_BAR)


def _shares(task: TaskTrace) -> str:
    parts = (
        ("running", task.running),
        ("waiting", task.waiting),
        ("queued", task.queued),
    )
    return ", ".join(
        f"{name} {seconds(value)}" for name, value in parts if value >= 5e-5
    )
