"""From the outermost frame of a greenlet on to the frame that switched to it.

Problem: SQLAlchemy's asyncio, greenback and other bridges run functions in greenlets,
which have stacks of their own within a step of the loop. `f_back` ends there.

What we do: whoever has switched to a greenlet is suspended, and keeps the frame in
which it did so. With these bridges that is the greenlet's parent. The thread itself
knows which greenlet it runs. Another thread can't ask for that; it goes on at the
greenlet that runs the loop.

What still fails: of greenlets within greenlets the other thread does not see those in
between. A greenlet that was switched to by another than its parent, as in gevent, is
taken for its parent's.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Protocol

from pytest_asyncbench._python.gil import has_gil

__all__ = ["Greenlet", "Outside", "outside_here", "outside_of", "own_greenlet"]

Outside = Callable[[FrameType], "FrameType | None"]
"""Takes the outermost frame of a stack; gives the one around it, of a greenlet's."""

_LOADS_LATE = "sqlalchemy.ext.asyncio"
"""It imports greenlet when it first switches, which would be too late for us."""


class Greenlet(Protocol):
    """What a `greenlet.greenlet` tells of itself."""

    @property
    def gr_frame(self) -> FrameType | None:
        """Where it is suspended; None while it runs, and where it has ended."""

    @property
    def parent(self) -> Greenlet | None:
        """Who goes on when it ends."""


def own_greenlet() -> Greenlet | None:
    """Give the greenlet that runs in this thread; None where nobody has any."""
    if _LOADS_LATE in sys.modules:
        with suppress(ImportError):
            importlib.import_module("greenlet")
    return _running()


def _running() -> Greenlet | None:
    module = sys.modules.get("greenlet")
    running: Greenlet | None = module.getcurrent() if module is not None else None
    return running


def outside_here(outermost: FrameType) -> FrameType | None:
    """Give what stands around the outermost frame of a greenlet of this thread."""
    running = _running()
    return None if running is None else _outside(running.parent, outermost)


def outside_of(loops: Greenlet | None) -> Outside:
    """Do the same for another thread, whose loop this greenlet runs."""
    # Where nobody keeps that thread still, its greenlets must not be looked into.
    return functools.partial(_outside, loops if has_gil() else None)


def _outside(around: Greenlet | None, outermost: FrameType) -> FrameType | None:
    # The first that is suspended; but where `outermost` is the end of one of them
    # itself, the next one.
    found = None
    for frame in _suspended(around):
        found = found or frame
        if _end_of(frame) is outermost:
            found = None
    return found


def _suspended(greenlet: Greenlet | None) -> Iterator[FrameType]:
    while greenlet is not None:
        if greenlet.gr_frame is not None:
            yield greenlet.gr_frame
        greenlet = greenlet.parent


def _end_of(frame: FrameType) -> FrameType:
    while frame.f_back is not None:
        frame = frame.f_back
    return frame
