"""Fixtures of the racy programs with real I/O: a database, a server, a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiosqlite import Connection


@pytest.fixture
async def database() -> AsyncIterator[Connection]:
    """Connect to a database with one account."""
    import aiosqlite

    async with aiosqlite.connect(":memory:") as connection:
        await connection.execute("create table account (id int, balance int)")
        await connection.execute("create table log (line text)")
        await connection.execute("insert into account values (1, 100)")
        await connection.commit()
        yield connection


class Shop:
    """What a server of aiohttp's sells, counted with an await in the middle."""

    def __init__(self) -> None:
        self.stock = 10
        self.token = 1
        self.refreshed = 0
        self.one_at_a_time = asyncio.Lock()
        self.url = ""

    async def sell(self) -> None:
        """Take one from the stock."""
        stock = self.stock
        for _ in range(3):
            await asyncio.sleep(0)
        self.stock = stock - 1


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """Open a shop that serves on a loopback socket."""
    from aiohttp import web

    shop = Shop()

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def sell(request: web.Request) -> web.Response:
        await shop.sell()
        return web.Response()

    async def sell_alone(request: web.Request) -> web.Response:
        async with shop.one_at_a_time:
            await shop.sell()
        return web.Response()

    async def refresh(request: web.Request) -> web.Response:
        shop.refreshed += 1
        return web.Response(text=str(shop.refreshed))

    app = web.Application()
    app.add_routes(
        [
            web.get("/", hello),
            web.post("/sell", sell),
            web.post("/sell-alone", sell_alone),
            web.post("/refresh", refresh),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield shop
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Open a session of aiohttp's, closed after the test."""
    from aiohttp import ClientSession

    async with ClientSession() as client:
        yield client
