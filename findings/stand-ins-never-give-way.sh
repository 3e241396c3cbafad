#!/bin/sh
# AsyncMock of CPython's unittest.mock, httpx 0.28.1 with its MockTransport, with respx
# 0.23.1, or with its ASGITransport around an async route of Starlette 1.10.0: an await
# of any of them goes on without giving way to any other task. So of ten gathered calls
# one at most is ever in flight; the tenth begins when the ninth is over. What stands
# around such a call in a test, a lock that is missing, a limit, a cache that two should not
# fill, is never met by two at once, whatever order the tasks are run in, and a task
# can't be cancelled there. With a server on a socket all ten are in flight. The docs of
# none say it. A stand-in of one's own that awaits asyncio.sleep(0) first does give way.
#
# Needs a Python 3.10 or later, as $PYTHON, and a package index. Installs into a folder
# of its own, which is removed. Ends with 0 where the behaviour is as stated.
set -eu

PYTHON=${PYTHON:-python3}

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check \
    httpx==0.28.1 httpcore==1.0.9 anyio==4.16.0 respx==0.23.1 starlette==1.10.0

cat >main.py <<'PY'
import asyncio
from contextlib import asynccontextmanager
from unittest.mock import AsyncMock

import httpx
import respx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

CALLS = 10
URL = "http://shop.test/"


@asynccontextmanager
async def mock():
    yield AsyncMock()


@asynccontextmanager
async def mock_transport():
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        yield lambda: client.get(URL)


@asynccontextmanager
async def with_respx():
    with respx.mock:
        respx.get(URL).respond(200)
        async with httpx.AsyncClient() as client:
            yield lambda: client.get(URL)


@asynccontextmanager
async def asgi_transport():
    async def page(request):
        return PlainTextResponse("soup")

    app = Starlette(routes=[Route("/", page)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport) as client:
        yield lambda: client.get(URL)


@asynccontextmanager
async def server():
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    served = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = served.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(trust_env=False) as client:
        yield lambda: client.get(f"http://127.0.0.1:{port}/")
    served.close()


@asynccontextmanager
async def mock_that_gives_way():
    async def give_way():
        await asyncio.sleep(0)

    yield AsyncMock(side_effect=give_way)


async def most_in_flight(stand_in):
    now = most = 0

    async def one(call):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await call()
        now -= 1

    async with stand_in() as call:
        await asyncio.gather(*(one(call) for _ in range(CALLS)))
    return most


for stand_in in (
    mock,
    mock_transport,
    with_respx,
    asgi_transport,
    server,
    mock_that_gives_way,
):
    print(f"{stand_in.__name__}: {asyncio.run(most_in_flight(stand_in))} in flight")
PY

cat >expected <<'TEXT'
mock: 1 in flight
mock_transport: 1 in flight
with_respx: 1 in flight
asgi_transport: 1 in flight
server: 10 in flight
mock_that_gives_way: 10 in flight
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: httpx 0.28.1, respx, Starlette on $(env/bin/python --version)"
