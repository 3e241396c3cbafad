"""Results come in the order of the calls; the calls end in an order of their own."""

import asyncio

from pytest_asyncbench import Concurrently


async def answer(name: str, seconds: float) -> str:
    """Answer after so many seconds."""
    await asyncio.sleep(seconds)
    return name


async def test_order(concurrently: Concurrently) -> None:
    """The slowest is asked first, and answers last."""
    run = await concurrently(
        answer("slow", 1), answer("quick", 0.25), answer("middling", 0.5)
    )
    assert list(run) == ["slow", "quick", "middling"]
    assert run.order == (1, 2, 0)
    print(run)


async def test_by_name(concurrently: Concurrently) -> None:
    """With names, nobody counts positions."""
    calls = {"profile": answer("Ada", 0.5), "ads": answer("none", 0.1)}
    run = await concurrently(calls)
    assert run["profile"] == "Ada"
    assert [run.tasks[position].name for position in run.order] == ["ads", "profile"]
