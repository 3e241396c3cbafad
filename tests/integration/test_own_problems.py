"""A crash inside the plugin is shown as the plugin's, and changes no outcome."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, time
import pytest

@pytest.mark.no_blocking
@pytest.mark.budget(30, teardown=30)
async def test_passes():
    await asyncio.sleep(0)

@pytest.mark.no_blocking
@pytest.mark.budget(30)
async def test_fails():
    assert 1 == 2, "my own"

@pytest.mark.no_blocking
@pytest.mark.budget(30)
def test_sync():
    asyncio.run(asyncio.sleep(0))

@pytest.mark.no_blocking
async def test_skips():
    pytest.skip("not today")
"""

OUTCOMES = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_sync": "passed",
    "test_skips": "skipped",
}

BREAK = '''
import importlib
import pytest

def _broken(*args, **kwargs):
    raise RuntimeError("we fell over")

@pytest.fixture(scope="session", autouse=True)
def _nothing():
    """So that the session has a fixture of its own."""

def pytest_collection_finish():
    global _undo
    owner = importlib.import_module("{module}")
    for part in "{owner}".split("."):
        owner = getattr(owner, part) if part else owner
    original = getattr(owner, "{name}")
    setattr(owner, "{name}", _broken)
    _undo = lambda: setattr(owner, "{name}", original)

def pytest_unconfigure():
    _undo()
'''

PLACES = [
    ("_glue.nothing_seen", "", "judge"),
    ("_glue.nothing_seen", "NothingSeen", "record_of"),
    ("_glue.watched", "", "Watch"),
    ("_glue.phases", "Call", "begin"),
    ("_glue.phases", "Call", "_end"),
    ("_glue.phases", "Call", "judge"),
    ("_glue.phases", "Teardown", "judge"),
    ("_glue.trials", "", "outcome"),
    ("_watching.watch", "Watch", "start"),
    ("_watching.watch", "Watch", "stop"),
    ("_loops.steps", "StepProbe", "install"),
    ("_glue.properties", "RecordWriter", "property_of"),
    ("_glue.host", "", "enter"),
]


@pytest.mark.parametrize(("module", "owner", "name"), PLACES)
def test_outcomes_stand_wherever_we_break(play_once, module, owner, name):
    """The problem is told as ours, once for each test, with its own words."""
    conftest = BREAK.format(
        module=f"pytest_asyncbench.{module}", owner=owner, name=name
    )
    run = play_once(SUITE, conftest=conftest, subprocess=name == "stop")
    assert run.outcomes == OUTCOMES, run.out
    assert "pytest-asyncbench itself" in run.out
    assert "RuntimeError('we fell over')" in run.out
    assert "INTERNALERROR" not in run.out
    assert "AssertionError: my own" in run["test_fails"].text


def test_it_is_told_by_workers_too(play):
    """As a warning of its own kind, which `-W error` does not turn on the test."""
    conftest = BREAK.format(
        module="pytest_asyncbench._glue.phases", owner="Call", name="judge"
    )
    run = play(SUITE, "-W", "error", conftest=conftest)
    assert run.outcomes == OUTCOMES
    told = "PluginProblem: pytest-asyncbench itself could not judge this test"
    assert told in run.out


def test_an_instrument_that_fails_in_the_middle_is_told_in_the_record(play_once):
    """A stall that could not be recorded does not stop the loop, nor is it silent."""
    conftest = BREAK.format(
        module="pytest_asyncbench._watching.stalls", owner="Stalls", name="observe"
    )
    source = (
        "import pytest, time\n@pytest.mark.no_blocking(rules='none')\n"
        "async def test_one():\n    time.sleep(0.15)\n"
    )
    run = play_once(source, conftest=conftest)
    assert "we fell over" in run["test_one"].record["problems"][0]
    assert any(
        "itself failed" in line and "we fell over" in line for line in run.summary
    )


def test_a_watchdog_that_fails_is_told_in_the_summary(play_once):
    """It runs in a thread of its own, where nobody would see."""
    conftest = BREAK.format(
        module="pytest_asyncbench._watching.sampling",
        owner="Sampler",
        name="_sample",
    )
    source = (
        "import pytest, time\n@pytest.mark.no_blocking(rules='none')\n"
        "async def test_one():\n    time.sleep(0.5)\n"
    )
    run = play_once(source, conftest=conftest)
    assert any("itself failed: watchdog" in line for line in run.summary)


@pytest.mark.parametrize(
    ("module", "owner", "name"),
    [("watchdog", "Watchdog", "look_at"), ("thread", "OwnThread", "begin")],
)
def test_a_loop_that_cannot_be_watched_goes_on(play_once, module, owner, name):
    """It is met within one of its own steps."""
    conftest = BREAK.format(
        module=f"pytest_asyncbench._watching.{module}", owner=owner, name=name
    )
    source = (
        "import asyncio, pytest\n@pytest.mark.no_blocking\n"
        "def test_one():\n    asyncio.run(asyncio.sleep(0))\n"
    )
    run = play_once(source, conftest=conftest)
    assert run["test_one"].outcome == "passed"
    assert any("we fell over" in text for text in run["test_one"].record["problems"])


DEFEATED = """
import asyncio

class OwnHandle(asyncio.Handle):
    def _run(self):
        self._context.run(self._callback, *self._args)

class Loop(asyncio.SelectorEventLoop):
    def call_soon(self, callback, *args, context=None):
        handle = OwnHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

def pytest_configure():
    global _make
    _make, asyncio.new_event_loop = asyncio.new_event_loop, Loop

def pytest_unconfigure():
    asyncio.new_event_loop = _make
"""


def test_a_detector_that_sees_nothing_here_says_so(play_once):
    """Found out on a stall of its own, before the first test that it is to search."""
    run = play_once(
        "import pytest\n"
        "def test_unasked(): pass\n"
        "@pytest.mark.no_blocking\n"
        "async def test_one(): pass\n"
        "@pytest.mark.no_blocking\n"
        "async def test_two(): pass\n",
        conftest=DEFEATED,
    )
    (told,) = [line for line in run.summary if "itself failed" in line]
    assert "no step can be seen on conftest.Loop" in told
    assert not run["test_unasked"].watched


ENDLESS = """
from pytest_asyncbench._watching.thread import OwnThread

_has_ended = OwnThread._has_ended

def pytest_collection_finish():
    OwnThread._has_ended = lambda thread: _has_ended(thread) and False

def pytest_unconfigure():
    OwnThread._has_ended = _has_ended
"""


def test_what_goes_wrong_at_the_very_end_is_told_as_well(play_once):
    """The instruments are taken off when the test has been judged already."""
    source = (
        "import asyncio, pytest, time\n@pytest.mark.budget(30)\n"
        "async def test_one(): time.sleep(0.2)\n"  # so they don't stay for another
    )
    run = play_once(source, conftest=ENDLESS)
    assert run["test_one"].outcome == "passed"
    (told,) = [line for line in run.summary if "itself failed" in line]
    assert "watchdog: its last look does not end" in told
