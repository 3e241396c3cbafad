"""A wait that times out by itself, and one that never ends."""

import asyncio

import pytest
from pytest_asyncbench import BudgetExceeded, Concurrently


async def eternity(questions: asyncio.Queue[str]) -> str:
    """Wait for a question that nobody asks."""
    return await questions.get()


@pytest.mark.budget("5s")
async def test_wait_for() -> None:
    """A timeout inside the test is the test's own business, no budget is broken."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(eternity(asyncio.Queue()), timeout=0.2)


@pytest.mark.budget("500ms")
async def test_hung() -> None:
    """A hung test costs its budget and no more, and says what it waited for."""
    await asyncio.gather(eternity(asyncio.Queue()), asyncio.sleep(3600))


async def test_hung_part(concurrently: Concurrently) -> None:
    """The fixture does the same for a part of a test; here the calls have names."""
    hung = {"answer": eternity(asyncio.Queue()), "pause": asyncio.sleep(0.1)}
    with pytest.raises(BudgetExceeded) as failure:
        await concurrently(hung, within="500ms")
    print(failure.value)
