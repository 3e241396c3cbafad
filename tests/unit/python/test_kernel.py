"""What a thread waits for in the kernel, from the line that ``/proc`` shows of it."""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from by_hand import until_it_waits

from pytest_asyncbench._python import kernel
from pytest_asyncbench._python.kernel import (
    Kernel,
    does,
    is_parked,
    is_ready,
    is_running,
    static_memory,
    waits_for,
)
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.seen import Wait

linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="the lines below are of Linux on x86_64",
)


def seen(*numbers):
    """Tell the wait that the kernel's line with these numbers stands for."""
    return waits_for(0, lambda native: " ".join(map(str, numbers)))


@pytest.mark.parametrize("line", ["running\n", "", "-1 0x7ffe 0x7f00", "9999 0x0", "x"])
def test_no_known_call_is_no_wait(line):
    """A thread that runs, one that waits for memory, a call nobody knows."""
    assert waits_for(0, lambda native: line) is None


def test_what_cannot_be_read_is_no_wait():
    """A thread that is gone, or a platform that shows nothing."""

    def fail(native):
        raise FileNotFoundError(native)

    assert waits_for(0, fail) is None
    assert waits_for(-1) is None


@linux
def test_a_file_is_named_by_its_path(tmp_path):
    """A pipe has none."""
    path = tmp_path / "file"
    path.write_text("")
    read, write = os.pipe()
    with path.open() as file:
        assert seen(0, hex(file.fileno()), "0x0") == Wait(call="read", on=str(path))
        assert seen(0, hex(read), "0x0") == Wait(call="read", on="a pipe")
    os.close(read)
    os.close(write)


@linux
def test_a_descriptor_that_is_gone_leaves_the_call():
    """The thread went on while it was looked at."""
    assert seen(45, hex(10**6), "0x0") == Wait(call="recvfrom", on=None)


@pytest.fixture
def peers():
    """Give two connected sockets and the listening one."""
    listening = socket.create_server(("127.0.0.1", 0))
    here = socket.create_connection(listening.getsockname())
    there, _ = listening.accept()
    yield here, there, listening
    for one in (here, there, listening):
        one.close()


@linux
def test_a_socket_is_named_by_its_peer(peers):
    """One without a peer by its own address, and as that."""
    here, _, listening = peers
    port = listening.getsockname()[1]
    assert seen(45, hex(here.fileno())).on == f"127.0.0.1:{port}"
    assert (
        seen(288, hex(listening.fileno())).on == f"127.0.0.1:{port} (its own address)"
    )
    with socket.socket() as unconnected:
        assert seen(42, "0x0", "0x0", "0x0").on is None
        assert (
            seen(44, hex(unconnected.fileno())).on == "a connection that is being made"
        )


@linux
@pytest.mark.parametrize("default", [None, 3.0])
def test_to_look_at_a_socket_leaves_it_as_it_was(peers, default):
    """Its owner may wait as before, under a default timeout as well."""
    here = peers[0]
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(default)
    try:
        assert seen(45, hex(here.fileno())).on is not None
    finally:
        socket.setdefaulttimeout(before)
    assert os.get_blocking(here.fileno())
    peers[1].send(b"x")
    assert here.recv(1) == b"x"


@linux
def test_what_is_polled_is_read_from_memory(peers):
    """One descriptor or several alike; none is a way to pass the time."""
    here, _, listening = peers

    class PollFd(ctypes.Structure):
        _fields_ = (("fd", ctypes.c_int), ("rest", ctypes.c_int))

    polled = (PollFd * 2)((here.fileno(), 1), (listening.fileno(), 1))
    at = hex(ctypes.addressof(polled))
    port = listening.getsockname()[1]
    assert seen(7, at, "0x1", "0x64").on == f"127.0.0.1:{port}"
    assert seen(7, at, "0x2", "0x64").on is None
    assert seen(7, at, "0x0", "0x64").on == "a timer"
    bits = (ctypes.c_ubyte * 128)()
    bits[here.fileno() // 8] = 1 << here.fileno() % 8
    at = hex(ctypes.addressof(bits))
    assert seen(270, hex(here.fileno() + 1), at, "0x0").on == f"127.0.0.1:{port}"
    assert seen(270, "0x0", "0x0", "0x0").on == "a timer"


@linux
def test_paths_and_addresses_are_read_from_memory():
    """Of a file that is being opened, and of a peer that does not answer."""
    path = ctypes.create_string_buffer(b"/tmp/fifo")
    at = hex(ctypes.addressof(path))
    assert seen(257, "0xffffff9c", at) == Wait(call="openat", on="/tmp/fifo")
    address = bytes([2, 0, 0x15, 0x38, 10, 0, 0, 7]) + bytes(8)
    buffer = ctypes.create_string_buffer(address)
    at = hex(ctypes.addressof(buffer))
    assert seen(42, "0x3", at, "0x10") == Wait(call="connect", on="10.0.0.7:5432")
    assert seen(42, "0x3", "0x10", "0x10") == Wait(call="connect", on=None)


@linux
def test_processes_are_named_by_number():
    """Any child where the caller did not say which."""
    assert seen(61, hex(4711)) == Wait(call="wait4", on="process 4711")
    assert seen(61, "0xffffffffffffffff") == Wait(call="wait4", on="a child process")
    assert seen(247, "0x1", hex(4711)) == Wait(call="waitid", on="process 4711")
    assert seen(247, "0x0", "0x0") == Wait(call="waitid", on="a child process")


MAP = """\
5000-6000 r-xp 00000000 fe:00 17 /opt/bin/python3.12
6000-7000 rw-p 00001000 fe:00 17 /opt/bin/python3.12
7000-8000 rw-p 00000000 00:00 0
8000-9000 rw-p 00000000 00:00 0 [heap]
a000-b000 r-xp 00000000 fe:00 18 /opt/lib/libpython3.12.so.1.0
b000-c000 rw-p 00001000 fe:00 18 /opt/lib/libpython3.12.so.1.0
d000-e000 rw-p 00000000 00:00 0
e000-f000 rw-p 00000000 fe:00 19 /opt/lib/python3.12/lib-dynload/math.so
""".splitlines()


def test_the_interpreters_static_memory_is_found_in_a_map():
    """What can be written of the program and its library, and what follows on it."""
    assert static_memory(MAP, "/opt/bin/python3.12") == [
        (0x6000, 0x7000),
        (0x7000, 0x8000),
        (0xB000, 0xC000),
    ]


@linux
def test_the_interpreters_own_lock_is_no_wait_of_the_users(monkeypatch):
    """Where the two can't be told apart, no lock is named at all."""
    monkeypatch.setattr(kernel, "_static_memory", lambda: ((0x6000, 0x7000),))
    assert seen(202, "0x6100", "0x189") is None
    assert seen(202, "0x9100", "0x189") == Wait(call="futex", on="a lock")
    monkeypatch.setattr(kernel, "_static_memory", tuple)
    assert seen(202, "0x9100", "0x189") is None


@linux
@linux
@pytest.mark.parametrize(
    ("numbers", "parked"),
    [
        ("202 0x9100 0x189 0x0 0x0 0x0", True),
        ("202 0x6100 0x189 0x0 0x0 0x0", False),  # for the interpreter
        ("202 0x9100 0x189 0x0 0x7f00 0x0", False),  # for some time only
        ("202 0x9100 0x109 0x0 0x0 0x0", False),  # for another process, perhaps
        ("45 0x4 0x0 0x0 0x0 0x0", False),
        ("running", False),
    ],
)
def test_who_waits_for_its_own_process_without_a_limit_is_parked(
    numbers, parked, monkeypatch
):
    """Only another thread can end that."""
    monkeypatch.setattr(kernel, "_static_memory", lambda: ((0x6000, 0x7000),))
    assert is_parked(0, lambda native: numbers, lambda address: 0) is parked


@linux
def test_who_is_about_to_be_woken_is_not_parked(monkeypatch):
    """The system goes on to say so for a while, where it wakes it on a processor
    that sleeps. What the thread waits for has changed by then, or it has gone on.
    """
    monkeypatch.setattr(kernel, "_static_memory", lambda: ((0x6000, 0x7000),))
    waits = "202 0x9100 0x189 0x0 0x0 0x0"
    assert not is_parked(0, lambda native: waits, lambda address: 1)
    told = iter([waits, "running"])
    assert not is_parked(0, lambda native: next(told), lambda address: 0)


@linux
def test_the_word_for_which_a_thread_waits_is_read(monkeypatch):
    """A lock that is held is one for whose change its waiter waits."""
    lock, began = threading.Lock(), threading.Event()
    lock.acquire()

    def wait():
        began.set()
        lock.acquire()

    thread = threading.Thread(target=wait)
    thread.start()
    began.wait()
    for _ in range(5000):
        if is_parked(thread.native_id):
            break
        time.sleep(0.001)
    lock.release()
    assert not is_parked(thread.native_id)
    thread.join()


@linux
@pytest.mark.parametrize(
    ("numbers", "ready"),
    [
        ("running", True),
        ("202 0x6100 0x189 0x0 0x0 0x0", True),  # for the interpreter
        ("202 0x9100 0x189 0x0 0x0 0x0", False),
        ("45 0x4 0x0 0x0 0x0 0x0", False),
        ("-1 0x7ffc 0x7f00", False),  # for a page of memory
        ("9999 0x0", False),  # in a call that is not known
    ],
)
def test_who_lacks_a_processor_or_the_interpreter_is_ready(numbers, ready, monkeypatch):
    """Nobody else has to do anything for it."""
    monkeypatch.setattr(kernel, "_static_memory", lambda: ((0x6000, 0x7000),))
    assert is_ready(0, lambda native: numbers) is ready


@pytest.mark.parametrize("line", ["running\n", "202 0x6789 0x80"])
def test_who_lacks_only_a_processor_is_told_from_who_lacks_the_interpreter(line):
    """That one waits for its lock."""
    assert is_running(0, lambda native: line) is line.startswith("running")


@linux
@pytest.mark.parametrize(
    ("numbers", "doing"),
    [
        ("running\n", "works"),
        ("202 0x6789 0x80", "works"),  # the lock of the interpreter's
        ("-1 0x7ffe 0x7f00", "works"),  # a page of memory
        ("74 0x3", "works"),  # fsync
        ("202 0x8000 0x80", "rests"),
        ("232 0x3 0x7f00 0x400", "waits"),  # epoll_wait
        ("45 0x3 0x7f00 0x10", "waits"),  # recvfrom
        ("426 0x3 0x0 0x1", "waits"),  # io_uring_enter
        ("9999 0x0", "works"),  # in a call that is not known
        ("", None),
    ],
)
def test_what_a_thread_does_is_told_by_who_has_to_do_something(
    numbers, doing, monkeypatch
):
    """Nobody but itself, another one of this process, or somebody outside of it."""
    monkeypatch.setattr(kernel, "_static_memory", lambda: ((0x6000, 0x7000),))
    assert does(0, lambda native: numbers) == doing


@linux
def test_where_locks_can_t_be_told_apart_nothing_is_known_of_who_waits_for_one(
    monkeypatch,
):
    """As with musl, where virtual time would wait for a parked thread to work on."""
    monkeypatch.setattr(kernel, "_static_memory", tuple)
    assert does(0, lambda native: "202 0x8000 0x80") is None
    assert does(0, lambda native: "running\n") == "works"


@linux
def test_who_reads_a_file_works_and_who_reads_a_pipe_waits(tmp_path):
    """A disk answers by itself, a peer when it likes."""

    def reads(descriptor):
        return does(0, lambda native: f"0 {descriptor:#x} 0x7f00 0x400")

    path = tmp_path / "file"
    path.write_text("")
    read, write = os.pipe()
    with path.open() as file:
        assert (reads(file.fileno()), reads(read)) == ("works", "waits")
    os.close(read)
    os.close(write)
    assert reads(2**20) == "waits"


def test_of_a_thread_that_is_not_there_nothing_is_known():
    """Its number is beyond those that Linux gives."""
    assert does(2**22 + 1) is None
    assert not is_ready(2**22 + 1)
    assert not is_running(2**22 + 1)


@linux
def test_another_thread_is_ready_that_works_and_none_that_waits():
    """Whatever else the process has threads for."""
    goes_on, over = threading.Event(), threading.Event()

    def waits_then_works():
        goes_on.wait()
        while not over.is_set():
            pass

    known = {int(one.name) for one in Path("/proc/self/task").iterdir()}
    system = Kernel(SYSTEM_CLOCK)
    thread = threading.Thread(target=waits_then_works)
    thread.start()
    try:
        until_it_waits(thread)
        assert not system.others_are_ready(known)
        goes_on.set()
        assert any(system.others_are_ready(known) for _ in range(100_000))
        assert not system.others_are_ready(known | {thread.native_id})
    finally:
        goes_on.set()
        over.set()
        thread.join()


def test_a_thread_that_waits_for_a_lock_is_seen():
    """For real, with the interpreter's own memory as it is."""
    lock, ids = threading.Lock(), []
    lock.acquire()

    def wait():
        ids.append(threading.get_native_id())
        lock.acquire()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        for _ in range(10_000):
            found = waits_for(ids[0]) if ids else None
            if found is not None:
                break
            threading.Event().wait(0.001)
    finally:
        lock.release()
        thread.join()
    assert found == Wait(call="futex", on="a lock")


@linux
def test_a_thread_counts_its_waits():
    """One more at least for each."""
    kernel = Kernel(SYSTEM_CLOCK)
    before = kernel.switches()
    threading.Event().wait(0.001)
    assert kernel.switches() > before
