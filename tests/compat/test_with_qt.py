"""qasync: a loop that inherits asyncio's, and whose callbacks Qt's own loop runs."""

from __future__ import annotations

import pytest

pytest.importorskip("qasync", reason="qasync is not installed")

SUITE = """
import asyncio, time
import pytest, qasync
from PySide6.QtCore import QCoreApplication

pytestmark = pytest.mark.no_blocking(threshold="300ms")
app = QCoreApplication([])

def run(work):
    loop = qasync.QEventLoop(app)
    with loop:
        return loop.run_until_complete(work)

async def four():
    await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(4)))

def test_idle():
    run(asyncio.sleep(1))

@pytest.mark.budget("30s", speedup=2)
def test_speedup():
    run(four())

@pytest.mark.budget("30s")
def test_wall_alone():
    run(four())

async def known_call():
    await asyncio.sleep(1)
    time.sleep(0.001)
    await asyncio.sleep(1)

def test_known_call():
    run(known_call())

async def long_step():
    await asyncio.sleep(1)
    ends = time.thread_time() + 0.6
    while time.thread_time() < ends:
        pass
    await asyncio.sleep(1)

def test_long_step():
    run(long_step())

@pytest.mark.budget("500ms")
def test_hung():
    run(asyncio.sleep(60))

@pytest.mark.virtual_time
def test_virtual():
    run(asyncio.sleep(0.01))
"""


@pytest.fixture
def run(play_once, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    return play_once(SUITE, subprocess=True)


def test_an_idle_loop_is_no_stall(run):
    """It rests in Qt, where nobody sees it."""
    assert run["test_idle"].outcome == "passed"
    assert run["test_wall_alone"].outcome == "passed"


def test_a_speedup_can_not_be_told(run):
    """Since nobody sees who waits for whom, either; that is said, and no *no tasks*."""
    missing = "is not followed, since it has no _run_once that runs its steps"
    assert missing in run["test_speedup"].lines[0]
    assert any(missing in line for line in run.summary)


@pytest.mark.parametrize("name", ["known_call", "long_step"])
def test_what_blocks_is_found_as_under_asyncio(run, name):
    """By its line, and alone."""
    (finding,) = run[f"test_{name}"].record["blocking"]
    assert finding["function"] == name


def test_a_hung_test_is_ended_at_its_budget(run):
    """By its tasks, which are asyncio's, and nothing else is told of it."""
    told = run["test_hung"]
    assert told.lines[0].startswith("wall clock ")
    assert told.lines[0].endswith("budget 0.500 s (marker)")
    assert told.record["blocking"] == []


def test_virtual_time_is_refused(run):
    """Qt's timers are real."""
    assert run["test_virtual"].outcome == "failed"
    assert "keeps real time" in run["test_virtual"].text
