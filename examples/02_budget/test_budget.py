"""A promise that is kept, and two that are not."""

import asyncio

import pytest


async def search(term: str) -> str:
    """Find something, in half a second."""
    await asyncio.sleep(0.5)
    return f"about {term}"


async def page() -> list[str]:
    """Search twice, the second time without need only after the first."""
    return [await search("tea"), await search("cake")]


@pytest.mark.budget("5s")
async def test_kept() -> None:
    """Half a second fits into five seconds."""
    assert await search("tea") == "about tea"


@pytest.mark.budget("800ms")
async def test_too_long() -> None:
    """Two searches in a row take a second; the test is cancelled after 800 ms."""
    assert len(await page()) == 2


@pytest.mark.budget(speedup=1.5)
async def test_together_but_in_a_row() -> None:
    """Two tasks look concurrent, but share a lock, so nothing overlaps."""
    lock = asyncio.Lock()

    async def locked_search(term: str) -> str:
        async with lock:
            return await search(term)

    await asyncio.gather(locked_search("tea"), locked_search("cake"))
