"""``@pytest.mark.budget`` at sync tests: whatever runs their loops, they are ended."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, contextlib, threading, unittest
import pytest

pytestmark = pytest.mark.budget("200ms")

async def hang():
    await asyncio.sleep(60)

@contextlib.contextmanager
def served():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

@pytest.fixture(scope="module")
def server():
    with served() as loop:
        begun = threading.Event()
        async def beat():
            begun.set()
            while True:
                await asyncio.sleep(0.01)
        beating = asyncio.run_coroutine_threadsafe(beat(), loop)
        begun.wait()
        yield loop, beating
        beating.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.02), loop).result()

def test_run():
    asyncio.run(hang())

def test_children():
    cleaned = []
    async def child():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(asyncio.current_task().get_name())
    async def main():
        await asyncio.gather(*(asyncio.create_task(child(), name=f"job-{n}")
                               for n in range(3)))
    try:
        asyncio.run(main())
    finally:
        assert sorted(cleaned) == ["job-0", "job-1", "job-2"], "not cleaned up"

def test_caught():
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(hang())

def test_stubborn():
    async def main():
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await hang()
    asyncio.run(main())

def test_own_failure():
    try:
        asyncio.run(hang())
    finally:
        assert 1 == 2, "while cleaning up"

def test_joined_thread():
    thread = threading.Thread(target=lambda: asyncio.run(hang()))
    thread.start()
    thread.join()

def test_sent_to_a_thread():
    with served() as loop:
        asyncio.run_coroutine_threadsafe(hang(), loop).result()

def test_sent_to_the_server(server):
    asyncio.run_coroutine_threadsafe(hang(), server[0]).result()

@pytest.mark.budget(30)
def test_the_server_is_whole(server):
    loop, beating = server
    assert not beating.done()
    answer = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "answer"), loop)
    assert answer.result() == "answer"

def test_of_no_task():
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: None)
    try:
        loop.run_until_complete(loop.create_future())
    finally:
        loop.close()

class TestCase(unittest.TestCase):
    def test_of_unittest(self):
        asyncio.run(hang())

    def test_of_unittest_stands(self):
        threading.Event().wait(0.5)

@pytest.mark.budget(30)
def test_in_time():
    asyncio.run(asyncio.sleep(0))

@pytest.mark.budget(30)
def test_own_cancellation():
    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)
    asyncio.run(main())
"""

ENDED = (
    "test_run",
    "test_children",
    "test_caught",
    "test_stubborn",
    "test_joined_thread",
    "test_sent_to_a_thread",
    "test_sent_to_the_server",
    "test_of_unittest",
)


@pytest.fixture
def suite(play):
    return play(SUITE, "-W", "error")


@pytest.mark.parametrize("name", ENDED)
def test_whatever_runs_its_loops_a_sync_test_is_ended_at_its_budget(suite, name):
    """Its failure is the budget's, and lists who was alive with what each awaited."""
    told = suite[name]
    assert told.outcome == "failed"
    assert 0.2 <= told.record["wall"] < 20
    assert told.lines[0].startswith("wall clock ")
    assert told.lines[0].endswith("budget 0.200 s (marker)")
    assert any("still alive when the budget ended" in line for line in told.lines)
    assert any("for asyncio.sleep" in line for line in told.lines)
    assert "await asyncio.sleep(60)" in told.lines
    assert told.record["overrun"]["cancelled"]
    assert "CancelledError" not in told.text


def test_who_is_cancelled_can_clean_up(suite):
    """A child is cancelled once, by its parent."""
    assert "not cleaned up" not in suite["test_children"].text


@pytest.mark.parametrize("name", ["test_the_server_is_whole", "test_in_time"])
def test_later_tests_are_whole(suite, name):
    """What a fixture runs goes on."""
    assert suite[name].outcome == "passed", suite[name].text


def test_a_loop_that_waits_for_no_task_is_stopped(suite):
    """A grace later: the test ends, and with the budget's failure."""
    told = suite["test_of_no_task"]
    assert told.lines[0].startswith("wall clock ")
    assert "RuntimeError" not in told.text
    assert "loop.run_until_complete(loop.create_future())" in told.lines


def test_a_failure_of_its_own_stands_and_is_added_to(suite):
    """That came while it cleaned up."""
    told = suite["test_own_failure"]
    assert "while cleaning up" in told.text
    assert "1 task still alive when the budget ended" in told.lines


def test_a_cancellation_of_its_own_is_no_budgets(suite):
    """It ends with that, in time."""
    told = suite["test_own_cancellation"]
    assert told.outcome == "failed"
    assert "CancelledError" in told.text
    assert told.record["budget"]["met"]


def test_a_test_of_unittest_that_runs_no_loop_shows_where_it_stood(suite):
    """Its own lines, and none of who called it."""
    told = suite["test_of_unittest_stands"]
    assert "threading.Event().wait(0.5)" in told.lines
    assert "case.py" not in told.text


VIRTUAL = """
import asyncio, contextlib
import pytest
from pytest_asyncbench.virtual_time import virtual_loop_factory

pytestmark = [pytest.mark.virtual_time, pytest.mark.budget("10s")]

def test_run():
    asyncio.run(asyncio.sleep(3600))

def test_stubborn():
    async def main():
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
    asyncio.run(main())

def test_second_loop():
    asyncio.run(asyncio.sleep(6))
    asyncio.run(asyncio.sleep(6))

def test_of_no_task():
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: None)
    try:
        loop.run_until_complete(loop.create_future())
    finally:
        loop.close()

def test_to_the_last_moment():
    asyncio.run(asyncio.sleep(10))

@pytest.fixture
def older(virtual_clock):
    loop = virtual_loop_factory(virtual_clock)()
    beats = []
    async def beat():
        while True:
            beats.append(loop.time())
            await asyncio.sleep(1)
    async def begin():
        return asyncio.create_task(beat())
    task = loop.run_until_complete(begin())
    yield loop
    assert not task.cancelled()
    began = len(beats)
    loop.run_until_complete(asyncio.sleep(20))
    assert len(beats) - began in (20, 21)
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()

def test_loop_of_a_fixture(older):
    older.run_until_complete(asyncio.sleep(3600))

@pytest.fixture
async def hangs():
    await asyncio.sleep(3600)

@pytest.mark.budget(setup="5s")
async def test_set_up(hangs):
    pass
"""


@pytest.fixture
def virtual(play):
    return play(VIRTUAL, "-W", "error")


@pytest.mark.parametrize(
    ("name", "ended"),
    [
        ("test_run", 10),
        ("test_second_loop", 10),
        ("test_loop_of_a_fixture", 10),
        ("test_stubborn", 11),
        ("test_of_no_task", 11),
    ],
)
def test_in_virtual_time_it_is_ended_at_its_virtual_budget(virtual, name, ended):
    """By a timer of the loop's: to the moment, and at once in real time."""
    told = virtual[name]
    headline = f"virtual clock {ended}.000 s, budget 10.000 s (marker)"
    assert (told.outcome, told.lines[0]) == ("failed", headline)
    assert told.record["virtual"] == pytest.approx(ended, abs=1e-3)
    assert told.record["overrun"]["cancelled"]


def test_what_ends_with_its_virtual_budget_has_kept_it(virtual):
    """As an async test has."""
    assert virtual["test_to_the_last_moment"].outcome == "passed"


def test_the_loop_of_a_fixture_goes_on_after_that(virtual):
    """With its own tasks, and none of our timers."""
    last = virtual["test_loop_of_a_fixture"].reports[-1]
    assert (last["when"], last["outcome"]) == ("teardown", "passed")


def test_a_fixture_that_hangs_is_ended_at_its_virtual_budget(virtual):
    """In virtual time as in real."""
    told = virtual["test_set_up"]
    assert told.outcome == "error"
    assert "virtual clock 5.000 s in the fixtures' set-up" in told.text


FOR_ALL = """
import asyncio, time
import pytest

pytestmark = pytest.mark.budget(30, speedup=2)

def test_no_loop():
    pass

@pytest.mark.budget(30, speedup=2)
def test_marked_itself():
    pass

def test_runs_a_loop():
    asyncio.run(asyncio.sleep(0))

@pytest.mark.asyncio
async def test_async():
    pass

@pytest.mark.budget("50ms", speedup=2)
class TestSlow:
    def test_slow(self):
        time.sleep(0.5)
"""


def test_a_class_or_module_promises_a_speedup_of_those_of_its_tests_that_run_a_loop(
    play,
):
    """A sync test in it that runs none is held to the time alone."""
    run = play(FOR_ALL)
    assert run.outcomes == {
        "test_no_loop": "passed",
        "test_marked_itself": "failed",
        "test_runs_a_loop": "failed",
        "test_async": "failed",
        "test_slow": "failed",
    }
    (slow,) = run["test_slow"].record["violations"]
    assert slow["kind"] == "wall"
