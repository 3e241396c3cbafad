"""Fixtures of the corpus, and the report that `compare.py` reads.

Whatever blocks in a fixture here does so outside of any loop. `CORPUS_TOOL` names
the detector to put around each test, `CORPUS_RESULT` the file for what came of it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import tools

BLOCK = 0.1
_real_sleep = time.sleep
_reports: list[dict[str, Any]] = []

TOOL = os.environ.get("CORPUS_TOOL", "")


# ------------------------------------------------------------- the report


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a detector may have said."""
    _reports.append(
        {
            "nodeid": report.nodeid,
            "when": report.when,
            "outcome": report.outcome,
            "text": report.longreprtext,
            "sections": [f"{name}\n{text}" for name, text in report.sections],
            "properties": report.user_properties,
        }
    )


def pytest_sessionfinish() -> None:
    """Hand the reports to the runner."""
    result = os.environ.get("CORPUS_RESULT")
    if result:
        Path(result).write_text(
            json.dumps({"reports": _reports, "alarms": tools.alarms})
        )


@pytest.fixture(autouse=True)
def _detector(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put a peer around the test; ours is a plugin and needs nothing here."""
    logging.getLogger("asyncio").setLevel(logging.DEBUG)
    with tools.around(TOOL):
        yield


def pytest_itemcollected(item: pytest.Item) -> None:
    """Ask a peer for its watch, where that is asked for by a marker."""
    tools.mark(TOOL, item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Put a peer inside the test that must know the running loop."""
    if isinstance(item, pytest.Function):
        tools.enter(TOOL, item)


# ---------------------------------------------------------------- sizing


@pytest.fixture
def sized() -> Callable[..., Any]:
    """Find, off the loop, an argument that makes a call work for about 100 ms."""
    return functools.partial(asyncio.to_thread, size_of)


def size_of(
    call: Callable[[Any], Any],
    first: int = 1000,
    *,
    grow: Callable[[int], int] = lambda size: size * 13 // 10 + 1,
    make: Callable[[int], Any] = lambda size: size,
) -> Any:
    """Find an argument with which a call works for 80 to 110 ms of processor time."""
    size = first
    while True:
        argument = make(size)
        # Twice, because the first call pays for memory that the second finds warm.
        if min(_processor_time(call, argument) for _ in range(2)) >= BLOCK * 0.8:
            return argument
        size = grow(size)


def _processor_time(call: Callable[[Any], Any], argument: Any) -> float:
    began = time.thread_time()
    call(argument)
    return time.thread_time() - began


@pytest.fixture
def sized_before() -> Callable[..., Any]:
    """Do what `sized` does, for fixtures that are not async."""
    return size_of


# ------------------------------------------------------------------ peers


@pytest.fixture
def after() -> Iterator[Callable[..., threading.Thread]]:
    """Call something 100 ms from now in another thread."""
    threads = []

    def later(
        call: Callable[..., Any], *args: Any, seconds: float = BLOCK
    ) -> threading.Thread:
        def wait_and_call() -> None:
            _real_sleep(seconds)
            call(*args)

        thread = threading.Thread(target=wait_and_call, daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    yield later
    for thread in threads:
        thread.join(5)


def _peer(delay: float) -> Iterator[tuple[str, int]]:
    """Accept connections, and answer each line with another one."""
    server = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                _real_sleep(delay)
                connection.sendall(b"+OK\r\n")

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()
    server.close()


@pytest.fixture
def slow_peer() -> Iterator[tuple[str, int]]:
    """Give the address of a server that thinks for 100 ms."""
    yield from _peer(BLOCK)


@pytest.fixture
def quick_peer() -> Iterator[tuple[str, int]]:
    """Give the address of a server that answers at once."""
    yield from _peer(0)


def _http(delay: float) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server asks for
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            if delay:
                _real_sleep(delay)
            body = (
                b"<?xml version='1.0'?><methodResponse><params><param><value>"
                b"<int>1</int></value></param></params></methodResponse>"
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def slow_http() -> Iterator[str]:
    """Give the address of an HTTP server that thinks for 100 ms."""
    yield from _http(BLOCK)


@pytest.fixture
def quick_http() -> Iterator[str]:
    """Give the address of an HTTP server that answers at once."""
    yield from _http(0)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Give a pipe with a name, which nobody has opened."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path
