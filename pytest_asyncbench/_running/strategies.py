"""Ways to pick who goes on, each good at other races.

* `walk`: at random, each lane weighted by the steps that it has left, as earlier runs
  have taught: so each schedule of these steps is as likely as any other. (The uniform
  random walk of Zhao et al., Selectively Uniform Concurrency Testing, 2025.)
* `starve`: one wake-up is passed over for as long as anybody else can go on.
* `by_wakes`: each wake-up has a priority of its own. (Yuan et al., Partial Order Aware
  Concurrency Sampling, 2018, in its basic form.)
* `by_lanes`: each lane has one, which changes a few times. (Burckhardt et al., A
  Randomized Scheduler with Probabilistic Guarantees of Finding Bugs, 2010.)
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random

from pytest_asyncbench._loops import Entry
from pytest_asyncbench._running.learned import Learned
from pytest_asyncbench._words.schedules import Wake

__all__ = ["Choice", "Strategy", "by_lanes", "by_wakes", "starve", "walk"]

Choice = Callable[[Sequence[Entry], Sequence[int]], int]
"""Chooses one of several places among entries."""

Strategy = Callable[[Random, Learned], Choice]
"""Begins a run."""


def walk(random: Random, learned: Learned) -> Choice:
    """Choose at random, weighted by the steps that are left."""
    left, draw = learned.left.get, random.random

    def choose(entries: Sequence[Entry], places: Sequence[int]) -> int:
        if len(places) == 1:
            return places[0]
        ends = [*accumulate([left(entries[place][1], 1) for place in places])]
        return places[bisect(ends, draw() * ends[-1], 0, len(ends) - 1)]

    return choose


def starve(random: Random, learned: Learned) -> Choice:
    """Pass one wake-up over for as long as anybody else can go on."""
    passed_over = learned.one_of(random)

    def choose(entries: Sequence[Entry], places: Sequence[int]) -> int:
        for place in places:
            if entries[place][1] != passed_over:
                return place
        return places[0]

    return choose


def by_wakes(random: Random, learned: Learned) -> Choice:
    """Choose by a priority that each wake-up is given when it is first seen."""
    given: dict[Wake, float] = {}

    def choose(entries: Sequence[Entry], places: Sequence[int]) -> int:
        def priority(place: int) -> float:
            wake = entries[place][1]
            known = given.get(wake)
            if known is None:
                known = given[wake] = random.random()
            return known

        return max(places, key=priority)

    return choose


_CHANGES = 2


def by_lanes(random: Random, learned: Learned) -> Choice:
    """Choose by a priority of each lane; a few times the first becomes the last."""
    given: dict[str, float] = {}
    changes = {random.randrange(max(1, learned.steps)) for _ in range(_CHANGES)}
    moment = -1

    def priority(key: str) -> float:
        known = given.get(key)
        if known is None:
            known = given[key] = random.random()
        return known

    def choose(entries: Sequence[Entry], places: Sequence[int]) -> int:
        nonlocal moment
        moment += 1
        chosen = max(places, key=lambda place: priority(entries[place][0].key))
        if moment in changes:
            given[entries[chosen][0].key] = -random.random()
            chosen = max(places, key=lambda place: priority(entries[place][0].key))
        return chosen

    return choose
