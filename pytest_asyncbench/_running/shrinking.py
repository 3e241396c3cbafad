"""Make a failing schedule small: the fewest wake-ups that must be kept back.

Problem: a schedule that was picked at random differs from asyncio's order at nearly
every moment, and nobody can read why it fails. What does not do: leaving deviations of
a queue out one by one, since each moves all that come after it. What we do: nearly
every race shows when one wake-up is kept back for long enough, so that is tried first,
for those that were late in the failing run; then others, then two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from pytest_asyncbench._running.order import Order
from pytest_asyncbench._words.schedules import Hold, Schedule

__all__ = ["Try", "shrunk"]

Try = Callable[[Schedule], Order | None]
"""Runs a test by a schedule; gives its order where it failed in the same way."""

_LENGTHS = (None, 1, 2, 3, 5, 8, 13, 21)
"""For how many steps a wake-up is kept back, in trials; None as long as possible."""

_PAIRS = 12
"""Of so many late wake-ups two are tried together."""


def shrunk(
    failed: Order, known: Sequence[tuple[str, int]], fails: Try
) -> Schedule | None:
    """Give a small schedule under which a test fails as it did in a run.

    Args:
        failed: that run.
        known: the wake-ups of the test that are known, in the order in which they came.
        fails: runs the test by a schedule.

    Returns:
        None where no schedule of holds was found.
    """
    late = [*_late(failed)]
    for schedule in _candidates(late, known):
        order = fails(schedule)
        if order is not None:
            return _shorter(schedule, fails)
    return None


def _candidates(
    late: Sequence[Hold], known: Sequence[tuple[str, int]]
) -> Iterator[Schedule]:
    """Give what to try: one hold, then all late ones that are left, then two."""
    seen: set[Schedule] = set()
    for schedule in _in_turn(late, known):
        if schedule not in seen:
            seen.add(schedule)
            yield schedule


def _in_turn(
    late: Sequence[Hold], known: Sequence[tuple[str, int]]
) -> Iterator[Schedule]:
    for hold in late:
        yield Schedule(holds=(hold,))
    for hold in late:
        yield _one(hold.lane, hold.wake, None)
    for length in _LENGTHS:
        for lane, wake in known:
            yield _one(lane, wake, length)
    longest = sorted(late, key=lambda hold: -(hold.steps or 0))[:_PAIRS]
    for first, second in combinations(longest, 2):
        yield Schedule(holds=(first, second))
    yield Schedule(holds=tuple(late))


def _one(lane: str, wake: int, steps: int | None) -> Schedule:
    return Schedule(holds=(Hold(lane=lane, wake=wake, steps=steps),))


def _late(order: Order) -> Iterator[Hold]:
    """Give the wake-ups that others overtook, the one that most did first."""
    overtaken: list[tuple[int, Hold]] = []
    for ran, entry in enumerate(order.trail):
        # Whoever stood in the queue after it, and went on before it.
        by = sum(
            1 for other in order.trail[entry.since : ran] if other.since > entry.since
        )
        waited = ran - entry.since
        if by:
            hold = Hold(lane=entry.lane.key, wake=entry.wake, steps=waited)
            overtaken.append((by, hold))
    overtaken.sort(key=lambda each: -each[0])
    return (hold for _, hold in overtaken)


def _shorter(schedule: Schedule, fails: Try) -> Schedule:
    """Leave out what need not be held, and hold the rest for no longer than needed."""
    for hold in schedule.holds if len(schedule.holds) > 1 else ():
        fewer = Schedule(holds=tuple(each for each in schedule.holds if each != hold))
        if fewer.holds and len(fewer.holds) < len(schedule.holds) and fails(fewer):
            return _shorter(fewer, fails)
    return schedule
