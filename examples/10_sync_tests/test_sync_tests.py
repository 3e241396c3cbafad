"""Tests without `async` that run a loop, and what ends them."""

import asyncio
import threading

import pytest


async def eternity() -> None:
    """Wait for somebody who never comes."""
    await asyncio.Event().wait()


@pytest.mark.budget("500ms")
def test_hung() -> None:
    """Whoever runs the loop: its task is cancelled when the budget is over."""
    asyncio.run(eternity())


@pytest.mark.budget("500ms")
def test_hung_in_a_thread() -> None:
    """A loop in a thread serves this test, and goes on serving when it has failed."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(eternity(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.virtual_time
@pytest.mark.budget("1min")
def test_too_patient() -> None:
    """In virtual time that is so after a minute that takes no time."""
    asyncio.run(asyncio.sleep(3600))


@pytest.mark.budget("30s")
def test_in_time() -> None:
    """One that ends in time is left alone."""
    asyncio.run(asyncio.sleep(0.1))
