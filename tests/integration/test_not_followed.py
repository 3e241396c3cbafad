"""Loops that lack a private name of asyncio's: told in verdicts and in the summary."""

from __future__ import annotations

import pytest

# The loop of a later asyncio, which has another name for its queue.
RENAMED = """
import asyncio, contextlib, sys, pytest
class Renamed(asyncio.SelectorEventLoop):
    def __getattribute__(self, name):
        reader = sys._getframe(1).f_code.co_filename
        if name == "_ready" and "pytest_asyncbench" in reader:
            raise AttributeError(name)
        return super().__getattribute__(name)
"""

SUITE = f"""{RENAMED}
@pytest.mark.budget("10s", speedup=3)
def test_it():
    async def main():
        await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(4)))
    with contextlib.closing(Renamed()) as loop:
        loop.run_until_complete(main())

@pytest.mark.budget("10s")
def test_wall_alone():
    test_it()

@pytest.mark.budget("10ms", speedup=3)
def test_too_long():
    test_it()
"""

NOT_FOLLOWED = "test_it.Renamed is not followed, since it has no _ready"
TOLD = f"speedup at least 3 was promised, and can't be told: {NOT_FOLLOWED}"


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_a_promised_speedup_is_unmeasured(suite):
    """Nobody is told that the test started no tasks, which would be false."""
    one = suite["test_it"]
    assert one.outcome == "failed"
    assert one.lines[:2] == [
        TOLD,
        "use: asyncio's own loop for this test",
    ]
    assert "started no tasks" not in suite.out
    assert one.record["budget"] == {"within": 10.0, "speedup": 3.0, "met": False}


def test_the_time_is_judged_all_the_same(suite):
    """It needs no look at the loop's queue."""
    assert "wall clock" not in suite["test_it"].text
    assert suite["test_wall_alone"].outcome == "passed"
    lines = suite["test_too_long"].lines
    assert "wall clock" in lines[0]
    assert TOLD in lines


def test_the_summary_says_which_loop_and_why(suite):
    """With the number of tests that would have told more, had it been."""
    assert suite["test_it"].record["not_followed"] == [
        {"kind": "test_it.Renamed", "missing": "_ready"}
    ]
    assert f"{NOT_FOLLOWED} (3 tests)" in suite.summary


STEPS = f"""{RENAMED}
import time

@pytest.mark.no_blocking
@pytest.mark.budget(speedup=3)
def test_blocks():
    async def main():
        time.sleep(0.2)
    loop = Renamed()
    loop.run_until_complete(main())
    loop.close()

def test_fixture(concurrently):
    async def main():
        await concurrently(asyncio.sleep(0.01), asyncio.sleep(0.01), speedup=1.5)
    loop = Renamed()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
"""


def test_the_fixture_can_not_tell_a_speedup_either(play_once):
    """It fails as unmeasured, in the same words."""
    run = play_once(STEPS)
    assert run["test_fixture"].outcome == "failed"
    assert f"speedup at least 1.5 was promised, and can't be told: {NOT_FOLLOWED}" in (
        run["test_fixture"].text
    )


def test_its_steps_are_watched_all_the_same(play_once):
    """What blocks is seen without the queue."""
    run = play_once(STEPS)
    (finding,) = run["test_blocks"].record["blocking"]
    assert finding["call"] == "time.sleep"
    assert run["test_blocks"].record["steps"] > 0


WITH_UVLOOP = """
import asyncio, uvloop, pytest

@pytest.mark.budget("10s", speedup=3)
def test_it():
    async def main():
        await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(4)))
    uvloop.run(main())

@pytest.mark.budget("10s")
def test_wall_alone():
    test_it()
"""


def test_uvloop_is_told_in_the_same_words(play_once):
    """It has a queue of its own, in C."""
    pytest.importorskip("uvloop")
    run = play_once(WITH_UVLOOP)
    told = "uvloop.Loop is not followed, since it has no _ready"
    assert run.outcomes == {"test_it": "failed", "test_wall_alone": "passed"}
    assert f"can't be told: {told}" in run["test_it"].text
    assert f"{told} (2 tests)" in run.summary


ON_TOP = """
import asyncio, contextlib, heapq, itertools, threading, time
import pytest

class OnTop(asyncio.SelectorEventLoop):
    # On top of another loop, as qasync's is on Qt's: here of one that only sleeps.
    def __init__(self):
        super().__init__()
        self.timers, self.numbers = [], itertools.count()
        self.rests = threading.Event()
    def call_at(self, when, callback, *args, context=None):
        handle = asyncio.Handle(callback, args, self, context)
        heapq.heappush(self.timers, (when, next(self.numbers), handle))
        return handle
    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)
    def call_soon(self, callback, *args, context=None):
        return self.call_at(self.time(), callback, *args, context=context)
    def run_forever(self):
        asyncio._set_running_loop(self)
        self.over = False
        while not self.over:
            when, _, handle = heapq.heappop(self.timers)
            self.rests.wait(max(0, when - self.time()))
            if not handle.cancelled():
                handle._run()
        asyncio._set_running_loop(None)
    def stop(self):
        self.over = True

async def four():
    await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(4)))

def run(work):
    with contextlib.closing(OnTop()) as loop:
        loop.run_until_complete(work)

@pytest.mark.budget("30s", speedup=2)
def test_speedup():
    run(four())

@pytest.mark.no_blocking(threshold="400ms", rules="none")
def test_idle():
    run(asyncio.sleep(1))

@pytest.mark.no_blocking(threshold="400ms")
def test_blocks():
    run(blocks())

async def blocks():
    time.sleep(0.001)
"""


def test_a_loop_that_something_else_runs_is_told_in_the_same_words(play):
    """What it rests for is no stall, and what blocks is seen at its line."""
    run = play(ON_TOP)
    missing = "test_it.OnTop is not followed, since it has no _run_once"
    assert run["test_speedup"].outcome == "failed"
    assert f"can't be told: {missing} that runs its steps" in run["test_speedup"].text
    assert run["test_idle"].outcome == "passed"
    assert run["test_idle"].record["steps"] > 0
    blocked = [each["function"] for each in run["test_blocks"].record["blocking"]]
    assert "blocks" in blocked
