"""The fixture ``virtual_clock``: the time that a test in virtual time lives in."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, datetime, threading, time
import pytest
from pytest_asyncbench import VirtualTimeError

@pytest.fixture
async def service(virtual_clock):
    await asyncio.sleep(5)
    yield virtual_clock.elapsed
    await asyncio.sleep(5)
    assert virtual_clock.elapsed == 13
    print("service ended at", virtual_clock.elapsed)

@pytest.mark.virtual_time
async def test_async_fixtures_share_the_time(service, virtual_clock):
    assert service == virtual_clock.elapsed == 5
    await asyncio.sleep(3)
    assert virtual_clock.elapsed == virtual_clock.time() == 8

@pytest.mark.virtual_time("2026-01-01")
async def test_advance_wakes_what_is_due(virtual_clock):
    woken = []
    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        woken.append(seconds)
    tasks = [asyncio.create_task(sleeper(n)) for n in (10, 20, 30)]
    with virtual_clock.freeze():
        await asyncio.sleep(0)
        virtual_clock.advance(20)
        for _ in range(5):
            await asyncio.sleep(0)
        assert woken == [10, 20]
        assert datetime.datetime.now() == datetime.datetime(2026, 1, 1, 0, 0, 20)
        virtual_clock.advance(datetime.timedelta(seconds=10))
        await tasks[-1]
    assert woken == [10, 20, 30]

@pytest.mark.virtual_time
async def test_advance_from_a_thread(virtual_clock):
    done = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.to_thread(virtual_clock.advance, 3600)
    await done
    assert 3600 <= virtual_clock.elapsed < 3620

@pytest.mark.virtual_time
async def test_backwards(virtual_clock):
    await asyncio.sleep(10)
    virtual_clock.advance(-1)

@pytest.mark.virtual_time
def test_backwards_and_worse(virtual_clock):
    for wrong in -1, float("nan"), float("inf"), "1", None, True:
        with pytest.raises(VirtualTimeError, match="advance"):
            virtual_clock.advance(wrong)
    assert virtual_clock.elapsed == 0

@pytest.mark.virtual_time
async def test_frozen_sleep(virtual_clock):
    with virtual_clock.freeze():
        await asyncio.sleep(1)

@pytest.mark.no_blocking
async def test_asked_late(request):
    request.getfixturevalue("virtual_clock")
    raise AssertionError("it ran")

@pytest.mark.virtual_time
def test_run_in_a_sync_test(concurrently, virtual_clock):
    run = concurrently.run(asyncio.sleep(10, "a"), asyncio.sleep(20, "b"), within=20)
    assert list(run) == ["a", "b"]
    assert (run.virtual, run.serial, run.speedup) == (20, 30, 1.5)
    assert virtual_clock.elapsed == 20
    concurrently.run(asyncio.sleep(10))
    assert virtual_clock.elapsed == 30

@pytest.mark.virtual_time
def test_deadlock_in_a_sync_test(concurrently):
    async def waits():
        await asyncio.Event().wait()
    concurrently.run(waits(), asyncio.sleep(3))

@pytest.mark.virtual_time
async def test_timeline(concurrently):
    run = await concurrently({"one": asyncio.sleep(10), "two": asyncio.sleep(20)})
    assert "virtual 20.000 s" in str(run)
    print(run)

@pytest.fixture
async def stuck():
    await asyncio.Event().wait()

@pytest.mark.virtual_time
async def test_deadlock_in_set_up(stuck):
    pass

@pytest.fixture
async def stuck_at_its_end():
    yield
    await asyncio.Event().wait()

@pytest.mark.virtual_time
async def test_deadlock_in_teardown(stuck_at_its_end):
    pass

@pytest.mark.virtual_time
async def test_real_work_takes_its_time(virtual_clock):
    def work():
        while virtual_clock.elapsed < 0.2:
            time.sleep(0.01)

    await asyncio.wait_for(asyncio.to_thread(work), 10)
    assert virtual_clock.elapsed < 10
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_outcomes(suite):
    """What the tests themselves assert of the clock holds."""
    failed = {
        "test_backwards",
        "test_frozen_sleep",
        "test_deadlock_in_a_sync_test",
        "test_asked_late",
    }
    errors = {
        "test_deadlock_in_set_up",
        "test_deadlock_in_teardown",
    }
    outcomes = suite.outcomes
    assert {name for name in outcomes if outcomes[name] == "failed"} == failed
    assert {name for name in outcomes if outcomes[name] == "error"} == errors
    assert {outcomes[n] for n in outcomes if n not in failed | errors} == {"passed"}


def test_async_fixtures_live_in_the_tests_virtual_time(suite):
    """Before the test and after it, on the same clock."""
    assert "service ended at 13.0" in suite.out


def test_asking_late_without_the_marker_says_which_one(suite):
    """In one line, and the test does not go on."""
    assert suite["test_asked_late"].lines == [
        (
            "virtual_clock is for tests in virtual time: mark this one with "
            "@pytest.mark.virtual_time"
        )
    ]


def test_without_the_marker_the_run_ends_at_collection(play):
    """For async and other tests, and also where a fixture asks for the clock."""
    run = play(
        "import pytest\n"
        "@pytest.fixture\n"
        "def service(virtual_clock): pass\n"
        "async def test_async(virtual_clock): pass\n"
        "def test_sync(virtual_clock): pass\n"
        "def test_by_fixture(service): pass\n"
    )
    assert run.status == 4
    assert run.outcomes == {}
    told = (run.out + run.err).splitlines()
    for number, name in (4, "test_async"), (5, "test_sync"), (6, "test_by_fixture"):
        (line, *_) = [each for each in told if f"::{name}: " in each]
        assert line.endswith(
            "the fixture virtual_clock is for tests in virtual time: mark this one "
            f"with @pytest.mark.virtual_time (test_it.py:{number})"
        )


def test_going_back_is_an_error_at_the_call(suite):
    """The traceback ends at the user's line."""
    told = suite["test_backwards"]
    error = "VirtualTimeError: advance() cannot go backwards, and -1 is negative"
    assert any(line.endswith(error) for line in told.lines)
    assert any(line == ">       virtual_clock.advance(-1)" for line in told.lines)
    assert "_clock.py" not in told.text


def test_a_frozen_clock_is_the_reason_of_a_deadlock(suite):
    """And what to do about it is said."""
    assert suite["test_frozen_sleep"].lines[0] == (
        "deadlock at virtual 0 s: the clock is frozen, and only timers (1) could wake "
        "the loop: advance() it, or leave freeze()"
    )


def test_a_deadlock_is_text_wherever_it_is_met(suite):
    """In a sync test, in a fixture's set-up, in its teardown."""
    for name, line in {
        "test_deadlock_in_a_sync_test": "waits",  # 3.10 knows no qualified name
        "test_deadlock_in_set_up": "in stuck",
        "test_deadlock_in_teardown": ": Deadlock",
    }.items():
        told = suite[name]
        assert told.lines[0].startswith("deadlock at virtual ")
        assert any(each.endswith(line) for each in told.lines)
        assert told.lines[-1].endswith(": Deadlock")
        assert "pytest_asyncbench" not in told.text


def test_the_timeline_is_virtual(suite):
    """And the line above it has the real time, too."""
    line = next(line for line in suite.lines if line.startswith("<Run of 2: wall "))
    assert "virtual 20.000 s, serial 30.000 s, speedup 1.50>" in line
    assert any(line.endswith("| waiting 10.000 s") for line in suite.lines)


FREEZER = """
import asyncio, datetime, time
import pytest
from freezegun import freeze_time

@pytest.mark.virtual_time("2026-01-01")
async def test_a_freezer_of_the_users_own_shows_its_own_time(virtual_clock):
    with freeze_time("2000-02-03") as freezer:
        await asyncio.sleep(3600)
        freezer.tick(10)
        assert datetime.datetime.now() == datetime.datetime(2000, 2, 3, 0, 0, 10)
        assert virtual_clock.elapsed == 3600
    assert datetime.datetime.now() == datetime.datetime(2026, 1, 1, 1)

@pytest.mark.virtual_time("2026-01-01")
async def test_the_clocks_freezer(virtual_clock):
    sleeper = asyncio.create_task(asyncio.sleep(86400))
    await asyncio.sleep(0)
    with virtual_clock.frozen_datetime() as freezer:
        freezer.tick(3600)
        assert virtual_clock.elapsed == 3600
        freezer.move_to("2026-01-02")
    await sleeper
    assert virtual_clock.elapsed == 86400

@pytest.mark.virtual_time("2026-01-01")
async def test_back(virtual_clock):
    with virtual_clock.frozen_datetime() as freezer:
        freezer.move_to("2025-01-01")
"""


def test_the_clocks_freezer_moves_the_loop(play_once):
    """tick() and move_to(); one of the user's own is left alone."""
    run = play_once(FREEZER)
    assert run.outcomes == {
        "test_a_freezer_of_the_users_own_shows_its_own_time": "passed",
        "test_the_clocks_freezer": "passed",
        "test_back": "failed",
    }
    assert "move_to('2025-01-01') would go back" in run["test_back"].text
