"""What the repair of a blocking place is said to bring, beside what it brings.

Run it as ``python benchmarks/what_if.py [rounds] [words]``; words choose the programs
whose name has one of them. Each program has one place that blocks the loop. It runs as
a test under the plugin, whose record has a ``what_if`` for it, and so does its twin, in
which that place is repaired. Predicted and real wall are medians over the half of the
rounds in which the machine kept the loop off the processor least, and a program is `ok`
if they differ by at most 5 %. Without a prediction there stands a dash.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, wait
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from _repairs import PROGRAMS, Circumstances, Program
from _shapes import Call
from _table import print_table, rounds_from

from pytest_asyncbench import Concurrently

TOLERANCE = 0.05
SETTINGS = (
    *("-c", os.devnull, "--rootdir", os.curdir, "-p", "no:terminal"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
    *("--asyncbench-blocking=report", "--asyncbench-threshold=20ms"),
    "--asyncbench-rules=none",
)
"""No project's, no report but the records, and a place is one that stalled the loop."""

BLOCKED, REPAIRED = "blocked", "repaired"


@pytest.fixture(scope="session")
def processes() -> Iterator[Executor]:
    """Start both processes: what a pool pays for that is no part of a repair."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        wait([pool.submit(time.sleep, 0.5) for _ in range(2)])
        yield pool


@pytest_asyncio.fixture
async def calls(
    program: Program, state: str, request: pytest.FixtureRequest
) -> AsyncIterator[list[Call]]:
    processes = request.getfixturevalue("processes") if program.works else None
    async with AsyncExitStack() as cleanup:
        here = Circumstances(state == REPAIRED, cleanup, processes)
        yield await program.setup(here)


@pytest.mark.asyncio
async def test_program(
    calls: list[Call],
    concurrently: Concurrently,
    program: Program,
    state: str,
    number: int,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("program", program.name)
    record_property("state", state)
    await concurrently(*calls)


class Run(NamedTuple):
    """What a record tells of one run, in seconds."""

    wall: float
    predicted: float | None
    starved: float


class Records:
    """Chooses what runs, and keeps what the records tell of it."""

    def __init__(self, programs: list[Program], rounds: int) -> None:
        self._programs = programs
        self._rounds = rounds
        self.runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
        self.failed: list[str] = []

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Let each program run in both states, in each round."""
        if "program" in metafunc.fixturenames:
            metafunc.parametrize("number", range(self._rounds))
            metafunc.parametrize("program", self._programs, ids=lambda each: each.name)
            metafunc.parametrize("state", (BLOCKED, REPAIRED))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Read the record of one test."""
        if report.failed:
            self.failed.append(f"{report.nodeid}\n{report.longreprtext}")
        elif report.when == "teardown":
            told = dict(report.user_properties)
            record = json.loads(str(told["asyncbench"]))
            self.runs[str(told["program"]), str(told["state"])].append(run_of(record))


def run_of(record: dict[str, Any]) -> Run:
    # The last entry is that of all places, or of the only one.
    entries = record.get("what_if") or [{"wall": None}]
    return Run(record["wall"], entries[-1]["wall"], record["starved"] or 0.0)


def quiet(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: run.starved)[: (len(runs) + 1) // 2]


def row(name: str, records: Records) -> list[str]:
    blocked = quiet(records.runs[name, BLOCKED])
    twin = statistics.median(run.wall for run in quiet(records.runs[name, REPAIRED]))
    predictions = [run.predicted for run in blocked if run.predicted is not None]
    predicted, ratio, verdict = "-", "-", ""
    if predictions:
        seconds = statistics.median(predictions)
        predicted, ratio = f"{seconds:.3f} s", f"{seconds / twin:.3f}"
        verdict = "ok" if abs(seconds / twin - 1) <= TOLERANCE else "OFF"
    wall = statistics.median(run.wall for run in blocked)
    return [name, f"{wall:.3f} s", predicted, f"{twin:.3f} s", ratio, verdict]


def main(rounds: int, words: list[str]) -> None:
    chosen = [
        each
        for each in PROGRAMS
        if not words or any(word in each.name for word in words)
    ]
    records = Records(chosen, rounds)
    pytest.main([__file__, *SETTINGS], plugins=[records])
    if records.failed:
        sys.exit("\n".join(records.failed))
    print_table(
        f"wall with the place repaired, median of {rounds}",
        ["program", "blocked", "predicted", "repaired", "ratio", ""],
        [row(each.name, records) for each in chosen],
    )


if __name__ == "__main__":
    main(rounds_from(sys.argv[1:2], 5), sys.argv[2:])
