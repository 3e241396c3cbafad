"""Files, read so that whoever has the interpreter meanwhile is not missed.

To read one takes several calls of the system, and each gives up the GIL. Between two of
them a step of a loop may begin, keep the GIL and end, unseen by who reads.
"""

from __future__ import annotations

import importlib.util
import linecache
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_asyncbench._words import held

__all__ = ["opened", "read_source"]


@contextmanager
def opened(path: str, between: Callable[[], None]) -> Iterator[int]:
    """Open a file and give its descriptor, calling `between` after each call for that.

    Raises:
        OSError: it can't be opened.
        ValueError: it is no path.
    """
    descriptor = held.open_descriptor(path, os.O_RDONLY)
    try:
        between()
        yield descriptor
    finally:
        between()
        held.close(descriptor)
        between()


def read_source(path: str, between: Callable[[], None]) -> None:
    """Have `linecache` know this file, if it doesn't, and there is one.

    Args:
        path: as a code object has it.
        between: called before the first call of the system, and after each.
    """
    if path in linecache.cache:
        return
    between()
    try:
        with opened(path, between) as descriptor:
            found = held.fstat(descriptor)
            between()
            text = importlib.util.decode_source(held.read(descriptor, found.st_size))
    except (OSError, SyntaxError, ValueError):
        return  # `linecache` knows other ways
    lines = text.splitlines(keepends=True)
    linecache.cache[path] = found.st_size, found.st_mtime, lines, path
