"""How durations, counts and places are written for people, everywhere alike."""

from __future__ import annotations

import os

from pytest_asyncbench._words.whose import INSTALLED

__all__ = ["NOWHERE", "many", "plural", "seconds", "shown", "where"]

NOWHERE = "?"
"""Stands for the file of what no line of Python has done."""


def seconds(value: float) -> str:
    """Write a duration so that its size is seen at once."""
    if value >= 0.1:
        return f"{value:.3f} s" if value < 100 else f"{value:.1f} s"
    if value >= 0.001:
        return f"{value * 1e3:.1f} ms"
    return f"{value * 1e6:.0f} µs"


def plural(number: int, noun: str) -> str:
    """Give the noun as it is written after this number."""
    return noun if number == 1 else f"{noun}s"


def many(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number:,} {plural(number, noun)}"


def where(file: str, line: int, function: str, start: str = os.curdir) -> str:
    """Write where a line of code is; of what has none, as in C, what it was in."""
    if file == NOWHERE:
        return f"in {function}"
    return f"{shown(file, start)}:{line} in {function}"


def shown(file: str, start: str = os.curdir) -> str:
    """Write a path as people do: from a folder, or from its installation.

    What lies elsewhere keeps its whole path.
    """
    for folder in INSTALLED:
        if file.startswith(folder):
            return file[len(folder) :]
    try:
        relative = os.path.relpath(file, start)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return file
    return file if relative.startswith("..") else relative
