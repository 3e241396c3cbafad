"""Tell in how many runs a race is found, how small it gets, and how fast the runs are.

Each of the programs of ``races/`` is explored by so many seeds, 1,000 runs at most.
``found`` is the median number of the run that failed first, asyncio's own being the
first; ``with`` counts the seeds that found it; ``holds`` is what was left after it was
made small, on average and at worst; the repaired twin may fail in none of its runs.
It takes about four minutes of processor time, before the other tools are asked.

Usage: ``python benchmarks/schedules.py [seeds] [words of names]``
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from _schedule_peers import Find, Test, installed, left_out
from _table import print_table
from races import PROGRAMS, Program

from pytest_asyncbench._running import Explorer, Order, run_alone
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.explored import Explored
from pytest_asyncbench.virtual_time import VirtualClock

RUNS = 1_000
TWIN = 20_000
REPLAYS = 5
MANY = 100_000
PEERS_SEEDS, PEERS_RUNS = 3, 100
"""Some of them take ten milliseconds for each run."""

_CLOCK = VirtualClock()


class Found(NamedTuple):
    """What came of a program."""

    at: list[int]
    holds: list[int]
    replays: int
    twin: Explored


def outcome(test: Test, order: Order) -> BaseException | None:
    """Run a program in an order; give what it fails with."""
    _CLOCK.rewind()
    try:
        run_alone(test, order, _CLOCK)
    except (Exception, asyncio.CancelledError) as error:
        return error
    return order.unseen[0] if order.unseen else None


def explored(test: Test, seed: int, runs: int = RUNS) -> Explored:
    """Explore a program by one seed."""
    explorer = Explorer(runs=runs, seed=seed, within=None, clock=SYSTEM_CLOCK)
    failure = outcome(test, explorer.own_order())
    if failure is not None:
        raise RuntimeError(f"it fails in asyncio's own order: {failure!r}")
    return explorer.explore(lambda order: outcome(test, order))


def look_at(program: Program, seeds: int) -> Found:
    """Explore a program by each seed, and its twin by one."""
    at, holds, replays = [], [], 0
    for seed in range(seeds):
        found = explored(program.racy, seed)
        at.append(found.found_at or RUNS + 1)
        if found.schedule is not None:
            holds.append(found.schedule.deviations)
            again = (
                outcome(program.racy, Order(found.schedule)) for _ in range(REPLAYS)
            )
            replays += sum(type(each) is type(found.failure) for each in again)
    return Found(at, holds, replays, explored(program.repaired, 0, TWIN))


def bare_rate(runs: int) -> float:
    """Give the runs of a fresh asyncio loop in a second of processor time."""
    began = time.process_time()
    for _ in range(runs):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_many())
        loop.close()
    return runs / (time.process_time() - began)


def our_rate(runs: int) -> float:
    """Give the runs under schedules in a second of processor time."""
    explorer = Explorer(runs=runs, seed=1, within=None, clock=SYSTEM_CLOCK)
    outcome(_many, explorer.own_order())
    began = time.process_time()
    found = explorer.explore(lambda order: outcome(_many, order))
    return found.runs / (time.process_time() - began)


async def _many() -> None:
    async def one() -> None:
        for _ in range(4):
            await asyncio.sleep(0)

    await asyncio.gather(one(), one(), one())


def growth(runs: int) -> float:
    """Give by how much this process grows in so many runs: its resident memory, in MB.

    It is asked before all else: what other searches gave back would be taken again.
    """
    explored(_many, 0, _FIRST)
    before = _resident()
    explored(_many, 1, runs)
    return _resident() - before


_FIRST = 200


def _resident() -> float:
    gc.collect()
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return math.nan  # no Linux
    return int(pages) * resource.getpagesize() / 1e6


def beside(chosen: list[Program], seeds: int) -> None:
    """Print what is found, and how fast, by each tool that takes the same programs."""
    rows = [_asked("pytest-asyncbench", _ours, chosen, seeds)]
    rows += [_asked(name, find, chosen, seeds) for name, find in installed().items()]
    heads = ("tool", "found", "not found", "twins that fail", "runs per second")
    print_table(
        f"{seeds} seeds, {PEERS_RUNS} runs at most, of a twin as well", heads, rows
    )
    for name, why in left_out().items():
        print(f"{name} is left out: {why}")


def _ours(test: Test, seed: int, runs: int) -> int | None:
    explorer = Explorer(runs=runs, seed=seed, within=None, clock=SYSTEM_CLOCK)
    outcome(test, explorer.own_order())
    return explorer.explore(lambda order: outcome(test, order)).found_at


def _asked(name: str, find: Find, chosen: list[Program], seeds: int) -> tuple[str, ...]:
    found = [
        [find(each.racy, seed, PEERS_RUNS) or PEERS_RUNS + 1 for seed in range(seeds)]
        for each in chosen
    ]
    mean = math.exp(statistics.mean(math.log(statistics.median_low(f)) for f in found))
    missed = sum(at > PEERS_RUNS for each in found for at in each)
    twins = [each.name for each in chosen if find(each.repaired, 0, PEERS_RUNS)]
    began = time.process_time()
    find(_many, 0, PEERS_RUNS)
    rate = PEERS_RUNS / (time.process_time() - began)
    told = ", ".join(twins) or "none"
    return name, f"{mean:.2f}", f"{missed}", told, f"{rate:,.0f}"


def main(arguments: list[str]) -> None:
    """Print the table, and the figures of all."""
    began = time.monotonic()
    logging.disable(logging.CRITICAL)
    print(f"memory over {MANY:,} runs: {growth(MANY):+.1f} MB\n", flush=True)
    seeds = int(arguments[0]) if arguments and arguments[0].isdecimal() else 20
    words = [word for word in arguments if not word.isdecimal()]
    chosen = [p for p in PROGRAMS if not words or any(w in p.name for w in words)]
    rows, medians, holds, replays = [], [], [], [0, 0]
    for program in chosen:
        found = look_at(program, seeds)
        medians.append(statistics.median_low(found.at))
        holds += found.holds
        replays[0] += found.replays
        replays[1] += REPLAYS * len(found.holds)
        twin = "failed" if found.twin.failure is not None else f"{found.twin.runs:,}"
        rows.append(
            (
                program.name,
                f"{medians[-1]}",
                f"{max(found.at)}",
                f"{sum(at <= RUNS for at in found.at)}/{seeds}",
                f"{statistics.mean(found.holds or [0]):.2f}",
                f"{max(found.holds, default=0)}",
                twin + (" (all)" if found.twin.seen_all else ""),
            )
        )
    heads = ("program", "found", "worst", "with", "holds", "worst", "twin's runs")
    print_table("races under schedules", heads, rows)
    mean = math.exp(statistics.mean(math.log(each) for each in medians))
    print(
        f"\n{len(chosen)} programs, {seeds} seeds: geometric mean of medians {mean:.2f}"
    )
    print(f"holds: {statistics.mean(holds):.3f} on average, {max(holds)} at worst")
    print(f"replays that fail in the same way: {replays[0]:,} of {replays[1]:,}")
    rates = [(our_rate(3_000), bare_rate(3_000)) for _ in range(5)]
    ours, bare = (statistics.median(each) for each in zip(*rates, strict=True))
    ratio = statistics.median(a / b for a, b in rates)
    print(f"runs per second: {ours:,.0f}, a bare loop {bare:,.0f}; ratio {ratio:.2f}")
    beside(chosen, min(seeds, PEERS_SEEDS))
    took, used = (time.monotonic() - began) / 60, time.process_time() / 60
    print(f"it took {took:.0f} minutes, and {used:.0f} of processor time")


if __name__ == "__main__":
    main(sys.argv[1:])
