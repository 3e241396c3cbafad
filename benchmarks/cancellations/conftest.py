"""Fixtures of the cancellation programs: peers in this process, and what is given back.

A peer serves on a loopback socket, in tasks that the sweep does not cancel.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiosqlite import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture
def state() -> dict[str, Any]:
    """What a program keeps, and what its ``check=`` looks at."""
    return {}


@pytest.fixture
async def echo() -> AsyncIterator[tuple[str, int]]:
    """The address of a peer that sends back each line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield host, port
    server.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Connection]:
    """A connection to a database with one account."""
    import aiosqlite

    async with aiosqlite.connect(tmp_path / "bank.db") as connection:
        await connection.execute("create table account (id int, balance int)")
        await connection.execute("insert into account values (1, 100), (2, 100)")
        await connection.commit()
        yield connection


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """The address of a server of aiohttp's, which greets."""
    from aiohttp import web

    async def greet(request: web.Request) -> web.Response:
        # More than fits into a socket, so that an answer is not there at once.
        return web.Response(text=request.match_info["name"] * 1_000_000)

    app = web.Application()
    app.add_routes([web.get("/{name}", greet)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """A session of aiohttp's, closed after the test."""
    from aiohttp import ClientSession

    async with ClientSession() as client:
        yield client


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine with a pool of two connections to a database with one account."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import AsyncAdaptedQueuePool

    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path / 'bank.db'}",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=2,
        max_overflow=0,
    )
    async with engine.begin() as connection:
        await connection.execute(text("create table account (id int, balance int)"))
        await connection.execute(text("insert into account values (1, 100), (2, 100)"))
    yield engine
    await engine.dispose()
