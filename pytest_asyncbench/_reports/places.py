"""A line of code as it is shown: where it is, and what is written there."""

from __future__ import annotations

import linecache
from collections.abc import Iterator

from pytest_asyncbench._words.units import where

__all__ = ["place_lines"]


def place_lines(file: str, line: int, function: str, indent: str) -> Iterator[str]:
    """Write down a place, and its source where that can be read."""
    yield f"{indent}{where(file, line, function)}"
    source = linecache.getline(file, line).strip()
    if source:
        yield f"{indent}    {source}"
