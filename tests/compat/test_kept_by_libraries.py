"""Who hands work to threads: anyio, Starlette's sync endpoints, aiosqlite, SQLAlchemy.

And a loop of uvloop's that is kept waiting.

Each is skipped where it is missing.
"""

from __future__ import annotations

import sys

import pytest

from pytest_asyncbench._python import has_gil

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="no account of each thread"),
    pytest.mark.skipif(not has_gil(), reason="no thread can keep the interpreter"),
]

BEGIN = """
    import asyncio
    import contextlib

    import pytest


    def keeps():
        return pow(3, 3_000_000)


    @contextlib.asynccontextmanager
    async def ticking():
        async def tick():
            while True:
                await asyncio.sleep(PAUSE)

        task = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        try:
            yield
        finally:
            task.cancel()


    async def until_told(blocking_calls, work):
        for _ in range(50):  # on a busy machine it may be the machine's all the same
            async with ticking():
                await work()
            if any(found.call.endswith(("pow", "keeps")) for found in blocking_calls):
                break


    PAUSE = 0.01
"""

ANYIO = """
    import anyio.to_thread


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_function(blocking_calls):
        async def work():
            await anyio.to_thread.run_sync(int)  # another job of the same thread's
            await anyio.to_thread.run_sync(keeps)

        await until_told(blocking_calls, work)


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_in_c(blocking_calls):
        async def work():
            await anyio.to_thread.run_sync(int)
            await anyio.to_thread.run_sync(pow, 3, 3_000_000)

        await until_told(blocking_calls, work)
"""

STARLETTE = """
    import httpx
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route


    def endpoint(request):
        keeps()
        return PlainTextResponse("done")


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_endpoint(blocking_calls):
        app = Starlette(routes=[Route("/", endpoint)])
        through = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=through, base_url="http://t") as shop:
            await until_told(blocking_calls, lambda: shop.get("/"))
"""

AIOSQLITE = """
    import aiosqlite


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_query(blocking_calls):
        async with aiosqlite.connect(":memory:") as database:
            await database.create_function("keeps", 0, lambda: keeps() and None)
            await until_told(
                blocking_calls, lambda: database.execute("SELECT keeps()")
            )
"""

SQLALCHEMY = """
    from sqlalchemy import event, text
    from sqlalchemy.ext.asyncio import create_async_engine


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_query(blocking_calls):
        engine = create_async_engine("sqlite+aiosqlite://")

        @event.listens_for(engine.sync_engine, "connect")
        def add_function(database, record):
            database.create_function("keeps", 0, lambda: keeps() and None)

        async with engine.connect() as database:
            await until_told(
                blocking_calls, lambda: database.execute(text("SELECT keeps()"))
            )
        await engine.dispose()
"""

UVLOOP = """
    import uvloop

    PAUSE = 0  # a loop that rests is not seen to be late, since its poll is in C


    @pytest.fixture(scope="session")
    def event_loop_policy():
        return uvloop.EventLoopPolicy()


    @pytest.mark.no_blocking(threshold="40ms")
    async def test_thread(blocking_calls):
        await until_told(blocking_calls, lambda: asyncio.to_thread(keeps))
"""


@pytest.mark.parametrize(
    ("libraries", "suite"),
    [
        ("anyio", ANYIO),
        ("starlette httpx", STARLETTE),
        ("aiosqlite", AIOSQLITE),
        ("aiosqlite sqlalchemy greenlet", SQLALCHEMY),
        ("uvloop", UVLOOP),
    ],
    ids=["anyio", "starlette", "aiosqlite", "sqlalchemy", "uvloop"],
)
def test_a_library_that_hands_work_over_is_told_of_with_the_line_that_made_it(
    pytester, libraries, suite
):
    """Beside the line in the thread, or alone where nobody came to look in time."""
    for library in libraries.split():
        pytest.importorskip(library)
    pytester.makepyfile(test_shop=BEGIN + suite)
    result = pytester.runpytest_subprocess("-o", "asyncio_mode=auto")
    tests = suite.count("async def test_")
    result.assert_outcomes(failed=tests)
    handed = "E     handed over at test_shop.py:", "E     hands "
    told = [line for line in result.outlines if line.startswith(handed)]
    assert len(told) >= tests
    result.stdout.fnmatch_lines(
        ["E   event loop kept waiting * (limit 40.0 ms) by a thread*"]
    )
