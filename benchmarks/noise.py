"""What a busy machine does to verdicts: ours, and those of a plain clock.

Run it as ``python benchmarks/noise.py [--count N]``. Healthy, faulty, hanging and
serial tests run so many times beside 0, 2 and 6 busy processes, and it is counted how
many of them fail: of healthy ones none should, of the others all. The plain clock is
read around the same bodies, and knows the same limits.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from _table import print_table

BUDGET = 0.1
COMPANY = (0, 2, 6)
KINDS = ("healthy", "faulty", "hanging", "serial")
OTHERS = ("-c", os.devnull, "--rootdir", os.curdir, "-p", "no:terminal")
"""No project's settings, and no report but the counts."""
BUSY = "while True: pass"


def work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    request.node.user_properties.append(("took", took))


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
@pytest.mark.no_blocking(threshold=BUDGET / 2)
async def test_healthy(clock: None, number: int) -> None:
    await asyncio.sleep(0.4 * BUDGET)
    work(0.3 * BUDGET)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_faulty(clock: None, number: int) -> None:
    await asyncio.sleep(0.3 * BUDGET)
    work(BUDGET)


@pytest.mark.asyncio
@pytest.mark.budget(BUDGET)
async def test_hanging(clock: None, number: int) -> None:
    while True:
        await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.budget(speedup=3)
async def test_serial(clock: None, number: int) -> None:
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

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test so many times."""
        if "number" in metafunc.fixturenames:
            metafunc.parametrize("number", range(self._count))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one test."""
        name = report.nodeid.partition("::test_")[2].partition("[")[0]
        if report.when == "call":
            self.failed[name] += report.failed
        elif report.when == "teardown":
            took = dict(report.user_properties)["took"]
            # In a row its four waits take one budget: three times as fast is a third.
            limit = BUDGET + BUDGET / 3 if name == "serial" else BUDGET
            self.slow[name] += float(str(took)) > limit


@contextmanager
def beside(company: int) -> Iterator[None]:
    busy = [
        subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(company)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5)
    count = parser.parse_args().count
    rows = []
    for company in COMPANY:
        counts = Counts(count)
        with beside(company):
            pytest.main([__file__, *OTHERS], plugins=[counts])
        rows += [
            [
                f"{kind}, beside {company}",
                str(counts.failed[kind]),
                str(counts.slow[kind]),
            ]
            for kind in KINDS
        ]
    print_table(f"of {count}, so many fail", ["", "ours", "plain clock"], rows)


if __name__ == "__main__":
    main()
