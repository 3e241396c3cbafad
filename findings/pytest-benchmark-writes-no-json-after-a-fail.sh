#!/bin/sh
# pytest-benchmark 5.3.1: where the first round of a benchmark ends with what is no
# Exception, as pytest.fail() and a cancellation are none, a run with --benchmark-json
# ends with a traceback of its own: no JSON is written, of no benchmark, and what other
# plugins do at the end of the run is not done, the terminal's summary among it. With an
# Exception, or without the option, the test fails and all the rest is as always.
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
    pytest==9.2.0 pytest-benchmark==5.3.1

cat >test_rounds.py <<'PY'
import asyncio

import pytest


def test_counts(benchmark):
    benchmark.pedantic(len, ("abc",), rounds=3)


def raises():
    raise ValueError("no Latin letter")


def cancelled():
    raise asyncio.CancelledError


def fails():
    pytest.fail("slower than it may be")


@pytest.mark.parametrize("work", [raises, cancelled, fails], ids=lambda it: it.__name__)
def test_ends_early(benchmark, work):
    benchmark.pedantic(work, rounds=3)
PY

run() {
    name=$1
    shift
    rm -f rounds.json
    status=0
    env/bin/python -m pytest -q -p no:cacheprovider "$@" >out 2>&1 || status=$?
    grep -q '^ValueError: min() ' out && traceback=one || traceback=none
    grep -q ' 1 passed' out && summary=there || summary=none
    [ -f rounds.json ] && json=written || json=none
    echo "$name: status $status, traceback $traceback, JSON $json, summary $summary"
}

run "an Exception" --benchmark-json=rounds.json -k "counts or raises" | tee seen
run "a cancellation" --benchmark-json=rounds.json -k "counts or cancelled" | tee -a seen
run "pytest.fail" --benchmark-json=rounds.json -k "counts or fails" | tee -a seen
run "pytest.fail, no option" -k "counts or fails" | tee -a seen

cat >expected <<'TEXT'
an Exception: status 1, traceback none, JSON written, summary there
a cancellation: status 1, traceback one, JSON none, summary none
pytest.fail: status 1, traceback one, JSON none, summary none
pytest.fail, no option: status 1, traceback none, JSON none, summary there
TEXT

diff expected seen
echo "as stated: pytest-benchmark 5.3.1 on $(env/bin/python --version)"
