"""Who has started a task: the user's code, or a library for work of its own."""

from __future__ import annotations

from pytest_asyncbench._loops import AnyTask, names
from pytest_asyncbench._python import getframe
from pytest_asyncbench._words.whose import is_ours, is_users

__all__ = ["is_begun_by_a_library"]

_ON_BEHALF = frozenset({"asyncio", "anyio"})
"""Who starts tasks for those that ask for it."""


def is_begun_by_a_library(task: AnyTask) -> bool:
    """Tell whether a library starts a task for itself; called while it is made.

    None of the user's code has made it, and its coroutine is none of the user's: a
    pool's worker, or what a driver shields. So the user's code can't cancel it.
    """
    code = getattr(names.COROUTINE.of(task), "cr_code", None)
    if code is not None and is_users(code.co_filename):
        return False
    frame = getframe().f_back
    while frame is not None:
        file = frame.f_code.co_filename
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if not (is_ours(file) or package in _ON_BEHALF):
            return not is_users(file)
        frame = frame.f_back
    return False
