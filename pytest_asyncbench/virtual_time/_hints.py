"""What a test says of the world around a loop, since nothing there shows it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

__all__ = ["Hints"]


class Hints:
    """Who may wake the loop unseen, and who never will."""

    def __init__(self) -> None:
        self.expected: list[str] = []
        """What may wake the loop now, in the test's words."""
        self.ignored_threads: WeakSet[threading.Thread] = WeakSet()
        """Those that never call a loop."""

    @contextmanager
    def expecting(self, what: str) -> Iterator[None]:
        """Expect it inside."""
        self.expected.append(what)
        try:
            yield
        finally:
            self.expected.remove(what)
