"""Who kept the loop from running: the code itself, another thread, or a signal."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

SUITE = """
import asyncio, ctypes, os, subprocess, sys, threading, time
import pytest

pytestmark = pytest.mark.no_blocking(threshold="100ms", rules="none")

NUMBERS = range(4_000_000)
SOME = range(300_000)
STOP = '''
import os, signal, sys, time
time.sleep(0.3)
os.kill(int(sys.argv[1]), signal.SIGSTOP)
time.sleep(0.5)
os.kill(int(sys.argv[1]), signal.SIGCONT)
'''

async def test_stopped_and_continued():
    command = [sys.executable, "-S", "-c", STOP, str(os.getpid())]
    child = await asyncio.create_subprocess_exec(*command)
    while child.returncode is None:
        # The step is long enough to be where the signal comes, and all at one place:
        # how its time went is told of who filled it.
        sum(1 for _ in SOME)
        await asyncio.sleep(0)

async def test_kept_out_by_a_thread_at_work():
    thread = threading.Thread(target=sorted, args=(NUMBERS,), kwargs={"key": int})
    await asyncio.sleep(0.05)
    thread.start()
    await asyncio.sleep(0)
    sum(range(1000))
    await asyncio.to_thread(thread.join)

async def test_kept_out_by_a_thread_asleep():
    usleep = ctypes.PyDLL(None).usleep
    thread = threading.Thread(target=usleep, args=(500_000,))
    await asyncio.sleep(0.05)
    thread.start()
    await asyncio.sleep(0)
    sum(range(1000))
    await asyncio.to_thread(thread.join)

class Late(threading.Thread):
    def _bootstrap(self):
        time.sleep(0.5)  # as one that the system does not let run
        super()._bootstrap()

async def test_starts_a_thread_that_is_not_let_run(monkeypatch):
    Late(target=int).start()
    monkeypatch.setattr(threading, "Thread", Late)
    await asyncio.to_thread(int)

async def test_waits_for_a_lock_of_a_busy_thread():
    lock, held = threading.Lock(), threading.Event()

    def work():
        with lock:
            held.set()
            until = time.thread_time() + 1
            while time.thread_time() < until:
                pass

    thread = threading.Thread(target=work)
    thread.start()
    held.wait()
    lock.acquire()
    thread.join()

async def test_holds_the_interpreter_in_its_sleep():
    usleep = ctypes.PyDLL(None).usleep
    await asyncio.sleep(0.05)
    usleep(999_999)
"""

INNOCENT = (
    "test_stopped_and_continued",
    "test_kept_out_by_a_thread_asleep",
    "test_starts_a_thread_that_is_not_let_run",
)
GUILTY = (
    "test_waits_for_a_lock_of_a_busy_thread",
    "test_holds_the_interpreter_in_its_sleep",
)


@pytest.fixture
def run(play_once):
    # Not in this process: whoever looks after it would see that it is stopped.
    return play_once(SUITE, subprocess=True)


@pytest.mark.parametrize("name", INNOCENT)
def test_it_is_no_stall(run, name):
    """The loop could have gone on, and was not let."""
    assert run[name].outcome == "passed", run[name].text


def test_it_is_no_stall_but_the_call_in_the_thread(run):
    """Which kept the interpreter while it worked; see also `test_kept_waiting.py`."""
    found = run["test_kept_out_by_a_thread_at_work"].record["blocking"]
    # On a busy machine nobody may have come in time to tell.
    assert {(each["kind"], each["call"]) for each in found} <= {
        ("kept", "builtins.sorted")
    }


@pytest.mark.parametrize("name", GUILTY)
def test_it_is_the_codes_own_wait(run, name):
    """However busy the other threads were meanwhile."""
    assert run[name].outcome == "failed"
    (found,) = run[name].record["blocking"]
    assert found["blocked"] > 0.8
    # A machine of others' may stand still for a moment in any test, and who is woken
    # may wait for the interpreter: but not for most of this second.
    assert found["stopped"] < 0.2
    assert found["kept_out"] < 0.2


SAID = {
    "test_kept_out_by_a_thread_asleep": "of that another thread kept the interpreter",
    "test_stopped_and_continued": "of that the whole process stood still",
}


def test_counted_strictly_the_report_says_whose_time_it_was(play_once):
    """In one line after the split, which is told of who filled the step.

    On a busy machine a few samples may stand elsewhere, and then nobody has filled it.
    """
    tried = (
        play_once(SUITE, "--asyncbench-starvation=strict", subprocess=True)
        for _ in range(4)
    )
    assert any(
        all(line in run[name].text for name, line in SAID.items()) for run in tried
    )


HANGING = """
import asyncio, subprocess, sys
import pytest

BUSY = "import time\\nend = time.time() + 20\\nwhile time.time() < end: pass"

@pytest.fixture(scope="module", autouse=True)
def load():
    command = [sys.executable, "-S", "-c", BUSY]
    busy = [subprocess.Popen(command) for _ in range(3)]
    yield
    for process in busy:
        process.kill()
        process.wait()

@pytest.mark.budget("200ms")
async def test_spins():
    while True:
        await asyncio.sleep(0)

@pytest.mark.budget("200ms")
async def test_many_work_between_naps():
    async def busy():
        while True:
            sum(range(20_000))
            await asyncio.sleep(0.001)
    await asyncio.gather(*(busy() for _ in range(30)))
"""


def test_a_test_that_hangs_beside_load_ends_at_its_budget(play_once):
    """Put off by what was lost, and by nothing else."""
    run = play_once(HANGING, subprocess=True)
    for name in ("test_spins", "test_many_work_between_naps"):
        record = run[name].record
        assert record["overrun"]["cancelled"]
        assert record["wall"] - record["starved"] < 2.0, run[name].text
