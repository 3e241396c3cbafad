"""Findings of one place made one, with all that was seen of it there added up."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable

from pytest_asyncbench._words.decided import Finding

__all__ = ["merged", "one_call"]


def merged(found: Iterable[Finding]) -> list[Finding]:
    """Make one finding of all that name the same place and call, the worst first."""
    one_each: dict[tuple[object, ...], Finding] = {}
    for one in found:
        place = (one.file, one.line, one.function, one.call)
        key = (*place, one.allowed, one.allowance)
        before = one_each.get(key)
        one_each[key] = one if before is None else _sum(before, one)
    return sorted(one_each.values(), key=lambda finding: -finding.seconds)


def one_call(found: Finding) -> Finding:
    """Count one call, where a library waits in several steps of its own."""
    return dataclasses.replace(found, count=1) if found.via else found


def _sum(one: Finding, other: Finding) -> Finding:
    waits = Counter(dict(one.waits)) + Counter(dict(other.waits))
    return dataclasses.replace(
        one,
        kind="stall" if "stall" in (one.kind, other.kind) else "call",
        seconds=one.seconds + other.seconds,
        step=max((each.step for each in (one, other) if each.step), default=None),
        working=_both(one.working, other.working),
        blocked=_both(one.blocked, other.blocked),
        starved=_both(one.starved, other.starved),
        stopped=one.stopped + other.stopped,
        kept_out=one.kept_out + other.kept_out,
        waits=tuple(waits.most_common()),
        held_up=max(one.held_up, other.held_up),
        held_up_for=max(one.held_up_for, other.held_up_for),
        count=one.count + other.count,
        advice=one.advice or other.advice,
    )


def _both(one: float | None, other: float | None) -> float | None:
    if one is None and other is None:
        return None
    return (one or 0.0) + (other or 0.0)
