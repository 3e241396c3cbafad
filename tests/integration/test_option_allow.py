"""``asyncbench_allow``: places where a project accepts blocking."""

from __future__ import annotations

import sys

SUITE = """
import time
import pytest

pytestmark = pytest.mark.no_blocking

def warm_up():
    time.sleep(0.001)

async def test_warm():
    warm_up()

async def test_cold():
    time.sleep(0.001)

@pytest.mark.no_blocking(allow="*test_own > time.sleep  # of the marker")
async def test_own():
    time.sleep(0.001)
"""


def outcomes(warm, cold):
    return {"test_warm": warm, "test_cold": cold, "test_own": "passed"}


def test_ini_takes_a_line_for_each(play_once):
    """With the reason in the summary."""
    run = play_once(
        SUITE,
        ini="asyncbench_allow =\n"
        "    *.warm_up > time.sleep  # once per run\n"
        "    nothing.* > *  # never",
    )
    assert run.outcomes == outcomes("passed", "failed")
    assert run["test_warm"].record["blocking"][0]["allowed"] == "once per run"
    assert "allowed 1 time: once per run" in run.summary


def test_the_command_line_adds_to_ini_and_may_be_given_twice(play):
    """Allowances add up, those of markers included."""
    run = play(
        SUITE,
        "--asyncbench-allow=*test_cold > time.*  # for this run",
        "--asyncbench-allow=nobody > nothing  # unused",
        ini="asyncbench_allow = *.warm_up > time.sleep  # once per run",
    )
    assert run.outcomes == outcomes("passed", "passed")


ALIKE = """
import time

def warm_up():
    time.sleep(0.001)

async def test_warm():
    warm_up()
"""


def test_the_summary_tells_allowances_of_one_reason_apart(play):
    """One that nothing used is a hole in the fence, whatever its reason is."""
    run = play(
        ALIKE,
        ini="asyncbench_blocking = error\n"
        "asyncbench_allow =\n"
        "    *.warm_up > time.sleep  # legacy\n"
        "    *.gone > builtins.open  # legacy\n"
        "asyncbench_rules = all",
    )
    assert run.outcomes == {"test_warm": "passed"}
    assert [line for line in run.summary if "allow" in line] == [
        "allowed 1 time: legacy",
        "an allowance that nothing used: *.gone > builtins.open  # legacy (ini)",
    ]


def test_nobody_uses_an_allowance_whose_family_is_off(play_once):
    """That says nothing of the allowance: nobody has looked for such a call."""
    run = play_once(
        OFF,
        ini="asyncbench_blocking = error\n"
        "asyncbench_allow =\n"
        "    *.gone > io.open  # legacy\n"
        "    *.gone > socket.*  # looked for",
    )
    assert run.outcomes == {"test_own": "passed"}
    assert [line for line in run.summary if "allow" in line] == [
        "an allowance that nothing used: *.gone > socket.*  # looked for (ini)",
    ]


OFF = """
import asyncio
import pytest

@pytest.mark.allow_blocking("reads", calls="builtins.open")
async def test_own():
    await asyncio.sleep(0)
"""

NESTED = """
import time
import pytest

def outer():
    def inner():
        time.sleep(0.001)
    return inner

class Shop:
    def opening(self):
        return lambda: time.sleep(0.001)

@pytest.mark.no_blocking(allow="*inner > time.sleep  # by its own name")
async def test_nested():
    outer()()

@pytest.mark.no_blocking(allow="*<lambda> > time.sleep  # by its own name")
async def test_lambda():
    Shop().opening()()

@pytest.mark.no_blocking(allow="*.outer.inner > time.sleep  # by its whole name")
async def test_whole_name():
    outer()()
"""


def test_a_nested_function_is_known_by_its_own_name_on_every_version(play_once):
    """Python 3.10 does not know the function around it, and the docs say so."""
    whole = "passed" if sys.version_info >= (3, 11) else "failed"
    run = play_once(NESTED)
    assert run.outcomes == {
        "test_nested": "passed",
        "test_lambda": "passed",
        "test_whole_name": whole,
    }
