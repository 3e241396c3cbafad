"""A blocked stall says what the kernel waited for, where Linux shows it."""

from __future__ import annotations

import re
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it")

SUITE = """
import os, queue, socket, subprocess, sys, threading, time
import pytest

pytestmark = pytest.mark.no_blocking(rules="none")

def later(call, *args):
    threading.Timer(0.3, call, args).start()

@pytest.fixture
def peers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as here:
            with server.accept()[0] as there:
                yield here, there

async def test_late_answer(peers):
    later(peers[1].send, b"x")
    peers[0].recv(1)

async def test_late_answer_with_a_timeout(peers):
    peers[0].settimeout(30)
    later(peers[1].send, b"x")
    peers[0].recv(1)

async def test_fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    descriptor = os.open(tmp_path / "fifo", os.O_RDWR)
    later(os.write, descriptor, b"x")
    os.read(descriptor, 1)
    os.close(descriptor)

async def test_lock():
    lock = threading.Lock()
    lock.acquire()
    later(lock.release)
    lock.acquire()

async def test_queue():
    items = queue.Queue()
    later(items.put, 1)
    items.get()

async def test_process():
    subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.3)"])

async def test_sleep():
    time.sleep(0.3)

async def test_busy():
    until = time.thread_time() + 0.3
    while time.thread_time() < until:
        pass
"""

WAITS = {
    "test_late_answer": r"waited in recvfrom on 127\.0\.0\.1:\d+",
    "test_late_answer_with_a_timeout": r"waited in poll on 127\.0\.0\.1:\d+",
    "test_fifo": r"waited in read on \S*/fifo",
    "test_lock": r"waited for a lock \(futex\)",
    "test_queue": r"waited for a lock \(futex\)",
    "test_process": r"waited for process \d+ \(wait4\)",
}


@pytest.fixture
def run(play_once):
    return play_once(SUITE)


@pytest.mark.parametrize("name", WAITS)
def test_the_report_says_it_after_the_split(run, name):
    """In one line, with the file, or the address of the peer."""
    lines = run[name].lines
    (waited,) = (n for n, line in enumerate(lines) if line.startswith("waited "))
    assert re.fullmatch(WAITS[name], lines[waited])
    assert lines[waited - 1].startswith("working ")


@pytest.mark.parametrize(
    "rule", ["network", "locks", "subprocess"], ids=lambda rule: f"known as {rule}"
)
def test_a_known_call_says_it_as_well(play_once, rule):
    """The samples within it are its own."""
    known = play_once(SUITE.replace('"none"', '"all"'))
    names = {
        "network": "test_late_answer",
        "locks": "test_lock",
        "subprocess": "test_process",
    }
    assert re.search(WAITS[names[rule]], known[names[rule]].text)


@pytest.mark.parametrize("name", ["test_sleep", "test_busy"])
def test_what_says_nothing_new_is_left_out(run, name):
    """A sleep waited for a timer, and who was busy waited for nobody."""
    assert run[name].outcome == "failed"
    assert not [line for line in run[name].lines if line.startswith("waited ")]


def test_the_record_has_it(run):
    """Of each finding: the calls, what they were on, how often they were seen.

    The one seen most often comes first; where all processors are busy, the thread may
    be met elsewhere, too, on its way to it.
    """
    (found,) = run["test_fifo"].record["blocking"]
    wait, *others = found["waits"]
    assert wait["call"] == "read"
    assert wait["on"].endswith("/fifo")
    assert all(wait["seen"] >= other["seen"] >= 1 for other in others)
    (found,) = run["test_sleep"].record["blocking"]
    assert found["waits"][0]["on"] == "a timer"
    (found,) = run["test_busy"].record["blocking"]
    assert found["waits"] == []
