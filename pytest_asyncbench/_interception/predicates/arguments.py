"""Predicates for which the numbers and flags of a call are enough.

Nothing is asked of the objects that are passed.
"""

from __future__ import annotations

import os
import sys
from typing import TypeVar

from pytest_asyncbench._interception.predicates.registry import predicate
from pytest_asyncbench._interception.signatures import Args, Kwargs

__all__ = ["argument", "is_zero", "zero_get", "zero_timeout"]

T = TypeVar("T")


def argument(args: Args, kwargs: Kwargs, position: int, name: str, default: T) -> T:
    """Give an argument, however it was passed."""
    value: T = args[position] if len(args) > position else kwargs.get(name, default)
    return value


def is_zero(timeout: float | None) -> bool:
    """Tell whether a timeout means not to wait; None means for ever."""
    return timeout is not None and timeout <= 0


def _timeout(args: Args, kwargs: Kwargs, position: int) -> float | None:
    return argument(args, kwargs, position, "timeout", None)


@predicate
def zero_sleep(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the time to sleep, the first argument, is zero or less."""
    return bool(args[0] <= 0)


@predicate
def zero_timeout(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether `timeout`, the second argument, is zero or less."""
    return is_zero(_timeout(args, kwargs, 1))


@predicate
def zero_select(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether `timeout`, the fourth argument, is zero or less."""
    return is_zero(_timeout(args, kwargs, 3))


@predicate
def zero_poll(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether `timeout`, the second argument, is zero; less is for ever."""
    return _timeout(args, kwargs, 1) == 0


@predicate
def zero_get(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether `block`, the second argument, is false, or `timeout` zero."""
    if not argument(args, kwargs, 1, "block", True):
        return True
    return is_zero(_timeout(args, kwargs, 2))


@predicate
def no_hang(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the options, the last argument, have `os.WNOHANG`."""
    options: int = args[-1] if args else kwargs["options"]
    return bool(options & os.WNOHANG)


@predicate
def spawn_without_wait(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether `mode`, the first argument, is not `os.P_WAIT`."""
    return argument(args, kwargs, 0, "mode", os.P_WAIT) != os.P_WAIT


@predicate
def file_lock_tried(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the second argument says not to wait, or to unlock."""
    fcntl = sys.modules["fcntl"]  # absent on Windows, as are the rules that ask this
    return bool(args[1] & (fcntl.LOCK_NB | fcntl.LOCK_UN))


@predicate
def file_descriptor(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the first argument is the number of an open file."""
    return bool(args) and isinstance(args[0], int)
