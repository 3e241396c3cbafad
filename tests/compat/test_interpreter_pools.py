"""Pools of interpreters (Python 3.14), which are given what they do pickled."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="pools of interpreters came with 3.14"
)

SUITE = """
import asyncio, math
from concurrent.futures import InterpreterPoolExecutor
import pytest

@pytest.fixture(scope="module")
def pool():
    with InterpreterPoolExecutor(1) as pool:
        yield pool

@pytest.mark.budget("30s")
async def test_followed(pool):
    assert await asyncio.get_running_loop().run_in_executor(pool, math.sqrt, 4) == 2

@pytest.mark.budget("30s")
async def test_by_default(pool):
    asyncio.get_running_loop().set_default_executor(pool)
    assert await asyncio.get_running_loop().run_in_executor(None, math.sqrt, 4) == 2
"""


def test_a_job_is_handed_over_as_it_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-p", "asyncio", "-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=2)
