"""What a busy machine does to verdicts: ours, and those of a plain clock.

Run it as ``python benchmarks/noise.py [--count N] [--beside K …] [--kind NAME …]``.
Tests of each kind run so many times beside 0, 2 and 6 busy processes, and it is counted
how many of them fail: of *healthy* ones, and of those in which the process is *stopped*
for 0.2 s, none should, of the others all. The plain clock is read around the same
bodies, and knows the same limits.

Two more columns are the worst of all, in seconds: what a body took less the time that
its thread stood in the run queue, as this script reads it of the system, and what we
forgive beyond that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from _company import beside
from _table import print_table

BUDGET = 0.1
COMPANY = (0, 2, 6)
KINDS = (
    "healthy",
    "stopped",
    "asleep",
    "faulty",
    "mixed",
    "blocked",
    "hanging",
    "busy",
    "serial",
)
OTHERS = ("-c", os.devnull, "--rootdir", os.curdir, "-p", "no:terminal")
"""No project's settings, and no report but the counts."""
INSIDE = "NOISE_INSIDE"
STOP = """
import os, signal, sys, time
time.sleep(0.05)
os.kill(int(sys.argv[1]), signal.SIGSTOP)
time.sleep(0.2)
os.kill(int(sys.argv[1]), signal.SIGCONT)
"""


def work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def queued() -> float:
    """Give for how long this thread has stood in the run queue, where Linux tells."""
    try:
        account = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        return int(account.read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


@pytest.fixture
def stopper() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-S", "-c", STOP, str(os.getpid())]
    with subprocess.Popen(command) as process:
        yield process


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
@pytest.mark.no_blocking(threshold=BUDGET / 2)
async def test_healthy(number: int) -> None:
    await asyncio.sleep(0.4 * BUDGET)
    work(0.3 * BUDGET)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_faulty(number: int) -> None:
    await asyncio.sleep(0.3 * BUDGET)
    work(BUDGET)


@pytest.mark.asyncio
@pytest.mark.no_blocking(threshold=BUDGET / 2, rules="none")
async def test_stopped(stopper: subprocess.Popen[bytes], number: int) -> None:
    while stopper.poll() is None:
        work(0.2 * BUDGET)
        await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_asleep(number: int) -> None:
    await asyncio.sleep(1.3 * BUDGET)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_mixed(number: int) -> None:
    await asyncio.sleep(0.4 * BUDGET)
    work(0.5 * BUDGET)
    time.sleep(0.4 * BUDGET)


@pytest.mark.asyncio
@pytest.mark.no_blocking(threshold=BUDGET / 2, rules="none")
async def test_blocked(number: int) -> None:
    time.sleep(0.7 * BUDGET)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_hanging(number: int) -> None:
    while True:
        await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_busy(number: int) -> None:
    async def one() -> None:
        while True:
            sum(range(20_000))
            await asyncio.sleep(0.001)

    await asyncio.gather(*(one() for _ in range(30)))


@pytest.mark.asyncio
@pytest.mark.budget(speedup=3)
async def test_serial(number: int) -> None:
    work(BUDGET)
    lock = asyncio.Lock()

    async def one() -> None:
        async with lock:
            await asyncio.sleep(BUDGET / 4)

    await asyncio.gather(*(one() for _ in range(4)))


class Counts:
    """How many of each kind failed, and how many a plain clock would fail."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.failed: Counter[str] = Counter()
        self.slow: Counter[str] = Counter()
        self.worst: defaultdict[str, float] = defaultdict(float)
        self.beyond: defaultdict[str, float] = defaultdict(float)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test so many times."""
        if "number" in metafunc.fixturenames:
            metafunc.parametrize("number", range(self._count))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, object, object]:
        """Read the plain clock around the body."""
        began, before = time.perf_counter(), queued()
        try:
            return (yield)
        finally:
            took, in_queue = time.perf_counter() - began, queued() - before
            pyfuncitem.user_properties += [("took", took), ("queued", in_queue)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one test."""
        name = report.nodeid.partition("::test_")[2].partition("[")[0]
        if report.when == "call":
            self.failed[name] += report.failed
        elif report.when == "teardown":
            known = [(key, str(value)) for key, value in report.user_properties]
            told = dict(known)
            took, in_queue = float(told["took"]), float(told["queued"])
            # In a row its four waits take one budget: three times as fast is a third.
            limit = BUDGET + BUDGET / 3 if name == "serial" else BUDGET
            if name == "blocked":
                limit = BUDGET / 2
            self.slow[name] += took > limit
            self.worst[name] = max(self.worst[name], took - in_queue)
            starved = json.loads(told["asyncbench"])["starved"] or 0.0
            self.beyond[name] = max(self.beyond[name], starved - in_queue)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--beside", type=int, nargs="+", default=COMPANY)
    parser.add_argument("--kind", choices=KINDS, nargs="+", default=KINDS)
    asked = parser.parse_args()
    count, kinds = asked.count, asked.kind
    tests = [f"{__file__}::test_{kind}" for kind in kinds]
    rows = []
    for company in asked.beside:
        counts = Counts(count)
        with beside(company):
            pytest.main([*tests, *OTHERS], plugins=[counts])
        rows += [
            [
                f"{kind}, beside {company}",
                str(counts.failed[kind]),
                str(counts.slow[kind]),
                f"{counts.worst[kind]:.3f}",
                f"{counts.beyond[kind]:.3f}",
            ]
            for kind in kinds
        ]
    columns = ["", "ours", "plain clock", "worst, not queued", "forgiven beyond"]
    print_table(f"of {count}, so many fail", columns, rows)


if __name__ == "__main__":
    # Who looks after a process, such as a shell, sees that it is stopped.
    if os.environ.get(INSIDE):
        main()
    else:
        inside = {**os.environ, INSIDE: "1"}
        sys.exit(subprocess.call([sys.executable, *sys.argv], env=inside))
