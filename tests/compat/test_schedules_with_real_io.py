"""Correct tests that await something real: under no schedule do they fail."""

from __future__ import annotations

import importlib.util

SUITE = """
import asyncio, sys
import pytest, pytest_asyncio

pytestmark = pytest.mark.schedules(25)

async def test_threads():
    def double(number):
        return 2 * number
    found = await asyncio.gather(*(asyncio.to_thread(double, n) for n in range(4)))
    assert found == [0, 2, 4, 6]

async def test_loopback():
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = server.sockets[0].getsockname()
    async def ask(text):
        reader, writer = await asyncio.open_connection(*host)
        writer.write(text)
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer
    async with server:
        assert await asyncio.gather(ask(b"a\\n"), ask(b"b\\n")) == [b"A\\n", b"B\\n"]

@pytest.mark.schedules(5)
async def test_subprocess():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", "print(input())",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(b"hello\\n")
    assert out.strip() == b"hello"

@pytest.mark.skipif(not AIOSQLITE, reason="aiosqlite is not installed")
async def test_database(database):
    async def add():
        await database.execute("update account set balance = balance + 1")
    await asyncio.gather(add(), add(), add())
    async with database.execute("select balance from account") as rows:
        assert await rows.fetchone() == (3,)

@pytest_asyncio.fixture
async def database():
    import aiosqlite
    async with aiosqlite.connect(":memory:") as connection:
        await connection.execute("create table account (balance int)")
        await connection.execute("insert into account values (0)")
        yield connection

@pytest.mark.skipif(not AIOHTTP, reason="aiohttp is not installed")
async def test_web():
    from aiohttp import ClientSession, web
    async def hello(request):
        await asyncio.sleep(0)
        return web.Response(text=request.match_info["name"])
    app = web.Application()
    app.add_routes([web.get("/{name}", hello)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async def get(session, name):
        async with session.get(f"http://127.0.0.1:{port}/{name}") as answer:
            return await answer.text()
    async with ClientSession() as session:
        assert await asyncio.gather(get(session, "a"), get(session, "b")) == ["a", "b"]
    await runner.cleanup()

async def test_executor_with_a_lock():
    lock, order = asyncio.Lock(), []
    async def step(number):
        async with lock:
            order.append(await asyncio.to_thread(int, number))
    await asyncio.gather(step(1), step(2), step(3))
    assert sorted(order) == [1, 2, 3]
"""


LATE = """
@pytest.mark.schedules(60)
async def test_late_answers():
    async def serve(reader, writer):
        await asyncio.sleep(0.5)
        writer.write(b"x")
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = server.sockets[0].getsockname()
    async def ask(number):
        await asyncio.sleep(number / 10)
        reader, writer = await asyncio.open_connection(*host)
        assert await asyncio.wait_for(reader.read(), 5) == b"x"
        writer.close()
    async with server:
        await asyncio.gather(*map(ask, range(3)))
"""


def test_none_of_them_fails_where_timers_are_free(play_once):
    """Nor does the loop turn for ever on what is ready and may not go on."""
    settings = "AIOSQLITE = AIOHTTP = False\n"
    ini = "asyncbench_real_limit = 60s\nasyncbench_schedules_timers = free"
    run = play_once(settings + SUITE + LATE, ini=ini, subprocess=True)
    assert {*run.outcomes.values()} == {"passed", "skipped"}, run
    assert run["test_late_answers"].record["schedules"]["runs"] == 60


def test_none_of_them_fails(play_once):
    """Nor is one taken for a deadlock, or for a test that can't be run twice."""
    there = {
        name: importlib.util.find_spec(name.lower()) is not None
        for name in ("AIOSQLITE", "AIOHTTP")
    }
    settings = "".join(f"{name} = {here}\n" for name, here in there.items())
    # In a process of its own, whose sockets this one does not look after.
    run = play_once(
        settings + SUITE, ini="asyncbench_real_limit = 60s", subprocess=True
    )
    wanted = dict.fromkeys(run.outcomes, "passed")
    if not there["AIOSQLITE"]:
        wanted["test_database"] = "skipped"
    if not there["AIOHTTP"]:
        wanted["test_web"] = "skipped"
    assert run.outcomes == wanted, run
    assert len(wanted) == 6
    assert run["test_threads"].record["schedules"]["runs"] == 25
