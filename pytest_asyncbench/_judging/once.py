"""What a process does once, such as importing a module: told apart in a stack.

Who pays for it is whoever comes first, so a test is slow or not by its place in the
run. A stack is taken to be such work when a frame of it is in the table of rules.
"""

from __future__ import annotations

import dataclasses
import re

from pytest_asyncbench._rules.callers import ONCE
from pytest_asyncbench._words.globs import any_of
from pytest_asyncbench._words.seen import LAZY_IMPORT, Stack

__all__ = ["IMPORT", "begun_by", "done_once"]

IMPORT = "import"
"""What an import statement is called in a report."""

_REASONS = [(any_of([glob]).match, why) for glob, why in ONCE.items()]
_IMPORTS = r"(importlib\._bootstrap|_frozen_importlib|zipimport)\b"


def done_once(stack: Stack) -> str | None:
    """Give why a stack is work that is done once, or None where it is not."""
    for frame in reversed(stack):
        for matches, why in _REASONS:
            if matches(frame.qualified):
                return why
    return None


def begun_by(stack: Stack) -> Stack:
    """Cut a stack down to who began such work: not the module that is imported."""
    outermost = max(
        index
        for index, frame in enumerate(stack)
        if any(matches(frame.qualified) for matches, _ in _REASONS)
    )
    callers = stack[outermost + 1 :]
    if not callers or not re.match(_IMPORTS, stack[outermost].qualified):
        return stack[outermost:]
    # A statement has no frame of its own; for a lazy name's first use one stands in.
    first, *others = callers
    if first.qualified == LAZY_IMPORT and others:
        return (dataclasses.replace(others[0], call=LAZY_IMPORT), *others[1:])
    return (dataclasses.replace(first, call=IMPORT), *others)
