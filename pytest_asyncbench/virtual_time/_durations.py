"""Durations as users give them, turned into the integers that virtual time is kept in.

Nanoseconds are whole numbers, so that ten steps of 0.1 s are one second.
"""

from __future__ import annotations

import datetime as dt
import math
import numbers

from pytest_asyncbench._words.errors import VirtualTimeError

__all__ = ["SECOND", "nanoseconds"]

SECOND = 1_000_000_000
"""In nanoseconds."""


def nanoseconds(given: float | dt.timedelta, what: str) -> int:
    """Turn seconds or a timedelta into nanoseconds, refusing what is no duration."""
    __tracebackhide__ = True
    if isinstance(given, dt.timedelta):
        ns = (given // dt.timedelta(microseconds=1)) * 1000
    elif isinstance(given, numbers.Real) and not isinstance(given, bool):
        if not math.isfinite(given):
            msg = f"{what} takes a finite number of seconds, not {given!r}"
            raise VirtualTimeError(msg)
        ns = round(given * SECOND)
    else:
        msg = f"{what} takes seconds or a timedelta, not {given!r}"
        raise VirtualTimeError(msg)
    if ns < 0:
        raise VirtualTimeError(f"{what} cannot go backwards, and {given!r} is negative")
    return ns
