"""Serial time as derived from one concurrent run, beside serial time as measured.

Run it as ``python benchmarks/serial.py [rounds] [words]``; words choose the shapes
whose name has one of them. In each round every shape runs twice, each time in a loop
of its own: together under the census, which derives the serial time, and one after
another with nothing installed, which measures it. The figures are medians over the
half of the rounds in which the machine kept the loop off the processor least. A shape
is `ok` if the two differ by at most 5 %. `spans` is the sum of the coroutines' spans,
which is what serial time is often taken for.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from contextlib import AsyncExitStack
from typing import NamedTuple

from _shapes import SHAPES, Shape
from _table import print_table, rounds_from

from pytest_asyncbench._judging.accounting import compare
from pytest_asyncbench._running.together import Together, in_turn, jobs_from
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Stopwatch
from pytest_asyncbench._words.decided import Comparison

TOLERANCE = 0.05


class Round(NamedTuple):
    """What one round of a shape gave, in seconds."""

    derived: float
    spans: float
    measured: float
    starved: float


async def derived(each: Shape) -> Comparison:
    """Run the coroutines side by side, under the census."""
    async with AsyncExitStack() as cleanup:
        jobs = jobs_from(await each.setup(cleanup))
        watch = Watch(SYSTEM_CLOCK, threshold=10, tracing=True)
        watch.start()
        try:
            together = Together(jobs, census=watch.census, limit=each.limit)
            # The loop is met at its next step, as it is before a test's body.
            await asyncio.sleep(0)
            await together.run()
        finally:
            watch.stop()
        return compare(together.group.traces())


async def measured(each: Shape) -> float:
    """Run the coroutines one after another."""
    async with AsyncExitStack() as cleanup:
        jobs = jobs_from(await each.setup(cleanup))
        began = SYSTEM_CLOCK.now()
        await in_turn(jobs)
        return SYSTEM_CLOCK.now() - began


def run_once(each: Shape) -> Round:
    stopwatch = Stopwatch(SYSTEM_CLOCK)
    comparison = asyncio.run(derived(each))
    seconds = asyncio.run(measured(each))
    starved = stopwatch.elapsed().starved or 0.0
    spans = sum(
        task.finished - task.started
        for task in comparison.tasks
        if task.started is not None and task.finished is not None
    )
    return Round(comparison.serial, spans, seconds, starved)


def row(each: Shape, rounds: int) -> list[str]:
    all_rounds = sorted(
        (run_once(each) for _ in range(rounds)), key=lambda one: one.starved
    )
    quiet = all_rounds[: (rounds + 1) // 2]
    ratio = statistics.median(one.derived / one.measured for one in quiet)
    return [
        each.name,
        f"{statistics.median(one.derived for one in quiet):.3f} s",
        f"{statistics.median(one.measured for one in quiet):.3f} s",
        f"{ratio:.3f}",
        "ok" if abs(ratio - 1) <= TOLERANCE else "OFF",
        f"{statistics.median(one.spans for one in quiet):.3f} s",
    ]


def main(rounds: int, words: list[str]) -> None:
    chosen = [
        each for each in SHAPES if not words or any(word in each.name for word in words)
    ]
    rows = [row(each, rounds) for each in chosen]
    print_table(
        f"serial time, median of {rounds}",
        ["shape of work", "derived", "measured", "ratio", "", "spans"],
        rows,
    )


if __name__ == "__main__":
    main(rounds_from(sys.argv[1:2], 7), sys.argv[2:])
