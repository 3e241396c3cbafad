"""Globs over qualified names, as the tables of rules have them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from fnmatch import translate

__all__ = ["one_pattern"]


def one_pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """Compile globs into one pattern that matches what any of them does."""
    return _compiled(tuple(globs))


@functools.cache  # nearly all rows of the table of rules have the same ones
def _compiled(globs: tuple[str, ...]) -> re.Pattern[str]:
    # Without globs this is the pattern that matches nothing.
    return re.compile("|".join(map(translate, globs)) or r"(?!)")
