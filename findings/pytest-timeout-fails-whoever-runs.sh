#!/bin/sh
# pytest-timeout 2.4.0, with its method "signal", which is the usual one: the test's time
# is up, and the failure is raised in whatever runs at that moment. In a test that runs an
# event loop this need not be the test. Is it another task, then that task ends with the
# failure; is it a callback, then the loop logs it. The test goes on, no timer is set any
# more, and it passes. Just the code for which one wants such a plugin, what blocks the
# loop in the background, is not ended by it. Known as its issue 113; its README does not
# say it. The method "thread" ends the process wherever it is.
#
# Below each of three blocks until the time is up: the test itself, a task, a callback.
#
# Needs a Python 3.10 or later on a Unix, as $PYTHON, and a package index. Installs into a
# folder of its own, which is removed. Ends with 0 where the behaviour is as stated.
set -eu

PYTHON=${PYTHON:-python3}

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check \
    pytest==9.2.0 pluggy==1.7.0 pytest-timeout==2.4.0

cat >test_it.py <<'PY'
import asyncio
import signal
import time

import pytest

pytestmark = pytest.mark.timeout(0.5, method="signal")


def time_left():
    return signal.getitimer(signal.ITIMER_REAL)[0]


def block():
    while time_left():
        time.sleep(0.01)


def goes_on():
    print("went on, time left:", time_left())


def test_blocks_itself():
    async def main():
        block()
        goes_on()

    asyncio.run(main())


def test_has_a_task_that_blocks():
    async def job():
        block()

    async def main():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        print("the task has", type(task.exception()).__name__)
        goes_on()

    asyncio.run(main())


def test_has_a_callback_that_blocks():
    async def main():
        asyncio.get_running_loop().call_soon(block)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        goes_on()

    asyncio.run(main())
PY

cat >expected <<'TEXT'
FAILED test_it.py::test_blocks_itself - Failed: Timeout (>0.5s) from pytest-t...
the task has Failed
went on, time left: 0.0
PASSED test_it.py::test_has_a_task_that_blocks
went on, time left: 0.0
PASSED test_it.py::test_has_a_callback_that_blocks
TEXT

for name in blocks_itself a_task a_callback; do
    COLUMNS=80 env/bin/python -m pytest -q -rA -p no:cacheprovider -k "$name" test_it.py |
        grep '^FAILED\|^PASSED\|^the task\|^went on'
done | tee seen
diff expected seen
echo "as stated: pytest-timeout 2.4.0 on $(env/bin/python --version)"
