"""What must hold between two awaits, and no longer does after a cancellation there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.cancellations


# ------------------------------------------------- a connection of a pool


def _all_there(state: dict[str, Any]) -> None:
    assert state["pool"].qsize() == 2, "a connection was not returned"


@pytest.mark.cancellations(check=_all_there)
async def faulty_connection_not_returned(state: dict[str, Any]) -> None:
    """A pool by hand: what was taken is put back, unless something is raised."""
    pool: asyncio.Queue[str] = asyncio.Queue()
    state["pool"] = pool
    for name in "ab":
        pool.put_nowait(name)

    async def query() -> None:
        connection = await pool.get()
        await asyncio.sleep(0.1)  # leaves: a connection was not returned
        pool.put_nowait(connection)

    await asyncio.gather(query())


@pytest.mark.cancellations(check=_all_there)
async def repaired_connection_not_returned(state: dict[str, Any]) -> None:
    pool: asyncio.Queue[str] = asyncio.Queue()
    state["pool"] = pool
    for name in "ab":
        pool.put_nowait(name)

    async def query() -> None:
        connection = await pool.get()
        try:
            await asyncio.sleep(0.1)
        finally:
            pool.put_nowait(connection)

    await asyncio.gather(*(query() for _ in range(4)))


# ------------------------------------------------ between two awaits


def _nothing_lost(state: dict[str, Any]) -> bool:
    return sum(state["balances"].values()) == 200


@pytest.mark.cancellations(check=_nothing_lost)
async def faulty_between_two_awaits(state: dict[str, Any]) -> None:
    """Money is taken from one account and comes to the other one later."""
    balances = state["balances"] = {"a": 100, "b": 100}

    async def transfer(amount: int) -> None:
        await asyncio.sleep(0)
        balances["a"] -= amount
        await asyncio.sleep(0)  # leaves: check: _nothing_lost gave False
        balances["b"] += amount

    await asyncio.gather(transfer(10), transfer(20))


@pytest.mark.cancellations(check=_nothing_lost)
async def repaired_between_two_awaits(state: dict[str, Any]) -> None:
    balances = state["balances"] = {"a": 100, "b": 100}

    async def transfer(amount: int) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        balances["a"] -= amount
        balances["b"] += amount

    await asyncio.gather(transfer(10), transfer(20))


# ---------------------------------------------------- an item of a queue


def _each_is_somewhere(state: dict[str, Any]) -> None:
    assert len(state["done"]) + state["queue"].qsize() == 3, "an item was lost"


@pytest.mark.cancellations(["consume"], check=_each_is_somewhere)
async def faulty_item_lost(state: dict[str, Any]) -> None:
    """An item that was taken is neither done nor in the queue."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    state["queue"], state["done"] = queue, []
    for item in range(3):
        queue.put_nowait(item)

    async def consume() -> None:
        while not queue.empty():
            item = await queue.get()
            await asyncio.sleep(0.1)  # leaves: an item was lost
            state["done"].append(item)

    await asyncio.gather(consume())


@pytest.mark.cancellations(["consume"], check=_each_is_somewhere)
async def repaired_item_lost(state: dict[str, Any]) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    state["queue"], state["done"] = queue, []
    for item in range(3):
        queue.put_nowait(item)

    async def consume() -> None:
        while not queue.empty():
            item = await queue.get()
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                queue.put_nowait(item)
                raise
            state["done"].append(item)

    await asyncio.gather(consume())


# ------------------------------------------------------ a file half written


def _whole_or_none(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    assert not file.exists() or file.read_text() == "head\ntail\n", "half a report"


@pytest.mark.cancellations(check=_whole_or_none)
async def faulty_file_half_written(tmp_path: Path) -> None:
    """A reader finds the first half."""
    with (tmp_path / "report.txt").open("w") as file:
        file.write("head\n")
        await asyncio.sleep(0.1)  # leaves: half a report
        file.write("tail\n")


@pytest.mark.cancellations(check=_whole_or_none)
async def repaired_file_half_written(tmp_path: Path) -> None:
    part = tmp_path / "report.part"
    with part.open("w") as file:
        file.write("head\n")
        await asyncio.sleep(0.1)
        file.write("tail\n")
    part.replace(tmp_path / "report.txt")


# --------------------------------------------------------- a file left open


async def faulty_file_left_open(tmp_path: Path) -> None:
    """Who closes it is the garbage collector, some day."""
    file = (tmp_path / "log.txt").open("w")
    await asyncio.sleep(0.1)  # leaves: unclosed file
    file.write("done\n")
    file.close()


async def repaired_file_left_open(tmp_path: Path) -> None:
    with (tmp_path / "log.txt").open("w") as file:
        await asyncio.sleep(0.1)
        file.write("done\n")
