"""What is kept of a test from earlier runs."""

from __future__ import annotations

from pytest_asyncbench._words.values import dataclass

__all__ = ["GONE_AFTER", "PassedRun", "less_group"]

GONE_AFTER = 3
"""A test that so many full runs in a row lacked is gone. One alone may have been of a
change that somebody took back."""


@dataclass(frozen=True, kw_only=True)
class PassedRun:
    """What one run of a test took that has passed and broke no promise."""

    wall: float
    """What its call took, in seconds, in the time that the test lived in."""
    starved: float = 0.0
    """The part of that in which its thread was not let, in seconds."""
    speedup: float | None = None
    """A factor; None where nothing ran side by side."""
    blocked: float | None = None
    """For how long it blocked its loop, in seconds; None where nobody looked."""

    @property
    def took(self) -> float:
        """What the test itself took, in seconds."""
        return self.wall - self.starved


def less_group(nodeid: str) -> str:
    """Leave out what ``--dist=loadgroup`` writes behind the name of a test."""
    name, at, group = nodeid.rpartition("@")
    return name if at and "::" in name and "]" not in group else nodeid
