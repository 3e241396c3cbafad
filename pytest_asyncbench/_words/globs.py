"""Globs over qualified names, as the tables of rules have them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from fnmatch import translate

__all__ = ["Globs", "any_of"]


class Globs:
    """Globs that are matched together.

    Nearly all are a name, or the beginning of one. To make a pattern of them, at each
    start of a run, takes longer than all that is asked of it then.
    """

    __slots__ = ("_beginnings", "_names", "_pattern")

    def __init__(self, globs: Iterable[str]) -> None:
        names: set[str] = set()
        beginnings: list[str] = []
        others: list[str] = []
        for glob in globs:
            begins = glob.removesuffix("*")
            if any(sign in begins for sign in "*?["):
                others.append(glob)
            elif begins == glob:
                names.add(glob)
            else:
                beginnings.append(begins)
        self._names = frozenset(names)
        self._beginnings = tuple(beginnings)
        self._pattern = re.compile("|".join(map(translate, others))) if others else None

    def match(self, name: str) -> bool:
        """Tell whether any of them matches the whole of a name."""
        if name in self._names or name.startswith(self._beginnings):
            return True
        return self._pattern is not None and self._pattern.match(name) is not None


def any_of(globs: Iterable[str]) -> Globs:
    """Give what matches wherever any of the globs does."""
    return _made(tuple(globs))


@functools.cache  # nearly all rows of the table of rules have the same ones
def _made(globs: tuple[str, ...]) -> Globs:
    return Globs(globs)
