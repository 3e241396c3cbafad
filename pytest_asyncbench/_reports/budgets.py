"""A broken budget in lines: what was promised, what happened, and what tells why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_asyncbench._reports.alike import told_apart
from pytest_asyncbench._reports.places import place_lines
from pytest_asyncbench._reports.timeline import timeline
from pytest_asyncbench._words.decided import (
    Broken,
    Comparison,
    Repeated,
    TaskTrace,
    Verdict,
    Violation,
)
from pytest_asyncbench._words.promised import Budget, When
from pytest_asyncbench._words.seen import AwaitedTask, Frame, Overrun, Stack
from pytest_asyncbench._words.units import plural, seconds
from pytest_asyncbench._words.whose import is_ours, is_plumbing, is_users

__all__ = [
    "OF_PHASE",
    "left_lines",
    "speedup_lines",
    "unmeasured_speedup_lines",
    "wall_lines",
]

_PHASES: Mapping[Broken, When] = {
    "wall": "call",
    "setup": "setup",
    "teardown": "teardown",
}
OF_PHASE: Mapping[When, str] = {
    "setup": " in the fixtures' set-up",
    "call": "",
    "teardown": " in the fixtures' teardown",
}
"""What is said of a time that is not the call's."""
_MOST_TASKS = 20
_WORTH_A_LINE = 0.01
"""Time that is forgiven is told from this part of the time on that is left."""
_LONG = 0.01
"""A test that takes longer than this, in seconds, has something to overlap."""
_SIDE_BY_SIDE = "asyncio.gather(...), a TaskGroup or the `concurrently` fixture"
_NO_SPEEDUP = "a budget without a speedup for this test"
_YEAR = 365.25 * 86_400
_GOES_BEFORE = "@pytest.mark.budget({}) goes before what its history says"


def wall_lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    """Say how long it took, and what stood in the way when the budget ended."""
    phase = _PHASES[broken.kind]
    virtual = verdict.elapsed.virtual is not None
    # The figure first: pytest cuts this line off in its short summary.
    yield (
        f"{'virtual' if virtual else 'wall'} clock {seconds(broken.actual or 0)}"
        f"{OF_PHASE[phase]}, budget {_promise(verdict, phase)}"
    )
    if phase == "call" and verdict.repeated is not None:
        yield f"  {_runs(verdict.repeated, verdict.overrun)}"
    if not virtual:
        yield from _starved_lines(verdict)
    if verdict.overrun is not None:
        yield from _overrun_lines(verdict.overrun)
    budget = verdict.policy.budget
    if phase == "call" and verdict.cut_short:
        yield from _cut_short_lines(budget)
    if phase == "call" and budget is not None and budget.learned_time:
        yield f"  if it may take longer from now on: {_GOES_BEFORE.format('...')}"


def _cut_short_lines(budget: Budget | None) -> Iterator[str]:
    if budget is None or budget.speedup is None or budget.learned_speedup:
        return
    yield (
        f"speedup at least {budget.speedup:g} was promised, too, and can't be told: "
        "its tasks were cancelled before they had waited to the end"
    )


def _promise(verdict: Verdict, phase: When) -> str:
    promise = verdict.policy.promised(phase)
    if promise is None:
        return "?"
    scale = "" if promise.scale == 1 else f" × {promise.scale:g}"
    return f"{seconds(promise.written)}{scale} ({promise.source})"


def _runs(repeated: Repeated, overrun: Overrun | None) -> str:
    walls = repeated.walls
    if overrun is not None and overrun.cancelled:
        return (
            f"that was run {len(walls)} of {repeated.asked}, which was ended after "
            "the time that all of them have"
        )
    return (
        f"in the median of {len(walls)} {plural(len(walls), 'run')} that took "
        f"{seconds(min(walls))} to {seconds(max(walls))}"
    )


def _starved_lines(verdict: Verdict) -> Iterator[str]:
    starved: float | None = verdict.elapsed.starved
    overrun = verdict.overrun
    counts = verdict.policy.starvation == "strict"
    if starved and overrun is not None and overrun.cancelled and not counts:
        # What was lost after the cancellation did not put it off.
        starved = min(starved, overrun.forgiven)
    if starved is None:
        yield "  whether the machine was busy elsewhere can't be told on this platform"
    elif starved >= 0.001:
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
    if overrun.stood:
        yield "no task could be cancelled when the budget ended; the test stood at"
        yield from _stack_lines(overrun.stood)
    if overrun.tasks:
        yield from _tasks_lines(overrun.tasks, "still alive when the budget ended")
    if overrun.left:
        left = "cancelled and not ended; the test ended without them"
        yield from _tasks_lines(overrun.left, left)


def left_lines(left: Sequence[AwaitedTask]) -> Iterator[str]:
    """Say which tasks a loop was closed without."""
    if left:
        yield from _tasks_lines(left, "cancelled and not ended; the loop is closed")


def _tasks_lines(tasks: Sequence[AwaitedTask], what: str) -> Iterator[str]:
    count = len(tasks)
    yield f"{count} {plural(count, 'task')} {what}"
    told = told_apart(tasks, lambda task: (task.awaits, task.stack))
    for task, alike in told[:_MOST_TASKS]:
        yield from _task_lines(task)
        if alike:
            yield f"  … and {alike} more alike"
    left = sum(1 + alike for _, alike in told[_MOST_TASKS:])
    if left:
        yield f"  … and {left} more"


def _task_lines(task: AwaitedTask) -> Iterator[str]:
    waits = f"has waited {seconds(task.seconds)}" if task.seconds else "waits"
    yield f"  {task.name} {waits} for {task.awaits}"
    for frame in _telling(task.stack)[:3]:
        yield from place_lines(frame.file, frame.line, frame.function, "    ")


def _telling(stack: Stack) -> list[Frame]:
    """Give the frames that tell people most, the innermost of their own first.

    In a library that is deep, that one is far out.
    """
    frames = [frame for frame in stack if not is_plumbing(frame)]
    own = [frame for frame in frames if is_users(frame.file)][:1]
    return own + [frame for frame in frames if frame not in own]


def _stack_lines(stack: Sequence[Frame]) -> Iterator[str]:
    for frame in [frame for frame in stack if not is_ours(frame.file)][:6]:
        yield from place_lines(frame.file, frame.line, frame.function, "  ")


def speedup_lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    """Say how much faster it was than one after another, and draw why."""
    promised = _promised(verdict, broken)
    comparison = verdict.comparison
    if comparison is None or broken.actual is None:
        yield f"speedup {promised} was promised, but the test started no tasks"
        yield f"  use: {_SIDE_BY_SIDE}"
        yield from _learned_speedup_lines(verdict)
        return
    yield (
        f"speedup {broken.actual:.2f}, promised {promised}: "
        f"{seconds(comparison.wall)} together, "
        f"{seconds(comparison.serial)} one after another"
    )
    if comparison.forgiven >= _WORTH_A_LINE * comparison.wall:
        yield (
            f"  {seconds(comparison.forgiven)} more spent waiting for a processor "
            "(forgiven)"
        )
    if verdict.repeated is not None:
        speedups = verdict.repeated.speedups
        yield (
            f"  in the median of {len(speedups)} {plural(len(speedups), 'run')}, "
            f"{min(speedups):.2f} to {max(speedups):.2f}"
        )
    yield from _why_slow(comparison, broken.limit or 1.0)
    yield from (f"  {each.sentence}" for each in verdict.not_followed)
    yield from (f"  {line}" for line in timeline(comparison.tasks))
    yield from _learned_speedup_lines(verdict)


def _learned_speedup_lines(verdict: Verdict) -> Iterator[str]:
    budget = verdict.policy.budget
    if budget is not None and budget.learned_speedup:
        yield f"  if that is right from now on: {_GOES_BEFORE.format('speedup=None')}"


def _promised(verdict: Verdict, broken: Violation) -> str:
    budget = verdict.policy.budget
    named = budget is not None and budget.speedup is not None
    named = named or broken.limit != 1.0
    if budget is not None and budget.learned_speedup:
        return f"at least {broken.limit:g} ({budget.source})"
    return f"at least {broken.limit:g}" if named else "more than 1"


def unmeasured_speedup_lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    """Say that the speedup can't be told, and why: time, or what the loop lacks."""
    if verdict.too_short:
        why, remedy = _too_short(verdict)
    else:
        why = ", and ".join(each.sentence for each in verdict.not_followed)
        remedy = "asyncio's own loop for this test"
        if any(each.is_asyncios for each in verdict.not_followed):
            remedy = _NO_SPEEDUP
    yield f"speedup {_promised(verdict, broken)} was promised, and can't be told: {why}"
    yield f"  use: {remedy}"


def _too_short(verdict: Verdict) -> tuple[str, str]:
    """Say why there is nothing to compare, and what to do."""
    comparison, took = verdict.comparison, verdict.elapsed.lived
    unended = _unended(comparison)
    if unended:
        return unended, "await them in the test"
    why, remedy = "no task took as much as a millisecond", _NO_SPEEDUP
    # A client may start a task as it connects, in a test that itself awaits in a row.
    if comparison is not None and took > max(_LONG, 2 * comparison.wall):
        why += f", and the test {seconds(took)}"
        remedy = f"{_SIDE_BY_SIDE}; or {remedy}"
    return why, remedy


def _unended(comparison: Comparison | None) -> str:
    """Say that waits are missing, since nobody waited for their end; else nothing."""
    tasks = comparison.tasks if comparison is not None else ()
    count = _count_unended(tasks)
    if not count:
        return ""
    return (
        f"{count} of {len(tasks)} {plural(len(tasks), 'task')} had not ended with it, "
        "and what these still awaited is not counted"
    )


def _missing(comparison: Comparison) -> float:
    """Tell how much longer those that had not ended may have waited, at most."""
    return comparison.wall * _count_unended(comparison.tasks)


def _count_unended(tasks: Sequence[TaskTrace]) -> int:
    return sum(task.finished is None for task in tasks)


def _why_slow(comparison: Comparison, promised: float) -> Iterator[str]:
    if comparison.busy > 0.5 * comparison.wall:
        yield (
            f"  the loop itself was busy for {seconds(comparison.busy)} of that: "
            "what runs or blocks on the loop cannot overlap"
        )
    elif len(comparison.tasks) == 1:
        yield "  it was one task, and nothing ran beside it"
    elif _missing(comparison) >= promised * comparison.wall - comparison.serial > 0:
        yield f"  {_unended(comparison)}"
    elif comparison.wall > 0 and comparison.serial < 1.2 * comparison.wall:
        # An end that one has brought about for another looks no other way.
        yield (
            "  they waited for each other: a lock, a queue, one await after another; "
            "or one cut the others short"
        )
