"""What a known call costs on the loop's thread, beside the least Python wrapper.

Run it as ``python benchmarks/known_calls.py [rounds]``. The least wrapper reads the
clock twice, takes its caller's frame and counts it in a dictionary. The cases take
turns in one process and one loop, round after round; printed are the medians.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
import types
from collections.abc import Callable
from statistics import median

from _table import print_table, rounds_from

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.promised import Rule

CALLS = 2_000
"""In each step, of each case."""

Call = Callable[[], object]


def quick() -> None:
    """Take no time at all."""


def least(function: Call) -> Call:
    now, getframe, counts = time.perf_counter, sys._getframe, {}

    def wrapper(*args: object, **kwargs: object) -> object:
        began = now()
        try:
            return function(*args, **kwargs)
        finally:
            caller = getframe(1)
            place = id(caller.f_code), caller.f_lasti
            counts[place] = counts.get(place, 0.0) + now() - began

    return wrapper


def each(call: Call) -> float:
    """Give the processor time of one call."""
    began = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - began) / CALLS


def each_deep(call: Call) -> float:
    """Do the same, on a line of its own."""
    began = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - began) / CALLS


def deeper(frames: int, call: Call) -> float:
    return each_deep(call) if frames == 0 else deeper(frames - 1, call)


async def measured(rounds: int, cases: dict[str, Callable[[], float]]) -> list[float]:
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        await asyncio.sleep(0)
        for name, case in cases.items():
            figures[name].append(case())
    return [median(each) for each in figures.values()]


def main(rounds: int) -> None:
    library = types.ModuleType("known_library")
    library.quick = quick
    sys.modules[library.__name__] = library
    # Before anything is replaced: a name of this module would be, too.
    wrapped = least(quick)
    bare_database = sqlite3.connect(":memory:")
    row = Rule(target="known_library.quick", family="sleep", advice="none")
    interception = Interception([*RULES, row], SYSTEM_CLOCK)
    uninstall = interception.install()
    database = sqlite3.connect(":memory:")
    watch = Watch(
        SYSTEM_CLOCK,
        threshold=60.0,
        interception=interception,
        families=frozenset({"sleep", "database"}),
    )
    known = library.quick
    cases = {
        "the least wrapper": lambda: each(wrapped),
        "a known call": lambda: each(known),
        "the same, 20 frames deep": lambda: deeper(20, known),
        "sqlite3, bare": lambda: each(lambda: bare_database.execute("select 1")),
        "sqlite3, known": lambda: each(lambda: database.execute("select 1")),
    }
    watch.start()
    try:
        figures = asyncio.run(measured(rounds, cases))
    finally:
        watch.stop()
        uninstall()
    print_table(
        f"a known call at a place that was seen before, {rounds} rounds",
        ["", "per call", "ratio to the least"],
        [
            [name, f"{seconds * 1e6:.2f} µs", f"{seconds / figures[0]:.2f}"]
            for name, seconds in zip(cases, figures, strict=True)
        ],
    )


if __name__ == "__main__":
    main(rounds_from(sys.argv[1:], 25))
