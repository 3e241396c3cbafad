"""A fingerprint names a blocking place in every run and on every machine.

It is the qualified name of the function, and that of the call. Neither has a line or a
path of the machine, so that it survives edits above it, a moved checkout and a moved
test.
"""

from __future__ import annotations

import re

__all__ = ["fingerprint"]

_TASK = re.compile(r"\bTask-\d+\b")
"""How asyncio calls a task that nobody has given a name."""


def fingerprint(caller: str, call: str) -> str:
    """Name a blocking place in one line, in which ``#`` begins nothing."""
    text = " ".join(f"{caller} > {call}".split()).replace(" #", "#")
    text = _TASK.sub("Task", text)
    return "".join(char if char.isprintable() else "?" for char in text)
