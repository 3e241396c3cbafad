"""``@pytest.mark.no_blocking``: any call that blocks the loop fails the test."""

from __future__ import annotations

import json

import pytest

SUITE = """
import asyncio, socket, subprocess, sys, threading, time
import pytest

pytestmark = pytest.mark.no_blocking

def helper():
    time.sleep(0.15)

async def test_clean():
    await asyncio.sleep(0.01)
    await asyncio.to_thread(time.sleep, 0.15)

async def test_stall():
    waiting = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
    await asyncio.sleep(0.01)
    helper()

async def test_quick():
    time.sleep(0.001)

async def test_busy():
    until = time.thread_time() + 0.25
    while time.thread_time() < until:
        sum(range(100))

async def test_many_times():
    for _ in range(4):
        time.sleep(0.001)
        await asyncio.sleep(0)

async def test_swallowed():
    try:
        time.sleep(0.15)
    except Exception:
        pass

async def test_swallowed_base():
    try:
        time.sleep(0.001)
    except BaseException:
        pass

async def test_own_failure():
    time.sleep(0.001)
    assert 1 == 2, "my own"

async def test_skipped():
    time.sleep(0.001)
    pytest.skip("not today")

@pytest.mark.xfail(reason="known to block")
async def test_xfailed():
    time.sleep(0.001)

@pytest.mark.xfail(strict=True, reason="known")
async def test_xpassed():
    await asyncio.sleep(0)

async def test_in_a_child():
    async def child():
        time.sleep(0.001)
    await asyncio.create_task(child())

async def test_in_a_callback():
    asyncio.get_running_loop().call_soon(time.sleep, 0.001)
    await asyncio.sleep(0.01)

@pytest.fixture
async def blocking_fixture():
    yield
    time.sleep(0.001)

async def test_teardown(blocking_fixture):
    await asyncio.sleep(0)

@pytest.fixture
async def failing_fixture():
    yield
    time.sleep(0.001)
    assert 1 == 2, "my own"

async def test_teardown_fails(failing_fixture):
    await asyncio.sleep(0)

@pytest.fixture
async def blocking_setup():
    time.sleep(0.001)

async def test_setup(blocking_setup):
    await asyncio.sleep(0)

@pytest.mark.no_blocking(threshold="500ms", rules="none")
async def test_threshold():
    time.sleep(0.15)

@pytest.mark.no_blocking(rules=["network"])
async def test_rules():
    time.sleep(0.001)

@pytest.mark.no_blocking(allow="*test_allow > time.sleep  # warms up")
async def test_allow():
    time.sleep(0.001)

@pytest.mark.no_blocking(allow="*somewhere_else > time.sleep  # warms up")
async def test_allowed_elsewhere():
    time.sleep(0.001)

async def test_contended_lock():
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(0.05, lock.release).start()
    with lock:
        pass

async def test_uncontended_lock():
    with threading.Lock():
        pass

async def test_nonblocking_socket():
    a, b = socket.socketpair()
    a.setblocking(False)
    with a, b, pytest.raises(BlockingIOError):
        a.recv(1)

@pytest.mark.no_blocking
def test_sync():
    time.sleep(0.15)

def test_sync_with_a_loop():
    async def main():
        time.sleep(0.001)
    asyncio.run(main())

def test_loop_in_a_thread():
    async def main():
        time.sleep(0.001)
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
"""

FAIL = {
    "test_stall",
    "test_quick",
    "test_busy",
    "test_many_times",
    "test_swallowed",
    "test_swallowed_base",
    "test_own_failure",
    "test_in_a_child",
    "test_in_a_callback",
    "test_setup",
    "test_allowed_elsewhere",
    "test_contended_lock",
    "test_sync",
    "test_sync_with_a_loop",
    "test_loop_in_a_thread",
    "test_xpassed",
}


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_outcomes(suite):
    """Who blocked failed, others passed, and skip and xfail mean what they mean."""
    outcomes = suite.outcomes
    failed = {name for name, outcome in outcomes.items() if outcome == "failed"}
    assert failed == FAIL
    assert outcomes["test_teardown"] == "error"
    assert outcomes["test_skipped"] == "skipped"
    assert outcomes["test_xfailed"] == "xfailed"
    for name in ("test_clean", "test_uncontended_lock", "test_nonblocking_socket"):
        assert outcomes[name] == "passed"


def test_a_stall_says_where_what_how_long_and_what_instead(suite):
    """The user's line first, with its source."""
    told = suite["test_stall"]
    lines = told.lines
    assert lines[0].startswith("event loop stalled ")
    assert lines[0].endswith("(limit 0.100 s)")
    assert lines[1] == "test_it.py:7 in helper"
    assert lines[2:4] == ["time.sleep(0.15)", "calls time.sleep"]
    assert "use: await asyncio.sleep(...) (ruff ASYNC251)" in lines
    (entry,) = told.record["blocking"]
    assert (entry["kind"], entry["call"], entry["count"]) == ("stall", "time.sleep", 1)
    assert (entry["line"], entry["function"]) == (7, "helper")
    assert 0.1 < entry["seconds"] < 10


def test_a_known_call_counts_however_quick(suite):
    """No stall, and yet it could have been."""
    told = suite["test_quick"]
    assert told.lines[0].startswith("blocking call on the event loop, ")
    (entry,) = told.record["blocking"]
    assert (entry["kind"], entry["call"]) == ("call", "time.sleep")


def test_pure_python_that_keeps_the_loop_is_a_stall_of_its_function(suite):
    """No call of a rule is needed."""
    (entry,) = suite["test_busy"].record["blocking"]
    assert (entry["kind"], entry["function"]) == ("stall", "test_busy")
    assert 0.2 < entry["seconds"] < 20


def test_the_same_place_is_reported_once(suite):
    """With how often."""
    (entry,) = suite["test_many_times"].record["blocking"]
    assert entry["count"] == 4
    assert suite["test_many_times"].lines[0].endswith(", 4 times")


@pytest.mark.parametrize("name", ["test_swallowed", "test_swallowed_base"])
def test_nothing_can_swallow_a_verdict(suite, name):
    """It is given at the end, where no `except` of the test's is left."""
    assert suite[name].outcome == "failed"
    assert "time.sleep" in suite[name].text


def test_a_failure_of_the_tests_own_is_added_to_not_replaced(suite):
    """Both are to be read."""
    told = suite["test_own_failure"]
    assert "AssertionError: my own" in told.text
    assert "blocking call on the event loop" in told.text + told.sections


BROKEN_SET_UP = """
import time
import pytest

pytestmark = pytest.mark.no_blocking

@pytest.fixture
async def fails():
    time.sleep(0.001)
    raise RuntimeError("my own")

@pytest.fixture
async def fails_in_a_word():
    time.sleep(0.001)
    pytest.fail("my own", pytrace=False)

@pytest.fixture
async def skips():
    time.sleep(0.001)
    pytest.skip("not today")

@pytest.fixture
async def leaves_slowly():
    yield
    time.sleep(0.001)

async def test_fails(leaves_slowly, fails): pass
async def test_fails_in_a_word(fails_in_a_word): pass
async def test_skips(skips): pass

@pytest.mark.skip
async def test_skipped(fails): pass
"""


def test_what_blocks_in_a_set_up_that_fails_is_told_as_well(play):
    """It may be why it failed; no call comes after it whose verdict would have it."""
    run = play(BROKEN_SET_UP)
    assert run.outcomes == {
        "test_fails": "error",
        "test_fails_in_a_word": "error",
        "test_skips": "skipped",
        "test_skipped": "skipped",
    }
    set_up, torn_down = run["test_fails"].reports
    assert "RuntimeError: my own" in set_up["text"]
    assert "blocking call on the event loop, " in set_up["text"]
    assert "in leaves_slowly" in torn_down["text"]
    ((_, record),) = torn_down["properties"]
    functions = [entry["function"] for entry in json.loads(record)["blocking"]]
    assert functions == ["fails", "leaves_slowly"]
    for name in ("test_fails_in_a_word", "test_skips"):
        assert run[name].sections.startswith("blocking call on the event loop, ")
    assert not run["test_skipped"].watched
    assert run.summary[0].startswith("3 tests and ")


BRIEF = """
import time
import pytest

@pytest.mark.no_blocking
async def test_brief():
    time.sleep(0.001)
    pytest.fail("in a word", pytrace=False)
"""


def test_a_failure_that_takes_no_notes_is_added_to_as_well(play):
    """pytest shows its message alone; the verdict stands below, in a section."""
    told = play(BRIEF)["test_brief"]
    assert told.outcome == "failed"
    assert told.lines == ["in a word"]
    assert told.sections.startswith("blocking call on the event loop, ")


def test_a_contended_lock_is_a_blocking_call_and_an_uncontended_one_is_none(suite):
    """It is the waiting that counts."""
    (entry,) = suite["test_contended_lock"].record["blocking"]
    assert "lock" in entry["call"].lower() or "acquire" in entry["call"]
    assert suite["test_uncontended_lock"].record["blocking"] == []


def test_fixtures_count_where_they_block(suite):
    """In setup it is the test's verdict, in teardown an error of its own."""
    assert "blocking_setup" in suite["test_setup"].text
    assert "in blocking_fixture" in suite["test_teardown"].text


def test_a_teardown_that_fails_hides_no_call(suite):
    """Its own failure stands, and what blocked is added to it and to the record."""
    told = suite["test_teardown_fails"]
    assert told.outcome == "error"
    assert "my own" in told.text
    assert "in failing_fixture" in told.text.partition("my own")[2]
    (value,) = [text for _, text in told.reports[-1]["properties"]]
    assert [entry["call"] for entry in json.loads(value)["blocking"]] == ["time.sleep"]


def test_a_call_that_is_itself_the_callback_is_reported(suite):
    """`call_soon(time.sleep, 1)` blocks like any other."""
    told = suite["test_in_a_callback"]
    assert told.outcome == "failed"
    # No line of Python has called it.
    assert told.lines[1:3] == ["in a callback of the loop", "calls time.sleep"]


def test_the_arguments_of_the_marker_count(suite):
    """threshold=, rules= and allow=."""
    assert suite["test_threshold"].outcome == "passed"
    assert suite["test_rules"].outcome == "passed"
    assert suite["test_allow"].outcome == "passed"
    (entry,) = suite["test_allow"].record["blocking"]
    assert entry["allowed"] == "warms up"


def test_a_loop_is_watched_whoever_runs_it(suite):
    """In a sync test, and in a thread of its own."""
    for name in ("test_sync_with_a_loop", "test_loop_in_a_thread"):
        (entry,) = suite[name].record["blocking"]
        assert (entry["call"], entry["function"].rpartition(".")[2]) == (
            "time.sleep",
            "main",
        )


def test_who_asked_and_ran_no_loop_is_told_that_it_was_not_measured(suite):
    """Without a loop nothing can block one; silence would look like proof."""
    assert suite["test_sync"].lines[0].startswith("not measured: ")
    assert suite["test_sync"].record["unmeasured"] is True
    assert suite["test_sync"].record["blocking"] == []


BETWEEN = """
import asyncio, contextvars, os, signal, threading, time
import pytest

pytestmark = pytest.mark.no_blocking

class Slow:
    def __del__(self):
        time.sleep(0.001)

    def method(self):
        pass

async def test_a_handle_is_dropped():
    asyncio.get_running_loop().call_soon(Slow().method)
    await asyncio.sleep(0.01)

async def test_a_timer_is_dropped():
    asyncio.get_running_loop().call_later(0.001, Slow().method)
    await asyncio.sleep(0.01)

async def test_a_result_is_dropped():
    async def make():
        return Slow()
    asyncio.ensure_future(make())
    await asyncio.sleep(0.01)

def handler(*_):
    time.sleep(0.001)

@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="UNIX only")
async def test_a_signal_comes_while_the_loop_rests():
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    await asyncio.sleep(0.1)
    signal.signal(signal.SIGALRM, before)
"""


def test_what_runs_between_two_steps_is_seen(play_once):
    """Finalizers of what the last step held, and signal handlers."""
    run = play_once(BETWEEN)
    for name in run.outcomes:
        assert run[name].outcome == "failed", name
        (found,) = run[name].record["blocking"]
        where = "handler" if "signal" in name else "Slow.__del__"
        assert found["call"] == "time.sleep"
        assert found["function"].endswith(where.rpartition(".")[2])


IN_C = """
import asyncio, gc
import pytest

KEPT = []

@pytest.mark.no_blocking(threshold="5ms", starvation="strict")
async def test_collects():
    KEPT.extend([each] for each in range(400_000))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(gc.collect)
    await asyncio.sleep(0.01)
    KEPT.clear()
"""


def test_a_callback_in_c_is_named(play_once):
    """It has no frame, and no line."""
    run = play_once(IN_C)
    assert run["test_collects"].outcome == "failed"
    assert "gc.collect" in {
        each["call"] for each in run["test_collects"].record["blocking"]
    }
    assert run["test_collects"].record["problems"] == []


OF_ALL = """
import asyncio, time
import pytest

pytestmark = pytest.mark.no_blocking

def test_no_loop():
    pass

class TestClass:
    pytestmark = pytest.mark.no_blocking(threshold="50ms")

    def test_no_loop_in_a_class(self):
        pass

@pytest.mark.no_blocking
def test_marked_itself():
    pass

def test_runs_a_loop():
    async def nap():
        time.sleep(0.2)
    asyncio.run(nap())

async def test_async():
    await asyncio.sleep(0)
"""


def test_a_class_or_module_is_marked_for_those_of_its_tests_that_run_a_loop(play):
    """A sync test that runs none is told once; one that is marked itself fails."""
    run = play(OF_ALL)
    assert run.outcomes == {
        "test_no_loop": "passed",
        "test_no_loop_in_a_class": "passed",
        "test_marked_itself": "failed",
        "test_runs_a_loop": "failed",
        "test_async": "passed",
    }
    assert "time.sleep" in run["test_runs_a_loop"].text
    for name in ("test_no_loop", "test_no_loop_in_a_class", "test_marked_itself"):
        (line,) = [line for line in run.summary if f"{name} asked" in line]
        assert line.startswith("not measured: ")
