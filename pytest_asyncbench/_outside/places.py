"""The places that blocked while somebody watched for hours: of each, what adds up.

The rule by which memory is bounded: of a place are kept how often it blocked, for how
long in all, the longest time, and what the first ten waits were for. Nothing is kept of
a step, and of more than `MOST` places only how much they are together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_asyncbench._judging.merging import merged
from pytest_asyncbench._words.decided import Finding

__all__ = ["MOST", "Places"]

MOST = 1_000
"""So many places are told apart."""

_MOST_WAITS = 10


class Places:
    """What blocked so far, merged over all that was seen of each place."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: dict[tuple[object, ...], Finding] = {}
        self.beyond_count = 0
        """How often it blocked at places of which there were too many."""
        self.beyond_seconds = 0.0
        """For how long, in seconds."""

    def add(self, found: Iterable[Finding]) -> None:
        """Add what was found in some more steps."""
        for one in found:
            key = (
                *(one.file, one.line, one.function, one.call),
                *(one.allowed, one.allowance),
            )
            known = self._found.get(key)
            if known is None and len(self._found) >= self._most:
                self.beyond_count += one.count
                self.beyond_seconds += one.seconds
            else:
                both = [one] if known is None else [known, one]
                self._found[key] = _without_steps(*merged(both))

    def all(self) -> list[Finding]:
        """Give them, the one that cost most first."""
        return sorted([*self._found.values()], key=lambda found: -found.seconds)


def _without_steps(found: Finding) -> Finding:
    return replace(found, steps=frozenset(), waits=found.waits[:_MOST_WAITS])
