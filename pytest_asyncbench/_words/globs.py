"""Globs over qualified names, as the tables of rules have them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

__all__ = ["one_pattern"]


def one_pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """Compile globs into one pattern that matches what any of them does."""
    # Without globs this is the pattern that matches nothing.
    return re.compile("|".join(map(translate, globs)) or r"(?!)")
