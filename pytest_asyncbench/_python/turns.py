"""How the interpreter was given to a thread that asked for it now and then.

Pure functions over the clock and over how often that thread had waited. The watchdog's
thread is the one that asks. Who waits for the GIL wakes after each switch interval and
asks again, and that is what tells such a wait from one in the run queue.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_asyncbench._python.shares import Rest
from pytest_asyncbench._words.seen import Turn
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Held", "longer", "turn_after", "turn_within"]


class Held(NamedTuple):
    """A moment at which a thread had the interpreter."""

    at: float
    switches: int
    """How often it had waited by then."""


def turn_after(rest: Rest, now: Held, interval: float) -> Turn | None:
    """Give the turn that ended a sleep; None where it is not known, or has no GIL."""
    if not interval or rest.switches is None:
        return None
    # One wait is the sleep, and one more the wait that was ended with success.
    waits = now.switches - rest.switches - 1
    since = min(rest.due, now.at)
    asked = max(0, waits - 1) * interval
    return Turn(since=since, at=now.at, waited=waits > 0, asked=asked)


def turn_within(before: Held, now: Held, interval: float) -> Turn | None:
    """Give the turn of a thread that lost the interpreter and did not sleep, if any."""
    waits = now.switches - before.switches
    if not interval or waits <= 0:
        return None
    asked = (waits - 1) * interval
    return Turn(since=before.at, at=now.at, waited=True, asked=asked)


def longer(turns: Iterable[Turn | None]) -> Turn | None:
    """Give the longest of them; none where there is none."""
    return max(filter(None, turns), key=lambda turn: turn.at - turn.since, default=None)
