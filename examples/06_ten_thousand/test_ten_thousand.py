"""Ten thousand calls of one second each: not three hours, but a second and a bit."""

import asyncio

import pytest
from pytest_asyncbench import Concurrently

COUNT = 10_000


async def call(number: int) -> int:
    """Wait for a second."""
    await asyncio.sleep(1)
    return number


@pytest.mark.budget(20, speedup=500)
async def test_gathered() -> None:
    """Waiting costs nothing, so ten thousand can wait at once."""
    assert sum(await asyncio.gather(*map(call, range(COUNT)))) == sum(range(COUNT))


async def test_in_flight(concurrently: Concurrently) -> None:
    """All of them are in flight at one moment."""
    run = await concurrently.map(call, range(COUNT), within=20, speedup=500)
    assert run.peak == COUNT
