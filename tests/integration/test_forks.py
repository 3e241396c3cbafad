"""A test that forks does so as it would without us, and is watched on after it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")

SUITE = """
import asyncio, os, time
import pytest

TASKS = "/proc/self/task"
THREADS = []
if os.path.isdir(TASKS):
    # Who has come first is asked last.
    os.register_at_fork(before=lambda: THREADS.append(len(os.listdir(TASKS))))

def fork(work=lambda: None):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid

def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def run_a_loop():
    async def main():
        spin(0.15)
        await asyncio.sleep(0.01)
    asyncio.run(main())

def test_alone():
    assert os.waitpid(fork(), 0)[1] == 0

@pytest.mark.no_blocking(threshold="100ms", rules="none")
async def test_watched():
    await asyncio.sleep(0.01)
    assert os.waitpid(fork(), 0)[1] == 0
    spin(0.3)

@pytest.mark.no_blocking(threshold="100ms", rules="none")
async def test_in_a_long_step():
    await asyncio.sleep(0.01)
    spin(0.3)
    assert os.waitpid(fork(run_a_loop), 0)[1] == 0

@pytest.mark.budget(0.3)
async def test_stuck():
    pid = fork(lambda: time.sleep(1))
    os.waitpid(pid, 0)

def test_all_forked_alike():
    assert len(set(THREADS)) < 2, THREADS
"""


@pytest.fixture
def run(play_once):
    """One run for all: what is seen of a fork does not depend on a worker."""
    return play_once(SUITE, subprocess=True)


def test_no_thread_of_ours_is_there_while_the_process_forks(run):
    """Python warns of each, and what it holds would stay held in the child."""
    assert run["test_all_forked_alike"].outcome == "passed", run.out


@pytest.mark.parametrize("name", ["test_watched", "test_in_a_long_step"])
def test_a_stall_around_a_fork_is_named(run, name):
    """The thread that looks is back right behind the fork."""
    found = run[name].record["blocking"]
    assert "spin" in [one["function"] for one in found], run[name].text


READS_NO_FILE = """
import asyncio, os
import pytest

@pytest.mark.no_blocking(rules="files")
async def test_reads_no_file():
    await asyncio.sleep(0.01)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
"""


def test_what_we_look_at_around_a_fork_is_no_call_of_the_tests(play_once):
    """We wait until the system has let our thread go, which a file tells."""
    told = play_once(READS_NO_FILE, subprocess=True)["test_reads_no_file"]
    assert told.outcome == "passed", told.text


def test_a_budget_is_kept_behind_a_fork(run):
    """What waits for its child for ever is told where it stood."""
    told = run["test_stuck"]
    assert told.outcome == "failed"
    assert "os.waitpid(pid, 0)" in told.text, told.text
