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
    """All of them are in flight at one moment, as each waits for the last to come."""
    come: list[int] = []
    all_have_come = asyncio.Event()

    async def meet(number: int) -> None:
        come.append(number)
        if len(come) == COUNT:
            all_have_come.set()
        await all_have_come.wait()

    run = await concurrently.map(meet, range(COUNT), within=20)
    assert run.peak == COUNT
