"""The tests that ``cost.py`` has pytest run; each writes what it took to a file.

ASYNCBENCH_FIGURES names the file, ASYNCBENCH_COST what is switched on inside the test
or what its coroutines do. With ASYNCBENCH_MEMORY the cost is memory instead of time,
with ASYNCBENCH_READ the speedup is read, which is worked out only then.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

TASKS, STEPS, COROUTINES = 10, 300_000, 10_000


async def yielding(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@asynccontextmanager
async def switched_on(what: str) -> AsyncIterator[None]:
    """Switch on asyncio's debug mode, or a peer with its own defaults."""
    async with AsyncExitStack() as stack:
        if what == "debug":
            asyncio.get_running_loop().set_debug(True)
        elif what == "blockbuster":
            from blockbuster import blockbuster_ctx

            stack.enter_context(blockbuster_ctx())
        elif what == "pyleak":
            from pyleak import no_event_loop_blocking

            await stack.enter_async_context(no_event_loop_blocking())
        elif what == "aiodebug":
            from aiodebug import log_slow_callbacks

            log_slow_callbacks.enable(0.1)
        elif what == "aiocop":
            import aiocop

            aiocop.patch_audit_functions()
            aiocop.start_blocking_io_detection()
            aiocop.detect_slow_tasks()
            aiocop.activate()
        yield


@pytest.fixture
def figures() -> Iterator[list[float]]:
    """Write what a test appends, once its loop has stopped: writing a file blocks."""
    noted: list[float] = []
    yield noted
    Path(os.environ["ASYNCBENCH_FIGURES"]).write_text(str(noted[0]))


async def cost_of(run: Callable[[], Awaitable[Any]]) -> float:
    """Give the processor time or, where that is asked for, the peak memory of a run."""
    gc.collect()
    if os.environ.get("ASYNCBENCH_MEMORY"):
        tracemalloc.start()
        await run()
        return float(tracemalloc.get_traced_memory()[1])
    began = time.process_time()
    await run()
    return time.process_time() - began


@pytest.mark.asyncio
async def test_steps(figures: list[float]) -> None:
    what = os.environ["ASYNCBENCH_COST"]
    # The debug mode is so slow that a tenth tells enough.
    steps = STEPS // 10 if what == "debug" else STEPS

    async def run() -> None:
        await asyncio.gather(*[yielding(steps // TASKS) for _ in range(TASKS)])

    async with switched_on(what):
        await yielding(1_000)
        figures.append(await cost_of(run) / steps)


def coroutines() -> list[Any]:
    if os.environ["ASYNCBENCH_COST"] == "sleeps":
        return [asyncio.sleep(0.5) for _ in range(COROUTINES)]
    return [yielding(5) for _ in range(COROUTINES)]


@pytest.mark.asyncio
async def test_gather(figures: list[float]) -> None:
    async def run() -> None:
        await asyncio.gather(*coroutines())

    figures.append(await cost_of(run) / COROUTINES)


@pytest.mark.asyncio
async def test_concurrently(figures: list[float], concurrently: Any) -> None:
    async def run() -> None:
        seen = await concurrently(*coroutines())
        if os.environ.get("ASYNCBENCH_READ"):
            assert seen.speedup

    figures.append(await cost_of(run) / COROUTINES)
