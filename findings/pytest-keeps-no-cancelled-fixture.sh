#!/bin/sh
# pytest 9.2.0: a fixture whose set-up ends in asyncio.CancelledError is not kept as one
# that failed, since that is no Exception; and its finalizers stay as they are. The next
# test that uses it is not set up anew: it ends in a bare AssertionError of pytest's own,
# which names neither the fixture nor the cancellation.
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
    pytest==9.2.0 pluggy==1.7.0

cat >test_it.py <<'PY'
import asyncio

import pytest


async def job():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


@pytest.fixture
def served():
    asyncio.run(job())


def test_first(served):
    pass


def test_second(served):
    pass
PY

cat >expected <<'TEXT'
ERROR test_it.py::test_first - asyncio.exceptions.CancelledError
ERROR test_it.py::test_second - AssertionError
TEXT

env/bin/python -m pytest -q -p no:cacheprovider test_it.py | grep ^ERROR | tee seen
diff expected seen
echo "as stated: pytest 9.2.0 on $(env/bin/python --version)"
