"""Make a failing schedule small: the fewest wake-ups that must be kept back.

Problem: a schedule that was picked at random differs from asyncio's order at nearly
every moment, and nobody can read why it fails. What does not do: leaving deviations of
a queue out one by one, since each moves all that come after it. What we do: nearly
every race shows when one wake-up is kept back for long enough, so that is tried first,
for those that were late in the failing run; then others. Where one is not enough, all
that was late is, and what need not be is left out. Of three that are left two mostly do
as well, if one of them is kept back for longer or not as long: that is tried next, and
then any two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from random import Random

from pytest_asyncbench._running.order import Order
from pytest_asyncbench._words.schedules import Hold, Schedule, Wake

__all__ = ["Try", "shrunk"]

Try = Callable[[Schedule], bool]
"""Runs a test by a schedule; tells whether it failed in the same way."""

_LENGTHS = (None, 1, 2, 3, 5, 9)
"""For how many steps a wake-up is kept back, in trials; None as long as possible."""

_SEED = 1


def shrunk(failed: Order, known: Sequence[Wake], fails: Try) -> Schedule | None:
    """Give a small schedule under which a test fails as it did in a run.

    Args:
        failed: that run.
        known: the wake-ups of the test that are known, in the order in which they came.
        fails: runs the test by a schedule, and says no when it is asked too often.

    Returns:
        None where no schedule of holds was found.
    """
    late = [*_late(failed)]
    guess = _Guess(failed)
    for hold in islice(_single(late, known), _SINGLES):
        if fails(_held(hold)):
            return _held(hold)
    best = _held(*late) if late and fails(_held(*late)) else None
    if best is not None:
        best = _with_others(_fewer(best, fails), guess, fails)
        if best.deviations <= _PAIR:
            return best
    for pair in _pairs(late, known, guess):
        if fails(_held(*pair)):
            return _held(*pair)
    return best


_PAIR = 2
_SINGLES = 240
"""So many runs may go by with one wake-up that is kept back; others need some too."""


def _held(*holds: Hold) -> Schedule:
    return Schedule(holds=holds)


def _single(late: Sequence[Hold], known: Sequence[Wake]) -> Iterator[Hold]:
    """Give what to keep back alone: first what was late in the failing run."""
    yield from late
    wakes = dict.fromkeys([*((hold.lane, hold.wake) for hold in late), *known])
    for length in _LENGTHS:
        for lane, wake in wakes:
            yield Hold(lane=lane, wake=wake, steps=length)


class _Guess:
    """Guesses for how long a wake-up is to be kept back.

    Args:
        failed: a run in which the test has failed.
    """

    def __init__(self, failed: Order) -> None:
        self._ran = [wake for _, wake, *_ in failed.trail if wake[1]]
        self.random = Random(_SEED)

    def __call__(self, wake: Wake) -> Hold:
        """Give a guess for one wake-up."""
        ran, random = self._ran, self.random
        # What it really waited for is as good a guess as any length.
        if wake in ran[:-1] and random.random() < _AS_IT_RAN:
            until = random.choice(ran[ran.index(wake) + 1 :])
            return Hold(lane=wake[0], wake=wake[1], until=until)
        return Hold(lane=wake[0], wake=wake[1], steps=random.choice(_LENGTHS))

    def instead_of(self, hold: Hold) -> Hold:
        """Give a guess for the same wake-up, or for another one of the same lane."""
        wake = hold.lane, hold.wake
        if self.random.random() < _ELSEWHERE:
            wake = self.random.choice([w for w in self._ran if w[0] == hold.lane])
        return self(wake)


def _with_others(best: Schedule, guess: _Guess, fails: Try) -> Schedule:
    """Leave out one that had to be held, and keep another task back otherwise."""
    trials = 0
    while best.deviations > _PAIR and trials < _OTHERS:
        trials += 1
        *holds, other = guess.random.sample(best.holds, best.deviations - 1)
        holds.append(guess.instead_of(other))
        if fails(_held(*holds)):
            best = _fewer(_held(*holds), fails)
    return best


def _pairs(
    late: Sequence[Hold], known: Sequence[Wake], guess: _Guess
) -> Iterator[tuple[Hold, Hold]]:
    """Give what to keep back together: first what was late, then any two."""
    yield from combinations(late[:_FIRST], 2)
    wakes = [*dict.fromkeys([*((hold.lane, hold.wake) for hold in late), *known])]
    for _ in range(_RANDOM_PAIRS if len(wakes) > 1 else 0):
        first, second = guess.random.sample(wakes, 2)
        yield guess(first), guess(second)


_AS_IT_RAN, _ELSEWHERE = 0.6, 0.5
_FIRST, _RANDOM_PAIRS, _OTHERS = 10, 300, 200


def _late(order: Order) -> Iterator[Hold]:
    """Give the wake-ups that others overtook, the one that most did first."""
    overtaken: list[tuple[int, Hold]] = []
    trail, end = order.trail, order.over_after
    end = len(trail) if end is None else end
    for ran, (_, (lane, wake), since, number) in enumerate(trail):
        if since >= end:
            continue  # it is of what cleans up after the test
        # Whoever came into the queue after it, and went on before it.
        by = sum(1 for *_, other in trail[since:ran] if other > number)
        if by and wake:
            until = trail[ran - 1][1] if ran < end else None
            overtaken.append((by, Hold(lane=lane, wake=wake, until=until)))
    overtaken.sort(key=lambda each: -each[0])
    return (hold for _, hold in overtaken)


def _fewer(schedule: Schedule, fails: Try) -> Schedule:
    """Leave out what need not be held: halves, then quarters, then one by one."""
    holds = list(schedule.holds)
    part = max(1, len(holds) // 2)
    while part >= 1:
        begin = 0
        while begin < len(holds) > 1:
            left = holds[:begin] + holds[begin + part :]
            if left and fails(_held(*left)):
                holds = left
            else:
                begin += part
        part //= 2
    return _held(*holds)
