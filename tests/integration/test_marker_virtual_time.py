"""``@pytest.mark.virtual_time``: a test's loop jumps where only timers are left."""

from __future__ import annotations

import pytest
from pytest_asyncio import plugin

SUITE = """
import asyncio, datetime, os, time
import pytest

REAL = time.time, time.monotonic, datetime.datetime, datetime.date

async def call(seconds=1):
    await asyncio.sleep(seconds)

@pytest.mark.virtual_time
@pytest.mark.budget(1, speedup=9_999)
async def test_ten_thousand():
    await asyncio.gather(*(call() for _ in range(10_000)))

@pytest.mark.virtual_time
async def test_ten_thousand_by_the_fixture(concurrently):
    run = await concurrently.map(call, [1] * 10_000, within=1, speedup=9_999)
    assert run.virtual == 1
    assert run.serial == run.speedup == pytest.approx(10_000, rel=1e-3)
    assert run.wall < 30
    assert run.peak == 10_000

@pytest.mark.virtual_time
@pytest.mark.budget(3600)
async def test_in_budget():
    await call(3599)

@pytest.mark.virtual_time
@pytest.mark.budget(10)
async def test_over_budget():
    child = asyncio.create_task(call(100), name="child")
    await call(60)

@pytest.mark.virtual_time
@pytest.mark.budget(speedup=2)
async def test_not_concurrent():
    for _ in range(3):
        await asyncio.create_task(call(1000))

@pytest.mark.virtual_time
@pytest.mark.budget(10)
def test_sync_over_budget(concurrently):
    concurrently.run(call(60))

@pytest.mark.virtual_time
async def test_within(concurrently):
    await concurrently(call(3), call(60), within=5)

@pytest.mark.virtual_time
async def test_measured(concurrently):
    run = await concurrently.map(call, [100, 200], serial="measured")
    assert (run.virtual, run.serial, run.speedup) == (200, 300, 1.5)

@pytest.mark.virtual_time
@pytest.mark.concurrent(50)
@pytest.mark.budget(10, speedup=49)
async def test_copies():
    await call(10)

@pytest.mark.virtual_time
@pytest.mark.no_blocking
async def test_blocks_shortly():
    await call(10)
    time.sleep(0.001)

@pytest.mark.virtual_time
@pytest.mark.no_blocking
async def test_blocks_long():
    await call(10)
    time.sleep(0.25)

@pytest.mark.virtual_time
@pytest.mark.no_blocking
async def test_offloads():
    await asyncio.wait_for(asyncio.to_thread(time.sleep, 0.15), 10)
    await call(10)

@pytest.mark.virtual_time
async def test_deadlock():
    never = asyncio.Event()
    await asyncio.create_task(never.wait(), name="waiter")

@pytest.mark.virtual_time
async def test_deadlock_that_catches_everything():
    try:
        await asyncio.Event().wait()
    except BaseException:
        pass

@pytest.mark.virtual_time
async def test_own_failure():
    await call(10)
    assert 1 == 2

@pytest.mark.virtual_time
async def test_negative_sleep_is_none():
    await call(-1)
    assert asyncio.get_running_loop().time() == 0

@pytest.mark.virtual_time
async def test_pending():
    asyncio.create_task(call(10_000))
    await call(1)

def test_afterwards_all_is_real():
    assert REAL == (time.time, time.monotonic, datetime.datetime, datetime.date)
    began = time.monotonic()
    asyncio.run(call(0.05))
    assert 0.04 < time.monotonic() - began < 20

async def test_afterwards_a_loop_is_real():
    replaced = {"time", "run_forever", "run_in_executor", "call_soon_threadsafe"}
    assert not replaced & set(vars(asyncio.get_running_loop()))
    began = time.perf_counter()
    await call(0.05)
    assert 0.04 < time.perf_counter() - began < 20
"""
PASSED = {
    "test_ten_thousand",
    "test_ten_thousand_by_the_fixture",
    "test_in_budget",
    "test_measured",
    "test_copies",
    "test_offloads",
    "test_negative_sleep_is_none",
    "test_pending",
    "test_afterwards_all_is_real",
    "test_afterwards_a_loop_is_real",
}
FAILED = {
    "test_over_budget",
    "test_not_concurrent",
    "test_sync_over_budget",
    "test_within",
    "test_blocks_shortly",
    "test_blocks_long",
    "test_deadlock",
    "test_deadlock_that_catches_everything",
    "test_own_failure",
}


@pytest.fixture
def suite(play):
    return play(SUITE, "--durations=0", "-vv")


def test_outcomes(suite):
    """Hours of virtual time; promises about time are promises about virtual time."""
    expected = dict.fromkeys(PASSED, "passed") | dict.fromkeys(FAILED, "failed")
    assert suite.outcomes == expected
    assert suite.status == 1


def test_ten_thousand_calls_of_a_second_take_one_virtual_second(suite):
    """The record has both times, and the speedup is that of the virtual one."""
    record = suite["test_ten_thousand"].record
    assert record["virtual"] == 1
    assert record["serial"] == pytest.approx(10_000, rel=1e-3)
    assert record["speedup"] == pytest.approx(10_000, rel=1e-3)
    assert 0 < record["wall"] < 30
    assert record["budget"] == {"within": 1.0, "speedup": 9_999.0, "met": True}


def test_a_broken_budget_tells_the_virtual_time_and_the_tasks(suite):
    """It costs no real time, and reads as a broken budget does in real time."""
    told = suite["test_over_budget"]
    assert told.lines[:6] == [
        "virtual clock 10.000 s, budget 10.000 s (marker)",
        "2 tasks still alive when the budget ended",
        "the test has waited 10.000 s for asyncio.sleep",
        "test_it.py:7 in call",
        "await asyncio.sleep(seconds)",
        "test_it.py:31 in test_over_budget",
    ]
    assert "child has waited 10.000 s for asyncio.sleep" in told.lines
    assert told.lines[-1].endswith("BudgetExceeded")
    assert told.record["virtual"] == pytest.approx(10)
    assert told.record["wall"] < 5
    assert told.record["budget"]["met"] is False


def test_too_little_speedup_is_told_in_virtual_time(suite):
    """With a timeline, drawn on the virtual axis."""
    told = suite["test_not_concurrent"]
    assert told.lines[0] == (
        "speedup 1.00, promised at least 2: 3000.0 s together, "
        "3000.0 s one after another"
    )
    assert sum(line.endswith("| waiting 1000.0 s") for line in told.lines) == 3


def test_a_sync_test_is_ended_at_its_virtual_budget(suite):
    """By the loop that runs for it."""
    told = suite["test_sync_over_budget"]
    assert told.lines[0] == "virtual clock 10.000 s, budget 10.000 s (marker)"


def test_the_fixtures_own_budget_is_virtual(suite):
    """What is left is cancelled at that virtual moment."""
    text = suite["test_within"].text
    assert "virtual clock 5.000 s, budget 5.000 s (concurrently())" in text


def test_copies_share_the_virtual_time(suite):
    """Fifty at once take as long as one."""
    record = suite["test_copies"].record
    assert (record["virtual"], record["serial"], record["speedup"]) == (10, 500, 50)


def test_blocking_stays_real(suite):
    """A real sleep on the loop is a blocking call, whatever the clock shows."""
    for name in "test_blocks_shortly", "test_blocks_long":
        told = suite[name]
        assert told.lines[-1].endswith("BlockingCallError")
        (entry,) = told.record["blocking"]
        assert entry["call"] == "time.sleep"
        assert entry["function"] == name
    assert 0.2 < entry["seconds"] < 20
    assert 10.2 < told.record["virtual"] < 30
    assert suite["test_offloads"].record["blocking"] == []


def test_a_deadlock_is_told_as_text_with_every_task(suite):
    """It is the test's failure, at once, without a traceback through the plugin."""
    told = suite["test_deadlock"]
    assert told.lines[0] == (
        "deadlock at virtual 0 s: no timer, socket, thread or process is left "
        "that could wake the loop"
    )
    assert any(
        line.startswith("task 'test_deadlock (Task-")
        and line.endswith("waits for task 'waiter'")
        for line in told.lines
    )
    waits = "task 'waiter' waits for asyncio.Event.wait, which nobody has set"
    assert waits in told.lines
    assert any(line.endswith("in test_deadlock") for line in told.lines)
    assert told.lines[-1].endswith(": Deadlock")
    assert "pytest_asyncbench" not in told.text
    assert "selector" not in told.text
    assert told.record["wall"] < 5


def test_nothing_swallows_a_deadlock(suite):
    """It ends the loop, not the task."""
    told = suite["test_deadlock_that_catches_everything"]
    assert told.lines[0].startswith("deadlock at virtual 0 s")


def test_pytests_own_durations_are_real(suite):
    """An hour of virtual time is no hour of the report."""
    durations = [
        float(line.split("s ")[0])
        for line in suite.section("slowest durations")
        if "::" in line
    ]
    assert len(durations) > 30
    assert max(durations) < 60
    assert min(durations) >= 0


def test_durations_in_junit_xml_are_real(play_once):
    """And the whole run's."""
    run = play_once(
        "import asyncio, pytest, pathlib\n"
        "@pytest.mark.virtual_time('2001-01-01')\n"
        "async def test_one():\n    await asyncio.sleep(3600)\n"
        "def test_two(): pass\n",
        "--junitxml=junit.xml",
        conftest=(
            "\nimport pathlib, re\n"
            "def pytest_terminal_summary(terminalreporter):\n    pass\n"
            "def pytest_unconfigure(config):\n"
            "    text = pathlib.Path('junit.xml').read_text()\n"
            "    print('times', *re.findall(r' time=\"([^\"]*)\"', text))\n"
            "    print('stamps', *re.findall(r' timestamp=\"(....)', text))\n"
        ),
    )
    (times,) = [line for line in run.lines if line.startswith("times ")]
    assert len(times.split()) == 4
    assert all(0 <= float(time) < 60 for time in times.split()[1:])
    (stamps,) = [line for line in run.lines if line.startswith("stamps ")]
    assert all(int(year) > 2020 for year in stamps.split()[1:])


START = """
import asyncio, datetime, time
import pytest

@pytest.mark.virtual_time("2026-03-28T23:30:00Z", tz="Europe/Paris")
async def test_text(virtual_clock):
    assert datetime.datetime.now() == datetime.datetime(2026, 3, 29, 0, 30)
    assert datetime.date.today() == datetime.date(2026, 3, 29)
    zero, monotonic = time.time(), time.monotonic()
    assert zero == datetime.datetime(
        2026, 3, 28, 23, 30, tzinfo=datetime.timezone.utc
    ).timestamp()
    await asyncio.sleep(86400)
    assert datetime.date.today() == datetime.date(2026, 3, 30)
    assert time.time() == zero + 86400
    assert time.monotonic() == monotonic + 86400
    assert virtual_clock.datetime.isoformat() == "2026-03-30T01:30:00+02:00"

@pytest.mark.virtual_time(start=datetime.datetime(2026, 1, 1), tz="Asia/Tokyo")
async def test_naive(virtual_clock):
    assert datetime.datetime.now() == datetime.datetime(2026, 1, 1)
    assert virtual_clock.datetime.isoformat() == "2026-01-01T00:00:00+09:00"

@pytest.mark.virtual_time(tz=datetime.timezone(datetime.timedelta(hours=-5)))
async def test_tzinfo(virtual_clock):
    assert virtual_clock.datetime.utcoffset() == datetime.timedelta(hours=-5)
    await asyncio.sleep(60)
    assert virtual_clock.datetime.replace(tzinfo=None) - datetime.datetime.now() < (
        datetime.timedelta(seconds=1))

BEGAN = time.time()

@pytest.mark.virtual_time
async def test_the_present():
    assert 0 <= time.time() - BEGAN < 300

@pytest.mark.virtual_time("2020-01-01")
class TestInherited:
    async def test_of_the_class(self):
        assert datetime.date.today().year == 2020

    @pytest.mark.virtual_time("2021-01-01")
    async def test_the_nearest_wins(self):
        assert datetime.date.today().year == 2021

@pytest.mark.virtual_time("2020-01-01")
def test_sync():
    assert datetime.date.today().year == 2020

@pytest.mark.virtual_time("2020-01-01")
@pytest.mark.parametrize("number", [1, 2])
async def test_each_begins_anew(number):
    assert datetime.datetime.now() == datetime.datetime(2020, 1, 1)
    await asyncio.sleep(60)
    assert datetime.datetime.now() == datetime.datetime(2020, 1, 1, 0, 1)
"""


def test_dates_and_times_move_with_the_loop(play):
    """datetime.now(), date.today(), time.time(), time.monotonic(), from any start."""
    run = play(START)
    assert set(run.outcomes.values()) == {"passed"}, run
    assert len(run.outcomes) == 9


WRONG = {
    "('soon')": "start 'soon' is no time; write \"2026-01-01T00:00:00Z\"",
    "(start=12)": "start must be a datetime or ISO text, not 12",
    "('2026-13-01')": "start '2026-13-01' is no time",
    "('9999-12-31T23:00:00Z', tz='Asia/Tokyo')": "is outside of the calendar",
    "(tz='Mars/Olympus')": "tz 'Mars/Olympus' is no time zone known here",
    "(tz=3)": "tz must be a tzinfo or a zone's name, not 3",
    "(begin='2026-01-01')": "no argument 'begin'",
    "(strat='2026-01-01')": "no argument 'strat' (did you mean 'start'?)",
    "(real_limit=0)": "0 must be more than zero",
    "(real_limit='soon')": "'soon' is no duration",
    "('2026-01-01', 'UTC')": "too many positional arguments",
}

WRONG_SUITE = "import pytest\n\n" + "\n\n".join(
    f"@pytest.mark.virtual_time{written}\n"
    f"async def test_{number}():\n    raise AssertionError('it ran')"
    for number, written in enumerate(WRONG)
)


def test_a_wrong_start_or_zone_ends_the_run_before_any_test(play):
    """Each is told with its test, what is wrong, and what is accepted."""
    run = play(WRONG_SUITE)
    assert run.status == 4
    assert run.outcomes == {}
    told = (run.out + run.err).splitlines()
    for number, text in enumerate(WRONG.values()):
        (line, *_) = [n for n in told if f"test_{number}: @pytest.mark.virtual_t" in n]
        assert text in line
        assert "; the marker: virtual_time(start=None, *, tz=None, real_lim" in line


OTHER_HOSTS = """
import asyncio, unittest
import pytest

@pytest.mark.anyio
@pytest.mark.virtual_time("2026-01-01")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
class TestAnyio:
    @pytest.fixture
    async def service(self):
        await asyncio.sleep(0)
        yield asyncio.get_running_loop()
        await asyncio.sleep(0)

    # A step that a busy machine keeps waiting may count for some tenths of a second.
    @pytest.mark.budget(3660)
    async def test_anyio(self, virtual_clock):
        await asyncio.sleep(3600)
        assert 3600 <= virtual_clock.elapsed < 3660

    @pytest.mark.budget(10)
    async def test_hung(self):
        await asyncio.sleep(3600)

    async def test_with_a_fixture(self, service, virtual_clock):
        assert service is asyncio.get_running_loop()
        await asyncio.sleep(3600)
        assert 3600 <= virtual_clock.elapsed < 3660

@pytest.mark.virtual_time
class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        await asyncio.sleep(3600)

    @pytest.mark.budget("3h")
    async def test_unittest(self):
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop().time() == began + 3600

    async def asyncTearDown(self):
        await asyncio.sleep(3600)
"""


def test_a_loop_of_another_host_becomes_virtual(play_once):
    """anyio's plugin and unittest make loops of their own, which live by the clock."""
    run = play_once(OTHER_HOSTS, "--asyncio-mode=strict")
    assert run.outcomes == {
        "test_anyio[asyncio]": "passed",
        "test_hung[asyncio]": "failed",
        "test_with_a_fixture[asyncio]": "passed",
        "test_unittest": "passed",
    }
    told = run["test_hung[asyncio]"].lines[0]
    assert told == "virtual clock 10.000 s, budget 10.000 s (marker)"


OWN_LOOPS = """
import asyncio, datetime, time
import pytest

async def nightly():
    await asyncio.sleep(3600)
    return datetime.datetime.now()

@pytest.mark.virtual_time("2026-01-01")
@pytest.mark.budget(7200)
def test_run(virtual_clock):
    assert asyncio.run(nightly()) == datetime.datetime(2026, 1, 1, 1)
    assert asyncio.run(nightly()) == datetime.datetime(2026, 1, 1, 2)
    assert virtual_clock.elapsed == 7200

@pytest.mark.virtual_time
@pytest.mark.budget(10)
def test_run_over_budget():
    asyncio.run(nightly())

LEFT = []

@pytest.mark.virtual_time
def test_left_open(virtual_clock):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(3600))
    loop.run_until_complete(asyncio.sleep(3600))
    assert virtual_clock.elapsed == 7200
    LEFT.append(loop)

def test_left_open_is_real_afterwards():
    (loop,) = LEFT
    replaced = {"time", "run_forever", "run_in_executor", "call_soon_threadsafe"}
    assert not replaced & set(vars(loop))
    began = time.perf_counter()
    loop.run_until_complete(asyncio.sleep(0.05))
    assert time.perf_counter() - began > 0.04
    loop.close()

BEGUN = []

@pytest.fixture
def begun():
    loop = asyncio.new_event_loop()
    loop.call_later(3600, print)
    yield loop
    loop.close()

@pytest.mark.virtual_time
def test_begun_in_real_time(begun):
    done = begun.create_future()  # no coroutine, which would never be awaited
    done.set_result(None)
    try:
        begun.run_until_complete(done)
    except RuntimeError:
        pass

@pytest.fixture
def prepared(concurrently, virtual_clock):
    concurrently.run(asyncio.sleep(3600))
    return virtual_clock.elapsed

@pytest.mark.virtual_time
def test_set_up(prepared):
    assert prepared == 3600

@pytest.mark.virtual_time
def test_deadlock():
    asyncio.run(asyncio.Event().wait())
"""


def test_the_loops_that_a_sync_test_runs_become_virtual(play):
    """However it runs them; and a budget counts the time that they lived in."""
    run = play(OWN_LOOPS, "--dist=loadfile")
    assert run.outcomes == {
        "test_run": "passed",
        "test_run_over_budget": "failed",
        "test_left_open": "passed",
        "test_left_open_is_real_afterwards": "passed",
        "test_begun_in_real_time": "failed",
        "test_set_up": "passed",
        "test_deadlock": "failed",
    }
    told = run["test_run_over_budget"].lines[0]
    assert told == "virtual clock 10.000 s, budget 10.000 s (marker)"
    begun = run["test_begun_in_real_time"]
    assert begun.lines[0].startswith("the loop has begun in real time")
    assert begun.lines[-1].endswith(": VirtualTimeError")
    assert run["test_deadlock"].lines[0].startswith("deadlock at virtual 0 s")


SLOWLY_TOLD = """
import asyncio
import pytest
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

class Slow(asyncio.Task):
    def get_name(self):
        ends = SYSTEM_CLOCK.now() + 0.5
        while SYSTEM_CLOCK.now() < ends:
            pass
        return "slow"

async def body():
    loop = asyncio.get_running_loop()
    child = Slow(asyncio.sleep(100), loop=loop)
    await asyncio.sleep(60)

@pytest.mark.virtual_time
@pytest.mark.budget(10)
async def test_over_budget():
    await body()

@pytest.mark.virtual_time
@pytest.mark.budget(10)
def test_sync_over_budget():
    asyncio.run(body())
"""


@pytest.mark.parametrize("test", ["test_over_budget", "test_sync_over_budget"])
def test_what_is_gathered_for_the_report_takes_no_virtual_time(play_once, test):
    """With thousands of tasks it takes a while, which is none of the test's."""
    told = play_once(SLOWLY_TOLD)[test]
    # To tell one name takes longer than this, and a machine seldom stands that long.
    assert 10 <= told.record["virtual"] < 10.45
    assert any(line.startswith("slow has waited") for line in told.lines)


REAL_LOOPS = """
import asyncio
import pytest
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

@pytest.mark.virtual_time("2020-01-01")
async def test_a_loop_in_a_thread_is_real(virtual_clock):
    began = SYSTEM_CLOCK.now()
    await asyncio.to_thread(asyncio.run, asyncio.sleep(0.1))
    assert SYSTEM_CLOCK.now() - began >= 0.09
    assert virtual_clock.elapsed < 20
"""


def test_a_loop_in_another_thread_is_real_and_does_not_hang(play_once):
    """freezegun would freeze it, since it stands around the whole test."""
    run = play_once(REAL_LOOPS)
    assert set(run.outcomes.values()) == {"passed"}


AS_DJANGO_DOES = """
import asyncio
import unittest
from concurrent.futures import ThreadPoolExecutor
import pytest

class TestShop(unittest.TestCase):
    def __call__(self, result=None):
        test = getattr(self, self._testMethodName)

        def in_a_thread():
            with ThreadPoolExecutor(1) as executor:
                executor.submit(asyncio.run, test()).result()

        setattr(self, self._testMethodName, in_a_thread)
        super().__call__(result)

    @pytest.mark.virtual_time
    async def test_page(self):
        raise AssertionError("it ran")
"""


def test_a_loop_that_a_test_case_runs_in_another_thread_is_refused_with_the_reason(
    play_once,
):
    """That asgiref runs it there, and not that the loop is of a wrong kind."""
    run = play_once(AS_DJANGO_DOES)
    assert run.outcomes == {"test_page": "failed"}
    assert "it ran" not in run.out
    told = run["test_page"].lines[0]
    assert "keeps real time, since it runs in another thread than the test:" in told
    assert "asgiref's async_to_sync" in told
    assert told.endswith("write the test as a function, for pytest-asyncio to run")


UVLOOP = """
import asyncio
import pytest

pytestmark = [pytest.mark.virtual_time, pytest.mark.asyncio(loop_scope="module")]

async def test_first():
    raise AssertionError("it ran")

async def test_second():
    raise AssertionError("it ran")

@pytest.mark.asyncio(loop_scope="function")
async def test_alone():
    raise AssertionError("it ran")
"""


@pytest.mark.skipif(
    not hasattr(plugin, "PytestAsyncioSpecs"), reason="pytest-asyncio has no such hook"
)
def test_uvloop_is_refused_with_a_clear_error(play_once):
    """Also by the next test of the same loop; and none of them runs in real time."""
    pytest.importorskip("uvloop")
    run = play_once(
        UVLOOP,
        conftest="\nimport uvloop\n"
        "def pytest_asyncio_loop_factories(config, item):\n"
        "    return {'uvloop': uvloop.new_event_loop}\n",
    )
    outcomes = {name.partition("[")[0]: each for name, each in run.outcomes.items()}
    assert outcomes == {
        "test_first": "error",
        "test_second": "failed",
        "test_alone": "error",
    }
    assert "it ran" not in run.out
    for name, beginning in {
        "test_first": "uvloop.Loop keeps time in C, where no test can move it: ",
        "test_second": "the loop of this test, uvloop.Loop, keeps real time: ",
        "test_alone": "uvloop.Loop keeps time in C, where no test can move it: ",
    }.items():
        (full,) = [each for each in run.outcomes if each.startswith(name)]
        assert run[full].lines[0].startswith(beginning)
        assert run[full].lines[-1].endswith(": VirtualTimeError")


UVLOOP_OF_ITS_OWN = """
import asyncio
import pytest, uvloop

@pytest.mark.virtual_time
def test_run():
    uvloop.run(asyncio.sleep(0.01))

@pytest.mark.virtual_time
def test_own_failure():
    uvloop.run(asyncio.sleep(0.01))
    assert 1 == 2
"""


def test_a_uvloop_that_a_sync_test_runs_is_no_pass(play_once):
    """It kept real time, so what the test promised was never looked at."""
    pytest.importorskip("uvloop")
    run = play_once(UVLOOP_OF_ITS_OWN)
    assert run.outcomes == {"test_run": "failed", "test_own_failure": "failed"}
    told = run["test_run"].lines
    assert told[0].startswith("the loop of this test, uvloop.Loop, keeps real time: ")
    assert told[-1].endswith(": VirtualTimeError")
    assert "assert 1 == 2" in run["test_own_failure"].text


KINDS = """
import asyncio, sys
import anyio
import pytest, pytest_asyncio

pytestmark = pytest.mark.virtual_time

@pytest_asyncio.fixture
async def connection(virtual_clock):
    await asyncio.sleep(5)
    yield virtual_clock.elapsed
    await asyncio.sleep(5)

async def test_async_generator_as_fixture(connection, virtual_clock):
    assert connection == virtual_clock.elapsed == 5

async def test_wait_for_and_call_at(virtual_clock):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.sleep(100), 10)
    loop = asyncio.get_running_loop()
    called = loop.create_future()
    loop.call_at(60, lambda: called.set_result(loop.time()))
    assert await called == virtual_clock.elapsed == 60

async def test_anyio(virtual_clock):
    with anyio.move_on_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 5)
            group.start_soon(anyio.sleep, 500)
    assert virtual_clock.elapsed == 10

@pytest.mark.skipif(sys.version_info < (3, 11), reason="new in 3.11")
@pytest.mark.budget(10, speedup=2.9)
async def test_task_group_and_timeout(virtual_clock):
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(asyncio.sleep(10))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
    assert virtual_clock.elapsed == 10

@pytest.mark.skipif(sys.version_info < (3, 12), reason="new in 3.12")
@pytest.mark.budget(10, speedup=2.9)
async def test_eager_tasks(virtual_clock):
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(*(loop.create_task(asyncio.sleep(10)) for _ in range(3)))
    assert virtual_clock.elapsed == 10
"""


def test_every_way_to_wait_lives_by_the_clock(play):
    """Timeouts, groups, eager tasks, anyio on asyncio, asynchronous generators."""
    run = play(KINDS)
    assert set(run.outcomes.values()) <= {"passed", "skipped"}, run
    assert len(run.outcomes) == 5


EVENTS = """
import asyncio, os, threading
import pytest

@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="Linux only")
@pytest.mark.virtual_time
@pytest.mark.no_blocking(rules="files")
async def test_event():
    event = os.eventfd(0)
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(event, came.set)
    threading.Timer(0.05, os.eventfd_write, (event, 1)).start()
    await came.wait()
    loop.remove_reader(event)
    os.close(event)
"""


def test_what_we_look_at_is_no_call_of_the_tests(play_once):
    """What kind of file it is that the loop waits for is told by a link."""
    told = play_once(EVENTS)["test_event"]
    assert told.outcome in ("passed", "skipped"), told.text
