"""What a known call costs on the loop's thread, beside the least Python wrapper.

Run it as ``python benchmarks/known_calls.py [rounds]``. The least wrapper reads the
clock twice, takes its caller's frame and counts it in a dictionary. In a thread without
a loop, where nothing is counted, a call is held against one through a function that
only passes its arguments on. The cases take turns in one process, round after round;
printed are the medians.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
import types
from collections.abc import Callable
from functools import partial
from statistics import median

from _table import compare_to_first, print_table, rounds_from

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


class Kind:
    """A class of a library's."""

    def method(self) -> None:
        """Take no time, either."""


in_c = os.getpid


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


def passed_on(function: Call) -> Call:
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


class PassedOn:
    """The same class, with a method that only passes its arguments on."""

    method = passed_on(Kind.method)


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


async def on_the_loop(
    rounds: int, cases: dict[str, Callable[[], float]]
) -> list[float]:
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        await asyncio.sleep(0)
        for name, case in cases.items():
            figures[name].append(case())
    return [median(each) for each in figures.values()]


def in_thread(rounds: int, pairs: dict[str, tuple[Call, Call]]) -> list[list[str]]:
    rows = []
    for name, (passed, known) in pairs.items():
        cases = {"passed": partial(each, passed), "known": partial(each, known)}
        (least, _), (seconds, ratio) = compare_to_first(cases, rounds).values()
        rows.append(
            [name, f"{least * 1e6:.2f} µs", f"{seconds * 1e6:.2f} µs", f"{ratio:.2f}"]
        )
    return rows


async def measured(
    rounds: int,
    cases: dict[str, Callable[[], float]],
    pairs: dict[str, tuple[Call, Call]],
) -> tuple[list[float], list[list[str]]]:
    figures = await on_the_loop(rounds, cases)
    return figures, await asyncio.to_thread(in_thread, rounds, pairs)


def main(rounds: int) -> None:
    library = types.ModuleType("known_library")
    library.quick, library.in_c, library.Kind = quick, in_c, Kind
    sys.modules[library.__name__] = library
    # Before anything is replaced: a name of this module would be, too.
    wrapped, passed = least(quick), passed_on(quick)
    passed_c, passed_method = passed_on(in_c), PassedOn().method
    bare_database = sqlite3.connect(":memory:")
    rows = [
        Rule(target=f"known_library.{name}", family="sleep", advice="none")
        for name in ("quick", "in_c", "Kind.method")
    ]
    interception = Interception([*RULES, *rows], SYSTEM_CLOCK)
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
    pairs = {
        "a function": (passed, known),
        "a function in C": (passed_c, library.in_c),
        "a method": (passed_method, Kind().method),
    }
    watch.start()
    try:
        figures, apart = asyncio.run(measured(rounds, cases, pairs))
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
    print_table(
        "in a thread without a loop",
        ["", "passed on", "known", "ratio"],
        apart,
    )


if __name__ == "__main__":
    main(rounds_from(sys.argv[1:], 25))
