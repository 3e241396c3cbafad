"""Budgets from experience: how many healthy tests fail, how many slow ones are caught.

Run it as ``python benchmarks/history.py [--count N] [--beside K …] [--tests N]``.

Noise is measured first: tests of six lengths run N times beside K busy processes, as
the plugin sees them, with wall less starved time, and with their speedup. Then a
thousand tests of 20 ms to 1 s are drawn, each with the noise of the nearest length,
scaled. Of each, 20 runs are recorded and 5 are judged; those of them that pass are
recorded, too. Fifty more of 50 ms and up are judged after they were made serial, or
twice as slow. All is drawn from what was measured, so that a thousand tests take
seconds; the rule is the one the plugin asks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pytest
from _company import beside
from _table import print_table
from noise import OTHERS, work

from pytest_asyncbench._judging.experience import budget_from
from pytest_asyncbench._words.history import PassedRun

LENGTHS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
COMPANY = (0, 6)
RECORDED, JUDGED = 20, 5
SLOW = 50
AT_ONCE = 4


class Seen(NamedTuple):
    """What one run of a test took, and its speedup."""

    took: float
    speedup: float


Noise = Mapping[float, Sequence[Seen]]
"""What was measured of each length."""


@pytest.mark.asyncio
async def test_body(length: float, number: int) -> None:
    async def one() -> None:
        await asyncio.sleep(0.6 * length)

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    for _ in range(10):
        work(0.04 * length)
        await asyncio.sleep(0)


class Meter:
    """Keeps what the records of the tests say."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.noise: defaultdict[float, list[Seen]] = defaultdict(list)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each length so many times, in turn."""
        metafunc.parametrize("length", LENGTHS)
        metafunc.parametrize("number", range(self._count))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one run."""
        if report.when != "teardown":
            return
        name = report.nodeid.rpartition("[")[2]
        length = next(n for n in LENGTHS if str(n) in name)
        told = json.loads(str(dict(report.user_properties)["asyncbench"]))
        took = told["wall"] - (told["starved"] or 0.0)
        self.noise[length].append(Seen(took, told["speedup"] or 1.0))


def measured(count: int, company: int) -> Noise:
    meter = Meter(count)
    with beside(company):
        # Followed, as a history has it, and held to nothing.
        args = (*OTHERS, "--asyncbench-budget=1h", "-W", "ignore")
        pytest.main([f"{__file__}::test_body", *args], plugins=[meter])
    return meter.noise


class Drawn:
    """A test of some length, with the noise of the nearest one that was measured."""

    def __init__(self, length: float, quiet: Noise) -> None:
        self._like = min(LENGTHS, key=lambda each: abs(math.log(each / length)))
        self._scale = length / statistics.median(s.took for s in quiet[self._like])

    def run(self, noise: Noise) -> PassedRun:
        """Run it as it is."""
        seen = random.choice(noise[self._like])
        return PassedRun(wall=seen.took * self._scale, speedup=seen.speedup)

    def serial(self, noise: Noise) -> PassedRun:
        """Run it with one wait after another."""
        run = self.run(noise)
        return PassedRun(wall=run.wall * (0.6 * AT_ONCE + 0.4), speedup=1.0)

    def slow(self, noise: Noise) -> PassedRun:
        """Run it with twice as much to do."""
        run = self.run(noise)
        return PassedRun(wall=2 * run.wall, speedup=run.speedup)


def failures(
    run: Callable[[Noise], PassedRun], judged: Noise, before: list[PassedRun]
) -> list[bool]:
    """Judge some runs, one after the other; what passes is known to the next."""
    failed = []
    for _ in range(JUDGED):
        now = run(judged)
        failed.append(fails(now, before))
        if not failed[-1]:
            before.append(now)
    return failed


def fails(run: PassedRun, before: Sequence[PassedRun]) -> bool:
    budget = budget_from(before)
    assert budget is not None
    assert budget.within is not None
    too_long = run.took > budget.within
    return too_long or (run.speedup or 1.0) < (budget.speedup or 1.0)


def drawn(shortest: float, quiet: Noise) -> Drawn:
    return Drawn(math.exp(random.uniform(math.log(shortest), 0.0)), quiet)


def row(tests: int, quiet: Noise, recorded: Noise, judged: Noise) -> list[str]:
    false = 0
    for _ in range(tests):
        test = drawn(0.02, quiet)
        before = [test.run(recorded) for _ in range(RECORDED)]
        false += any(failures(test.run, judged, before))
    caught, each_time = Counter[str](), Counter[str]()
    for number in range(SLOW):
        test, name = drawn(0.05, quiet), ("serial", "slow")[number % 2]
        before = [test.run(recorded) for _ in range(RECORDED)]
        changed = test.serial if name == "serial" else test.slow
        failed = failures(changed, judged, before)
        caught[name] += any(failed)
        each_time[name] += all(failed)
    return [
        f"{false} of {tests}",
        *(
            f"{caught[name]} of {SLOW // 2}, {each_time[name]} each time"
            for name in ("serial", "slow")
        ),
    ]


def worst(noise: Noise, quiet: Noise, length: float) -> float:
    usual = statistics.median(seen.took for seen in quiet[length])
    return max(seen.took for seen in noise[length]) / usual


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--beside", type=int, nargs="+", default=COMPANY)
    parser.add_argument("--tests", type=int, default=1000)
    asked = parser.parse_args()
    random.seed(0)
    noises = {company: measured(asked.count, company) for company in asked.beside}
    print(f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    quiet = noises[min(noises)]
    columns = ["beside", *(f"{length:g} s" for length in LENGTHS)]
    spread = [
        [str(company), *(f"{worst(noise, quiet, length):.2f}" for length in LENGTHS)]
        for company, noise in noises.items()
    ]
    print_table(
        "the slowest run, in medians of those beside the fewest", columns, spread
    )
    print_table(
        f"{RECORDED} runs recorded, {JUDGED} judged",
        [
            "recorded, judged beside",
            "healthy that fail",
            "serial caught",
            "slow caught",
        ],
        [
            [f"{before}, {now}", *row(asked.tests, quiet, noises[before], noises[now])]
            for before in noises
            for now in noises
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
