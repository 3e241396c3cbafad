"""Tests that another plugin runs at once, in one loop: each answers for its own."""

from __future__ import annotations

import json

import pytest

SUITE = """
import asyncio, time
import pytest

pytestmark = [*{marks}, pytest.mark.no_blocking(threshold="100ms")]

def busy():
    ends = time.thread_time() + 0.3  # whatever else runs on the machine
    while time.thread_time() < ends:
        pass

async def child():
    time.sleep(0.001)

async def test_before():
    for _ in range(5):
        await asyncio.sleep(0.01)

async def test_blocks():
    await asyncio.sleep(0.01)
    time.sleep(0.001)

async def test_has_a_child_that_blocks():
    await asyncio.sleep(0.01)
    await asyncio.create_task(child())

async def test_is_busy():
    await asyncio.sleep(0.01)
    busy()
    await asyncio.sleep(0.01)

async def test_is_busy_at_its_end():
    await asyncio.sleep(0.01)
    busy()

async def test_has_a_callback_that_is_busy():
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(lambda: (busy(), done.set()))
    await done.wait()

@pytest.mark.allow_blocking("is known to")
async def test_may_block():
    await asyncio.sleep(0.01)
    time.sleep(0.001)

@pytest.mark.no_blocking(rules="locks")
async def test_asks_for_no_sleep():
    await asyncio.sleep(0.01)
    time.sleep(0.001)

@pytest.mark.budget("1s")
async def test_hangs():
    await asyncio.sleep(600)

async def test_after():
    for _ in range(5):
        await asyncio.sleep(0.01)
"""

BLAMED = {
    "test_before": [],
    "test_blocks": [("test_blocks", "call")],
    "test_has_a_child_that_blocks": [("child", "call")],
    "test_is_busy": [("busy", "stall")],
    "test_is_busy_at_its_end": [("busy", "stall")],
    "test_has_a_callback_that_is_busy": [("busy", "stall")],
    "test_may_block": [],
    "test_asks_for_no_sleep": [],
    "test_hangs": [],
    "test_after": [],
}

# Sets all tests up, runs them in one loop, and tears them down in the same order.
AT_ONCE = """
import asyncio
from contextlib import contextmanager, suppress
from _pytest.runner import CallInfo

@contextmanager
def standing_inside(item):
    ours = "asyncbench-session"
    hooks = item.ihook.pytest_runtest_call.get_hookimpls()
    wrappers = [each.function(item) for each in hooks if each.plugin_name == ours]
    for each in wrappers:
        next(each)
    try:
        yield
    except BaseException as error:
        for each in wrappers:
            each.throw(error)
        raise
    for each in wrappers:
        with suppress(StopIteration):
            each.send(None)

def pytest_runtestloop(session):
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return None
    runner = session.config.pluginmanager.get_plugin("runner")
    def report(item, when, function):
        call = function if isinstance(function, CallInfo) else CallInfo.from_call(
            function, when)
        made = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=made)
    def hook(item, name, **more):
        call = item.session.config.pluginmanager.subset_hook_caller(name, [runner])
        return lambda: call(item=item, **more)
    async def run(item):
        raised = []
        async def call():
            with standing_inside(item):
                await item.obj()
        try:
            await call()
        except BaseException as error:
            raised.append(error)
        def outcome():
            if raised:
                raise raised[0]
        return CallInfo.from_call(outcome, "call")
    async def main():
        return await asyncio.gather(*map(run, session.items))
    for item in session.items:
        report(item, "setup", hook(item, "pytest_runtest_setup"))
    for item, call in zip(session.items, asyncio.run(main())):
        report(item, "call", call)
    for item in session.items:
        report(item, "teardown", hook(item, "pytest_runtest_teardown", nextitem=None))
    return True
"""


def last_record(told):
    """Give the record at the end of the teardown, which knows of the last step."""
    properties = dict(told.reports[-1]["properties"])
    return json.loads(properties["asyncbench"])


def blamed(run):
    return {
        test: [
            (each["function"].rpartition(".")[2], each["kind"])
            for each in last_record(run[test])["blocking"]
            if not each["allowed"]
        ]
        for test in run.outcomes
    }


def check(run):
    assert blamed(run) == BLAMED
    # Some of them at their end: a step that is not over has no length yet.
    failed = {test for test, outcome in run.outcomes.items() if outcome != "passed"}
    assert failed == {test for test, places in BLAMED.items() if places} | {
        "test_hangs"
    }
    assert "pytest-asyncbench itself" not in run.out, "a failure of ours"
    assert run["test_hangs"].lines[0].startswith("wall clock ")


def test_each_of_a_group_of_pytest_asyncio_concurrent_answers_for_its_own(play_once):
    """It knows the group before the first one of it is set up."""
    pytest.importorskip("pytest_asyncio_concurrent")
    marks = "[pytest.mark.asyncio_concurrent(group='group')]"
    check(play_once(SUITE.format(marks=marks), "--asyncio-mode=strict"))


def test_each_answers_for_its_own_whoever_runs_them_at_once(play_once):
    """A test that is set up while another one is watched is watched along with it."""
    check(play_once(SUITE.format(marks="[]"), "-p", "no:asyncio", conftest=AT_ONCE))
