#!/bin/sh
# CPython 3.14.10 and 3.15.2, with futurist 3.5.0: `await loop.run_in_executor(...)` goes
# on without giving way to any other task where the job is over by the time at which
# asyncio asks for its end. With an executor that runs a job as it is handed over, as
# futurist's SynchronousExecutor does, that is each time; with a pool of threads it is now
# and then. Up to 3.13 each such await gave way at least once: the loop was told by
# `call_soon_threadsafe`, which from 3.14 on is left out in the loop's own thread
# (_chain_future in Lib/asyncio/futures.py). So a task that awaits such jobs one after
# another may keep all others waiting, and a race of theirs is not seen.
#
# Needs a Python 3.14 or later as $PYTHON, and a package index. Installs into a folder of
# its own, which is removed. Ends with 0 where the behaviour is as stated; the figure of
# the pool of threads is printed and not judged.
set -eu

PYTHON=${PYTHON:-python3}

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check futurist==3.5.0

cat >jobs.py <<'PY'
import asyncio
from concurrent.futures import ThreadPoolExecutor

import futurist

TIMES = 3_000


async def main():
    turns = 0

    async def beside():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def without_giving_way(executor):
        kept = 0
        for _ in range(TIMES):
            before = turns
            await asyncio.get_running_loop().run_in_executor(executor, len, "four")
            kept += turns == before
        return kept

    other = asyncio.create_task(beside())
    await asyncio.sleep(0)
    with futurist.SynchronousExecutor() as at_once:
        print(f"at once: {await without_giving_way(at_once)} of {TIMES}")
    with ThreadPoolExecutor(1) as pool:
        print(f"(in a pool of threads: {await without_giving_way(pool)} of {TIMES})")
    other.cancel()


asyncio.run(main())
PY

echo "at once: 3000 of 3000" >expected
env/bin/python jobs.py >printed
grep "^at once" printed >seen
grep "pool of threads" printed
diff expected seen
echo "as stated: futurist 3.5.0 on $(env/bin/python --version)"
