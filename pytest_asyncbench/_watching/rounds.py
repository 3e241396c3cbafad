"""The rounds of the watchdog, each a sleep and a look, and who waits for the next."""

from __future__ import annotations

from pytest_asyncbench._python import Lock, acquire, held_lock

__all__ = ["Rounds"]


class Rounds:
    """Count the rounds, and let go on at the end of each who waits for it."""

    def __init__(self) -> None:
        self.count = 0
        """How often the watchdog has woken and looked.

        Written by the watchdog's thread.
        """
        self._awaited: list[Lock] = []
        """Each released at the end of the next round.

        Filled by the threads of loops, emptied by the watchdog's.
        """

    def end(self) -> None:
        """End a round; called in the watchdog's thread."""
        self.count += 1
        awaited, self._awaited = self._awaited, []
        for looked in awaited:
            looked.release()

    def wait(self, count: int, timeout: float) -> bool:
        """Wait in a loop's thread for the end of the round after so many.

        Returns whether it has come.
        """
        looked = held_lock()
        self._awaited.append(looked)
        # It may be over by now, and would not release this before the next one.
        return self.count != count or acquire(looked, True, timeout)
