"""Four calls of one second each: one after another, then at once."""

import asyncio
import time

import pytest
from pytest_asyncbench import Concurrently


async def call(number: int) -> int:
    """Stand for anything that waits: a query, a request, a message."""
    await asyncio.sleep(1)
    return number


async def test_in_a_row() -> None:
    """Each `await` ends before the next call begins: four seconds."""
    started = time.perf_counter()
    results = [await call(number) for number in range(4)]
    assert results == [0, 1, 2, 3]
    assert time.perf_counter() - started > 3.9


@pytest.mark.budget(1.5, speedup=3)
async def test_gathered() -> None:
    """The same calls at once: one second, and the marker holds us to it."""
    assert await asyncio.gather(*(call(number) for number in range(4))) == [0, 1, 2, 3]


async def test_concurrently(concurrently: Concurrently) -> None:
    """The fixture does what gather does, and gives the run back to look at."""
    run = await concurrently.map(call, range(4), within=1.5, speedup=3)
    assert list(run) == [0, 1, 2, 3]
    assert run.peak == 4
    print(run)
