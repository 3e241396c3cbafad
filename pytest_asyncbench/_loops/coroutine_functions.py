"""What asyncio takes for a coroutine function, and refuses to call later."""

from __future__ import annotations

import asyncio.coroutines
import inspect
from collections.abc import Callable
from typing import TypeVar, cast

from pytest_asyncbench._loops import names

__all__ = ["as_coroutine_function", "is_no_callback"]

F = TypeVar("F", bound=Callable[..., object])


def as_coroutine_function(function: F) -> F:
    """Have a function be taken for a coroutine function whose coroutine it returns.

    From Python 3.12 on by whoever asks; before that by who asks asyncio, as
    `unittest.mock` does, since `inspect` can't be told there.
    """
    mark = getattr(inspect, "markcoroutinefunction", None)
    if mark is not None:
        return cast("F", mark(function))
    names.IS_COROUTINE.put(function, names.IS_COROUTINE.of(asyncio.coroutines))
    return function


def is_no_callback(function: object) -> bool:
    """Tell whether asyncio refuses to call this later, if it sees it as it is."""
    return not callable(function) or inspect.iscoroutinefunction(function)
