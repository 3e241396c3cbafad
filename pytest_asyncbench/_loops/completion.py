"""Which callbacks hand results on one by one, however many have come meanwhile.

*Problem*: who awaits such results is woken by the first, and takes the others without a
wait if they are there by then. Nothing in the loop's queue tells that it needs them.
*What we do*: know the callbacks of ``asyncio.as_completed``, by where they are defined.
*What still fails*: another library's function that does the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import FunctionType, MethodType

__all__ = ["hands_on_one_by_one"]

_DEFINED_IN = ("as_completed.", "_AsCompletedIterator.")
"""Up to 3.12 it is a closure, and from 3.13 on a method."""


def hands_on_one_by_one(callback: Callable[..., object]) -> bool:
    """Tell whether a callback of the loop's is one of ``asyncio.as_completed``."""
    if not isinstance(callback, (FunctionType, MethodType)):
        return False  # of other objects nobody knows what a question does
    if callback.__module__ != asyncio.tasks.__name__:
        return False
    return callback.__qualname__.startswith(_DEFINED_IN)
