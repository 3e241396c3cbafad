"""The four calls again, but they sleep with `time.sleep`."""

import asyncio
import time

import pytest


async def call(number: int) -> int:
    """Look asynchronous, and keep the whole event loop for a second."""
    time.sleep(1)
    return number


async def fixed_call(number: int) -> int:
    """Do the same in a thread, for code that cannot be changed."""
    await asyncio.to_thread(time.sleep, 1)
    return number


@pytest.mark.budget(1.5, speedup=3)
async def test_gathered() -> None:
    """Gathered, and no faster than one after another."""
    assert await asyncio.gather(*(call(number) for number in range(4))) == [0, 1, 2, 3]


@pytest.mark.no_blocking
async def test_one_call_is_enough() -> None:
    """A single quick call has time to spare; `no_blocking` finds the line anyway."""
    assert await call(0) == 0


@pytest.mark.no_blocking
@pytest.mark.budget(1.5, speedup=3)
async def test_fixed() -> None:
    """In threads they overlap."""
    await asyncio.gather(*(fixed_call(number) for number in range(4)))
