"""After a test nothing of ours is left, on every path; and the host's things work."""

from __future__ import annotations

SUITE = """
import asyncio, selectors, socket, subprocess, threading, time
from asyncio.events import Handle
import pytest

LOOPS = []

@pytest.fixture
async def loop():
    loop = asyncio.get_running_loop()
    LOOPS.append((loop, loop._selector))
    yield loop

pytestmark = pytest.mark.asyncio(loop_scope="module")
watched = [pytest.mark.no_blocking, pytest.mark.budget(0.3, speedup=None)]

def marked(function):
    for mark in watched:
        function = mark(function)
    return function

async def side_by_side():
    await asyncio.gather(asyncio.sleep(0.01), asyncio.to_thread(len, ()))

@marked
async def test_passes():
    await side_by_side()

def test_nothing_left_after_passes():
    pass

@marked
async def test_fails():
    await side_by_side()
    assert 1 == 2

def test_nothing_left_after_fails():
    pass

@pytest.fixture
async def broken():
    raise RuntimeError("in setup")

@marked
async def test_errors(broken):
    pass

def test_nothing_left_after_errors():
    pass

@marked
async def test_blocks():
    time.sleep(0.001)
    await side_by_side()

def test_nothing_left_after_blocks():
    pass

@marked
async def test_cancelled():
    await asyncio.sleep(60)

def test_nothing_left_after_cancelled():
    pass

@marked
async def test_skips():
    pytest.skip("not today")

def test_nothing_left_after_skips():
    pass

@marked
async def test_exits():
    raise SystemExit(3)

def test_nothing_left_after_exits():
    pass
"""

# Asked between any two tests: of the process, and of the loop that they share.
CONFTEST = """
import asyncio, selectors, threading, time
from asyncio.events import Handle
import pytest

# What stands there for a whole run does then only its call: it leads to asyncio's own.
def _run():
    standing = getattr(Handle._run, "asyncbench_leads_to", Handle)
    return standing._run

_RUN = _run()
_SELECT = selectors.DefaultSelector.select

def _left():
    left = []
    if _run() is not _RUN:
        left.append("Handle._run")
    left += [t.name for t in threading.enumerate() if t.name.startswith("asyncbench")]
    import gc
    for loop in [o for o in gc.get_objects() if isinstance(o, asyncio.BaseEventLoop)]:
        for name in ("call_soon_threadsafe", "run_in_executor", "set_task_factory",
                     "get_task_factory", "time", "call_soon"):
            if name in vars(loop):
                left.append(f"loop.{name}")
        if loop.get_task_factory() is not None:
            left.append("the task factory")
        selector = getattr(loop, "_selector", None)
        if selector is not None and "select" in vars(selector):
            left.append("selector.select")
    return left

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    assert _left() == [], (item.name, _left())
    result = yield
    assert _left() == [], (item.name, _left())
    return result
"""


def test_nothing_is_left_after_any_test(play_once):
    """Pass, fail, error, block, cancelled, skip, SystemExit: one shared loop."""
    run = play_once(SUITE, conftest=CONFTEST)
    assert "INTERNALERROR" not in run.out
    outcomes = {n: o for n, o in run.outcomes.items() if "nothing_left" not in n}
    assert outcomes == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_errors": "error",
        "test_blocks": "failed",
        "test_cancelled": "failed",
        "test_skips": "skipped",
        "test_exits": "failed",
    }


KEPT = """
import asyncio, gc, sys, weakref
import pytest

alive = []

class Local:
    pass

@pytest.mark.asyncio
@pytest.mark.no_blocking
@pytest.mark.budget(30)
@pytest.mark.parametrize("fails", [False, True])
async def test_uses_much(concurrently, blocking_calls, fails):
    local = Local()
    alive.append(weakref.ref(local))
    alive.append(weakref.ref(asyncio.get_running_loop()))
    await concurrently(asyncio.sleep(0), asyncio.sleep(0))
    assert not fails

@pytest.mark.asyncio
@pytest.mark.virtual_time
async def test_has_a_clock(virtual_clock):
    alive.append(weakref.ref(virtual_clock))

def test_nothing_is_kept():
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)  # pytest's own, for a debugger
    gc.collect()
    assert [ref() for ref in alive if ref() is not None] == []
"""


def test_nothing_keeps_a_test_alive_that_is_over(play_once):
    """Neither its loop, its clock, nor what its failure holds: a run has thousands."""
    # pytester keeps what it sees, and pytest-rerunfailures the last test that failed.
    run = play_once(KEPT, "-p", "no:rerunfailures", subprocess=True)
    assert run.outcomes == {
        "test_uses_much[False]": "passed",
        "test_uses_much[True]": "failed",
        "test_has_a_clock": "passed",
        "test_nothing_is_kept": "passed",
    }


LET_GO = """
import asyncio, gc, time, weakref
import pytest

pytestmark = pytest.mark.no_blocking

async def work():
    await asyncio.gather(asyncio.sleep(0.01), asyncio.to_thread(len, ()))
    return weakref.ref(asyncio.get_running_loop())

@pytest.mark.parametrize("followed", [
    False, pytest.param(True, marks=pytest.mark.budget(30, speedup=None)),
])
def test_a_loop_that_is_closed(followed):
    first, second = asyncio.run(work()), asyncio.run(work())
    gc.collect()
    assert (first(), second()) == (None, None)

@pytest.mark.budget(30)
def test_one_loop_after_another_is_followed():
    outer = asyncio.new_event_loop()
    outer.run_until_complete(work())
    asyncio.run(work())
    outer.run_until_complete(work())
    outer.close()

class Thing:
    pass

@pytest.mark.allow_blocking("to be looked at meanwhile")
async def test_a_local_variable():
    thing = Thing()
    ref = weakref.ref(thing)
    await asyncio.sleep(0.05)
    time.sleep(0.1)
    del thing
    assert ref() is None
"""


def test_what_a_test_lets_go_of_is_free_at_once(play_once):
    """As without us: some tests are about just that."""
    run = play_once(LET_GO, subprocess=True)
    assert set(run.outcomes.values()) == {"passed"}, run


def test_the_check_itself_finds_what_is_left(play_once):
    """Otherwise the test above would prove nothing."""
    leave = (
        "import asyncio\nfrom asyncio.events import Handle\n"
        "def test_one():\n    run = Handle._run\n"
        "    Handle._run = lambda self: run(self)\n"
    )
    run = play_once(leave, conftest=CONFTEST, subprocess=True)
    assert "Handle._run" in run.out
    assert run.status != 0


AT_EXIT = (
    CONFTEST
    + """
import atexit, threading, time

_SLEEP = time.sleep

@atexit.register
def _tell():
    left = _left() + (["time.sleep"] if time.sleep is not _SLEEP else [])
    print(f"\\nleft at exit: {left}")
"""
)


def test_a_keyboard_interrupt_in_a_test_ends_the_run_and_leaves_nothing(play_once):
    """It is raised through the loop, the test and all of our hooks."""
    run = play_once(
        "import asyncio, pytest\n"
        "@pytest.mark.no_blocking\n"
        "@pytest.mark.budget(30)\n"
        "async def test_one():\n"
        "    await asyncio.sleep(0)\n"
        "    raise KeyboardInterrupt\n"
        "def test_never():\n    pass\n",
        conftest=AT_EXIT,
        subprocess=True,
    )
    assert "left at exit: []" in run.lines
    assert run.status == 2
    assert "test_never" not in run.outcomes
    assert "KeyboardInterrupt" in run.out


def test_the_patched_calls_are_themselves_after_the_run(play_once, residue):
    """time.sleep, sockets, processes, locks and name lookups."""
    run = play_once(
        "import pytest, time\n@pytest.mark.no_blocking(rules='all')\n"
        "async def test_one():\n    time.sleep(0.001)\n"
    )
    assert run.outcomes == {"test_one": "failed"}
    assert residue() == {}


UNCONFIGURED = """
import gc, sys

def pytest_unconfigure():
    told = [each for each in map(repr, gc.callbacks) if "asyncbench" in each]
    print(f"\\nto be told of a collection: {told}", file=sys.__stdout__)
"""


def test_nobody_of_ours_is_told_when_pytest_collects_what_is_left(play_once):
    """An interrupt that comes then, as execnet sends one, would be told as ours."""
    run = play_once(
        "async def test_one(): pass",
        "--asyncbench-blocking=report",
        conftest=UNCONFIGURED,
        subprocess=True,
    )
    assert "to be told of a collection: []" in run.out


def test_during_the_run_they_are_not(play_once):
    """So that the test above can fail."""
    run = play_once(
        "import pytest, time\n"
        "def test_before(): assert 'asyncbench' in repr(time.sleep) or hasattr("
        "time.sleep, '__wrapped__') or type(time.sleep).__name__ != "
        "'builtin_function_or_method'\n"
        "@pytest.mark.no_blocking\nasync def test_one(): pass\n"
    )
    assert run.outcomes["test_before"] == "passed"


UNCOLLECTED = """
import asyncio, gc, weakref
import pytest

TASKS = []

@pytest.fixture(autouse=True)
def uncollected():
    gc.disable()
    yield
    gc.enable()

@pytest.mark.budget(60)
@pytest.mark.parametrize("n", range(3))
async def test_in_time(n):
    assert [task() for task in TASKS] == [None] * n
    TASKS.append(weakref.ref(asyncio.current_task()))
"""


def test_a_task_that_was_in_time_is_gone_without_a_collection(play_once):
    """Else those of all tests stay, and each later test goes through them."""
    run = play_once(UNCOLLECTED, "-o", "asyncio_mode=auto")
    assert set(run.outcomes.values()) == {"passed"}
