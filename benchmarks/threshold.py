"""Where a stall begins: steps just under and just over the threshold.

Run it as ``python benchmarks/threshold.py [rounds]``. Each step is a test of its own,
in a pytest that reports and fails nothing; afterwards all are run again while every
processor is busy with something else. A step under the threshold should never be a
stall, one over it always, and the length told should be the one that the test measured
around it. Work is given by processor time, so its step may last longer; what it was
starved of makes no stall.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _company import beside
from _table import print_table, rounds_from

THRESHOLD = 0.05
FACTORS = (0.8, 1.3)


def work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def sleep_with_the_gil(seconds: float) -> None:
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


KINDS: dict[str, Callable[[float], None]] = {
    "time.sleep": time.sleep,
    "usleep that keeps the GIL": sleep_with_the_gil,
    "work in Python": work,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", KINDS)
async def test_step(request: pytest.FixtureRequest, kind: str, factor: float) -> None:
    await asyncio.sleep(0)
    began = time.perf_counter()
    KINDS[kind](factor * THRESHOLD)
    took = time.perf_counter() - began
    request.node.user_properties.append(("took", took))
    await asyncio.sleep(0)


class Steps:
    """How many steps there were of each kind, and how wrong the lengths told were."""

    def __init__(self) -> None:
        self.run: defaultdict[tuple[str, float], int] = defaultdict(int)
        self.errors: defaultdict[tuple[str, float], list[float]] = defaultdict(list)

    def pytest_asyncbench_verdict(self, item: Any, record: dict[str, Any]) -> None:
        """Note what was made of one step."""
        case = item.callspec.params["kind"], item.callspec.params["factor"]
        took = dict(item.user_properties)["took"]
        self.run[case] += 1
        stalls = [found for found in record["blocking"] if found["allowed"] is None]
        if stalls:
            seconds = sum(found["seconds"] for found in stalls)
            self.errors[case].append(abs(seconds - took))


def seen(rounds: int) -> Steps:
    steps = Steps()
    ours = ["--asyncbench-blocking=report", f"--asyncbench-threshold={THRESHOLD}"]
    ours += ["--asyncbench-rules=none"]  # a sleep counts at any length, else
    # No project's settings, and nothing but the steps.
    others = ["-c", os.devnull, "--rootdir", os.curdir, "-p", "no:terminal"]
    others += ["-p", "no:cacheprovider", "-W", "ignore"]
    for _ in range(rounds):
        pytest.main([__file__, *ours, *others], plugins=[steps])
    return steps


def rows_of(machine: str, steps: Steps) -> Iterator[list[str]]:
    for (kind, factor), run in sorted(steps.run.items()):
        errors = steps.errors[kind, factor]
        figures = [statistics.median(errors), max(errors)] if errors else []
        told = [f"{figure * 1e3:.1f} ms" for figure in figures] or ["", ""]
        yield [f"{kind}, {machine}", f"{factor}", f"{len(errors)} of {run}", *told]


if __name__ == "__main__":
    rounds = rounds_from(sys.argv[1:], 20)
    rows = list(rows_of("idle", seen(rounds)))
    with beside(os.cpu_count() or 1):
        rows += rows_of("busy", seen(rounds))
    print_table(
        f"steps beside a threshold of {THRESHOLD * 1e3:.0f} ms",
        ["", "of threshold", "stalls", "median error", "worst"],
        rows,
    )
