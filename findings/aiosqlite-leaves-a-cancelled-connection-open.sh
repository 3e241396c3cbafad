#!/bin/sh
# aiosqlite 0.22.1: whoever is cancelled while connect() is awaited is never given the
# connection, and nobody closes it. Its thread has opened it by then, and ends; the
# database stays open until the garbage collector comes. From 3.13 on Python warns of
# that, which is how it can be seen: a connection that is closed is warned of by nobody.
#
# Needs a Python 3.13 or later, as $PYTHON, and a package index. Installs into a folder
# of its own, which is removed. Ends with 0 where the behaviour is as stated.
set -eu

PYTHON=${PYTHON:-python3.13}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then
    echo "needs Python 3.13 or later: set PYTHON to its interpreter" >&2
    exit 2
fi

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check aiosqlite==0.22.1

cat >main.py <<'PY'
import asyncio
import gc
import threading
import warnings

import aiosqlite


async def open_and_close():
    async with aiosqlite.connect("shop.db"):
        pass


async def is_cancelled():
    task = asyncio.create_task(open_and_close())
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


async def main(opens):
    print("cancelled:", await opens())
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(10)
    print("threads left:", threading.active_count() - 1)


for opens in (open_and_close, is_cancelled):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        asyncio.run(main(opens))
        gc.collect()
    print("left open:", sum("unclosed database" in str(one.message) for one in seen))
PY

cat >expected <<'TEXT'
cancelled: None
threads left: 0
left open: 0
cancelled: True
threads left: 0
left open: 1
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: aiosqlite 0.22.1 on $(env/bin/python --version)"
