"""Python's and pytest's own work, tools that look over a test's shoulder, and noise."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: PT008, PT030, SIM115
# ruff: noqa: PTH123

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.metadata
import inspect
import io
import linecache
import logging
import mimetypes
import multiprocessing
import os
import pdb
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
import zoneinfo
from unittest import mock

import pytest
import requests
from freezegun import freeze_time

# ------------------------------------------------------------------ imports


async def test_import():
    import wsgiref.simple_server
    import xml.sax.handler

    assert wsgiref.simple_server
    assert xml.sax.handler


async def test_import_by_name():
    importlib.import_module("email.mime.audio")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give the name of a package that nobody has imported."""
    (tmp_path / "corpus_pkg").mkdir()
    (tmp_path / "corpus_pkg" / "__init__.py").write_text("from . import inner\n")
    (tmp_path / "corpus_pkg" / "inner.py").write_text("def one():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "corpus_pkg"


async def test_import_of_files(package):
    assert importlib.import_module(package).inner.one() == 1


async def test_import_from_a_zip(tmp_path, monkeypatch):
    import zipfile

    path = tmp_path / "lib.zip"

    def pack():
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("corpus_zipped.py", "x = 1\n")

    await asyncio.to_thread(pack)
    monkeypatch.syspath_prepend(path)
    import corpus_zipped

    assert corpus_zipped.x == 1


async def test_reload():
    import colorsys

    importlib.reload(colorsys)


# ------------------------------------------------------------------ output


async def test_logging():
    logging.getLogger("corpus").warning("hello %s", "world")


async def test_logging_to_stderr():
    logger = logging.getLogger("corpus.stderr")
    logger.addHandler(logging.StreamHandler())
    # A hundred of these are 60 ms of work on a slow machine, which is a stall.
    for _ in range(30):
        logger.error("hello", stack_info=True)


async def test_logging_of_an_exception():
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("corpus").exception("failed")


async def test_print():
    for _ in range(100):
        print("hello")
    print("hello", file=sys.stderr, flush=True)
    sys.stdout.write("hello\n")
    sys.__stdout__.write("")


async def test_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)


async def test_resource_warning(tmp_path):
    path = tmp_path / "file"
    await asyncio.to_thread(path.touch)
    file = await asyncio.to_thread(open, path)
    assert file
    del file


async def test_traceback():
    try:
        raise ValueError("no")
    except ValueError:
        traceback.format_exc()
        traceback.print_exc()
    traceback.print_stack()


async def test_linecache():
    linecache.clearcache()
    linecache.getline(__file__, 1)
    linecache.checkcache()


async def test_inspect():
    inspect.getsource(test_linecache)
    inspect.currentframe()


async def test_messages_of_argparse(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "de_DE")
    argparse.ArgumentParser().format_help()


async def test_mimetypes():
    mimetypes.init()


async def test_time_zone():
    zoneinfo.ZoneInfo.no_cache("UTC")


async def test_installed_version():
    importlib.metadata.version("pytest")


async def test_task_exception_never_retrieved():
    async def fail():
        raise ValueError("nobody looks")

    asyncio.get_running_loop().call_soon(int, "no number")
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task


async def test_print_task_stack():
    asyncio.current_task().print_stack()


# ------------------------------------------------------------------ pytest


async def test_failing_assertion_caught():
    with pytest.raises(AssertionError):
        assert {"a": [1, 2, 3]} == {"a": [1, 2, 4]}


async def test_raises_and_warns():
    with pytest.raises(ZeroDivisionError):
        1 / 0  # noqa: B018
    with pytest.warns(UserWarning):
        warnings.warn("careful", stacklevel=1)


async def test_capture(capsys, caplog):
    print("hello")
    assert capsys.readouterr().out == "hello\n"
    logging.getLogger("corpus").error("hello")
    assert caplog.records


async def test_fixtures_asked_for_late(request):
    assert request.getfixturevalue("monkeypatch")


async def test_temporary_directory(tmp_path, tmp_path_factory):
    assert tmp_path


async def test_subtests_and_skip():
    with contextlib.suppress(pytest.skip.Exception):
        pytest.skip("caught")


# ----------------------------------------------------------------- tracing


async def test_settrace():
    lines = []

    def trace(frame, event, argument):
        lines.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for _ in range(100):
            await asyncio.sleep(0)
    finally:
        sys.settrace(before)


async def test_setprofile():
    sys.setprofile(lambda frame, event, argument: None)
    try:
        for _ in range(100):
            await asyncio.sleep(0)
    finally:
        sys.setprofile(None)


async def test_coverage():
    coverage = pytest.importorskip("coverage")
    measured = coverage.Coverage(data_file=None)
    measured.start()
    for _ in range(100):
        await asyncio.sleep(0)
    measured.stop()
    measured.get_data()


async def test_debugger_waits_for_its_user(after):
    read, write = os.pipe()
    after(os.write, write, b"continue\n")
    stdin, stdout = os.fdopen(read), io.StringIO()
    debugger = pdb.Pdb(stdin=stdin, stdout=stdout, nosigint=True, readrc=False)
    debugger.set_trace()
    await asyncio.sleep(0)
    os.close(write)


async def test_breakpoint(monkeypatch):
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")
    breakpoint()


async def test_debug_mode():
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    tasks = [asyncio.create_task(asyncio.sleep(0.01)) for _ in range(50)]
    await asyncio.gather(*tasks)


# -------------------------------------------------------- clocks and mocks


async def test_frozen_time():
    with freeze_time("2020-01-01", real_asyncio=True):
        await asyncio.sleep(0.01)


async def test_frozen_time_that_ticks():
    with freeze_time("2020-01-01", tick=True, real_asyncio=True) as frozen:
        frozen.tick(3600)
        await asyncio.sleep(0.01)


async def test_frozen_time_moved():
    with freeze_time("2020-01-01", real_asyncio=True) as frozen:
        await asyncio.sleep(0)
        frozen.move_to("2030-01-01")
        await asyncio.sleep(0)


async def test_perf_counter_patched(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    await asyncio.sleep(0.01)
    monkeypatch.setattr(time, "perf_counter", lambda: 1e6)
    await asyncio.sleep(0.01)


async def test_monotonic_patched(monkeypatch):
    with mock.patch("time.time", return_value=0.0):
        await asyncio.sleep(0.01)


async def test_loop_time_patched():
    loop = asyncio.get_running_loop()
    real = loop.time
    with mock.patch.object(loop, "time", lambda: real() + 1000):
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_sleep_mocked():
    with mock.patch("time.sleep") as nap:
        time.sleep(60)
    nap.assert_called_once_with(60)


async def test_sleep_monkeypatched(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    time.sleep(60)


async def test_requests_mocked():
    with mock.patch("requests.get") as get:
        requests.get("https://example.org")
    get.assert_called_once()


async def test_socket_mocked():
    import socket

    with mock.patch("socket.socket") as kind:
        kind().connect(("example.org", 80))
        kind().recv(1)
    assert socket.socket is not kind


async def test_subprocess_mocked():
    with mock.patch("subprocess.run") as run:
        subprocess.run(["sleep", "60"], check=True)
    run.assert_called_once()


async def test_open_mocked():
    with mock.patch("builtins.open", mock.mock_open(read_data="hello")):
        assert open("anything").read() == "hello"


# ------------------------------------------------------------------- noise


async def test_process_stopped_and_continued():
    script = textwrap.dedent(
        """
        import os, signal, sys, time
        time.sleep(0.2)
        os.kill(int(sys.argv[1]), signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(int(sys.argv[1]), signal.SIGCONT)
        """
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", script, str(os.getpid())
    )
    while child.returncode is None:
        await asyncio.sleep(0)


async def test_processors_busy_with_others():
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", "while True: pass"
        )
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        end = time.perf_counter() + 0.6
        while time.perf_counter() < end:
            sum(range(20_000))
            await asyncio.sleep(0)
    finally:
        for child in children:
            child.kill()
            await child.wait()


async def test_thread_that_hogs_the_interpreter():
    stop = threading.Event()

    def hog():
        while not stop.is_set():
            sorted(range(1_000_000), key=int)

    thread = threading.Thread(target=hog)
    thread.start()
    for _ in range(50):
        await asyncio.sleep(0)
    stop.set()
    await asyncio.to_thread(thread.join)


async def test_thread_that_holds_the_interpreter():
    import ctypes

    lib = ctypes.PyDLL(None)
    thread = threading.Thread(target=lib.usleep, args=(100_000,))
    thread.start()
    await asyncio.sleep(0)
    sum(range(1000))
    await asyncio.to_thread(thread.join)


async def test_child_process_of_ones_own():
    def work():
        process = multiprocessing.get_context("spawn").Process(target=int)
        process.start()
        process.join()

    await asyncio.to_thread(work)


async def test_signal_that_interrupts():
    before = signal.signal(signal.SIGUSR2, lambda number, frame: None)
    for _ in range(10):
        os.kill(os.getpid(), signal.SIGUSR2)
        await asyncio.sleep(0)
    signal.signal(signal.SIGUSR2, before)
