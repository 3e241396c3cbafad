"""Run a coroutine once more, in a loop that has nothing but tasks and timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._loops import AnyTask, names
from pytest_asyncbench._running.quick import AsksForMore, QuickLoop

if TYPE_CHECKING:
    from pytest_asyncbench._running.order import Order
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["run_alone"]


def run_alone(
    function: Callable[[], Coroutine[Any, Any, object]],
    order: Order,
    clock: VirtualClock,
) -> None:
    """Run a coroutine function in a fresh loop, as `asyncio.run` does.

    Args:
        function: makes the coroutine.
        order: the order of the run.
        clock: its time, which stands at the start.

    Raises:
        AsksForMore: it wants a socket, a thread or the like, and needs a whole loop.
        BaseException: what the coroutine raises, or the deadlock that it ended in.
    """
    loop = QuickLoop(clock, order.queue(), order.rest, order.failed)
    try:
        try:
            loop.run_until_complete(function())
        finally:
            order.ended(loop)
            left = loop.left()
            if left or names.SCHEDULED.get(loop):
                order.over(loop)
            _end(loop, left)
    finally:
        loop.close()
        if loop.asked:
            raise AsksForMore


def _end(loop: QuickLoop, left: Sequence[AnyTask]) -> None:
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    if names.ASYNC_GENERATORS.get(loop):
        loop.run_until_complete(loop.shutdown_asyncgens())
