"""The clocks: what a stopwatch measures, and that no freeze can touch it."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import freezegun
import pytest
from by_hand import until

from pytest_asyncbench._words.clock import (
    _ACCOUNT,
    SYSTEM_CLOCK,
    Starved,
    Stopwatch,
    SystemClock,
    current_thread_ids,
)
from pytest_asyncbench.testing import ManualClock


def test_a_stopwatch_measures_from_when_it_was_made():
    """Wall time and starved time begin at zero, whatever the clock read before."""
    clock = ManualClock(100.0)
    clock.starve(3.0)
    watch = Stopwatch(clock)
    clock.work(1.0)
    clock.starve(0.25)
    elapsed = watch.elapsed()
    assert (elapsed.wall, elapsed.starved) == (1.25, 0.25)
    assert watch.began == 103.0


def test_wall_time_ends_with_the_account_of_who_knows_more():
    """To find out may take long, and who then loses the processor is not at fault."""
    clock = ManualClock()

    def starved():
        clock.starve(0.5)
        told = Starved(0.25, clock.now())
        clock.starve(0.125)
        return told

    elapsed = Stopwatch(clock, starved=starved).elapsed()
    assert (elapsed.wall, elapsed.starved) == (0.5, 0.25)


def test_what_the_platform_cannot_tell_is_none():
    """No zero is made up where nothing is known."""
    clock = ManualClock(accounts=False)
    watch = Stopwatch(clock)
    clock.wait(1.0)
    assert watch.elapsed().wall == 1.0
    assert watch.elapsed().starved is None


def test_the_system_clock_is_real_under_freezegun():
    """A frozen clock stands still; ours does not, not even one made while frozen."""
    with freezegun.freeze_time("2020-01-01"):
        frozen, ours = time.perf_counter(), SYSTEM_CLOCK.now()
        deadline = threading.Event()
        deadline.wait(0.02)
        assert time.perf_counter() == frozen
        assert 0.015 < SYSTEM_CLOCK.now() - ours < 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells both")
def test_linux_tells_a_threads_work_and_its_starvation():
    """Burning processor time shows as work; the account only grows."""
    ids = current_thread_ids()
    before = SYSTEM_CLOCK.processor(*ids)
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    after = SYSTEM_CLOCK.processor(*ids)
    assert after.working - before.working > 0.01
    assert after.starved >= before.starved


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_linux_tells_when_something_came():
    """As the begin of the tick in which it did, however long ago that was."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as here,
        server.accept()[0] as there,
    ):
        until(lambda: SYSTEM_CLOCK.received(here) is not None)
        before = SYSTEM_CLOCK.now()
        there.send(b"!")
        after = SYSTEM_CLOCK.now()
        until(lambda: SYSTEM_CLOCK.now() > after + 0.05)
        came = SYSTEM_CLOCK.received(here)
        assert before - 0.02 < came <= after
        assert here.recv(1)
        assert SYSTEM_CLOCK.received(here) == pytest.approx(came, abs=0.001)


def test_of_what_is_no_connection_nobody_tells_when_something_came():
    """Nor of one that is closed."""
    here, there = socket.socketpair()
    with there:
        there.send(b"!")
        assert SYSTEM_CLOCK.received(here) is None
        here.close()
        assert SYSTEM_CLOCK.received(here) is None
        assert ManualClock().received(there) is None


def test_a_thread_that_is_gone_is_no_crash():
    """Asking for the account of a dead thread tells that nothing is known."""
    ids = []
    thread = threading.Thread(target=lambda: ids.extend(current_thread_ids()))
    thread.start()
    thread.join()
    # For the system it ends a little later than for Python.
    until(lambda: SYSTEM_CLOCK.processor(*ids).working is None)
    assert SYSTEM_CLOCK.processor(0, -1) == (None, None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="the account is Linux's")
def test_who_a_test_says_it_is_is_not_believed(monkeypatch):
    """An ident is an address for the C library: a made-up one ended the interpreter."""
    ids = current_thread_ids()
    monkeypatch.setattr(threading, "get_ident", lambda: 1234)
    monkeypatch.setattr(threading, "get_native_id", lambda: 1234)
    assert current_thread_ids() == ids
    assert SYSTEM_CLOCK.processor(1234, ids[1]).working is not None


@pytest.mark.skipif(sys.platform != "linux", reason="the account is Linux's")
def test_it_is_known_how_often_any_thread_has_waited():
    """Held or not; a thread that has ended tells nothing."""
    clock, native = SystemClock(), threading.get_native_id()
    before = clock.waits(native)
    time.sleep(0.001)
    let_go = clock.hold(native)
    assert clock.waits(native) > before
    let_go()
    assert clock.waits(2**22 + 1) is None


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="the account is Linux's")
def test_an_account_that_is_held_reads_the_same_and_is_given_back():
    """Its file is closed by the undo, one for each hold."""
    clock, (thread, native) = SystemClock(), current_thread_ids()
    files = open_files()
    undo = [clock.hold(native), clock.hold(native)]
    assert open_files() == files + 4  # two for each
    before = clock.processor(thread, native)
    undo.pop()()
    after = clock.processor(thread, native)
    undo.pop()()
    assert before.starved <= after.starved <= clock.processor(thread, native).starved
    assert open_files() == files


@pytest.mark.skipif(sys.platform != "linux", reason="the account is Linux's")
def test_an_account_is_read_though_its_file_is_closed_in_this_moment(tmp_path):
    """By another thread; its number may be that of another file by then."""
    clock, (thread, native) = SystemClock(), current_thread_ids()
    let_go = clock.hold(native)
    number = clock._held[_ACCOUNT, native]
    os.close(number)
    assert clock.processor(thread, native).starved is not None
    (tmp_path / "other").write_text("not an account")
    with ExitStack() as files:
        while files.enter_context((tmp_path / "other").open()).fileno() != number:
            pass
        assert clock.processor(thread, native).starved is not None
    let_go()


def test_the_account_of_no_thread_cannot_be_held():
    """Nothing is there to be undone."""
    SystemClock().hold(2**22 + 1)()


@pytest.mark.skipif(sys.platform != "linux", reason="the account is Linux's")
def test_what_a_test_has_closed_is_not_closed_again(tmp_path):
    """By then the number is the next file's, or nobody's."""
    files_before = open_files()
    native = threading.get_native_id()
    clock = SystemClock()
    let_go = clock.hold(native)
    os.close(clock._held[_ACCOUNT, native])
    with ExitStack() as files:
        number = clock._held[_ACCOUNT, native]
        while True:
            file = files.enter_context((tmp_path / "log").open("w"))
            if file.fileno() == number:
                break
        let_go()
        file.write("still there")
        file.flush()
    let_go = clock.hold(native)
    os.close(clock._held[_ACCOUNT, native])
    let_go()
    assert open_files() == files_before
