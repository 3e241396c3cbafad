"""What went wrong with the detector and its rules, each to be told with one test."""

from __future__ import annotations

from collections.abc import Callable

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._words.problems import Problem

__all__ = ["Untold"]


class Untold:
    """Keep the problems of a run until a test has told them.

    Args:
        interception: knows those of its rules.
    """

    def __init__(self, interception: Interception) -> None:
        self._known = interception
        self.of_detector: list[Problem] = []
        self._told: set[Problem] = set()

    def __bool__(self) -> bool:
        return any(self._left())

    def tell(self, note: Callable[[Problem], None]) -> None:
        """Give what no test has told yet to this one, which tells it."""
        for problem in self._left():
            self._told.add(problem)
            note(problem)

    def _left(self) -> list[Problem]:
        known = self._known
        found = (*self.of_detector, *known.problems, *known.failures)
        if not found:  # in most runs, and each test asks
            return []
        return [each for each in dict.fromkeys(found) if each not in self._told]
