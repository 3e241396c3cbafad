"""Functions that stand in for a coroutine function, and only return what that makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar, cast

__all__ = ["as_coroutine_function"]

F = TypeVar("F", bound=Callable[..., object])


def as_coroutine_function(function: F) -> F:
    """Have a function be taken for a coroutine function, where Python can be told.

    That is from 3.12 on.
    """
    mark = getattr(inspect, "markcoroutinefunction", None)
    return function if mark is None else cast("F", mark(function))
