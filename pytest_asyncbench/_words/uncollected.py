"""Leave garbage collections out where they would only find that all stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects that are no garbage without a collection.

    Where modules are loaded, these were more than twice as many in a run that watches
    as in one that does not. Where a trace of ten thousand tasks is read, they took an
    eighth to a quarter of the time on 3.12.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
