"""How to stand inside a running test. Knows how pytest-asyncio and unittest run one.

To be inside, the test's coroutine function is replaced before anybody makes a plain
function of it. pytest-asyncio swaps ``item.obj`` while the test runs, and for
Hypothesis the function inside of it; unittest looks the method up on its instance.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_asyncbench.instruments._undo import Undo

__all__ = ["enter", "is_async", "own_failure"]

AsyncFunction = Callable[..., Awaitable[Any]]


def is_async(item: pytest.Item) -> bool:
    """Tell whether a test is a coroutine function that somebody runs in a loop."""
    return _function(item) is not None


def enter(item: pytest.Item, wrap: Callable[[AsyncFunction], AsyncFunction]) -> Undo:
    """Replace an async test's function by `wrap` of it; return the way back."""
    function = _function(item)
    if function is None:
        return lambda: None
    owner, name = _holder(item)
    wrapped = wrap(function)
    if isinstance(item, TestCaseFunction):
        setattr(owner, name, wrapped)
        return lambda: delattr(owner, name)
    setattr(owner, name, wrapped)
    return lambda: setattr(owner, name, function)


def own_failure(item: pytest.Item) -> BaseException | None:
    """Give the failure that unittest keeps to itself until the report is made."""
    kept = getattr(item, "_excinfo", None)
    return kept[0].value if kept else None


def _holder(item: pytest.Item) -> tuple[Any, str]:
    if isinstance(item, TestCaseFunction):
        return item.instance, item.name
    return getattr(item, "_synchronization_target_attr", (item, "obj"))


def _function(item: pytest.Item) -> AsyncFunction | None:
    if not isinstance(item, pytest.Function):
        return None
    owner, name = (item, "obj") if isinstance(item, TestCaseFunction) else _holder(item)
    function = getattr(owner, name, None)
    return function if inspect.iscoroutinefunction(function) else None
