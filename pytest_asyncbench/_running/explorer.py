"""Look for a schedule under which a test fails, and make it small.

It runs a test by calling what it is given, and knows nothing of tests besides.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TypedDict

from pytest_asyncbench._loops import Entry
from pytest_asyncbench._running.learned import Learned
from pytest_asyncbench._running.order import Order, Pick
from pytest_asyncbench._running.shrinking import shrunk
from pytest_asyncbench._running.strategies import (
    Strategy,
    by_lanes,
    by_wakes,
    starve,
    walk,
)
from pytest_asyncbench._running.tree import Tree
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.explored import Explored
from pytest_asyncbench._words.schedules import Hold, Schedule, Wake

__all__ = ["Explorer", "Run", "unrepeatable"]

Run = Callable[[Order], BaseException | None]
"""Runs the test once more, whole, in this order; gives what it failed with."""

_TRIALS = 450
"""So many runs a failing schedule is worth, to make it smaller."""

_PICKS_TOO = 4
"""Where something real is awaited few can go on at the same time. There a wake-up is
kept back, across polls; but in one run in so many it is picked among those that can."""

_FREE_TOO = 2
"""Only what is kept back is late; where timers are free, one run in so many picks."""

_DRAWS = 20

_TIMES = 3

_LEARNS = 30
"""Of so many runs all is learnt, and then of one in so many."""

_LONGER, _FLOOR = 100, 10_000
"""A run is taken for endless after so many times the steps of the first one, and so
many besides."""

_STRATEGIES = (
    *(walk, walk, by_lanes, walk, walk, starve),
    *(walk, by_lanes, walk, by_wakes),
)
"""Whose turn it is in every ten runs, from the second run on."""


_PATIENCE = 50
"""Nobody waits for more than twice the steps of the first run, and so many more."""


class Bounds(TypedDict, total=False):
    """What no run goes beyond."""

    limit: float
    patience: int


class Explorer:
    """The search for a schedule under which one test fails.

    Args:
        runs: how many there are at most, asyncio's own order included.
        seed: which schedules are tried; with the same one, the same.
        within: for how long new ones are begun, in real seconds; None without end.
        clock: the real time.
        free: whether a timer may be late, so that others go before it that are due
            later; such a test is never seen whole.
    """

    def __init__(
        self,
        *,
        runs: int,
        seed: int,
        within: float | None,
        clock: Clock,
        free: bool = False,
    ) -> None:
        self._runs = runs
        self._free = free
        self._random = Random(seed)
        self._within = within
        self._now = clock.now
        self._began = self._now()
        self._tree = Tree()
        self._learned = Learned()
        self._bounds: Bounds = {}
        self._real = False
        self._own = Order()
        self._picked: list[str] = []
        """Who was picked in the last run that was no trial."""
        self._held: set[Hold] = set()
        """What was kept back in earlier runs, each alone."""
        self._known: set[object] = set()
        """What nobody looked at in asyncio's own order either."""

    def own_order(self) -> Order:
        """Give the order of the first run, which is asyncio's."""
        return self._own

    @property
    def needs_a_whole_loop(self) -> bool:
        """Whether the first run wanted more than tasks and timers of its loop."""
        return self._own.real or self._own.kinds != {asyncio.SelectorEventLoop}

    def explore(self, run: Run, first: Schedule | None = None) -> Explored:
        """Look for a schedule under which the test fails, after the first has passed.

        The last run that this makes, where one was found, is the smallest failing one.

        Args:
            run: runs the test once more.
            first: a schedule that is tried before all others.
        """
        self._begin()
        number = 1
        if first is not None:
            number += 1
            order = Order(first, **self._bounds)
            failure = self._failure(run, order)
            if failure is not None:
                return self._found(number, order, failure, run)
        while number < self._runs and not self._has_enough():
            number += 1
            order = self._next(number)
            failure = self._failure(run, order)
            if failure is not None:
                return self._found(number, order, failure, run)
            self._learn(number, order)
        seen_all = self._seen_all
        return Explored(
            runs=number,
            seen_all=seen_all,
            out_of_time=number < self._runs and not seen_all,
            undivided=self._own.is_undivided,
        )

    @property
    def _seen_all(self) -> bool:
        return self._tree.seen_all and not (self._real or self._free)

    def _begin(self) -> None:
        own = self._own
        self._bounds = {
            "limit": own.steps * _LONGER + _FLOOR,
            "patience": own.steps * 2 + _PATIENCE,
        }
        self._known = {*map(likeness, own.unseen)}
        self._real = own.real
        self._learned.learn_own(own)

    def _has_enough(self) -> bool:
        if self._within is not None and self._now() - self._began > self._within:
            return True
        return self._seen_all

    def _next(self, number: int) -> Order:
        every = _PICKS_TOO if self._real else _FREE_TOO if self._free else 1
        if number % every and self._learned.wakes:
            held = Schedule(holds=(self._any_hold(),), free=self._free)
            return Order(held, **self._bounds)
        strategy = _STRATEGIES[(number - 2) % len(_STRATEGIES)]
        return Order(picking=lambda: self._picking(strategy), **self._bounds)

    def _any_hold(self) -> Hold:
        """Give one that was not tried before, if there is any in easy reach."""
        random, longest = self._random, self._own.steps
        for _ in range(_DRAWS):
            lane, wake = self._any_wake()
            length = None if random.random() < 1 / 2 else random.randint(1, longest)
            hold = Hold(lane=lane, wake=wake, steps=length)
            if hold not in self._held:
                break
        self._held.add(hold)
        return hold

    def _any_wake(self) -> Wake:
        """Give one to keep back; what picks can't do, where timers are free."""
        learned, random = self._learned, self._random
        if self._free and learned.timed and (not self._real or random.random() < 1 / 2):
            return random.choice(learned.timed)
        return learned.one_of(random)

    def _picking(self, strategy: Strategy) -> Pick:
        """Begin a run by a strategy, which is not to come to what was seen before."""
        choose = strategy(self._random, self._learned)
        tree, own_next = self._tree, self._learned.own_next
        tree.begin()
        is_own = True
        picked: list[str] = []
        self._picked = picked

        def pick(entries: Sequence[Entry]) -> int:
            nonlocal is_own
            places = tree.left(entries)
            if is_own:
                own, is_last = own_next(entries)
                if is_last and len(places) > 1 and own in places:
                    places = [place for place in places if place != own]
                place = choose(entries, places)
                is_own = place == own
            else:
                place = choose(entries, places)
            key = entries[place][0].key
            tree.go(key)
            picked.append(key)
            return place

        return pick

    def _learn(self, number: int, order: Order) -> None:
        if not order.schedule.deviations:
            self._tree.end()
        self._real = self._real or order.real
        if number < _LEARNS or number % _LEARNS == 0:
            self._learned.learn(order)

    def _failure(self, run: Run, order: Order) -> BaseException | None:
        failure = run(order)
        if failure is None:
            unseen = [e for e in order.unseen if likeness(e) not in self._known]
            failure = unseen[0] if unseen else None
        return failure

    # -------------------------------------------------------------- found

    def _found(
        self, number: int, order: Order, failure: BaseException, run: Run
    ) -> Explored:
        as_it_was = order.schedule
        if not as_it_was.deviations:
            as_it_was = Schedule(picks=tuple(enumerate(self._picked)))
        again = Order(**self._bounds)
        again.counts = True
        without = self._failure(run, again)
        if without is not None:
            return Explored(runs=number, problem=unrepeatable(without))
        like = likeness(failure)
        left = _TRIALS

        def fails(schedule: Schedule, *, free: bool = self._free) -> bool:
            nonlocal left
            schedule = replace(schedule, free=free)
            # What comes from outside comes when it likes: once may be chance.
            for _ in range(_TIMES if self._real else 1):
                left -= 1
                if left < 0:
                    return False
                failed = self._failure(run, Order(schedule, **self._bounds))
                if failed is None or likeness(failed) != like:
                    return False
            return True

        known = self._learned.wakes
        if self._free:
            known = [*dict.fromkeys([*self._learned.timed, *known])]
        schedule = shrunk(order, known, fails) or as_it_was
        # Where it fails by the timers' own order as well, they need not be free.
        free = self._free and not fails(schedule, free=False)
        schedule = replace(schedule, free=free)
        order = Order(schedule, **self._bounds)
        order.counts = True
        failure = self._failure(run, order) or failure
        return Explored(
            runs=number,
            found_at=number,
            schedule=schedule,
            failure=failure,
            passages=order.passages,
            called=order.called,
            own=again.passages,
        )


def likeness(error: BaseException) -> tuple[type[BaseException], str, int]:
    """Give what two failures have in common that are the same: their kind and line."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    file, line = (where[0].filename, where[0].lineno or 0) if where else ("", 0)
    return type(error), file, line


def unrepeatable(error: BaseException) -> str:
    """Say of what failed in asyncio's own order as well, that no schedule is told."""
    return (
        "it can't be run twice: in asyncio's own order, too, it failed when it was run "
        f"again, with {type(error).__name__}: {error}"
    )
