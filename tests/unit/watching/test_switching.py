"""What a test switches: as little as it needs, and no more than once."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops.uvloop_steps import meet_when_run
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

SLEEP = frozenset({"sleep"})


@pytest.fixture
def watch():
    interception = Interception(RULES, SYSTEM_CLOCK)
    undo = interception.install()
    watch = Watch(SYSTEM_CLOCK, threshold=10, interception=interception, families=SLEEP)
    watch.start()
    yield watch
    watch.stop()
    undo()


def is_switched_on() -> bool:
    return time.sleep._call is not time.sleep._plain


async def sleeping():
    time.sleep(0.001)


def test_a_test_that_runs_no_loop_switches_no_wrapper(watch):
    """No call of its can count, so each goes on to what stood there."""
    time.sleep(0.001)
    assert not is_switched_on()
    asyncio.run(sleeping())
    assert is_switched_on()
    watch.stop()
    assert not is_switched_on()


def test_the_first_call_of_the_first_loop_is_seen(watch):
    """The loop is met before its first step."""
    asyncio.run(sleeping())
    asyncio.run(sleeping())
    assert [call.seconds > 0 for call in watch.known.since(0)] == [True, True]


def test_loops_that_are_met_at_once_switch_once(watch):
    """And what was switched is switched back, whichever thread met its loop first."""
    start = threading.Barrier(4)

    def run():
        start.wait()
        asyncio.run(sleeping())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watch.stop()
    assert len(watch.known.since(0)) == 4
    assert not is_switched_on()


def test_a_loop_that_is_met_when_the_test_is_over_switches_nothing(watch):
    """A thread that outlives its test is nobody's."""
    watch.stop()
    watch.view(asyncio.new_event_loop()).loop.close()
    assert not is_switched_on()


def test_what_stands_on_uvloops_class_is_made_once():
    """Not for each test; and while nobody watches, what somebody kept only calls."""
    uvloop = pytest.importorskip("uvloop")
    met, kept = [], []
    for _ in range(2):
        undo = meet_when_run(met.append)
        kept.append(uvloop.Loop.call_soon)
        undo()
    assert kept[0] is kept[1] is not uvloop.Loop.call_soon
    loop = uvloop.new_event_loop()
    kept[0](loop, list).cancel()
    assert met == []
    undo = meet_when_run(met.append)
    loop.call_soon(list).cancel()
    undo()
    loop.close()
    assert met == [loop]
