"""Predicates for which the numbers and flags of a call are enough.

Nothing is asked of the objects that are passed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from pytest_asyncbench._interception.words import Args, Kwargs

__all__ = [
    "argument",
    "file_descriptor",
    "file_lock_tried",
    "is_zero",
    "no_hang",
    "spawn_without_wait",
    "zero_get",
    "zero_poll",
    "zero_select",
    "zero_sleep",
    "zero_timeout",
]


def argument(args: Args, kwargs: Kwargs, position: int, name: str, default: Any) -> Any:
    """Give an argument, however it was passed."""
    return args[position] if len(args) > position else kwargs.get(name, default)


def is_zero(timeout: Any) -> bool:
    """Tell whether a timeout means not to wait; None means for ever."""
    return timeout is not None and timeout <= 0


def zero_sleep(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0] <= 0)


def zero_timeout(args: Args, kwargs: Kwargs) -> bool:
    return is_zero(argument(args, kwargs, 1, "timeout", None))


def zero_select(args: Args, kwargs: Kwargs) -> bool:
    return is_zero(argument(args, kwargs, 3, "timeout", None))


def zero_poll(args: Args, kwargs: Kwargs) -> bool:
    # Below zero is for ever.
    return bool(argument(args, kwargs, 1, "timeout", None) == 0)


def zero_get(args: Args, kwargs: Kwargs) -> bool:
    if not argument(args, kwargs, 1, "block", True):
        return True
    return is_zero(argument(args, kwargs, 2, "timeout", None))


def no_hang(args: Args, kwargs: Kwargs) -> bool:
    # All of the wait family take their options last.
    options: int = args[-1] if args else kwargs["options"]
    return bool(options & os.WNOHANG)


def spawn_without_wait(args: Args, kwargs: Kwargs) -> bool:
    return bool(argument(args, kwargs, 0, "mode", os.P_WAIT) != os.P_WAIT)


def file_lock_tried(args: Args, kwargs: Kwargs) -> bool:
    fcntl = sys.modules["fcntl"]  # absent on Windows, as are the rules that ask this
    return bool(args[1] & (fcntl.LOCK_NB | fcntl.LOCK_UN))


def file_descriptor(args: Args, kwargs: Kwargs) -> bool:
    return bool(args) and isinstance(args[0], int)
