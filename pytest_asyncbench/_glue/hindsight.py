"""What is worked out of a test's trace once it is judged, for those who failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from pytest_asyncbench._tracing import Group, Owners, critical_path, saved
from pytest_asyncbench._words.decided import (
    Comparison,
    Finding,
    PathLink,
    Verdict,
    WhatIf,
)
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.problems import Problem

__all__ = ["path_of", "with_hindsight"]

_MATTERS = 0.1
"""The part of a test's wall time from which on a stall is worth a look."""

_MOST_PLACES = 5


def with_hindsight(
    verdict: Verdict,
    group: Group,
    note: Callable[[Problem], None],
    *,
    always: bool = False,
    cut: bool = False,
    began: float = 0.0,
) -> Verdict:
    """Add what the end stood on, and how it would have gone without what blocked it.

    What the end stood on is of interest where a promise about time was broken; where it
    is drawn it is so always. Where that fails, `note` is told, and the verdict stands.

    Args:
        verdict: on the test, or on a part of it.
        group: its strands.
        note: takes a problem of ours.
        always: whether somebody draws it.
        cut: whether a part of it was cancelled at a budget of its own.
        began: when it did, in real time. Awaiting what blocked before it, in a fixture,
            would not make it shorter.
    """
    # What was cancelled had more to do, and nobody knows how much.
    cut = cut or verdict.was_cut
    try:
        return _with_hindsight(verdict, group, always, None if cut else began)
    except Exception as error:
        text = f"can't look back on the test: {error_of_ours(error)}"
        note(Problem(kind="failed", text=text))
        return verdict


def _with_hindsight(
    verdict: Verdict, group: Group, always: bool, since: float | None
) -> Verdict:
    broken = any(each.kind in ("wall", "speedup") for each in verdict.violations)
    least = 0.0 if broken else _MATTERS
    stalls = [] if since is None else _stalls(verdict, least, since)
    if not (broken or stalls or always):
        return verdict
    whole = group.whole()
    if whole is None:
        return verdict
    return dataclasses.replace(
        verdict,
        critical_path=_path(whole) if broken or always else (),
        what_if=_what_if(verdict, whole, stalls),
    )


def path_of(group: Group) -> tuple[PathLink, ...]:
    """Give the chain of steps and waits that the end of a group stood on."""
    whole = group.whole()
    return () if whole is None else _path(whole)


def _path(owners: Owners) -> tuple[PathLink, ...]:
    last = owners.trace.last
    return critical_path(owners, max(last[root] for root in owners.roots))


def _stalls(verdict: Verdict, least: float, since: float) -> list[Finding]:
    wall = verdict.elapsed.wall
    found = [
        finding
        for finding in verdict.findings
        if finding.could_be_awaited
        and finding.seconds > least * wall
        and max(finding.steps, default=since) >= since
    ]
    found.sort(key=lambda finding: -finding.seconds)
    return found[:_MOST_PLACES]


def _what_if(
    verdict: Verdict, owners: Owners, stalls: Sequence[Finding]
) -> tuple[WhatIf, ...]:
    if not stalls:
        return ()
    cases = [_awaited(finding) for finding in stalls]
    told: list[Finding | None] = [*stalls]
    if len(cases) > 1:
        cases.append(_all(cases))
        told.append(None)
    gained = saved(owners, cases)
    return tuple(
        _gone(verdict, finding, seconds)
        for finding, seconds in zip(told, gained, strict=True)
    )


def _awaited(finding: Finding) -> dict[float, float]:
    """Tell how much of each step blocked, by its begin."""
    share = finding.seconds / max(1, len(finding.steps))
    return dict.fromkeys(finding.steps, share)


def _all(cases: Sequence[dict[float, float]]) -> dict[float, float]:
    together: dict[float, float] = {}
    for case in cases:
        for began, seconds in case.items():
            together[began] = together.get(began, 0.0) + seconds
    return together


def _gone(verdict: Verdict, finding: Finding | None, gained: float) -> WhatIf:
    comparison = verdict.comparison
    wall = max(0.0, verdict.elapsed.wall - gained)
    together = speedup = None
    if comparison is not None:
        together = max(comparison.wall - gained, _least(comparison))
    if comparison is not None and together:
        speedup = comparison.serial / together
    return WhatIf(finding=finding, wall=wall, together=together, speedup=speedup)


def _least(comparison: Comparison) -> float:
    """Tell what its tasks take together at least: the mean of each alone.

    What was starved of a stall is forgiven and gained, both.
    """
    alone = sum(task.running + task.waiting for task in comparison.tasks)
    return max(0.0, alone - comparison.forgiven) / max(1, len(comparison.tasks))
