#!/bin/sh
# CPython's asyncio with `ssl=True`, as in asyncio.open_connection, and what leaves the
# context to it, as websockets 17.4 does for "wss://": each connection has a context of its
# own, by ssl.create_default_context(), made on the loop, and each of them reads and parses
# all the certificates that the system trusts. Nothing is kept from one to the next, so the
# loop stands still for that at every connection; ten gathered ones wait for ten loads in a
# row. The docs of asyncio name the function, and neither when nor how often it is called.
# aiohttp 3.14.5 makes its context once, when it is imported, and httpx 0.28.1 one for each
# client. Who hands over a context, as in the last line, loads nothing there.
#
# Ten connections each; counted is what is loaded while a loop runs.
#
# Needs a Python 3.11 or later, as $PYTHON, and a package index. Installs into a folder
# of its own, which is removed. Ends with 0 where the behaviour is as stated.
set -eu

PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "needs Python 3.11 or later: set PYTHON to its interpreter" >&2
    exit 2
fi

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check \
    websockets==17.4 aiohttp==3.14.5 httpx==0.28.1 trustme==1.2.1

cat >main.py <<'PY'
import asyncio
import os
import ssl

import trustme

authority = trustme.CA()
authority.cert_pem.write_to_path("authority.pem")
os.environ["SSL_CERT_FILE"] = "authority.pem"

create = ssl.create_default_context
loads = 0


def counting(*args, **kwargs):
    global loads
    try:
        asyncio.get_running_loop()
        loads += 1
    except RuntimeError:
        pass
    return create(*args, **kwargs)


ssl.create_default_context = counting

import aiohttp
import httpx
import websockets

TIMES = 10


def page(connection, request):
    if request.path == "/page":
        return connection.respond(200, "soup")


async def echo(connection):
    await connection.send("soup")


async def by_asyncio(port, **how):
    for _ in range(TIMES):
        reader, writer = await asyncio.open_connection("localhost", port, **how)
        writer.write(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"soup" in await reader.read()
        writer.close()
        await writer.wait_closed()


async def by_websockets(port, **how):
    for _ in range(TIMES):
        async with websockets.connect(f"wss://localhost:{port}", **how) as connection:
            assert await connection.recv() == "soup"


async def by_aiohttp(port):
    async with aiohttp.ClientSession() as session:
        for _ in range(TIMES):
            async with session.get(f"https://localhost:{port}/page") as answer:
                assert "soup" in await answer.text()


async def by_httpx(port):
    async with httpx.AsyncClient() as client:
        for _ in range(TIMES):
            assert "soup" in (await client.get(f"https://localhost:{port}/page")).text


async def main():
    global loads
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    own = create()
    async with websockets.serve(
        echo, "localhost", 0, ssl=served, process_request=page
    ) as server:
        port = server.sockets[0].getsockname()[1]
        for name, run in {
            "asyncio, ssl=True": lambda: by_asyncio(port, ssl=True),
            "websockets": lambda: by_websockets(port),
            "aiohttp": lambda: by_aiohttp(port),
            "httpx": lambda: by_httpx(port),
            "websockets, ssl=own": lambda: by_websockets(port, ssl=own),
        }.items():
            loads = 0
            await run()
            print(f"{name}: {loads}")


asyncio.run(main())
PY
cat >expected <<'TEXT'
asyncio, ssl=True: 10
websockets: 10
aiohttp: 0
httpx: 1
websockets, ssl=own: 0
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: websockets 17.4, aiohttp 3.14.5, httpx 0.28.1 on $(env/bin/python --version)"
