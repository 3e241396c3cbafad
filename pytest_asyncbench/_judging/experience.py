"""What a test took before → what it may take: the rule of ``asyncbench_budget = auto``.

Problem: one test takes 20 ms and another 1 s, each with a noise of its own, and noise
has a long tail to one side. What does not do: mean and standard deviation, which one
slow run moves as far as it likes. What we do: the median, and the median absolute
deviation (MAD) from it, which nearly half of the runs may spoil without moving them
far; 1.4826 MADs are a standard deviation where the noise is normal. So do Iglewicz and
Hoaglin, "How to Detect and Handle Outliers" (ASQC, 1993), and Leys and others,
"Detecting outliers: Do not use standard deviation around the mean, use absolute
deviation around the median" (Journal of Experimental Social Psychology 49, 2013). Both
look for an odd value among a few, and take 3.5 and 2.5 deviations. A suite of thousands
is judged every hour, so we take 6, and have the floors below. What still fails: a test
that is in fewer than one run of ten much slower than it mostly is.

Only the first runs are asked, so that a test which becomes slower bit by bit is held to
what it was. But a test whose own runs differ by half has so much room that it could be
twice as slow for ever. One slow run of it says nothing, and four of five do: where
three of its last four were longer than is usual, the next has no more room than that.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from pytest_asyncbench._words.history import PassedRun
from pytest_asyncbench._words.promised import Budget

__all__ = [
    "ENOUGH",
    "FIRST",
    "budget_from",
    "least_speedup",
    "longest_time",
    "usual_time",
]

ENOUGH = 10
"""So many passed runs must be known before a test is held to anything."""

FIRST = 20
"""So many of them are asked, the oldest."""

_DEVIATIONS = 6.0
_NORMAL = 1.4826
"""A standard deviation in median absolute deviations, where noise is normal."""

_PART = 0.7
"""The least room above a median, as a part of it: twice as slow is over it."""

_LEAST_ROOM = 0.030
"""The least room above a median, in seconds: what a machine does to a short test."""

_USUAL = 0.9
"""The part of the runs that must be well within, be they in two heaps."""

_ABOVE_USUAL = 1.25

_LAST = 4
_ENOUGH_LONG = 3
"""So many of the last runs must be longer than is usual. Of a test of whose runs one in
ten is, that and one more come together by chance once in two thousand times."""

_GAIN = 0.1
"""The part of what running side by side gains that must be left. Serial has none of it;
and a busy machine takes more than half of it from a healthy test, whose time is right.
Who loses part of it and takes longer for that is over its time."""

_LEAST_SPEEDUP = 1.05
"""A promise of less could not tell serial from side by side."""

_SHORTEST = 0.050
"""In seconds: of shorter tests no speedup is learned, as it is mostly noise."""


def budget_from(passed: Sequence[PassedRun], *, strict: bool = False) -> Budget | None:
    """Derive a test's budget from its passed runs on one class of machine.

    Args:
        passed: the runs, the oldest first.
        strict: whether starved time counts against the test.

    Returns:
        None where there are too few to tell.
    """
    first = passed[:FIRST]
    if len(first) < ENOUGH:
        return None
    all_took = [run.wall if strict else run.took for run in passed]
    took = all_took[:FIRST]
    within, source = longest_time(took), f"auto, from {len(first)} passed runs"
    long = [each for each in all_took[FIRST:][-_LAST:] if each > usual_time(took)]
    if len(long) >= _ENOUGH_LONG and usual_time(took) < within:
        within = usual_time(took)
        source += f"; {len(long)} of the last {_LAST} took longer"
    speedups = [run.speedup for run in first if run.speedup is not None]
    speedup = None
    if len(speedups) >= ENOUGH and statistics.median(took) >= _SHORTEST:
        speedup = least_speedup(speedups)
    return Budget(
        within=within,
        speedup=speedup,
        learned_time=True,
        learned_speedup=speedup is not None,
        source=source,
    )


def longest_time(took: Sequence[float]) -> float:
    """Give what a test may take that took so long before, in seconds."""
    by_noise = statistics.median(took) + _DEVIATIONS * _deviation(took)
    return max(_at_least(took), by_noise, _ABOVE_USUAL * _usual(sorted(took)))


def usual_time(took: Sequence[float]) -> float:
    """Give what most runs of a test take that took so long before, in seconds."""
    return max(_at_least(took), _usual(sorted(took)))


def _at_least(took: Sequence[float]) -> float:
    """Give what a test may take whatever its noise, in seconds."""
    middle = statistics.median(took)
    return middle + max(_PART * middle, _LEAST_ROOM)


def least_speedup(speedups: Sequence[float]) -> float | None:
    """Give the speedup that a test must keep; None where it has too little to lose."""
    middle = statistics.median(speedups)
    least = min(
        middle - _DEVIATIONS * _deviation(speedups),
        1 + _GAIN * (middle - 1),
        _usual(sorted(speedups, reverse=True)) / _ABOVE_USUAL,
    )
    least = round(least, 2)  # a number that a person can read
    return least if least >= _LEAST_SPEEDUP else None


def _deviation(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return _NORMAL * statistics.median(abs(value - middle) for value in values)


def _usual(ordered: Sequence[float]) -> float:
    """Give the worst of nine tenths, of values that are ordered, the best first."""
    return ordered[math.ceil(_USUAL * len(ordered)) - 1]
