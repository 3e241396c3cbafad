"""Locks of our own that a loop's thread may wait for, whoever forbids it to wait.

A detector of blocking calls may replace the method of every lock there is, and raise at
whoever waits for one while a loop runs: at us, when we wait for the watchdog. So the
method is held here as it was when we came.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable

__all__ = ["Lock", "acquire", "held_lock"]

Lock = _thread.LockType

acquire: Callable[..., bool] = Lock.acquire
"""Called as ``acquire(lock, True, timeout)``, with seconds."""


def held_lock() -> Lock:
    """Make a lock that is held already: whoever acquires it waits for its release."""
    lock = _thread.allocate_lock()
    acquire(lock)
    return lock
