"""Verdict → text: the message of a failure, whose first line is the headline.

The order is always: what was promised and what happened, then where (the user's
line first, with its source), then what to do.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_asyncbench._reports.alike import so_did, told_apart
from pytest_asyncbench._reports.blocking import blocking_lines
from pytest_asyncbench._reports.budgets import (
    speedup_lines,
    unmeasured_speedup_lines,
    wall_lines,
)
from pytest_asyncbench._reports.hindsight import path_lines, what_if_lines
from pytest_asyncbench._reports.places import place_lines
from pytest_asyncbench._words.decided import Verdict, Violation
from pytest_asyncbench._words.whose import is_plumbing

__all__ = ["accepted_lines", "background_lines", "message"]

_EXPLAINS = 0.05
"""The part of a test's wall time from which a blocking call helps to explain it."""

_UNTAKEN = (
    "nobody ran this test: it is `async def`, and no plugin has taken it",
    "  use: pytest-asyncio, with @pytest.mark.asyncio or asyncio_mode = auto",
)
_UNMEASURED = (
    "not measured: this test asked to be watched, and no step of a loop was seen",
    "  it ran no loop, or one of a kind that can't be watched",
    "  use: asyncio's own loop, or the marker on those tests alone that run one",
)


def message(verdict: Verdict) -> str:
    """Write down all broken promises of a verdict; the first line is the headline."""
    if verdict.untaken:
        return "\n".join(_UNTAKEN)
    lines = [line for each in verdict.violations for line in _lines(verdict, each)]
    if any(violation.kind in ("wall", "speedup") for violation in verdict.violations):
        lines += [f"  {line}" for line in path_lines(verdict)]
    if not any(violation.kind == "blocking" for violation in verdict.violations):
        # What blocked may well be what broke a promise about time.
        lines += blocking_lines(verdict, _EXPLAINS * verdict.elapsed.wall)
    lines += what_if_lines(verdict)
    return "\n".join(lines)


def _lines(verdict: Verdict, broken: Violation) -> Iterator[str]:
    if broken.kind in ("wall", "setup", "teardown"):
        yield from wall_lines(verdict, broken)
    elif broken.kind == "speedup":
        yield from speedup_lines(verdict, broken)
    elif broken.kind == "blocking":
        yield from blocking_lines(verdict)
    elif broken.kind == "background":
        yield from background_lines(verdict)
    elif broken.kind == "unawaited":
        yield from _unawaited_lines(verdict)
    elif broken.limit is not None:
        yield from unmeasured_speedup_lines(verdict, broken)
    else:
        yield from _UNMEASURED
        yield from (f"  {each.sentence}" for each in verdict.not_followed)


def background_lines(verdict: Verdict) -> Iterator[str]:
    """Write down each task that died unseen: of what, and where that was raised."""
    for task, alike in told_apart(verdict.died, lambda task: (task.error, task.stack)):
        yield f"background task {task.name} died unseen: {task.error}{so_did(alike)}"
        for frame in [each for each in task.stack if not is_plumbing(each)][:3]:
            yield from place_lines(frame.file, frame.line, frame.function, "  ")
    if verdict.died:
        yield "  use: await the task, or a TaskGroup, or look at task.exception()"


def _unawaited_lines(verdict: Verdict) -> Iterator[str]:
    yield "concurrently() was not awaited, so nothing was run"
    for frame in verdict.unawaited:
        yield from place_lines(frame.file, frame.line, frame.function, "  ")
    yield "  use: await concurrently(...)"


def accepted_lines(verdict: Verdict) -> Iterator[str]:
    """Write down each promise that would be broken, had no debugger been there."""
    for accepted in verdict.accepted:
        headline = next(_lines(verdict, accepted))
        yield f"{headline}; not judged, since a debugger stood in the test"
