"""What a loop says of itself, to us and unknown to the code under test.

A test may put something else in the place of a loop's methods, count how often it is
called, and have it say what it likes. We look at loops all the time. So what is asked
is the method of the loop's class, and of asyncio's classes the one that they had before
any test ran.

What still fails: a method that is replaced on a class of another library's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

__all__ = ["is_closed", "runs"]

_ASYNCIOS: Mapping[str, Callable[[asyncio.AbstractEventLoop], bool]] = {
    name: vars(asyncio.BaseEventLoop)[name] for name in ("is_closed", "is_running")
}


def is_closed(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is closed, in any thread."""
    return _answer(loop, "is_closed")


def runs(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop runs, in any thread."""
    return _answer(loop, "is_running")


def _answer(loop: asyncio.AbstractEventLoop, name: str) -> bool:
    for kind in type(loop).__mro__:
        method: Callable[[asyncio.AbstractEventLoop], bool] | None
        method = kind.__dict__.get(name)
        if method is not None:
            is_asyncios = kind.__module__.partition(".")[0] == "asyncio"
            return _ASYNCIOS[name](loop) if is_asyncios else method(loop)
    return _ASYNCIOS[name](loop)
