"""What finalizers warn of: files, sockets and sessions that nobody has closed.

Python ignores such warnings unless it is asked for them.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["heard"]


@contextmanager
def heard(counts: Counter[str]) -> Iterator[None]:
    """Count ResourceWarnings by what they say; all others go where they went."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ResourceWarning)
        original = warnings.showwarning

        def showwarning(
            message: Warning | str, category: type[Warning], *rest: Any, **named: Any
        ) -> None:
            text = str(message)
            if text.startswith(_OF_A_DRIVER):
                return
            if issubclass(category, ResourceWarning) or text.startswith(_SQLALCHEMY):
                counts[_in_short(text)] += 1
            else:
                original(message, category, *rest, **named)

        warnings.showwarning = showwarning
        yield


def _in_short(text: str) -> str:
    """Leave out what is another in each run: addresses, ports, numbers of files."""
    lines = text.splitlines()
    return _OBJECT.sub(r"\1", lines[0] if lines else "").strip()


_OBJECT = re.compile(r"<([\w.]+).*(>|$)")
_SQLALCHEMY = "The garbage collector is trying to clean up"
"""It warns so of a connection, in a category of its own."""
_OF_A_DRIVER = "unclosed database in <sqlite3."
"""A driver opens one in a thread; who is cancelled meanwhile is never given it. So does
aiosqlite 0.22.1; see ``findings/``."""
