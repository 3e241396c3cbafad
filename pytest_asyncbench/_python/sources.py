"""Source files, read so that whoever waits for the interpreter meanwhile is not missed.

`linecache` reads a file by many calls of the system, and each gives up the GIL. Between
two of them a step of a loop may begin, keep the GIL and end, unseen by who reads.
"""

from __future__ import annotations

import importlib.util
import linecache
import os
from collections.abc import Callable

from pytest_asyncbench._words import held

__all__ = ["read_source"]


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
        descriptor = held.open_descriptor(path, os.O_RDONLY)
    except (OSError, ValueError):
        return  # `linecache` knows other ways
    try:
        between()
        found = held.fstat(descriptor)
        between()
        text = importlib.util.decode_source(held.read(descriptor, found.st_size))
    except (OSError, SyntaxError, UnicodeError):
        return
    finally:
        between()
        held.close(descriptor)
        between()
    lines = text.splitlines(keepends=True)
    linecache.cache[path] = found.st_size, found.st_mtime, lines, path
