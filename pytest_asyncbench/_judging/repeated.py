"""Several runs of a test's body in turn → the one that stands for them all.

A promise holds for the median, which one slow run does not move. Of an even number it
is the lower one of the two in the middle, so that it is a run which has happened.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pytest_asyncbench._judging.acceptance import counted
from pytest_asyncbench._words.medians import median_low
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Observations

__all__ = ["each_run", "typical", "wall_of"]


def each_run(seen: Observations) -> Iterator[Observations]:
    """Give what was seen, run by run; as it is where the body was run once."""
    if not seen.repetitions:
        yield seen
    for run in seen.repetitions:
        yield dataclasses.replace(
            seen,
            elapsed=run.elapsed,
            strands=run.strands,
            starved_together=run.starved_together,
        )


def wall_of(policy: Policy, run: Observations) -> float:
    """Measure what a run took, less what is forgiven, in seconds."""
    return counted(policy, run.elapsed.lived, run.elapsed)


def typical(policy: Policy, seen: Observations) -> Observations:
    """Give the run that took the median time; the last one where that was ended."""
    runs = [*each_run(seen)]
    if seen.overrun is not None and seen.overrun.cancelled:
        return runs[-1]
    walls = [wall_of(policy, run) for run in runs]
    return runs[walls.index(median_low(walls))]
