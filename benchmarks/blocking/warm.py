"""A process that has imported pytest and what the corpus uses, and forks per case.

`compare.py` talks to it: a line of JSON with arguments and environment in, and a line
out when the case has ended. Most of a case's time would otherwise go into imports.
Neither a detector nor the corpus is imported here; each fork starts without them.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from typing import Any

LIBRARIES = (
    *("pytest", "_pytest.junitxml", "pytest_asyncio.plugin", "freezegun"),
    *("anyio", "anyio.pytest_plugin", "anyio._backends._asyncio", "requests"),
    *("aiohttp", "aiosqlite", "http.server", "multiprocessing", "sqlite3"),
)


def become(order: dict[str, Any]) -> int:
    """Run pytest in this process, with its output in a file and nothing to read."""
    import pytest

    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    output = os.open(order["output"], os.O_WRONLY | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    return int(pytest.main(order["arguments"]))


def fork(order: dict[str, Any]) -> int:
    """Start a case; give its process."""
    pid = os.fork()
    if pid:
        return pid
    try:
        become(order)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def has_ended(pid: int, within: float) -> bool:
    """Wait for a process; end it where it takes too long."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def serve() -> None:
    """Fork for each line, and answer when that process has ended."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(has_ended(fork(order), order["limit"])), flush=True)


if __name__ == "__main__":
    serve()
