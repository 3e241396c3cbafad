"""The threads whose accounts are kept at hand; each is a file that stays open."""

from __future__ import annotations

from collections.abc import Collection

from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.undo import Undo

__all__ = ["Accounts"]


class Accounts:
    """Hold the account of each thread once, however many loops it runs.

    Written by any thread; what it does to the table takes one step of the interpreter.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[int, Undo] = {}
        """By the number that the system gave the thread."""

    def holds(self, native: int) -> bool:
        """Tell whether the account of this thread is at hand."""
        return native in self._held

    def hold(self, native: int) -> None:
        """Keep the account of this thread at hand from now on."""
        if native not in self._held:
            self._held[native] = self._clock.hold(native)

    def let_go(self, native: int) -> None:
        """Keep it no longer, where it is kept."""
        if native in self._held:
            self._held.pop(native)()

    def keep_only(self, natives: Collection[int]) -> None:
        """Let go of all threads but these."""
        for native in list(self._held):
            if native not in natives:
                self._held.pop(native)()

    def let_go_of_all(self) -> None:
        """Keep none any longer."""
        while self._held:
            self._held.popitem()[1]()
