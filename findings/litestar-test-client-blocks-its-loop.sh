#!/bin/sh
# litestar 2.25.0: each request of AsyncTestClient waits, in the thread of the test's own
# loop, for another loop in a thread of its own, where the application is run:
# handle_async_request of its transport calls handle_request, and awaits nothing. So the
# test's loop stands until the answer is there, and nothing of a test runs side by side:
# four requests that are gathered take as long as four in turn, and a task beside them,
# or a timeout around one, does not go on meanwhile.
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
    litestar==2.25.0 httpx==0.28.1 anyio==4.16.0

cat >main.py <<'PY'
import asyncio
import time

from litestar import Litestar, get
from litestar.testing import AsyncTestClient


@get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.3)
    return "done"


async def main():
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async with AsyncTestClient(Litestar([slow], logging_config=None)) as client:
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0)
        began, before = time.monotonic(), ticks
        await asyncio.gather(*(client.get("/slow") for _ in range(4)))
        print("as long as four in turn:", time.monotonic() - began >= 4 * 0.3)
        print("ticks meanwhile:", ticks - before)
        ticking.cancel()
        try:
            await asyncio.wait_for(client.get("/slow"), 0.05)
            print("a timeout of 0.05 s around 0.3 s: answered all the same")
        except asyncio.TimeoutError:
            print("a timeout of 0.05 s around 0.3 s: timed out")


asyncio.run(main())
PY

cat >expected <<'TEXT'
as long as four in turn: True
ticks meanwhile: 0
a timeout of 0.05 s around 0.3 s: answered all the same
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: litestar 2.25.0 on $(env/bin/python --version)"
