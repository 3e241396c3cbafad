"""Real aiosqlite, aiohttp and SQLAlchemy: what is not given back, closed or ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiosqlite import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

for _library in ("aiohttp", "aiosqlite", "greenlet", "sqlalchemy"):
    pytest.importorskip(_library)

pytestmark = pytest.mark.cancellations


# ---------------------------------------------- aiosqlite: a transaction open


def _no_transaction(database: Connection) -> None:
    assert not database.in_transaction, "a transaction is open"


@pytest.mark.cancellations(check=_no_transaction)
async def faulty_transaction_left_open(database: Connection) -> None:
    """What was begun is neither committed nor rolled back."""
    change = "update account set balance = 0"
    await database.execute(change)  # may leave: a transaction is open
    await asyncio.sleep(0)  # leaves: a transaction is open
    await database.execute("delete from account")  # leaves: a transaction is open
    await database.commit()


@pytest.mark.cancellations(check=_no_transaction)
async def repaired_transaction_left_open(database: Connection) -> None:
    try:
        await database.execute("update account set balance = 0")
        await asyncio.sleep(0)
        await database.execute("delete from account")
        await database.commit()
    except BaseException:
        await database.rollback()
        raise


# ---------------------------------------------- aiosqlite: a connection open


async def faulty_database_left_open(tmp_path: Path) -> None:
    """The connection's thread waits for its next query, for ever."""
    import aiosqlite

    database = await aiosqlite.connect(tmp_path / "shop.db")
    await database.execute("create table item (name)")  # leaves: left running: thread
    await database.close()


async def repaired_database_left_open(tmp_path: Path) -> None:
    import aiosqlite

    async with aiosqlite.connect(tmp_path / "shop.db") as database:
        await database.execute("create table item (name)")


# ----------------------------------------------------- aiohttp: a session open


async def faulty_session_left_open(site: str) -> None:
    """The session is closed after the answer, if that comes."""
    from aiohttp import ClientSession

    session = ClientSession()
    async with session.get(f"{site}/you") as answer:  # leaves: Unclosed client session
        await answer.text()  # leaves: Unclosed client session
    await session.close()


async def repaired_session_left_open(site: str) -> None:
    from aiohttp import ClientSession

    async with ClientSession() as session:

        async def greet(name: str) -> None:
            async with session.get(f"{site}/{name}") as answer:
                assert await answer.text() == name * 1_000_000

        await asyncio.gather(greet("you"), greet("me"))


# ---------------------------------------------------- aiohttp: a response open


async def faulty_response_left_open(site: str, session: ClientSession) -> None:
    """A response that is not read to its end keeps its connection."""
    answer = await session.get(f"{site}/you")
    await asyncio.sleep(0)  # leaves: neither read to its end
    assert await answer.text() == "you" * 1_000_000


async def repaired_response_left_open(site: str, session: ClientSession) -> None:
    async with session.get(f"{site}/you") as answer:
        await asyncio.sleep(0)
        assert await answer.text() == "you" * 1_000_000


# ------------------------------------------------- SQLAlchemy: a connection kept


async def faulty_connection_not_given_back(engine: AsyncEngine) -> None:
    """The pool has one connection less, until the garbage collector comes by."""
    from sqlalchemy import text

    connection = await engine.connect()
    await connection.execute(text("select 1"))  # may leave: not given back
    await asyncio.sleep(0)  # leaves: not given back
    await connection.close()


async def repaired_connection_not_given_back(engine: AsyncEngine) -> None:
    from sqlalchemy import text

    async def total() -> int:
        async with engine.connect() as connection:
            rows = await connection.execute(text("select sum(balance) from account"))
            return rows.scalar_one()

    assert await asyncio.gather(total(), total(), total()) == [200, 200, 200]
