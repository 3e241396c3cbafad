"""The detectors that are compared: how each is put around a test of the corpus.

Ours and `pytest` plugins among the peers need options or nothing; the others need
the few lines that their own documentation gives. `alarms` collects what a detector
only logs, and what it says where it does not fail the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["OPTIONS", "TOOLS", "alarms", "around", "plugins"]

THRESHOLD = 0.05
TOOLS = ("ours", "blockbuster", "debug", "truth")

OPTIONS: dict[str, tuple[str, ...]] = {
    "ours": ("--asyncbench-blocking=error", "--asyncbench-threshold=50ms"),
}
"""What to add to pytest's command line."""

alarms: list[str] = []


def plugins(tool: str) -> list[str]:
    """Name the pytest plugins that a tool needs."""
    return []


@contextlib.contextmanager
def around(tool: str) -> Iterator[None]:
    """Put a detector around one test."""
    if tool not in {"", "ours", *_TOOLS}:
        # A row of noughts would look like a result.
        raise NotImplementedError(f"nobody has written how to run {tool!r} yet")
    with _TOOLS.get(tool, contextlib.nullcontext)():
        yield


@contextlib.contextmanager
def _blockbuster() -> Iterator[None]:
    from blockbuster import blockbuster_ctx

    with blockbuster_ctx():
        yield


@contextlib.contextmanager
def _debug() -> Iterator[None]:
    """Listen to asyncio's debug mode, which logs and never fails a test."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "took" in record.getMessage():
                alarms.append(record.getMessage())

    ear, logger = Ear(), logging.getLogger("asyncio")
    made = asyncio.BaseEventLoop.__init__

    def make(self: Any) -> None:
        made(self)
        self.set_debug(True)
        self.slow_callback_duration = THRESHOLD

    asyncio.BaseEventLoop.__init__ = make  # type: ignore[method-assign]
    logger.addHandler(ear)
    try:
        yield
    finally:
        logger.removeHandler(ear)
        asyncio.BaseEventLoop.__init__ = made  # type: ignore[method-assign]


@contextlib.contextmanager
def _truth() -> Iterator[None]:
    """Measure the longest step, to know whether the corpus does what it claims."""
    now, run = time.perf_counter, asyncio.Handle._run

    def timed(self: Any) -> None:
        began = now()
        try:
            run(self)
        finally:
            longest.append(now() - began)

    longest: list[float] = []
    asyncio.Handle._run = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]
        alarms.append(f"longest step {max(longest, default=0):.3f}")


_TOOLS: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "blockbuster": _blockbuster,
    "debug": _debug,
    "truth": _truth,
}
