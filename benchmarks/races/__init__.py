"""Racy programs, each with a repaired twin, for the benchmark of schedules.

Each of them passes in asyncio's own order. A racy one fails in some other order of what
is ready; its twin never does.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from races import queues, state, tasks, waiting

__all__ = ["PROGRAMS", "Program"]


class Program(NamedTuple):
    """A racy coroutine function and its repaired twin."""

    name: str
    racy: Callable[[], Coroutine[Any, Any, None]]
    repaired: Callable[[], Coroutine[Any, Any, None]]


PROGRAMS = tuple(
    Program(name.removeprefix("racy_"), racy, vars(module)[f"repaired_{name[5:]}"])
    for module in (state, tasks, waiting, queues)
    for name, racy in vars(module).items()
    if name.startswith("racy_")
)
