"""Racy programs with real aiosqlite and aiohttp, each with a repaired twin.

Each passes in asyncio's own order, in which whoever has more to do first comes later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiosqlite import Connection
    from conftest import Shop

for _library in ("aiohttp", "aiosqlite"):
    pytest.importorskip(_library)

Guard = Callable[[], AbstractAsyncContextManager[Any]]


def _nobody() -> AbstractAsyncContextManager[None]:
    return nullcontext()


def _one_at_a_time() -> Guard:
    lock = asyncio.Lock()
    return lambda: lock


# ----------------------------------------------------- aiosqlite: a lost update


async def _log(database: Connection, lines: int) -> None:
    for line in range(lines):
        await database.execute("insert into log values (?)", (str(line),))


async def _withdraw(database: Connection, amount: int) -> None:
    rows = await database.execute_fetchall("select balance from account")
    (balance,) = next(iter(rows))
    await database.execute("update account set balance = ?", (balance - amount,))


async def _withdrawals(database: Connection, guard: Guard) -> None:
    async def slip(amount: int, lines: int) -> None:
        await _log(database, lines)
        async with guard():
            await _withdraw(database, amount)

    await asyncio.gather(slip(10, 0), slip(20, 4))
    rows = await database.execute_fetchall("select balance from account")
    assert [*rows] == [(70,)]


async def racy_withdrawals(database: Connection) -> None:
    """Both read before either has written."""
    await _withdrawals(database, _nobody)


async def repaired_withdrawals(database: Connection) -> None:
    await _withdrawals(database, _one_at_a_time())


# ------------------------------------------------- aiosqlite: a name taken twice


async def _sign_up(database: Connection, guard: Guard) -> None:
    async def sign_up(lines: int) -> None:
        await _log(database, lines)
        async with guard():
            rows = await database.execute_fetchall("select * from account where id = 7")
            if not [*rows]:
                await database.execute("insert into account values (7, 0)")

    await asyncio.gather(sign_up(0), sign_up(5), sign_up(10))
    rows = await database.execute_fetchall("select * from account where id = 7")
    assert len([*rows]) == 1


async def racy_sign_up(database: Connection) -> None:
    """Two see that the name is free."""
    await _sign_up(database, _nobody)


async def repaired_sign_up(database: Connection) -> None:
    await _sign_up(database, _one_at_a_time())


# -------------------------------------------- aiosqlite: a pool that grows too big


class Pool:
    """Connections to a database, one at most."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._free: list[Connection] = []
        self.made: list[Connection] = []
        self._given_back = asyncio.Condition()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend one."""
        import aiosqlite

        async with self._guard():
            if not self._free and not self.made:
                made = await aiosqlite.connect(":memory:")
                self.made.append(made)
                self._free.append(made)
        async with self._given_back:
            await self._given_back.wait_for(lambda: self._free)
            lent = self._free.pop()
        try:
            yield lent
        finally:
            async with self._given_back:
                self._free.append(lent)
                self._given_back.notify()


async def _lend(database: Connection, guard: Guard) -> None:
    pool = Pool(guard)

    async def ask(lines: int) -> None:
        await _log(database, lines)
        async with pool.connection() as connection:
            await connection.execute_fetchall("select 1")

    try:
        await asyncio.gather(ask(0), ask(12))
        assert len(pool.made) == 1
    finally:
        for made in pool.made:
            await made.close()


async def racy_pool(database: Connection) -> None:
    """While one connects, others see that there is room."""
    await _lend(database, _nobody)


async def repaired_pool(database: Connection) -> None:
    await _lend(database, _one_at_a_time())


# -------------------------------------------------- aiohttp: a server's lost update


async def _say_hello(session: ClientSession, shop: Shop, times: int) -> None:
    for _ in range(times):
        async with session.get(shop.url) as answer:
            assert await answer.text() == "hello"


async def _buy(session: ClientSession, shop: Shop, path: str) -> None:
    async def buy(times: int) -> None:
        await _say_hello(session, shop, times)
        async with session.post(f"{shop.url}/{path}") as answer:
            assert answer.status == 200

    await asyncio.gather(buy(0), buy(1))
    assert shop.stock == 8


async def racy_handler(session: ClientSession, shop: Shop) -> None:
    """Two requests at once, and a handler that awaits between reading and writing."""
    await _buy(session, shop, "sell")


async def repaired_handler(session: ClientSession, shop: Shop) -> None:
    await _buy(session, shop, "sell-alone")


# ------------------------------------------------------ aiohttp: a token got twice


async def _use_token(session: ClientSession, shop: Shop, guard: Guard) -> None:
    tokens: dict[str, str] = {}

    async def call(times: int) -> None:
        await _say_hello(session, shop, times)
        async with guard():
            if "token" not in tokens:
                async with session.post(f"{shop.url}/refresh") as answer:
                    tokens["token"] = await answer.text()

    await asyncio.gather(call(0), call(3))
    assert shop.refreshed == 1


async def racy_token(session: ClientSession, shop: Shop) -> None:
    """Two see that there is no token yet."""
    await _use_token(session, shop, _nobody)


async def repaired_token(session: ClientSession, shop: Shop) -> None:
    await _use_token(session, shop, _one_at_a_time())


# ------------------------------------------------------ a thread: loaded twice


async def _load(database: Connection, guard: Guard) -> None:
    loaded: list[int] = []

    async def settings(lines: int) -> None:
        await _log(database, lines)
        async with guard():
            if not loaded:
                loaded.append(await asyncio.to_thread(len, "settings"))

    await asyncio.gather(settings(0), settings(6))
    assert loaded == [8]


async def racy_settings(database: Connection) -> None:
    """Two see that nothing is loaded."""
    await _load(database, _nobody)


async def repaired_settings(database: Connection) -> None:
    await _load(database, _one_at_a_time())
