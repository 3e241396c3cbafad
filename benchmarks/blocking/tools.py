"""The detectors that are compared: how each is put around a test of the corpus.

Each gets what its own documentation gives for tests, with a threshold of 50 ms where
it has one. Where that is an option or a marker nothing else is done; the others are
entered around the test or, where they must know its loop, inside of it. `alarms`
collects what a detector only logs, for it is told apart from a test that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

__all__ = ["PEERS", "TOOLS", "Tool", "alarms", "around", "enter", "mark"]

THRESHOLD = 0.05

alarms: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Tool:
    """How a detector is switched on, and by what its verdict is known."""

    package: str = ""
    """The distribution that has to be there; nothing where it is the interpreter."""
    options: tuple[str, ...] = ()
    """What to add to pytest's command line."""
    marker: Callable[[], pytest.MarkDecorator] | None = None
    around: Callable[[], contextlib.AbstractContextManager[None]] | None = None
    inside: (
        Callable[[pytest.Function], contextlib.AbstractAsyncContextManager[None]] | None
    ) = None
    within: Callable[[], contextlib.AbstractContextManager[None]] | None = None
    """What is put around the body of a test that is not async itself."""
    timed: bool = True
    """Whether it goes by time, so that a busy machine may hide something from it."""
    verdict: str = ""
    """Found in a failure that is this detector's, and not the case's own."""


def mark(tool: str, item: pytest.Item) -> None:
    """Give a test the marker by which a detector is asked for."""
    if tool and (marker := TOOLS[tool].marker):
        item.add_marker(marker())


@contextlib.contextmanager
def around(tool: str) -> Iterator[None]:
    """Put a detector around one test, its loop not yet running."""
    enter = TOOLS[tool].around if tool else None
    with enter() if enter else contextlib.nullcontext():
        yield


def enter(tool: str, item: pytest.Function) -> None:
    """Put a detector inside of one test, where its loop runs."""
    if not tool:
        return
    body, inside, within = item.obj, TOOLS[tool].inside, TOOLS[tool].within
    if inspect.iscoroutinefunction(body) and inside:

        async def entered(*args: Any, **kwargs: Any) -> None:
            async with inside(item):
                await body(*args, **kwargs)

        item.obj = entered
    elif within and not inspect.iscoroutinefunction(body):

        def called(*args: Any, **kwargs: Any) -> None:
            with within():
                body(*args, **kwargs)

        item.obj = called


@contextlib.contextmanager
def _blockbuster() -> Iterator[None]:
    from blockbuster import blockbuster_ctx

    with blockbuster_ctx():
        yield


def _aiocop_tells(event: Any) -> None:
    if event.exceeded_threshold:
        traces = [each["trace"] for each in event.blocking_events]
        traces += [each["trace"] for each in event.cpu_stack_samples]
        alarms.append(f"slow task, {event.elapsed_ms:.0f} ms\n" + "\n".join(traces))


@contextlib.contextmanager
def _aiocop_set_up() -> Iterator[None]:
    import aiocop

    aiocop.patch_audit_functions()
    aiocop.start_blocking_io_detection()
    aiocop.detect_slow_tasks(
        threshold_ms=round(THRESHOLD * 1000), on_slow_task=_aiocop_tells
    )
    aiocop.activate()
    yield
    aiocop.deactivate()


@contextlib.asynccontextmanager
async def _aiocop(_: pytest.Function) -> AsyncIterator[None]:
    import aiocop

    # A loop is patched when `activate` is called on it, from its next step on; from a
    # fixture, as the recipe for tests has it, this loop would not be watched at all.
    aiocop.activate()
    await asyncio.sleep(0)
    with aiocop.raise_on_violations():
        yield


@contextlib.contextmanager
def _aiocop_without_a_loop() -> Iterator[None]:
    import aiocop

    with aiocop.raise_on_violations():
        yield


@contextlib.asynccontextmanager
async def _pyleak(item: pytest.Function) -> AsyncIterator[None]:
    from pyleak import no_event_loop_blocking
    from pyleak.utils import CallerContext

    # It blames only what is called from the files it was entered from: as if the line
    # stood in the test itself. The interval is the one its README calls the default.
    file = str(item.path)
    caller = CallerContext(filename=file, name=item.name, files={file})
    async with no_event_loop_blocking(
        action="raise",
        threshold=THRESHOLD,
        check_interval=0.01,
        caller_context=caller,
    ):
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


@contextlib.asynccontextmanager
async def _debug_inside(_: pytest.Function) -> AsyncIterator[None]:
    # pytest-asyncio makes its loop before the test's fixtures, and sets its debug mode
    # itself. A loop reads the mode before each step, so the test starts with the next.
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = THRESHOLD
    await asyncio.sleep(0)
    yield


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


TOOLS = {
    "ours": Tool(
        package="pytest-asyncbench",
        options=("--asyncbench-blocking=error", "--asyncbench-threshold=50ms"),
    ),
    "blockbuster": Tool(
        package="blockbuster",
        around=_blockbuster,
        timed=False,
        verdict="BlockingError",
    ),
    "aiocop": Tool(
        package="aiocop",
        around=_aiocop_set_up,
        inside=_aiocop,
        within=_aiocop_without_a_loop,
        timed=False,
        verdict="HighSeverityBlockingIoException",
    ),
    "pyleak": Tool(
        package="pyleak",
        # Naming one kind only does not switch the others off.
        marker=lambda: pytest.mark.no_leaks(
            tasks=False, threads=False, blocking=True, blocking_threshold=THRESHOLD
        ),
        verdict="event loop blocks",
    ),
    "pyleak-context": Tool(
        package="pyleak", inside=_pyleak, verdict="event loop blocks"
    ),
    "loopguard": Tool(
        package="fastapi-loopguard",
        options=(
            "--loopguard-all-async",
            f"--override-ini=loopguard_threshold_ms={THRESHOLD * 1000:.0f}",
        ),
        verdict="Event loop blocking detected",
    ),
    "debug": Tool(around=_debug, inside=_debug_inside),
    "truth": Tool(around=_truth),
}

PEERS = tuple(name for name in TOOLS if name not in {"ours", "truth"})

PLUGINS = {"ours": "asyncbench", "pyleak": "pyleak", "loopguard": "loopguard"}
"""What is switched off unless it is compared: two of them share their markers."""
