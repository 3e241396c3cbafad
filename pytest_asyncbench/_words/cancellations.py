"""What a test asks of cancellations, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_asyncbench._words.values import dataclass

__all__ = ["Cancellations", "Swept"]


@dataclass(frozen=True, kw_only=True)
class Cancellations:
    """That a test's tasks are cancelled at each of their awaits in turn."""

    tasks: tuple[str, ...] = ()
    """Globs over the names of the tasks, or of their coroutines; all, where empty."""
    check: Callable[..., Any] | None = None
    """What must hold after each: called with the fixtures that its arguments name."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What came of a test whose tasks were cancelled at each await in turn."""

    points: int
    """A count: how many awaits there were, of all tasks that were to be cancelled."""
    tried: int
    """A count: at how many of them a task was cancelled."""
    failed: int
    """A count: after how many something did not hold."""
