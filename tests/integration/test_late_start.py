"""A test that promised nothing is watched from its first loop on, in any phase."""

from __future__ import annotations

import os

import pytest

REPORT = "--asyncbench-blocking=report"

WATCHED = """
import pytest
from pytest_asyncbench._glue import trials

class Watched(trials.Watched):
    def start(self):
        print("watched", self.policy.asked)
        return super().start()

trials.Watched = Watched
"""

SUITE = """
import asyncio, threading, time
import pytest

async def blocks():
    time.sleep(0.001)

def run():
    asyncio.run(blocks())

def test_runs_none():
    time.sleep(0.001)

def test_runs_one():
    run()

def test_runs_two():
    run()
    run()

def test_in_a_thread():
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

@pytest.fixture
def set_up():
    run()

def test_in_its_set_up(set_up):
    pass

@pytest.fixture
def torn_down():
    yield
    run()

def test_in_its_teardown(torn_down):
    pass

def test_fails_without_a_loop():
    assert 1 == 2, "my own"

def test_fails_after_a_loop():
    run()
    assert 1 == 2, "my own"

@pytest.fixture
def broken():
    raise RuntimeError("my own")

def test_broken(broken):
    pass

def test_skipped():
    pytest.skip("for a reason")
"""

BLOCKED = {
    "test_runs_one": 1,
    "test_runs_two": 2,
    "test_in_a_thread": 1,
    "test_in_its_set_up": 1,
    "test_fails_after_a_loop": 1,
}
"""How often each was seen to block at the end of its call."""


def test_what_blocks_is_found_wherever_a_loop_runs(play_once):
    """In the test, in a thread of it, in its fixtures; and its line is named."""
    run = play_once(SUITE, REPORT)
    for name, count in BLOCKED.items():
        (entry,) = run[name].record["blocking"]
        where = entry["function"], entry["line"], entry["call"], entry["count"]
        assert where == ("blocks", 5, "time.sleep", count), name
    assert "test_it.py:5 in blocks" in run["test_in_its_teardown"].sections


def test_outcomes_are_as_without_us(play_once):
    """A failure of the test's own, of its fixture's, a skip."""
    run = play_once(SUITE, REPORT)
    unlike = {
        "test_fails_without_a_loop": "failed",
        "test_fails_after_a_loop": "failed",
        "test_broken": "error",
        "test_skipped": "skipped",
    }
    expected = {name: unlike.get(name, "passed") for name in run.outcomes}
    assert run.outcomes == expected


def test_one_that_runs_no_loop_has_its_record(play_once):
    """With the same fields as any other, and the time that its call took."""
    run = play_once(SUITE, REPORT)
    none, one = run["test_runs_none"].record, run["test_runs_one"].record
    assert none.keys() == one.keys()
    assert (none["steps"], none["blocking"], none["loops"]) == (0, [], [])
    assert none["mode"] == "report"
    assert none["wall"] >= 0.001


def test_the_wall_time_begins_with_the_call(play_once):
    """And not with the loop, before which much may be done."""
    suite = """
    import asyncio, time

    def test_late():
        time.sleep(0.05)
        asyncio.run(asyncio.sleep(0))
    """
    assert play_once(suite, REPORT)["test_late"].record["wall"] >= 0.05


def test_no_instrument_stands_around_a_test_without_a_loop(pytester):
    """They cost more than such a test; one that asked is watched from its start."""
    pytester.makeconftest(WATCHED)
    pytester.makepyfile(
        """
        import asyncio
        import pytest

        def test_none():
            print("none")

        def test_one():
            print("one")
            asyncio.run(asyncio.sleep(0))

        @pytest.mark.budget("30s")
        def test_promised():
            print("promised")

        def test_asks(request):
            print("asks")
            assert request.getfixturevalue("blocking_calls") == []
        """
    )
    result = pytester.runpytest_subprocess(REPORT, "-s", "-q", "-p", "no:cacheprovider")
    told = [line.lstrip(".") for line in result.outlines]
    words = {"none", "one", "promised", "asks", "watched False", "watched True"}
    assert [line for line in told if line in words] == [
        "none",
        *("one", "watched False"),
        *("watched True", "promised"),
        *("asks", "watched False"),
    ]
    result.assert_outcomes(passed=4)


def test_a_listener_hears_of_a_test_without_a_loop(pytester):
    """It is told of each test that was looked at, as before."""
    pytester.makepyfile("def test_none(): pass")
    pytester.makeconftest(
        """
        def pytest_asyncbench_verdict(item, record):
            print("heard", item.name, record["steps"], record["wall"] > 0)
        """
    )
    result = pytester.runpytest_subprocess(REPORT, "-s", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*heard test_none 0 True*"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_child_that_a_test_forks_is_left_alone(pytester):
    """What is seen there reaches nobody, and a thread of ours is not its business."""
    pytester.makeconftest(WATCHED)
    pytester.makepyfile(
        """
        import asyncio, os

        def test_forks():
            child = os.fork()
            if not child:
                asyncio.run(asyncio.sleep(0))
                print("ran", flush=True)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """
    )
    result = pytester.runpytest_subprocess(REPORT, "-s", "-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert "ran" in result.stdout.str()
    assert "watched False" not in result.stdout.str()


def test_a_test_that_puts_the_modules_back_throws_out_none_of_ours(pytester):
    """What was loaded with its first loop would be loaded again, beside itself."""
    pytester.makepyfile(
        """
        import asyncio, sys, time
        from unittest import mock

        def test_first():
            with mock.patch.dict(sys.modules):
                asyncio.run(asyncio.sleep(0))

        async def blocks():
            time.sleep(0.001)

        def test_second():
            asyncio.run(blocks())
        """
    )
    pytester.makeconftest(
        """
        import sys
        loaded = []

        def pytest_runtest_setup(item):
            loaded.append(sys.modules.get("pytest_asyncbench._watching.watch"))

        def pytest_unconfigure():
            assert len({*loaded[1:]}) == 1 and None not in loaded[1:], loaded
        """
    )
    result = pytester.runpytest_subprocess(REPORT, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 place*", "*time.sleep*"])


ON_UVLOOP = """
import asyncio, time
import pytest

@pytest.mark.parametrize("number", range(2))
def test_its_first_callback_blocks(number):
    import uvloop
    loop = uvloop.new_event_loop()
    loop.call_soon(time.sleep, 0.2)
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
"""


def test_the_callback_by_which_a_loop_of_uvloops_is_met_is_a_step_of_it(play_once):
    """It is handed over before the test is watched, whoever imports uvloop when."""
    pytest.importorskip("uvloop")
    run = play_once(ON_UVLOOP, REPORT)
    for number in range(2):
        record = run[f"test_its_first_callback_blocks[{number}]"].record
        (blocked,) = record["blocking"]
        assert blocked["call"] == "time.sleep"
