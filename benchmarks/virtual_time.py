"""What virtual time costs, beside plain asyncio and other virtual clocks.

Run it as ``python benchmarks/virtual_time.py [rounds]``. Each case runs in turn on
each kind of loop, round after round, and the medians of processor time are compared.
Plain asyncio takes the same steps through timers too short to be waited for. It runs
all that are due in one turn, where a virtual loop turns once for each deadline.
looptime and trio's MockClock join in where they are installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import statistics
import sys
import time
import tracemalloc
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pytest_asyncbench.virtual_time import VirtualClock, virtual_loop_factory

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND, NOTHING = 1.0, 1e-12


async def equal(sleep: Any, gather: Any, unit: float, count: int) -> None:
    await gather([sleep for _ in range(count)], [unit] * count)


async def distinct(sleep: Any, gather: Any, unit: float, count: int) -> None:
    await gather([sleep for _ in range(count)], [unit * i for i in range(1, count + 1)])


async def in_a_row(sleep: Any, gather: Any, unit: float, count: int) -> None:
    for _ in range(count):
        await sleep(unit)


async def tasks_of_100(sleep: Any, gather: Any, unit: float, count: int) -> None:
    async def hundred(own: float) -> None:
        for _ in range(100):
            await sleep(own)

    await gather([hundred] * count, [unit] * count)


async def uneven_tasks_of_100(sleep: Any, gather: Any, unit: float, count: int) -> None:
    async def hundred(own: float) -> None:
        for _ in range(100):
            await sleep(own)

    await gather([hundred] * count, [unit * (1 + i / count) for i in range(count)])


CASES: dict[str, tuple[Any, int]] = {
    "100,000 sleeps, equal deadlines": (equal, 100_000),
    "100,000 sleeps, distinct deadlines": (distinct, 100_000),
    "10,000 sleeps in a row": (in_a_row, 10_000),
    "1,000 tasks of 100 sleeps": (tasks_of_100, 1_000),
    "the same, no two deadlines equal": (uneven_tasks_of_100, 1_000),
}


async def _gather(functions: list[Any], arguments: list[float]) -> None:
    await asyncio.gather(*map(lambda f, a: f(a), functions, arguments))


def on_loop(make: Callable[[], asyncio.AbstractEventLoop], unit: float) -> Any:
    def run(case: Any, count: int) -> None:
        loop = make()
        try:
            loop.run_until_complete(case(asyncio.sleep, _gather, unit, count))
        finally:
            loop.close()

    return run


def on_trio(trio: Any, testing: Any) -> Any:
    async def gather(functions: list[Any], arguments: list[float]) -> None:
        async with trio.open_nursery() as nursery:
            for function, argument in zip(functions, arguments, strict=True):
                nursery.start_soon(function, argument)

    def run(case: Any, count: int) -> None:
        clock = testing.MockClock(autojump_threshold=0)
        trio.run(case, trio.sleep, gather, SECOND, count, clock=clock)

    return run


def runners() -> dict[str, Any]:
    found = {
        "plain asyncio": on_loop(asyncio.new_event_loop, NOTHING),
        "asyncbench": on_loop(lambda: virtual_loop_factory(VirtualClock())(), SECOND),
    }
    with contextlib.suppress(ImportError):
        import looptime

        new_loop = looptime.new_event_loop
        found["looptime"] = on_loop(lambda: new_loop(start=0), SECOND)
    with contextlib.suppress(ImportError):
        import trio
        import trio.testing

        found["trio MockClock"] = on_trio(trio, trio.testing)
    return found


def cost(run: Any, case: Any, count: int) -> float:
    gc.collect()
    began = time.process_time()
    run(case, count)
    return time.process_time() - began


def peak(run: Any, case: Any, count: int) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        run(case, count)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def print_table(rounds: int) -> None:
    names = runners()
    print(f"Python {sys.version.split()[0]}; median of {rounds} rounds, processor time")
    print(f"{'':36}" + "".join(f"{name:>20}" for name in names))
    for title, (case, count) in CASES.items():
        taken = defaultdict(list)
        for _ in range(rounds):
            for name, run in names.items():
                taken[name].append(cost(run, case, count))
        medians = {name: statistics.median(each) for name, each in taken.items()}
        plain = medians["plain asyncio"]
        cells = (f"{m:.3f} s {m / plain:5.2f}x" for m in medians.values())
        print(f"{title:36}" + "".join(f"{cell:>20}" for cell in cells))


def print_memory() -> None:
    ours, plain = runners()["asyncbench"], runners()["plain asyncio"]
    for title, (case, count) in CASES.items():
        share = peak(ours, case, count // 10) / peak(plain, case, count // 10)
        print(f"peak memory, a tenth of {title:36}{share:6.3f}x plain asyncio")


def print_growth(rounds: int) -> None:
    run = runners()["asyncbench"]
    for count in (12_500, 25_000, 50_000, 100_000):
        spent = statistics.median(cost(run, distinct, count) for _ in range(rounds))
        per_timer = spent / count * 1e6
        print(f"{count:>9,} distinct deadlines: {per_timer:.2f} µs per timer")


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    if not math.isfinite(rounds) or rounds < 1:
        sys.exit("rounds must be 1 or more")
    print_table(rounds)
    print_memory()
    print_growth(rounds)
