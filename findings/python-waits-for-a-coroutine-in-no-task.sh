#!/bin/sh
# CPython, from 3.12 on: asyncio.wait_for() with a coroutine and a timeout awaits it in the
# task that calls. Up to 3.11 it made a task of it, and the docs said so of later ones, too,
# until 2026 (CPython's issue 155894; what is there now tells of no change). So nobody
# else runs before the coroutine begins, what it sets of a ContextVar stays set
# for its caller, and tasks have other numbers: an order of tasks that was taken down on
# one side of 3.12 is another one on the other side.
#
# Needs a Python 3.12 or later, as $PYTHON; no package. Works in a folder of its own, which
# is removed. Ends with 0 where the behaviour is as stated. Up to 3.11 the lines would be
# "task of its own: True", "turns of others: 3", "set for the caller: False".
set -eu

PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    echo "needs Python 3.12 or later: set PYTHON to its interpreter" >&2
    exit 2
fi

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"

cat >main.py <<'PY'
import asyncio
from contextvars import ContextVar

user = ContextVar("user", default=None)
turns = 0


async def beside():
    global turns
    while True:
        turns += 1
        await asyncio.sleep(0)


async def job():
    user.set("someone")
    return asyncio.current_task()


async def main():
    other = asyncio.create_task(beside())
    await asyncio.sleep(0)
    before = turns
    task = await asyncio.wait_for(job(), 60)
    print("task of its own:", task is not asyncio.current_task())
    print("turns of others:", turns - before)
    print("set for the caller:", user.get() is not None)
    other.cancel()


asyncio.run(main())
PY

cat >expected <<'TEXT'
task of its own: False
turns of others: 0
set for the caller: True
TEXT

"$PYTHON" main.py | tee seen
diff expected seen
echo "as stated: $("$PYTHON" --version)"
