"""``asyncbench_background``: a task that died, and at whose exception nobody looked."""

from __future__ import annotations

import json

import pytest

SUITE = """
import asyncio
import pytest

KEPT = []

async def boom(text="gone"):
    await asyncio.sleep(0)
    raise ValueError(text)

async def test_nobody_looks():
    asyncio.create_task(boom(), name="job")
    await asyncio.sleep(0.01)

async def test_somebody_looks():
    task = asyncio.create_task(boom())
    with pytest.raises(ValueError):
        await task

async def test_gathered():
    results = await asyncio.gather(boom(), boom(), return_exceptions=True)
    assert len(results) == 2

async def test_is_held_by_somebody():
    KEPT.append(asyncio.create_task(boom("kept")))
    await asyncio.sleep(0.01)

@pytest.fixture
async def worker():
    task = asyncio.create_task(boom())
    yield
    with pytest.raises(ValueError):
        await task

async def test_a_fixture_looks_at_its_end(worker):
    await asyncio.sleep(0.01)

async def test_is_cancelled():
    asyncio.create_task(asyncio.sleep(60)).cancel()
    await asyncio.sleep(0)

async def test_ends_while_the_loop_is_closed():
    async def stubborn():
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("in the end")
    KEPT.append(asyncio.create_task(stubborn()))
    await asyncio.sleep(0)

def test_sync():
    async def main():
        asyncio.create_task(boom())
        await asyncio.sleep(0.01)
    asyncio.run(main())

async def test_has_no_text():
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError
    async def odd():
        raise Odd
    asyncio.create_task(odd())
    await asyncio.sleep(0.01)

async def test_fails_itself():
    asyncio.create_task(boom())
    await asyncio.sleep(0.01)
    assert False, "my own"
"""

DIES = {
    "test_nobody_looks": "failed",
    "test_is_held_by_somebody": "error",
    "test_ends_while_the_loop_is_closed": "error",
    "test_sync": "failed",
    "test_has_no_text": "failed",
    "test_fails_itself": "failed",
}
"""Of these a task has died: as soon as nobody can look any more the test fails, and
where somebody could have until the end its teardown does."""


@pytest.fixture
def suite(play):
    return play(SUITE, "--asyncbench-background=error")


def test_only_tasks_at_which_nobody_looked_fail_their_tests(suite):
    """Not who was awaited, gathered, cancelled, or begun by another test."""
    bad = {n: outcome for n, outcome in suite.outcomes.items() if outcome != "passed"}
    assert bad == DIES


def test_the_failure_names_the_task_and_its_line(suite):
    """What it died of first, then where, then what to do."""
    lines = suite["test_nobody_looks"].lines
    assert lines[0] == "background task job died unseen: ValueError: gone"
    assert lines[1].endswith("in boom")
    assert lines[2] == "raise ValueError(text)"
    assert lines[3].startswith("use: await the task")


def test_a_text_that_can_not_be_made_hides_nothing(suite):
    """What it died of is told by its kind."""
    line = suite["test_has_no_text"].lines[0]
    assert line.endswith("Odd: <RuntimeError in the place of its text>")


def test_what_the_loop_ends_is_told_of_too(suite):
    """A task that dies while the loop is closed has been the test's."""
    lines = suite["test_ends_while_the_loop_is_closed"].lines
    assert lines[0].endswith("died unseen: OSError: in the end")


def test_a_failure_of_the_tests_own_stays(suite):
    """And says of the task besides."""
    text = suite["test_fails_itself"].text
    assert "my own" in text
    assert "died unseen: ValueError: gone" in text


def test_the_record_has_each_of_them(suite):
    """With its place."""
    told = suite["test_is_held_by_somebody"]
    properties = [pair for each in told.reports for pair in each["properties"]]
    *_, last = [json.loads(v) for name, v in properties if name == "asyncbench"]
    (dead,) = last["died"]
    assert dead["error"] == "ValueError: kept"
    assert dead["place"]["function"] == "boom"
    assert [each["kind"] for each in last["violations"]] == ["background"]


FREE = """
import asyncio, weakref
import pytest

async def boom():
    raise ValueError

@pytest.mark.budget("60s")
async def test_is_free():
    task = weakref.ref(asyncio.create_task(boom()))
    await asyncio.sleep(0.01)
    assert task() is None
"""


def test_a_task_that_died_is_free_to_go(play_once):
    """It goes as soon as nobody holds it, with its tasks followed or not."""
    assert play_once(FREE).outcomes == {"test_is_free": "passed"}


OF_TWO = """
import asyncio
import pytest

@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()

async def lives_on():
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    raise ValueError("of another test")

def test_begins(loop):
    loop.create_task(lives_on())
    loop.run_until_complete(asyncio.sleep(0))

def test_another(loop):
    loop.run_until_complete(asyncio.sleep(0.02))
"""


def test_a_task_of_another_test_is_none_of_this_one(play_once):
    """Where they share a loop, whoever ends in this one may have begun in that."""
    run = play_once(OF_TWO, "--asyncbench-background=error")
    assert run.outcomes == {"test_begins": "passed", "test_another": "passed"}


def test_warn_fails_nothing(play_once):
    """Each is a warning, which the ini file can ask for."""
    run = play_once(SUITE, ini="asyncbench_background = warn")
    failed = {name for name, outcome in run.outcomes.items() if outcome != "passed"}
    assert failed == {"test_fails_itself"}
    assert "BackgroundTaskWarning: background task job died unseen" in run.out


def test_off_looks_at_nothing(play_once):
    """Nobody asked."""
    run = play_once(SUITE)
    assert not run["test_nobody_looks"].watched


def test_another_word_is_refused(play_once):
    """With those that are accepted."""
    run = play_once(SUITE, "--asyncbench-background=fail")
    assert run.status == 4
    assert "background: 'fail' is not known" in run.err
    assert "accepted: off, warn, error" in run.err
