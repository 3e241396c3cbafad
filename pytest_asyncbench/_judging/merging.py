"""Findings of one place made one, with all that was seen of it there added up."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

from pytest_asyncbench._words.decided import Finding
from pytest_asyncbench._words.seen import Wait

__all__ = ["merged", "one_call"]

Waits = tuple[tuple[Wait, int], ...]


def merged(found: Iterable[Finding]) -> list[Finding]:
    """Make one finding of all that name the same place and call, the worst first."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in found:
        place = (one.file, one.line, one.function, one.call)
        key = (*place, one.kind == "kept", one.allowed, one.allowance)
        alike.setdefault(key, []).append(one)
    return sorted(map(_sum, alike.values()), key=lambda finding: -finding.seconds)


def one_call(found: Finding) -> Finding:
    """Count one call in each step, where a library waits several times by itself."""
    return dataclasses.replace(found, count=len(found.steps)) if found.via else found


def _sum(found: Sequence[Finding]) -> Finding:
    """Add up what is of one place; what can't be added is that of the longest call."""
    longest = max(found, key=_longest)
    if len(found) == 1:
        return longest
    return dataclasses.replace(
        longest,
        kind="stall" if any(one.kind == "stall" for one in found) else longest.kind,
        seconds=reduce(add, (one.seconds for one in found)),
        step=max((one.step for one in found if one.step), default=None),
        working=_known(one.working for one in found),
        blocked=_known(one.blocked for one in found),
        starved=_known(one.starved for one in found),
        stopped=reduce(add, (one.stopped for one in found)),
        kept_out=reduce(add, (one.kept_out for one in found)),
        # What another call of the same line waited for explains nothing of this one.
        waits=reduce(_both, (one.waits for one in found if one.via == longest.via)),
        held_up=max(one.held_up for one in found),
        held_up_for=max(one.held_up_for for one in found),
        count=sum(one.count for one in found),
        steps=frozenset().union(*(one.steps for one in found)),
        longest=_longest(longest),
        advice=next((one.advice for one in (longest, *found) if one.advice), ""),
    )


def _longest(found: Finding) -> float:
    return found.seconds if found.longest is None else found.longest


def _known(seconds: Iterable[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return reduce(add, known) if known else None


def _both(waits: Waits, others: Waits) -> Waits:
    if not others:
        return waits
    return tuple((Counter(dict(waits)) + Counter(dict(others))).most_common())
