#!/bin/sh
# httpcore 1.0.9, with anyio 4.16.0: a request that is cancelled as asyncio cancels, by
# task.cancel(), a timeout or a TaskGroup, may cost its pool a place for good. Nothing uses
# that connection any more, and with one place all later requests end in PoolTimeout. No
# other request need be there: of the three awaits of one that nothing delays, each of
# them at a lock that nobody holds, two leave the pool so. Its changelog says since 0.17.3
# that cancellations leave the pool clean. But a connection whose first request is
# cancelled before it is sent counts as neither closed nor idle; and what tidies up after a
# request is shielded from the scopes of anyio alone. Known: issue 1093 of httpcore, for a
# pool that many use at once. httpx 0.28 has this pool.
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
    httpcore==1.0.9 h11==0.16.0 anyio==4.16.0

cat >main.py <<'PY'
import asyncio

import httpcore

ANSWER = [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 4\r\n", b"\r\n", b"soup"]


def a_pool():
    backend = httpcore.AsyncMockBackend(ANSWER)
    return httpcore.AsyncConnectionPool(max_connections=1, network_backend=backend)


async def get(pool):
    timeouts = {"timeout": {"pool": 0.2}}
    answer = await pool.request("GET", "http://shop.test/", extensions=timeouts)
    return answer.content.decode()


async def cancelled_at(pool, number):
    """Whether a request was cancelled at its await of that number, from 1 on."""
    task = asyncio.create_task(get(pool))
    for _ in range(number):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def main():
    number = 1
    while True:
        async with a_pool() as pool:
            if not await cancelled_at(pool, number):
                print("there is no await", number)
                return
            try:
                then = await get(pool)
            except httpcore.PoolTimeout:
                then = "PoolTimeout"
            print(f"cancelled at await {number}, then: {then}")
        number += 1


asyncio.run(main())
PY

cat >expected <<'TEXT'
cancelled at await 1, then: soup
cancelled at await 2, then: PoolTimeout
cancelled at await 3, then: PoolTimeout
there is no await 4
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: httpcore 1.0.9 on $(env/bin/python --version)"
